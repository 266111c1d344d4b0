"""What else a person asks, and what came of it. Pure values and their words; see ``ingest.request``."""

from collections.abc import Iterable
from typing import NamedTuple

from ingest.incidents.act import Act, ActKind
from ingest.incidents.maintenance import Maintenance, describe_matcher
from ingest.local_time import format_local
from ingest.request import Ending, Outcome, Performed, Reloaded, Request, RequestKind, describe_filter, describe_outcome

SHOWN_IDS = 20
"""Ids and refusals that are told in one line; the rest is counted."""


class ActRequest(NamedTuple):
    """A person does something about incidents.

    Attributes:
        act: What.
        incidents: Ids.
        author: Who asks, as it is shown and logged; empty for the login name.
    """

    act: Act
    incidents: tuple[int, ...]
    author: str = ""

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind(self.act.kind)


class BeginMaintenance(NamedTuple):
    """A person wants nobody told of something for a while.

    Attributes:
        planned: Of what, why and how long; its ``id`` and ``author`` are given by who performs it.
        author: See ``ActRequest``.
    """

    planned: Maintenance
    author: str = ""

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind.BEGIN_MAINTENANCE


class EndMaintenance(NamedTuple):
    """A person ends a Maintenance before its time.

    Attributes:
        maintenance: Id.
        author: See ``ActRequest``.
    """

    maintenance: int
    author: str = ""

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind.END_MAINTENANCE


class RetryDeliveries(NamedTuple):
    """A person wants messages sent that were given up.

    Attributes:
        deliveries: Ids.
        author: See ``ActRequest``.
        contacts: Keys of those that can be told, given by who performs it; None where that is not looked at.
    """

    deliveries: tuple[int, ...]
    author: str = ""
    contacts: frozenset[str] | None = None

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind.RETRY


class ContactTest(NamedTuple):
    """A person wants to see that a contact is reached.

    Attributes:
        contact: Key of the contact; empty for each.
        author: See ``ActRequest``.
    """

    contact: str
    author: str = ""

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind.TEST


class Reload(NamedTuple):
    """A person changed the inventory, and the collector is to go by it.

    Attributes:
        author: See ``ActRequest``.
    """

    author: str = ""

    @property
    def kind(self) -> RequestKind:
        """What is to be done."""
        return RequestKind.RELOAD


StoreRequest = ActRequest | BeginMaintenance | EndMaintenance | RetryDeliveries
"""What is done in one transaction of the store."""
AlertRequest = StoreRequest | ContactTest
Asked = Request | AlertRequest | Reload
"""What a person can ask."""


def name_author(author: str, login: str) -> str:
    """Return who did something: as they say, and as the system knows them where that is another name."""
    return login if author in ("", login) else f"{author} ({login})"


def describe_asked(request: Asked) -> str:  # noqa: PLR0911 - one for each kind of request
    """Return in words what is meant."""
    match request:
        case Request():
            return describe_filter(request.where)
        case ActRequest():
            return _describe_act(request)
        case BeginMaintenance():
            planned = request.planned
            span = f"from {format_local(planned.from_ms)} to {format_local(planned.to_ms)} in Oslo"
            return f"{describe_matcher(planned)}, {span}: {planned.reason}"
        case EndMaintenance():
            return f"maintenance {request.maintenance}"
        case RetryDeliveries():
            ids = _list_some(map(str, request.deliveries))
            return f"{'message' if len(request.deliveries) == 1 else 'messages'} {ids}"
        case ContactTest():
            return f"contact {request.contact}" if request.contact else "every contact"
        case Reload():
            return "inventory, sources, rules and contacts"


def _describe_act(request: ActRequest) -> str:
    act = request.act
    parts = [f"{'incident' if len(request.incidents) == 1 else 'incidents'} {_list_some(map(str, request.incidents))}"]
    if act.kind is ActKind.SNOOZE:
        parts.append(f"until {format_local(act.until_ms)} in Oslo" if act.until_ms else "no longer")
    if act.is_forced:
        parts.append("by force")
    return f"{', '.join(parts)}{f': {act.text}' if act.text else ''}"


def describe_ending(kind: RequestKind, ending: Ending) -> str:
    """Return in one line what came of a request."""
    match ending:
        case Outcome():
            return describe_outcome(kind, ending)
        case Performed():
            return _describe_performed(ending)
        case Reloaded():
            return f"{ending.devices} devices and {ending.rules} rules are in use"


def _describe_performed(performed: Performed) -> str:
    parts = []
    if performed.done:
        parts.append(f"done: {_list_some(f'{name} {told}' for name, told in performed.done.items())}")
    if performed.refused:
        parts.append(f"refused: {_list_some(f'{name}: {why}' for name, why in performed.refused.items())}")
    return "; ".join(parts) or "nothing to do"


def _list_some(words: Iterable[str]) -> str:
    shown = list(words)
    more = f" and {len(shown) - SHOWN_IDS} more" if len(shown) > SHOWN_IDS else ""
    return ", ".join(shown[:SHOWN_IDS]) + more
