"""Request: what a person asks of the one writer of a store, and its answers. Pure: values and lines of JSON.

A request is one line, and so is each answer: some that tell how far it is, and one that ends it::

    {"kind": "reprocess", "where": {"reason": "unknown_device"}, "author": "kari"}
    {"waiting": {"kind": "discard", "author": "ola"}}
    {"progress": {"done": 500, "of": 1200}}
    {"outcome": {"matched": 1200, "left": 1180, "kept": {"not_placed": 20}}}
    {"error": "…"}

Errors:
    RequestError    a request cannot be read or done; the message says why and what to do
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ingest.local_time import format_local
from ingest.quarantine_filter import Filter
from schemas.reason import Level, Reason

LONGEST_AUTHOR = 100
MOST_IDS = 500
_MOST_INTEGER = 2**63 - 1  # SQLite's


class RequestError(Exception):
    """A request cannot be read or done."""


class RequestKind(StrEnum):
    """What can be asked."""

    REPROCESS = "reprocess"  # run the present code and inventory over payloads, send refused lines again
    DISCARD = "discard"  # give entries up


class Request(NamedTuple):
    """What a person asks.

    Attributes:
        kind: What is to be done.
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


Answer = Waiting | Progress | Outcome


def _require_author(author: str) -> str:
    if author != author.strip() or not all(character.isprintable() for character in author):
        raise ValueError("must be a name without control characters and without blanks at its ends")
    return author


def _require_topic(topic: str) -> str:
    # The filter knows best what one is; it says so when its SQL is asked for.
    return Filter(topic=topic).where and topic


_Integer = Annotated[int, Field(ge=-_MOST_INTEGER, le=_MOST_INTEGER)]
_Text = Annotated[str, Field(max_length=65_535)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Where(_Strict):
    """A Filter as it is sent; its fields have the same names."""

    ids: Annotated[tuple[_Integer, ...], Field(min_length=1, max_length=MOST_IDS)] | None = None
    reason: Reason | None = None
    device: _Text | None = None
    topic: Annotated[_Text, AfterValidator(_require_topic)] | None = None
    level: Level | None = None
    from_ms: _Integer | None = None
    to_ms: _Integer | None = None
    last_id: _Integer | None = None


class _Request(_Strict):
    kind: RequestKind
    where: _Where
    author: Annotated[str, Field(max_length=LONGEST_AUTHOR), AfterValidator(_require_author)] = ""


class _Answer(_Strict):
    """One of its members is set."""

    waiting: Waiting | None = None
    progress: Progress | None = None
    outcome: Outcome | None = None
    error: str | None = None


def describe_filter(where: Filter) -> str:
    """Return in words which entries are meant."""
    return ", ".join(_list_terms(where)) or "everything"


def _list_terms(where: Filter) -> Iterator[str]:
    if where.ids is not None:
        yield f"{'entry' if len(where.ids) == 1 else 'entries'} {', '.join(map(str, where.ids))}"
    for name in ("reason", "device", "topic", "level"):
        value = getattr(where, name)
        if value is not None:
            yield f"{name} {value}"
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


def encode_request(request: Request) -> bytes:
    """Return a request as a line with its newline.

    Raises:
        RequestError: It is not one that ``decode_request`` takes: too many ids, an unfit author or topic filter.
    """
    try:
        sent = _Request(kind=request.kind, where=_Where.model_validate(request.where._asdict()), author=request.author)
    except ValidationError as error:
        raise RequestError(f"This cannot be asked: {_explain(error)}.") from None
    return sent.model_dump_json(exclude_none=True).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Return the request of a line.

    Raises:
        RequestError: It is not exactly one; the message says where it is wrong.
    """
    try:
        told = _Request.model_validate_json(line)
    except ValidationError as error:
        raise RequestError(f"This is no request: {_explain(error)}.") from None
    return Request(told.kind, Filter(**dict(told.where)), told.author)


def encode_answer(answer: Answer | RequestError) -> bytes:
    """Return an answer, or why there is none, as a line with its newline."""
    match answer:
        case Waiting():
            sent = _Answer(waiting=answer)
        case Progress():
            sent = _Answer(progress=answer)
        case Outcome():
            sent = _Answer(outcome=answer)
        case RequestError():
            sent = _Answer(error=str(answer))
    return sent.model_dump_json(exclude_none=True).encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    """Return the answer of a line.

    Raises:
        RequestError: The request was refused or failed, or the line is no answer.
    """
    try:
        told = _Answer.model_validate_json(line)
    except ValidationError as error:
        raise RequestError(f"The collector's answer cannot be read: {_explain(error)}.") from None
    if told.error is not None:
        raise RequestError(told.error)
    answer = told.waiting or told.progress or told.outcome
    if answer is None:
        raise RequestError("The collector's answer is empty; is it of another version?")
    return answer


def _explain(error: ValidationError) -> str:
    """Return the first thing that pydantic found, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
