"""InfluxDB over HTTP: the part of its interface that 1.6 to 3.x share (``/write`` and InfluxQL ``/query``, HTTP Basic).

Errors, and what the writer does with each:
    InfluxError
    ├── UnreachableError     no connection                                keep, retry
    │   └── BrokenOffError   closed or timed out during the request      keep, retry with half as much
    ├── BusyError            429, 5xx                                     keep, retry, not before ``retry_after_s``
    ├── MisconfiguredError   401, 403, 404, and answers that cannot       keep, say what to fix, retry slowly
    │                        be an InfluxDB's to a good request
    ├── TooLargeError        413                                          halve
    ├── RefusedLinesError    400, 422                                     bisect to the lines at fault
    └── QueryError           a statement failed

A refusal may follow after part of the lines was stored (a partial write); writing them again changes nothing. Only 204
means stored. Anything that is not understood keeps the lines: a proxy or the wrong server must not cost a reading.
"""

import io
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp

from ingest.settings import Influx

_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_DROPPED = re.compile(r"\bdropped=([0-9]{1,9})\s*$")

SHOWN = 1_000
"""Characters of an answer that a message repeats: it may name every line of the request."""


class InfluxError(Exception):
    """A request to InfluxDB did not do what it should."""


class UnreachableError(InfluxError):
    """There was no connection to the server."""


class BrokenOffError(UnreachableError):
    """The connection ended, or the time was up, before the whole answer was there."""


class BusyError(InfluxError):
    """The server cannot at the moment.

    Attributes:
        retry_after_s: Seconds that it asks for; None when it does not say.
    """

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MisconfiguredError(InfluxError):
    """A person must correct a setting or the server; no line is at fault."""


class TooLargeError(InfluxError):
    """The request is larger than the server takes."""


class RefusedLinesError(InfluxError):
    """At least one line of the request is at fault; others may have been stored.

    Attributes:
        dropped: How many points the server dropped, where it says so: when that is all of them, all are at fault.
    """

    def __init__(self, message: str, dropped: int | None = None) -> None:
        super().__init__(message)
        self.dropped = dropped


class QueryError(InfluxError):
    """A statement failed."""


class Series(NamedTuple):
    """One series of an answer to a query.

    Attributes:
        name: Measurement, or what the statement lists.
        tags: Those that the statement groups by.
        columns: Names of the columns.
        values: Rows; times are milliseconds since 1970 in UTC.
    """

    name: str
    tags: Mapping[str, str]
    columns: tuple[str, ...]
    values: list[list[Any]]


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: HTTP status code.
        headers: As they came; names without regard to case.
        text: The body.
    """

    status: int
    headers: Mapping[str, str]
    text: str


class InfluxClient:
    """One database on one server, as one user. See ``open_influx``."""

    def __init__(self, settings: Influx, session: aiohttp.ClientSession) -> None:
        self.settings = settings
        self._session = session
        self._url = settings.url.rstrip("/")

    async def write(self, body: bytes) -> None:
        """Store lines of line protocol with times in milliseconds; what is there already changes nothing.

        Args:
            body: Gzip, one member or several, each ending with a newline.

        Raises:
            InfluxError: They were not stored, or only in part; see the module.
        """
        answer = await self._post(
            "/write",
            params={"db": self.settings.database, "precision": "ms"},
            data=io.BytesIO(body),
            headers={"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        )
        if answer.status != HTTPStatus.NO_CONTENT:
            raise explain_answer(answer, self.settings, now_s=time.time())

    async def query(self, statement: str) -> list[Series]:
        """Return the series that an InfluxQL statement gives.

        Raises:
            QueryError: The statement is wrong, or failed.
            InfluxError: It could not be asked; see the module.
        """
        answer = await self._post(
            "/query", params={"db": self.settings.database, "epoch": "ms"}, data={"q": statement}, headers={}
        )
        if answer.status != HTTPStatus.OK:
            error = explain_answer(answer, self.settings, now_s=time.time())
            if isinstance(error, RefusedLinesError):
                raise QueryError(f"{error}; the statement was {statement}")
            raise error
        return _read_series(answer, statement)

    async def check(self) -> None:
        """Ask whether the database is there and the user may see it.

        Raises:
            MisconfiguredError: It is not; the message says what to correct.
            InfluxError: The server could not be asked.
        """
        listed = await self.query("SHOW DATABASES")
        if not any(row[:1] == [self.settings.database] for series in listed for row in series.values):
            raise MisconfiguredError(_explain_missing(self.settings, "it lists no such database for this user"))

    async def _post(
        self, path: str, *, params: Mapping[str, str], data: io.BytesIO | Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        url = f"{self._url}{path}"
        server = f"InfluxDB at {self._url}"
        try:
            async with self._session.post(
                url, params=params, data=data, headers=headers, allow_redirects=False
            ) as response:
                # Not by the charset that it names: that may be none of text.
                return Answer(response.status, response.headers, (await response.read()).decode(errors="replace"))
        except aiohttp.ClientConnectorCertificateError as error:
            raise MisconfiguredError(
                f"{server} has a certificate that is not trusted ({error.certificate_error}); "
                "set influx.ca_file to the authority that signed it."
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(f"{server} cannot be reached: {error}.") from error
        except TimeoutError as error:
            raise BrokenOffError(
                f"{server} gave no answer within {self.settings.timeout_s:g} s (influx.timeout_s)."
            ) from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            # Their texts are objects of the library as they print themselves.
            raise BrokenOffError(f"{server} ended the connection before its answer was whole.") from error
        except aiohttp.ClientError as error:
            raise BrokenOffError(f"{server} ended the connection: {error or type(error).__name__}.") from error
        except (OSError, ValueError) as error:  # a host name that is none
            raise MisconfiguredError(
                f"{server} is no address that can be reached ({error}); correct influx.url."
            ) from error


@asynccontextmanager
async def open_influx(settings: Influx, password: str) -> AsyncIterator[InfluxClient]:
    """Make a client until the block ends; nothing is sent before it is used.

    Args:
        settings: The server, its database and the user.
        password: Of that user; on 2.x the token.

    Raises:
        MisconfiguredError: ``ca_file`` cannot be read.
    """
    timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
    headers = {"Authorization": aiohttp.encode_basic_auth(settings.username, password)}
    connector = aiohttp.TCPConnector(ssl=_make_context(settings))
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
        yield InfluxClient(settings, session)


def explain_answer(answer: Answer, settings: Influx, now_s: float) -> InfluxError:
    """Return the error that an answer other than success stands for.

    Args:
        answer: What the server said.
        settings: What was asked of whom; named in the message.
        now_s: Seconds since 1970 in UTC, for a ``Retry-After`` that is a date.
    """
    reason = _find_reason(answer.text)
    said = f"{answer.status}: {(reason or answer.text or 'nothing more')[:SHOWN]}"
    if answer.status in _REFUSED and reason is not None:
        dropped = _DROPPED.search(reason)
        return RefusedLinesError(reason[:SHOWN], None if dropped is None else int(dropped[1]))
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLargeError(f"InfluxDB takes no request as large as this ({said}).")
    misconfigured = _explain_setting(answer.status, reason, said, settings)
    if misconfigured is not None:
        return MisconfiguredError(misconfigured)
    if answer.status in _BUSY or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BusyError(f"InfluxDB at {settings.url} cannot at the moment ({said}).", _read_retry_after(answer, now_s))
    return MisconfiguredError(
        f"{settings.url} does not answer as InfluxDB does ({said}); correct influx.url, or what stands between."
    )


def _explain_setting(status: int, reason: str | None, said: str, settings: Influx) -> str | None:
    """Return what a person must correct; None where the answer is not about that."""
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            f"InfluxDB at {settings.url} does not accept user {settings.username} ({said}); correct "
            f"{settings.part}.username or {settings.part}.password_file, or the user's password on the server."
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"InfluxDB at {settings.url} does not let user {settings.username} do this in database "
            f"{settings.database} ({said}); grant it ALL on the database, or correct {settings.part}.username."
        )
    if status == HTTPStatus.NOT_FOUND:
        return _explain_missing(settings, said)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and "retention policy not found" in (reason or ""):
        # So says 1.6.7 when the database has lost its default retention policy.
        return (
            f"Database {settings.database} at {settings.url} lacks its retention policy ({said}); create it on the "
            "server and make it the default."
        )
    return None


def _explain_missing(settings: Influx, said: str) -> str:
    return (
        f"InfluxDB at {settings.url} has no database {settings.database} ({said}); create it and grant user "
        f"{settings.username} ALL on it (on 2.x: a bucket and its mapping), or correct {settings.part}.database."
    )


def _find_reason(text: str) -> str | None:
    """Return the reason in an answer (``error`` in 1.x and 3.x, ``message`` in 2.x); None if it is not InfluxDB's."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    reason = answer.get("error") or answer.get("message") if isinstance(answer, dict) else None
    return reason if isinstance(reason, str) else None


def _read_retry_after(answer: Answer, now_s: float) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110, section 10.2.3: seconds or a date); None without one."""
    value = answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, OverflowError):  # a year, or an offset, that no date has
        return None


def _read_series(answer: Answer, statement: str) -> list[Series]:
    try:
        results: list[dict[str, Any]] = json.loads(answer.text)["results"]
        for result in results:
            if "error" in result:
                raise QueryError(f"{result['error']}; the statement was {statement}")
            if result.get("partial") or any(one.get("partial") for one in result.get("series", [])):
                raise QueryError(f"the server cuts its answers short (max-row-limit); the statement was {statement}")
        return [
            Series(one.get("name", ""), one.get("tags", {}), tuple(one["columns"]), [*map(list, one.get("values", []))])
            for result in results
            for one in result.get("series", [])
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MisconfiguredError(f"The answer to {statement} is not InfluxDB's; correct influx.url.") from error


def _make_context(settings: Influx) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MisconfiguredError(f"influx.ca_file {settings.ca_file} cannot be read as PEM: {error}.") from error
