"""What one payload becomes, step by step, outside of any collector: members, fields, verdicts, the line. Pure.

The steps are those that the collector takes: the Format reads, the Model translates, the DeviceType judges. Nothing is
known of inventory and settings, so a reading has no place, and whether it is new or a duplicate is not asked.

Errors:
    WrongRequestError    see ``ingest.request``; what is refused is no error here but part of the answer
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic_core import ValidationError

from devices import load_device_types
from ingest.bound_device import require_nothing
from ingest.codec import CodecError, Observation, RefusedError, check_observation, collect_fields
from ingest.codecs import load_formats
from ingest.codecs.native import CODEC
from ingest.line import build_prefix, finish_lines
from ingest.model import Decoded, Model, Take, list_moments, list_takes, translate
from ingest.models import load_models
from ingest.request import WrongRequestError
from ingest.source import Event, Frame, Plain, Reply, Said, Source, UnbornError
from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import Refusal, build_validator, list_refusals, refuse_unknown

NOWHERE = "?"
"""Stands in tags for a device, site and zone that nobody named."""


class Verdict(StrEnum):
    """What becomes of a member."""

    STORED = "stored"
    REFUSED = "refused"
    NOT_STORED = "not stored"  # it is right itself, but the reading is refused as a whole
    NOT_TAKEN = "not taken"  # no field has it


class Row(NamedTuple):
    """What becomes of a member.

    Attributes:
        member: Name of what came.
        told: Its value.
        told_in: UCUM code of the unit that it came in.
        field: In the DeviceType; empty where none takes it.
        value: As the field has it; None where it cannot be that.
        unit: UCUM code of the field.
        verdict: What becomes of it.
        reason: Why it is refused; None otherwise.
        detail: Why it is not stored, for people.
    """

    member: str
    told: Any
    told_in: str = ""
    field: str = ""
    value: Any = None
    unit: str = ""
    verdict: Verdict = Verdict.STORED
    reason: Reason | None = None
    detail: str = ""


class Moment(NamedTuple):
    """A reading, or what would have been one.

    Attributes:
        time_ms: Event time in milliseconds since 1970 in UTC; None where it is that of the receipt.
        rows: What becomes of each member.
        line: In line protocol; empty where the reading is refused, and where no field takes anything of it.
        refused: Why it is refused as a whole; None where it is not.
        simulated: Whether it says that nobody measured it: a collector refuses it unless its settings accept that.
    """

    time_ms: int | None
    rows: tuple[Row, ...]
    line: str
    refused: Refusal | None
    simulated: bool = False


class Told(NamedTuple):
    """What a payload says of one device, and what becomes of it.

    Attributes:
        said: In the Source's words; None for the native format, which has none of its own.
        model: Key of the Model that it was translated by; empty for none.
        is_guessed: Whether that is a guess at what the Source calls the product.
        guesses: Keys of the Models that are called so.
        moments: Readings; empty without a Model.
        refused: Why the Model understands nothing of it.
    """

    said: Said | None
    model: str = ""
    is_guessed: bool = False
    guesses: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    refused: Refusal | None = None


class Decoding(NamedTuple):
    """What a payload becomes.

    Attributes:
        told: Of each device and moment of it, in order.
        events: What is no reading.
        replies: What the Source would be told.
        refused: Why nothing is understood.
    """

    told: tuple[Told, ...] = ()
    events: tuple[Event, ...] = ()
    replies: tuple[Reply, ...] = ()
    refused: Refusal | None = None

    @property
    def has_refusal(self) -> bool:
        """Whether anything is refused."""
        moments = [moment for one in self.told for moment in one.moments]
        wholes = (self.refused, *(one.refused for one in self.told), *(one.refused for one in moments))
        return any(wholes) or any(row.verdict is Verdict.REFUSED for one in moments for row in one.rows)


@dataclass(frozen=True, slots=True)
class Chosen:
    """By what to translate.

    Attributes:
        model: None for a guess.
        parameters: Of the device, by name.
    """

    model: Model | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)


def decode_message(source: Source, topic: str, payload: bytes, received_ms: int, chosen: Chosen) -> Decoding:
    """Return what a message of a Source becomes, the first that is heard of it.

    Args:
        source: Of any Format.
        topic: Of the message.
        payload: Any bytes.
        received_ms: Milliseconds since 1970 in UTC.
        chosen: By what to translate; ``choose_model`` makes it.
    """
    try:
        heard = load_formats()[source.format_key].open(source).read(topic, payload, received_ms)
    except CodecError as error:
        replies = tuple(error.replies) if isinstance(error, UnbornError) else ()
        return Decoding(replies=replies, refused=_refuse(error))
    told = tuple(_tell(said, source.format_key, chosen, received_ms) for said in heard.said)
    return Decoding(told, tuple(heard.events), tuple(heard.replies))


def decode_frame(frame: Frame, received_ms: int, chosen: Chosen) -> Decoding:
    """Return what a LoRaWAN frame alone becomes.

    Raises:
        WrongRequestError: No Model was chosen, or it decodes no frames.
    """
    if chosen.model is None or chosen.model.decode is None:
        named = "no model" if chosen.model is None else f"model {chosen.model.key}"
        raise WrongRequestError(f"A frame says nothing without a model that decodes frames, and {named} does not.")
    return Decoding((_translate(Said("", frame=frame), chosen.model, chosen.parameters, received_ms),))


def decode_native(payload: bytes, device_type: DeviceType, received_ms: int) -> Decoding:
    """Return what a payload in the platform's own format becomes."""
    try:
        observations = CODEC.decode(payload)
    except CodecError as error:
        return Decoding(refused=_refuse(error))
    moments = []
    for one in observations:
        # Where the clock is the collector's, a time that the payload has is not looked at.
        observation = one if device_type.clock is Clock.DEVICE else one._replace(time_ms=None)
        units = {name: known.measures.unit for name, known in device_type.fields.items() if not known.is_state}
        rows = [
            Row(name, told, units.get(name, ""), name, told, units.get(name, "")) for name, told in one.values.items()
        ]
        moments.append(_judge(device_type, observation, rows, received_ms))
    return Decoding((Told(None, moments=tuple(moments)),))


def choose_model(model: Model | None, format_key: str, parameters: Mapping[str, float]) -> Chosen:
    """Return by what to translate.

    Args:
        model: That is asked for; None for a guess.
        format_key: Of the Format; empty for a frame alone.
        parameters: That are given.

    Raises:
        WrongRequestError: The Model does not come in the Format, or the parameters are not those that it has.
    """
    if model is None:
        return Chosen(None, parameters)
    if format_key and format_key not in model.formats:
        raise WrongRequestError(f"Model {model.key} comes as {', '.join(model.formats)}, not as {format_key}.")
    for name in parameters:
        if name not in model.parameters:
            known = f"it has {', '.join(model.parameters)}" if model.parameters else "it has none"
            raise WrongRequestError(f"Model {model.key} has no parameter {name}; {known}.")
    complete = _complete_parameters(model, parameters)
    if lacking := _list_lacking(model, complete):
        raise WrongRequestError(f"Model {model.key} needs {', '.join(lacking)}: say --parameter NAME=NUMBER.")
    return Chosen(model, complete)


def guess_models(product: str, format_key: str) -> tuple[str, ...]:
    """Return the keys of the Models that a product may be: those with the longest hint that its name has.

    Args:
        product: What the Source calls it.
        format_key: Of the Format that it comes in.
    """
    found: dict[str, int] = {}
    for key, model in load_models().items():
        lengths = [len(hint) for hint in model.hints if _is_called(product.lower(), hint)]
        if lengths and format_key in model.formats:
            found[key] = max(lengths)
    return tuple(sorted(key for key, length in found.items() if length == max(found.values())))


def _is_called(product: str, hint: str) -> bool:
    """Return whether a name has a hint as words of their own: a TIMERS-2 is no ERS."""
    behind = r"(?![a-z0-9])" if hint[-1].isalnum() else ""
    return re.search(rf"(?<![a-z0-9]){re.escape(hint)}{behind}", product) is not None


def _complete_parameters(model: Model, parameters: Mapping[str, float]) -> dict[str, float]:
    return model.complete_parameters({name: one for name, one in parameters.items() if name in model.parameters})


def _list_lacking(model: Model, parameters: Mapping[str, float]) -> list[str]:
    return [f"{name} ({one.title}, in {one.unit})" for name, one in model.parameters.items() if name not in parameters]


def _tell(said: Said, format_key: str, chosen: Chosen, received_ms: int) -> Told:
    is_partial = load_formats()[format_key].is_partial
    if chosen.model is not None:
        return _translate(said, chosen.model, chosen.parameters, received_ms, is_partial=is_partial)
    guesses = guess_models(said.model, format_key)
    if len(guesses) == 1:
        model = load_models()[guesses[0]]
        parameters = _complete_parameters(model, chosen.parameters)
        if not _list_lacking(model, parameters):
            told = _translate(said, model, parameters, received_ms, is_partial=is_partial)
            return told._replace(is_guessed=True, guesses=guesses)
    return Told(said, guesses=guesses)


def _translate(
    said: Said, model: Model, parameters: Mapping[str, float], received_ms: int, *, is_partial: bool = False
) -> Told:
    """Return what becomes of what is said; of a Format that tells parts no field is required."""
    told = Told(said, model.key)
    whole = load_device_types()[model.device_type]
    device_type = require_nothing(whole) if is_partial else whole
    try:
        decoded = list_moments(model, said, parameters)
    except CodecError as error:
        return told._replace(refused=_refuse(error))
    moments = (_explain(model, device_type, said, one, parameters, received_ms) for one in decoded)
    by_time = sorted(moments, key=lambda one: received_ms if one.time_ms is None else one.time_ms)
    return told._replace(moments=tuple(by_time))


def _explain(
    model: Model,
    device_type: DeviceType,
    said: Said,
    one: Decoded,
    parameters: Mapping[str, float],
    received_ms: int,
) -> Moment:
    """Return what becomes of one moment: what ``translate`` makes of it alone, and of each of its members alone."""
    alone = replace(model, decode=lambda _: [one])
    framed = said if said.frame is not None else said._replace(frame=Frame(0, b""))
    (observation,) = translate(alone, device_type, framed, parameters, received_ms)
    members = dict(one.members)
    if model.complete is not None:
        model.complete(members, parameters)
    rows = list(_list_rows(model, device_type, members, said.units))
    if said.frame is None and not (observation.values or observation.refusals):
        # The collector leaves nothing of it either: that a button was pressed is no reading.
        return Moment(observation.time_ms, tuple(rows), "", None, observation.simulated)
    # A Source that tells no time is heard when it speaks, whatever devices of this type usually do.
    clock = Clock.RECEIVED if observation.time_ms is None else Clock.DEVICE
    return _judge(replace(device_type, clock=clock), observation, rows, received_ms)


def _list_rows(
    model: Model, device_type: DeviceType, members: Mapping[str, Plain], units: Mapping[str, str]
) -> Iterator[Row]:
    """Yield what each field that may take a member makes of it, before the field's range is looked at."""
    taken: dict[str, str] = {}
    for name, told in members.items():
        takes = [take for _, take in list_takes(model, (name,))]
        for take in takes:
            wanted = device_type.fields[take.field]
            unit = "" if wanted.is_state else wanted.measures.unit
            row = Row(name, told, units.get(name) or take.unit or unit, take.field, None, unit)
            if told is None:
                yield row._replace(verdict=Verdict.NOT_TAKEN, detail="the source says that there is none")
            elif take.field in taken:
                yield row._replace(verdict=Verdict.NOT_TAKEN, detail=f"{take.field} comes from {taken[take.field]}")
            else:
                row = _take_alone(model, device_type, take, row, units)
                if row.verdict is Verdict.STORED:
                    taken[take.field] = name
                yield row
        if not takes:
            detail = f"no field of {model.key} takes it"
            yield Row(name, told, units.get(name, ""), verdict=Verdict.NOT_TAKEN, detail=detail)


def _take_alone(model: Model, device_type: DeviceType, take: Take, row: Row, units: Mapping[str, str]) -> Row:
    alone = replace(model, takes={row.member: take}, decode=None, complete=None)
    (observation,) = translate(alone, device_type, Said("", {row.member: row.told}, units), {}, 0)
    for refusal in observation.refusals:
        return row._replace(verdict=Verdict.REFUSED, reason=refusal.reason, detail=refusal.detail)
    return row._replace(value=observation.values[take.field])


def _judge(device_type: DeviceType, observation: Observation, rows: list[Row], received_ms: int) -> Moment:
    """Return a moment whose rows have the verdicts of a DeviceType."""
    problems = {one.member: one for one in _list_problems(device_type, observation.values)}
    line, refused = "", None
    try:
        line = _write_line(device_type, observation, received_ms)
    except RefusedError as error:
        refused = _refuse(error)
    judged = []
    for row in rows:
        problem = problems.get(row.field)
        if row.verdict is not Verdict.STORED:
            judged.append(row)
        elif problem is not None:
            judged.append(row._replace(verdict=Verdict.REFUSED, reason=problem.reason, detail=problem.detail))
        elif refused is not None:
            judged.append(row._replace(verdict=Verdict.NOT_STORED, detail="the reading is refused"))
        else:
            judged.append(row)
    return Moment(observation.time_ms, tuple(judged), line, refused, observation.simulated)


def _list_problems(device_type: DeviceType, values: Mapping[str, Any]) -> Iterator[Refusal]:
    """Yield what the DeviceType refuses of the values that are there."""
    known = {name: value for name, value in values.items() if name in device_type.fields}
    yield from (refuse_unknown(name) for name in values if name not in known)
    try:
        build_validator(device_type).validate_python(known)
    except ValidationError as error:
        yield from (one for one in list_refusals(device_type, error) if one.member in known)


def _write_line(device_type: DeviceType, observation: Observation, received_ms: int) -> str:
    """Return the line of a reading that is placed nowhere.

    Raises:
        RefusedError: The reading is refused.
    """
    checked = check_observation(device_type, build_validator(device_type), observation)
    time_ms = received_ms if checked.time_ms is None else checked.time_ms
    delay_s = (received_ms - time_ms) / 1000
    if delay_s < -device_type.ahead.total_seconds():
        raise RefusedError(Reason.FUTURE_TIME, f"the reading is {-delay_s:.0f} s ahead of the time of receipt")
    tags = {"device": NOWHERE, "site": NOWHERE, "type": device_type.key, "zone": NOWHERE}
    prefix = build_prefix(device_type.key, tags | ({"simulated": "true"} if checked.simulated else {}))
    (line,) = finish_lines([(prefix.encode(), collect_fields(checked), delay_s, time_ms)])
    return line.decode()


def _refuse(error: RefusedError) -> Refusal:
    return Refusal("", error.reason, error.detail)
