"""Pushing: send the boards to a Grafana that runs, over its HTTP interface, with the grafana-client library.

For a Grafana that cannot read the files itself; where it can, provisioning is better. Pushing twice changes nothing.
The library is the extra ``grafana``; only whoever pushes imports this module.

Errors:
    PushError
    ├── UnreachableError   no answer, or not in time
    ├── RefusedError       the token is wrong, or may not do this
    └── NotAcceptedError   somebody answered, and did not take it
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaTimeoutError
from niquests.exceptions import RequestException

FOLDER_UID = "gjovik"
FOLDER_TITLE = "Gjøvik"
"""Same as in deploy/grafana/provisioning/dashboards/gjovik.yaml."""
TIMEOUT_S = 10.0
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class PushError(Exception):
    """The boards were not sent; the message says why, and what to do."""


class UnreachableError(PushError):
    """Grafana did not answer."""


class RefusedError(PushError):
    """Grafana does not know the token, or does not let it write."""


class NotAcceptedError(PushError):
    """Grafana, or something else at its address, answered and did not take what was sent."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A board that Grafana has.

    Attributes:
        uid: Its identity.
        title: What it is called.
        url: Its address.
        version: Grafana's count of its changes.
    """

    uid: str
    title: str
    url: str
    version: int


def push_boards(url: str, token: str, boards: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> list[Pushed]:
    """Make the folder if it is missing, and put every board in it, over those with the same uid.

    Args:
        url: Address of Grafana, with its path if it has one.
        token: Of a service account that may write folders and dashboards.
        boards: JSON text of each board, by file name; see ``render_all``.
        timeout_s: Seconds to wait for each answer.

    Returns:
        The boards in their order.

    Raises:
        UnreachableError: No answer, or not in time.
        RefusedError: The token is wrong, or may not do this.
        NotAcceptedError: The folder or a board was not taken; those before it are pushed.
    """
    # The library joins path and "api" without a slash of its own.
    grafana = GrafanaApi.from_url(url.rstrip("/") + "/", credential=token, timeout=timeout_s)
    try:
        with _mapped(url, f"folder {FOLDER_TITLE}"):
            _ensure_folder(grafana)
        pushed = []
        for name, text in boards.items():
            with _mapped(url, name):
                pushed.append(_push_board(grafana, url, json.loads(text)))
        return pushed
    finally:
        grafana.client.s.close()


@contextlib.contextmanager
def _mapped(url: str, what: str) -> Iterator[None]:
    """Turn the errors of the library, and of the HTTP library under it, into this module's."""
    place = _origin(url)
    try:
        yield
    except (RequestException, GrafanaTimeoutError) as error:
        raise UnreachableError(f"no answer from {place}: {error}; check the address, and that Grafana runs") from error
    except GrafanaException as error:
        if error.status_code in REFUSED:
            raise RefusedError(
                f"Grafana at {place} refused the token ({error.status_code}) for {what}; "
                "use the token of a service account with the role Editor or Admin"
            ) from error
        raise NotAcceptedError(
            f"Grafana at {place} did not take {what}: {error.message}; "
            "a board that is provisioned from files is changed there, not by pushing"
        ) from error


def _origin(url: str) -> str:
    """Return scheme, host and port of an address, without a name and password in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _ensure_folder(grafana: GrafanaApi) -> None:
    try:
        _read_answer(grafana.folder.get_folder(FOLDER_UID))  # type: ignore[no-untyped-call]  # not typed
    except GrafanaClientError as error:
        if error.status_code != HTTPStatus.NOT_FOUND:
            raise
        grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)  # type: ignore[no-untyped-call]  # not typed


def _push_board(grafana: GrafanaApi, url: str, dashboard: dict[str, Any]) -> Pushed:
    request = {"dashboard": dashboard, "folderUid": FOLDER_UID, "overwrite": True, "message": "gjovik dashboards push"}
    answer = _read_answer(grafana.dashboard.update_dashboard(request))  # type: ignore[no-untyped-call]  # not typed
    return Pushed(answer["uid"], dashboard["title"], _origin(url) + answer["url"], answer["version"])


def _read_answer(answer: object) -> dict[str, Any]:
    """Return a JSON object as it is; a page of text comes from a proxy or another server."""
    if not isinstance(answer, dict):
        raise NotAcceptedError(
            "the answer is not Grafana's: is the address right, and is there a login page before it?"
        )
    return answer
