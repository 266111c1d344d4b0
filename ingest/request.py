"""Request: what a person asks of the one writer of a store, and its answers. Pure values; as lines they are sent.

What is asked about incidents is in ``ingest.request_alert``, the lines are in ``ingest.request_lines``.

Errors:
    RequestError              a request cannot be read or done; the message says why and what to do
    └── WrongRequestError     whatever the store holds it could not be done: it must be asked otherwise
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ingest.local_time import format_local
from ingest.quarantine_filter import Filter
from schemas.reason import Reason

MOST_IDS = 500


class RequestError(Exception):
    """A request cannot be read or done."""


class WrongRequestError(RequestError):
    """A request is wrong usage: it names what is not configured, or is none at all."""


class RequestKind(StrEnum):
    """What can be asked."""

    REPROCESS = "reprocess"  # run the present code and inventory over payloads, send refused lines again
    DISCARD = "discard"  # give entries up
    # of incidents; see ``ingest.incidents.act.ActKind``
    ACKNOWLEDGE = "ack"
    ASSIGN = "assign"
    COMMENT = "comment"
    SNOOZE = "snooze"
    CLOSE = "close"
    BEGIN_MAINTENANCE = "begin_maintenance"
    END_MAINTENANCE = "end_maintenance"
    RETRY = "retry"  # have messages sent that were given up
    TEST = "test"  # send a contact a message that says it is a test
    # of the collector itself
    RELOAD = "reload"  # read inventory, sources, rules and contacts again


class Request(NamedTuple):
    """What a person asks about the quarantine.

    Attributes:
        kind: What is to be done: ``REPROCESS`` or ``DISCARD``.
        where: With which entries of the quarantine.
        author: Who asks, as it is shown and logged; empty for the login name.
    """

    kind: RequestKind
    where: Filter
    author: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another request is being done first.

    Attributes:
        kind: What that one asks.
        author: Who asked it.
    """

    kind: RequestKind
    author: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is.

    Attributes:
        done: Entries that were looked at.
        of: Entries that were meant when it began.
    """

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the entries that were meant.

    Attributes:
        matched: How many were meant.
        left: Those that left the quarantine.
        kept: Those that stay, by their present Reason.
    """

    matched: int
    left: int
    kept: dict[Reason, int]


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a request about incidents.

    Attributes:
        done: In words, by what it is about: the id of an incident or of a maintenance, the key of a contact.
        refused: Why not, in words, likewise.
    """

    done: dict[str, str]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The collector goes by what the files say now.

    Attributes:
        devices: How many the inventory has.
        rules: How many are judged.
    """

    devices: int
    rules: int


Ending = Outcome | Performed | Reloaded
"""What ends a request that was done."""
Answer = Waiting | Progress | Ending


def describe_filter(where: Filter) -> str:
    """Return in words which entries are meant."""
    return ", ".join(_list_terms(where)) or "everything"


def _list_terms(where: Filter) -> Iterator[str]:
    if where.ids is not None:
        yield f"{'entry' if len(where.ids) == 1 else 'entries'} {', '.join(map(str, where.ids))}"
    for name in ("reason", "device", "topic", "level", "of_schema"):
        value = getattr(where, name)
        if value is not None:
            yield f"{name.removeprefix('of_')} {value}"
    if where.from_ms is not None or where.to_ms is not None:
        since = [] if where.from_ms is None else [f"from {format_local(where.from_ms)}"]
        until = [] if where.to_ms is None else [f"before {format_local(where.to_ms)}"]
        yield f"received {' and '.join(since + until)} in Oslo"
    if where.last_id is not None:
        yield f"up to entry {where.last_id}"


def describe_outcome(kind: RequestKind, outcome: Outcome) -> str:
    """Return in words what became of the entries that were meant."""
    if not outcome.matched:
        return "no entry matched"
    if kind is RequestKind.DISCARD:
        return f"{format_entries(outcome.left)} {'was' if outcome.left == 1 else 'were'} discarded"
    kept = sum(outcome.kept.values())
    left = f"{outcome.left} {'was' if outcome.left == 1 else 'were'} accepted and left"
    return f"of {format_entries(outcome.matched)} {left}, {kept} {'stays' if kept == 1 else 'stay'}"


def format_entries(count: int) -> str:
    """Return how many entries, in words: ``1 entry``, ``2 entries``."""
    return f"{count} {'entry' if count == 1 else 'entries'}"
