"""Requests and their answers as they are sent: strict, bounded lines of JSON.

A request is one line, and so is each answer: some that tell how far it is, and one that ends it::

    {"kind": "reprocess", "where": {"reason": "unknown_device"}, "author": "kari"}
    {"waiting": {"kind": "discard", "author": "ola"}}
    {"progress": {"done": 500, "of": 1200}}
    {"outcome": {"matched": 1200, "left": 1180, "kept": {"not_placed": 20}}}

    {"kind": "ack", "incidents": [7, 8], "text": "på vei", "author": "kari"}
    {"performed": {"done": {"7": "acknowledged"}, "refused": {"8": "there is no incident 8"}}}
    {"kind": "snooze", "incidents": [7], "until_ms": 1768478400000, "author": "kari"}
    {"kind": "close", "incidents": [7], "is_forced": true, "text": "sensor taken down", "author": "kari"}
    {"kind": "begin_maintenance", "sites": ["hall"], "devices": [], "rules": [], "reason": "ny ventilasjon",
     "from_ms": 1768478400000, "to_ms": 1768485600000, "author": "kari"}
    {"kind": "end_maintenance", "maintenance": 3, "author": "kari"}
    {"kind": "retry", "deliveries": [12], "author": "kari"}
    {"kind": "test", "contact": "vakt", "author": "kari"}

    {"kind": "reload", "author": "kari"}
    {"reloaded": {"devices": 120, "rules": 30}}

    {"error": "…"}
    {"wrong": "…"}

Errors:
    RequestError, WrongRequestError    see ``ingest.request``
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ingest.incidents.act import LONGEST_TEXT, Act, ActKind
from ingest.incidents.maintenance import Maintenance
from ingest.quarantine_filter import Filter
from ingest.request import (
    MOST_IDS,
    Answer,
    Outcome,
    Performed,
    Progress,
    Reloaded,
    Request,
    RequestError,
    RequestKind,
    Waiting,
    WrongRequestError,
)
from ingest.request_alert import (
    ActRequest,
    Asked,
    BeginMaintenance,
    ContactTest,
    EndMaintenance,
    Reload,
    RetryDeliveries,
)
from schemas.reason import Level, Reason

LONGEST_AUTHOR = 100
LONGEST_NAME = 200
"""Characters of the key of a site, device, rule or contact."""
MOST_NAMES = 100
"""Sites, devices or rules of one maintenance."""
_MOST_INTEGER = 2**63 - 1  # SQLite's


def _require_author(author: str) -> str:
    if author != author.strip() or not all(character.isprintable() for character in author):
        raise ValueError("must be a name without control characters and without blanks at its ends")
    return author


def _require_topic(topic: str) -> str:
    # The filter knows best what one is; it says so when its SQL is asked for.
    return Filter(topic=topic).where and topic


_Integer = Annotated[int, Field(ge=-_MOST_INTEGER, le=_MOST_INTEGER)]
_Id = Annotated[int, Field(ge=1, le=_MOST_INTEGER)]
# Ten thousand years: no moment of a person's is beyond what a calendar can show.
_Moment = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
_Long = Annotated[str, Field(max_length=65_535)]
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=MOST_NAMES)]
_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
_Author = Annotated[str, Field(max_length=LONGEST_AUTHOR), AfterValidator(_require_author)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Where(_Strict):
    """A Filter as it is sent; its fields have the same names."""

    ids: Annotated[tuple[_Integer, ...], Field(min_length=1, max_length=MOST_IDS)] | None = None
    reason: Reason | None = None
    device: _Long | None = None
    topic: Annotated[_Long, AfterValidator(_require_topic)] | None = None
    level: Level | None = None
    of_schema: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    from_ms: _Integer | None = None
    to_ms: _Integer | None = None
    last_id: _Integer | None = None


class _Entries(_Strict):
    kind: Literal[RequestKind.REPROCESS, RequestKind.DISCARD]
    where: _Where
    author: _Author = ""

    def make_request(self) -> Request:
        return Request(self.kind, Filter(**dict(self.where)), self.author)


class _OfIncidents(_Strict):
    incidents: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=MOST_IDS)]
    text: _Text = ""
    author: _Author = ""


class _Act(_OfIncidents):
    kind: Literal[RequestKind.ACKNOWLEDGE, RequestKind.ASSIGN, RequestKind.COMMENT]

    def make_request(self) -> ActRequest:
        return ActRequest(Act(ActKind(self.kind), self.text), self.incidents, self.author)


class _Snooze(_OfIncidents):
    kind: Literal[RequestKind.SNOOZE]
    until_ms: _Moment

    def make_request(self) -> ActRequest:
        return ActRequest(Act(ActKind.SNOOZE, self.text, until_ms=self.until_ms), self.incidents, self.author)


class _Close(_OfIncidents):
    kind: Literal[RequestKind.CLOSE]
    is_forced: bool = False

    def make_request(self) -> ActRequest:
        return ActRequest(Act(ActKind.CLOSE, self.text, is_forced=self.is_forced), self.incidents, self.author)


class _Begin(_Strict):
    kind: Literal[RequestKind.BEGIN_MAINTENANCE]
    sites: _Names = ()
    devices: _Names = ()
    rules: _Names = ()
    reason: _Text
    from_ms: _Moment
    to_ms: _Moment
    author: _Author = ""

    def make_request(self) -> BeginMaintenance:
        names = (frozenset(self.sites), frozenset(self.devices), frozenset(self.rules))
        return BeginMaintenance(Maintenance(0, *names, self.reason, "", self.from_ms, self.to_ms), self.author)


class _End(_Strict):
    kind: Literal[RequestKind.END_MAINTENANCE]
    maintenance: _Id
    author: _Author = ""

    def make_request(self) -> EndMaintenance:
        return EndMaintenance(self.maintenance, self.author)


class _Retry(_Strict):
    kind: Literal[RequestKind.RETRY]
    deliveries: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=MOST_IDS)]
    author: _Author = ""

    def make_request(self) -> RetryDeliveries:
        return RetryDeliveries(self.deliveries, self.author)


class _Test(_Strict):
    kind: Literal[RequestKind.TEST]
    contact: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    author: _Author = ""

    def make_request(self) -> ContactTest:
        return ContactTest(self.contact, self.author)


class _Reload(_Strict):
    kind: Literal[RequestKind.RELOAD]
    author: _Author = ""

    def make_request(self) -> Reload:
        return Reload(self.author)


_Sent = _Entries | _Act | _Snooze | _Close | _Begin | _End | _Retry | _Test | _Reload
_SENT: TypeAdapter[_Sent] = TypeAdapter(Annotated[_Sent, Field(discriminator="kind")])


class _Answer(_Strict):
    """One of its members is set."""

    waiting: Waiting | None = None
    progress: Progress | None = None
    outcome: Outcome | None = None
    performed: Performed | None = None
    reloaded: Reloaded | None = None
    error: str | None = None
    wrong: str | None = None


def encode_request(request: Asked) -> bytes:
    """Return a request as a line with its newline.

    Raises:
        WrongRequestError: It is not one that ``decode_request`` takes: too many ids, an unfit author or topic filter.
    """
    try:
        sent = _SENT.validate_python({"kind": request.kind, "author": request.author} | _list_members(request))
    except ValidationError as error:
        raise WrongRequestError(f"This cannot be asked: {_explain(error)}.") from None
    return sent.model_dump_json(exclude_none=True).encode() + b"\n"


def _list_members(request: Asked) -> dict[str, object]:  # noqa: PLR0911 - one for each kind of request
    """Return what a request has besides kind and author, by the names that it has in its line."""
    match request:
        case Request():
            return {"where": request.where._asdict()}
        case ActRequest():
            return {"incidents": request.incidents} | _list_act(request.act)
        case BeginMaintenance():
            planned = request.planned
            names = {name: tuple(sorted(getattr(planned, name))) for name in ("sites", "devices", "rules")}
            return names | {"reason": planned.reason, "from_ms": planned.from_ms, "to_ms": planned.to_ms}
        case EndMaintenance():
            return {"maintenance": request.maintenance}
        case RetryDeliveries():
            return {"deliveries": request.deliveries}
        case ContactTest():
            return {"contact": request.contact}
        case Reload():
            return {}


def _list_act(act: Act) -> dict[str, object]:
    members: dict[str, object] = {"text": act.text}
    if act.kind is ActKind.SNOOZE:
        members["until_ms"] = act.until_ms
    if act.kind is ActKind.CLOSE:
        members["is_forced"] = act.is_forced
    return members


def decode_request(line: bytes) -> Asked:
    """Return the request of a line.

    Raises:
        RequestError: It is not exactly one; the message says where it is wrong.
    """
    try:
        return _SENT.validate_json(line).make_request()
    except ValidationError as error:
        raise RequestError(f"This is no request: {_explain(error)}.") from None


def encode_answer(answer: Answer | RequestError) -> bytes:
    """Return an answer, or why there is none, as a line with its newline."""
    match answer:
        case Waiting():
            sent = _Answer(waiting=answer)
        case Progress():
            sent = _Answer(progress=answer)
        case Outcome():
            sent = _Answer(outcome=answer)
        case Performed():
            sent = _Answer(performed=answer)
        case Reloaded():
            sent = _Answer(reloaded=answer)
        case WrongRequestError():
            sent = _Answer(wrong=str(answer))
        case RequestError():
            sent = _Answer(error=str(answer))
    return sent.model_dump_json(exclude_none=True).encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    """Return the answer of a line.

    Raises:
        WrongRequestError: The request was wrong.
        RequestError: It was refused or failed, or the line is no answer.
    """
    try:
        told = _Answer.model_validate_json(line)
    except ValidationError as error:
        raise RequestError(f"The collector's answer cannot be read: {_explain(error)}.") from None
    if told.wrong is not None:
        raise WrongRequestError(told.wrong)
    if told.error is not None:
        raise RequestError(told.error)
    answer = told.waiting or told.progress or told.outcome or told.performed or told.reloaded
    if answer is None:
        raise RequestError("The collector's answer is empty; is it of another version?")
    return answer


def _explain(error: ValidationError) -> str:
    """Return the first thing that pydantic found, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
