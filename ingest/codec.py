"""What a codec is, and how what it decodes is held against a DeviceType.

Errors::

    RefusedError        carries the Reason and a detail for people
    ├── CodecError      the bytes are not of the format
    └── SchemaError     the values do not make a reading of the DeviceType
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct
from pydantic_core import SchemaValidator, ValidationError

from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import Refusal, build_validator, list_refusals, refuse_unknown, shorten


class RefusedError(Exception):
    """Something was not taken as it came."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class CodecError(RefusedError):
    """The bytes are not of the format."""


class SchemaError(RefusedError):
    """The values do not make a reading of the DeviceType."""


class Observation(NamedTuple):
    """What a payload says of one moment.

    Attributes:
        values: By field name. As decoded they are plain JSON values; as checked, finite numbers and booleans.
        time_ms: Event time in milliseconds since 1970 in UTC; None when the payload has none.
        seq: The publisher's sequence number, where it sends one.
        simulated: Whether it says that it is simulated.
        refusals: Fields that were left out, and why.
    """

    values: dict[str, Any]
    time_ms: int | None = None
    seq: int | None = None
    simulated: bool = False
    refusals: tuple[Refusal, ...] = ()


class SaidMember(NamedTuple):
    """What a field was made of: a member of what a Source said.

    Attributes:
        name: What the Source calls it.
        value: As it came.
        unit: As the Source says, or as it is known; empty where it is the field's.
    """

    name: str
    value: object
    unit: str


NO_MEMBERS: Mapping[str, SaidMember] = {}
"""Of what came in the fields' own words."""
Fields = dict[str, float | bool]
"""What is stored of an Observation, by name."""
Reader = Callable[[bytes], Sequence[Observation]]
"""Payload bytes to checked Observations of one DeviceType; raises RefusedError."""
Sampled = tuple[Struct, int, bool]
"""A Sample (``ingest.sample``), event time in milliseconds, and whether it says that it is simulated."""
Sampler = Callable[[bytes], Sampled]
"""Payload bytes to what the Reader of the same DeviceType makes of them; raises ValueError where it is not sure."""


@runtime_checkable
class Codec(Protocol):
    """A payload format."""

    def decode(self, payload: bytes) -> Sequence[Observation]:
        """Return what the payload says, unchecked.

        Raises:
            CodecError: The bytes are not of the format.
        """

    def encode(self, observation: Observation) -> bytes:
        """Return a payload that decodes to this Observation."""

    def prepare(self, device_type: DeviceType) -> Reader:
        """Return a Reader of payloads of one DeviceType."""

    def prepare_samplers(self, device_type: DeviceType) -> Callable[[tuple[str, ...] | None], Sampler] | None:
        """Return what makes the quick ways to read payloads of one DeviceType; None where there are none.

        It is given the names of the members, ``seq`` included, that a payload must have: with others, msgspec's
        ValidationError is raised. None stands for any.
        """


def compose_reader(codec: Codec, device_type: DeviceType) -> Reader:
    """Return the general Reader: decode, then hold every Observation against the DeviceType."""
    validator = build_validator(device_type)

    def read(payload: bytes) -> list[Observation]:
        return [check_observation(device_type, validator, observation) for observation in codec.decode(payload)]

    return read


def check_observation(
    device_type: DeviceType,
    validator: SchemaValidator,
    observation: Observation,
    members: Mapping[str, SaidMember] = NO_MEMBERS,
) -> Observation:
    """Return the Observation with the values that the schema takes, and refusals for the rest.

    A field that is refused does not cost the others, unless the DeviceType requires it.

    Args:
        device_type: What the values must be of.
        validator: Of that DeviceType.
        observation: Values as decoded.
        members: What fields were made of, by field; none where the values are as they came.

    Raises:
        SchemaError: The time is missing, a required field is missing or wrong, or no field is left.
    """
    if observation.time_ms is None and device_type.clock is Clock.DEVICE:
        raise SchemaError(Reason.MISSING_TIME, "time is missing")
    values, refusals = _salvage(device_type, validator, observation, members)
    if not values:
        nothing = Refusal("", Reason.MISSING_FIELD, "the reading has no field")
        first = next(iter(observation.refusals + refusals), nothing)
        raise SchemaError(first.reason, first.detail)
    return observation._replace(values=values, refusals=observation.refusals + refusals)


def _salvage(
    device_type: DeviceType, validator: SchemaValidator, observation: Observation, members: Mapping[str, SaidMember]
) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    values = observation.values
    # Apart, because a payload may have thousands, and each error of the validator costs as much as a reading.
    unknown = tuple(refuse_unknown(name) for name in values if name not in device_type.fields)
    if unknown:
        values = {name: value for name, value in values.items() if name in device_type.fields}
    try:
        return validator.validate_python(values), unknown
    except ValidationError as error:
        refusals = tuple(_tell_member(one, members) for one in list_refusals(device_type, error))
    for refusal in refusals:
        field = device_type.fields.get(refusal.member)
        if field is not None and field.required:
            # A field that could not be made of what came is missing here; why it could not says more.
            told = next((one for one in observation.refusals if one.member == refusal.member), refusal)
            raise SchemaError(told.reason, told.detail)
    refused = {refusal.member for refusal in refusals}
    kept = {name: value for name, value in values.items() if name not in refused}
    return validator.validate_python(kept), refusals + unknown


def _tell_member(refusal: Refusal, members: Mapping[str, SaidMember]) -> Refusal:
    """Return a Refusal of a field that tells, too, what the field was made of."""
    member = members.get(refusal.member)
    if member is None or (member.name == refusal.member and not member.unit):
        return refusal
    came = " ".join(filter(None, (member.name, repr(member.value), member.unit)))
    return refusal._replace(detail=f"{refusal.detail} (from {shorten(came)})")


def collect_fields(observation: Observation) -> Fields:
    """Return the fields that an Observation stores: its values, and ``seq`` where it has one."""
    if observation.seq is None:
        return observation.values
    return {**observation.values, "seq": observation.seq}
