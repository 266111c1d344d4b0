"""The edge to Apprise: one message to one address, and what became of it. Nothing else knows the library.

Apprise (https://github.com/caronc/apprise) imports all its services with the first address that it sees, which takes
0.6 s: so addresses are checked before the collector starts. It sends in threads of its own, answers whether the service
took the message, and writes why not to its log. That log never reaches ours: it holds addresses with their passwords.
What is taken from it is redacted. An answer that did not come in time leaves open whether the message arrived.
"""

import logging
import re
import warnings
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase
from apprise.result import AppriseResult, AppriseResultStatus
from pydantic import SecretStr

from schemas.rule import Severity

TRY_S = 30.0
"""Seconds after which a service that does not answer is given up for this try."""
ERROR_CHARACTERS = 300
REDACTED = "***"
_MAIL = "mailto"

_LOG = "apprise"
_HTTP_LOG = "urllib3"
_KEPT_DETAILS = re.compile(r"(?:Socket|Notification|Email|MQTT) Exception:.*", re.DOTALL)
"""Of what Apprise writes at its level DEBUG, why a connection failed; the rest repeats messages and addresses."""
_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?")
_SECRET_CHARACTERS = 4
_PIECE = re.compile(r"[^/?&=@:#,]+")
_TYPES = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.CRITICAL: NotifyType.FAILURE,
}


class Outcome(StrEnum):
    """What became of a try."""

    ARRIVED = "arrived"  # the service took it
    FAILED = "failed"  # it did not
    UNKNOWN = "unknown"  # it did not answer in time


class Answer(NamedTuple):
    """What became of a try.

    Attributes:
        outcome: What.
        error: Why it did not arrive, without secrets; empty where it did.
    """

    outcome: Outcome
    error: str = ""


class Parcel(NamedTuple):
    """What is sent.

    Attributes:
        title: Short.
        body: Plain text.
        severity: For services that show it.
        is_all_clear: Whether it says that something is over, likewise.
    """

    title: str
    body: str
    severity: Severity
    is_all_clear: bool = False


def check_address(address: str) -> str:
    """Return what is wrong with an address, without repeating it; empty for nothing."""
    _seal_logs()
    services = list(_find_services(Apprise(), address))
    if not services:
        return "is no address that Apprise knows; see its list of services, and escape special characters with %"
    if len(services) > 1:
        return "holds several addresses; each contact has one, so that one that fails is not told again to all"
    return _check_receivers(services[0])


def _check_receivers(service: NotifyBase) -> str:
    """Return what is wrong with whom an address means; empty for nothing.

    Apprise tries each receiver, and says of all together whether they were told: after a failure of one, a repeat would
    reach the others again.
    """
    if getattr(service, "targets", None) == [] and getattr(service, "protocol", None) == _MAIL:
        return "names no receiver: what stands after to= is no e-mail address"
    copies = sum(len(getattr(service, name, None) or ()) for name in ("cc", "bcc"))
    receivers = max(len(service), 1) + copies
    if receivers > 1:
        return (
            f"names {receivers} receivers; a contact is one receiver, or a repeat after one that fails would reach the "
            "others again: make each a contact, and name them all in the route's to"
        )
    return ""


async def send(address: SecretStr, parcel: Parcel, *, try_s: float = TRY_S) -> Answer:
    """Send a message once, and return what became of it; no error of the service or the library is raised.

    Args:
        address: Where to.
        parcel: What.
        try_s: How long an answer is waited for, seconds.
    """
    _seal_logs()
    secret = address.get_secret_value()
    try:
        result = await _send(secret, parcel, try_s)
    except Exception as error:  # noqa: BLE001 - a safety net: services are many, of many authors; the courier logs it
        return Answer(Outcome.UNKNOWN, redact(f"Apprise fails: {type(error).__name__}: {error}", secret))
    if result is None:
        return Answer(Outcome.FAILED, "the address is none that Apprise knows")
    return _judge(result, secret, try_s)


async def _send(address: str, parcel: Parcel, try_s: float) -> AppriseResult | None:
    """Return what Apprise says of a try; None where it does not know the address."""
    # A new one each time: an old one would wait between messages, in a thread that others need.
    sender = Apprise(asset=AppriseAsset(app_id="gjovik", app_desc="gjovik", service_timeout=try_s))
    services = list(_find_services(sender, address))
    if len(services) != 1:
        return None
    service = services[0]
    service.optional = False  # it would turn failures into successes
    service.socket_connect_timeout = service.socket_read_timeout = try_s
    kind = NotifyType.SUCCESS if parcel.is_all_clear else _TYPES[parcel.severity]
    return await sender.async_notify(
        body=parcel.body, title=parcel.title, notify_type=kind, body_format=NotifyFormat.TEXT, log_level=logging.DEBUG
    )


def redact(text: str, address: str) -> str:
    """Return a text without an address and the pieces of it that may be secret."""
    scheme, _, rest = address.partition("://")
    pieces = {address, rest, unquote(address), *_PIECE.findall(rest)}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SECRET_CHARACTERS and piece != scheme:
            text = text.replace(piece, REDACTED)
    return text


def _find_services(sender: Apprise, address: str) -> Iterator[NotifyBase]:
    """Give an Apprise an address, and yield the services that it knows by it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the first address has Apprise import all its services
        sender.add(address)
    yield from (service for service in sender if isinstance(service, NotifyBase))


def _judge(result: AppriseResult, address: str, try_s: float) -> Answer:
    """Map what Apprise says to an Answer."""
    if result.status is AppriseResultStatus.SUCCESS:
        return Answer(Outcome.ARRIVED)
    error = redact(_find_error(result), address)[:ERROR_CHARACTERS]
    is_open = result.status is AppriseResultStatus.TIMEOUT or result.elapsed >= try_s
    if is_open:
        return Answer(Outcome.UNKNOWN, f"no answer within {try_s:g} s{f': {error}' if error else ''}")
    return Answer(Outcome.FAILED, error or "the service did not take it, and Apprise does not say why")


def _find_error(result: AppriseResult) -> str:
    """Return why a message did not arrive, from what Apprise wrote to its log meanwhile."""
    found: list[str] = []
    for entry in result.logs():
        details = _KEPT_DETAILS.match(entry.message)
        if details is not None:
            found.append(details[0].partition(": ")[2])
        elif logging.getLevelNamesMapping().get(entry.level, 0) >= logging.WARNING:
            found.append(entry.message)
    return "; ".join(" ".join(_OBJECT.sub("", text).split()) for text in dict.fromkeys(found))


def _seal_logs() -> None:
    """Keep what Apprise and its HTTP client log out of our log, whatever its level is: they log addresses."""
    own = logging.getLogger(_LOG)
    own.propagate = False
    own.setLevel(logging.DEBUG)  # what a try captures; it goes nowhere else
    http = logging.getLogger(_HTTP_LOG)
    http.propagate = False
    if not http.handlers:
        http.addHandler(logging.NullHandler())
