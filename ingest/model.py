"""Model: what a product calls the fields of a DeviceType, one file in ``ingest/models``.

A product behind a network server is decoded from the bytes that it sent, by its own table here; elsewhere, and where
the bytes are missing, what the Source says is translated name by name. What no field takes is left out: a plug tells
its uptime too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from typing import NamedTuple

from ingest.codec import CodecError, Observation, SaidMember
from ingest.event_time import format_time
from ingest.payloads.written_unit import read_unit
from ingest.source import Frame, Plain, Said
from schemas.device_type import DeviceType, Field
from schemas.reason import Reason
from schemas.units import UnitError, convert
from schemas.validation import Refusal, shorten

EARLIEST_MS = 1_420_070_400_000
"""2015, when LoRaWAN 1.0 was published: a device that dates a moment before has a clock that was never set."""


@dataclass(frozen=True, slots=True)
class Take:
    """Where a field's values come from.

    Attributes:
        field: Name in the DeviceType.
        unit: UCUM code of what comes, where the message does not say and it is not the field's own.
        states: What words and numbers mean, such as ``{"open": True, "closed": False}``; everything, where that is all
            there can be.
        sentinels: Values that say that there is none, in the unit that comes.
    """

    field: str
    unit: str = ""
    states: Mapping[Plain, float | bool] = member(default_factory=dict)
    sentinels: tuple[float, ...] = ()


class Decoded(NamedTuple):
    """What a frame says of one moment.

    Attributes:
        members: By name, as the ``takes`` of the Model know them; in the units that these say.
        time_ms: Event time in milliseconds since 1970 in UTC; None for the moment of the uplink.
        age_ms: How long before the uplink it was, where the frame tells that instead.
        periods: How many of the device's own periods before the uplink it was, where the frame tells that instead; the
            parameter ``period`` says how many seconds one has. Where that is 0 nobody knows, and it is left out.
    """

    members: Mapping[str, Plain]
    time_ms: int | None = None
    age_ms: int = 0
    periods: int = 0


Decode = Callable[[Frame], Sequence[Decoded]]
"""A frame to what it says; raises CodecError for one that is truncated or unknown, and never gives a wrong number."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that the inventory must give for each device of a Model, such as litres a pulse.

    Attributes:
        title: What it is, in English.
        unit: UCUM code.
        default: None where it must be given.
    """

    title: str
    unit: str
    default: float | None = None


@dataclass(frozen=True, slots=True)
class ModelExample:
    """What a device said, and the field set that must become of it; run by a test for every Model.

    Attributes:
        fields: Field set in line protocol without ``seq`` and ``delay``, the fields in the DeviceType's order; several
            for a frame with several moments; empty where nothing of it is accepted.
        frame: FPort and hexadecimal digits; None where names are translated.
        members: What the Source says, where names are translated.
        units: Likewise.
        parameters: Of the device.
        refused: Fields that are refused while the rest is accepted.
        origin: Where the bytes come from, such as "vendor's documentation" or "recorded"; for people.
    """

    fields: str | tuple[str, ...]
    frame: tuple[int, str] | None = None
    members: Mapping[str, Plain] = member(default_factory=dict)
    units: Mapping[str, str] = member(default_factory=dict)
    parameters: Mapping[str, float] = member(default_factory=dict)
    refused: Mapping[str, Reason] = member(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A product, or a family of products that say the same.

    Attributes:
        title: Maker and name.
        device_type: Key of the DeviceType that it is.
        formats: Keys of the Formats that it may come in.
        takes: Where fields come from, by member's name: one Take, or several fields of one member. Every name that any
            version of a maker's or server's decoder uses is listed.
        examples: What it says, and what must become of that.
        decode: Decodes its frames; None where names are translated only.
        parameters: What the inventory must say of each device, by name.
        complete: Makes further members of those that came and of the parameters, before they are taken; it is given a
            mutable copy of the members.
        hints: What Sources call it, in lower case; for a guess at what an unknown device is. Of several Models of a
            product the one for its usual place has the name alone, the others the place behind it; where none is the
            usual one, as of a counter of pulses, or editions differ in scale, all have it and people choose.
        key: Name of its file; set when the folder is walked.
    """

    title: str
    device_type: str
    formats: tuple[str, ...]
    takes: Mapping[str, Take | tuple[Take, ...]]
    examples: tuple[ModelExample, ...]
    decode: Decode | None = None
    parameters: Mapping[str, Parameter] = member(default_factory=dict)
    complete: Callable[[dict[str, Plain], Mapping[str, float]], None] | None = None
    hints: tuple[str, ...] = ()
    key: str = ""

    def complete_parameters(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return parameters of a device with the usual ones where they are not given."""
        usual = {name: one.default for name, one in self.parameters.items() if one.default is not None}
        return {**usual, **given}


def translate(
    model: Model, device_type: DeviceType, said: Said, parameters: Mapping[str, float], received_ms: int
) -> list[Observation]:
    """Return what a Source said, as Observations in the words and units of a DeviceType; values unchecked.

    Args:
        model: Of the device.
        device_type: That the Model is.
        said: What was said.
        parameters: Of the device, every one that the Model has.
        received_ms: Milliseconds since 1970 in UTC.

    Raises:
        CodecError: The frame is truncated or unknown, or dates a moment before there were such devices.
    """
    return [one.observation for one in translate_members(model, device_type, said, parameters, received_ms)]


class Translated(NamedTuple):
    """What became of what was said of one moment.

    Attributes:
        observation: In the words and units of a DeviceType; values unchecked.
        members: What its fields were made of, by field.
    """

    observation: Observation
    members: Mapping[str, SaidMember]


def translate_members(
    model: Model, device_type: DeviceType, said: Said, parameters: Mapping[str, float], received_ms: int
) -> list[Translated]:
    """Return what ``translate`` does, and for each field what it was made of."""
    translated = []
    for one in list_moments(model, said, parameters):
        values, members, refusals = _take_members(model, device_type, said.units, one.members, parameters)
        # Only the moment of the uplink has its number: others were sent before, or never.
        is_now = one.time_ms is None and not one.age_ms
        time_ms = _find_time(one, said.time_ms, received_ms)
        observation = Observation(values, time_ms, said.seq if is_now else None, said.simulated, refusals)
        translated.append(Translated(observation, members))
    return sorted(
        translated, key=lambda one: received_ms if one.observation.time_ms is None else one.observation.time_ms
    )


def list_moments(model: Model, said: Said, parameters: Mapping[str, float]) -> list[Decoded]:
    """Return what is said of each moment: of one, where names are translated.

    Raises:
        CodecError: The frame is truncated or unknown, or dates a moment before there were such devices.
    """
    if said.frame is None or model.decode is None:
        return [Decoded(said.members)]
    decoded = model.decode(said.frame)
    return [_date(one, parameters) for one in decoded if not one.periods or parameters["period"]]


def _date(decoded: Decoded, parameters: Mapping[str, float]) -> Decoded:
    """Return one moment of a frame, which must be dated well, with its age where the frame tells it in periods.

    Raises:
        CodecError: The frame dates it before there were such devices (BROKEN_FRAME).
    """
    if decoded.time_ms is not None and decoded.time_ms < EARLIEST_MS:
        dated = format_time(decoded.time_ms)
        detail = f"it dates a reading {dated}: the device's clock was never set, or the frame is damaged"
        raise CodecError(Reason.BROKEN_FRAME, detail)
    if not decoded.periods:
        return decoded
    return decoded._replace(age_ms=round(decoded.periods * parameters["period"] * 1000))


def _find_time(decoded: Decoded, uplink_ms: int | None, received_ms: int) -> int | None:
    """Return the event time of one moment of a frame; None for the moment of an uplink without a time."""
    if decoded.time_ms is not None:
        return decoded.time_ms
    if not decoded.age_ms:
        return uplink_ms
    return (received_ms if uplink_ms is None else uplink_ms) - decoded.age_ms


def _take_members(
    model: Model,
    device_type: DeviceType,
    units: Mapping[str, str],
    said: Mapping[str, Plain],
    parameters: Mapping[str, float],
) -> tuple[dict[str, float | bool], dict[str, SaidMember], tuple[Refusal, ...]]:
    """Return what is taken of members, by field, of which members it is made, and what is not taken."""
    members = dict(said)
    if model.complete is not None:
        model.complete(members, parameters)
    values: dict[str, float | bool] = {}
    taken: dict[str, SaidMember] = {}
    refusals: list[Refusal] = []
    for name, take in list_takes(model, members):
        if members[name] is None or take.field in values:
            continue
        try:
            unit = units.get(name) or take.unit
            values[take.field] = _take(take, device_type.fields[take.field], members[name], unit)
            taken[take.field] = SaidMember(name, members[name], unit)
        except _NotTakenError as error:
            field = "" if name == take.field else f" ({take.field} is made of it)"
            refusals.append(Refusal(take.field, error.reason, f"{shorten(name)} is {error}{field}"))
    return values, taken, tuple(refusals)


def list_takes(model: Model, members: Iterable[str]) -> Iterator[tuple[str, Take]]:
    """Yield the names of members that a Model knows, each with what is taken of it."""
    for name in members:
        takes = model.takes.get(name, ())
        yield from ((name, take) for take in ((takes,) if isinstance(takes, Take) else takes))


class _NotTakenError(Exception):
    """A value is not what its field has."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _take(take: Take, field_of: Field, value: Plain, unit: str) -> float | bool:
    """Return a member's value as the field has it.

    Raises:
        _NotTakenError: It cannot be that.
    """
    if take.states:
        if value not in take.states:
            known = ", ".join(map(repr, take.states))
            raise _NotTakenError(Reason.WRONG_TYPE, f"{shorten(repr(value))}, not one of {shorten(known)}")
        return take.states[value]
    if field_of.is_state:
        if value not in (True, False):  # 1 and 0 are as good
            raise _NotTakenError(Reason.WRONG_TYPE, f"{shorten(repr(value))}, neither true nor false")
        return bool(value)
    return _measure(take, field_of.measures.unit, value, unit)


def _measure(take: Take, wanted: str, found: Plain, unit: str) -> float:
    """Return a number in the unit that is wanted; raises as ``_take``."""
    number = found
    if isinstance(found, str):
        number, unit = read_number(found, unit)
    if number is None or isinstance(number, bool | str):
        raise _NotTakenError(Reason.WRONG_TYPE, f"{shorten(repr(found))}, not a number")
    try:
        value = float(number)
    except OverflowError:  # an integer that no float can hold
        raise _NotTakenError(Reason.OUT_OF_RANGE, f"{shorten(str(number))}, too large for a number") from None
    if value in take.sentinels:
        raise _NotTakenError(Reason.SENTINEL, f"{value:g}: that says that there is no value")
    if not unit or unit == wanted:
        return value
    try:
        # Twelve digits are more than any sensor has, and hide that 1004.7 hPa came as 100470 Pa.
        return float(f"{convert(value, unit, wanted):.12g}")
    except UnitError as error:
        raise _NotTakenError(Reason.WRONG_UNIT, f"{value:g} {shorten(unit)}: {error}") from None


_NUMBER = re.compile(r"\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*(\S*)\s*")


def read_number(text: str, unit: str) -> tuple[float | None, str]:
    """Return a number that came as text, and its unit: one that the text names, such as ``2799 mm``, else the given.

    Args:
        text: As it came.
        unit: UCUM code of what has none in the text; empty for the field's own.

    Returns:
        The number, or None where the text is none; and a UCUM code, or what stands in its place (``read_unit``).
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None, unit
    number, written = match.groups()
    return float(number), (read_unit(written) if written else unit)
