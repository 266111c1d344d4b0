"""Devices that Sources tell of: which address is which Device, and what becomes of what is said of it.

What a message says of a device at one moment is a *part* of it, and has a number, so that quarantine can say which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pydantic_core import SchemaValidator

from ingest.codec import CodecError, Observation, RefusedError, SchemaError, check_observation
from ingest.codecs import load_formats
from ingest.inventory import Device, Inventory
from ingest.model import Model, Translated, translate_members
from ingest.models import load_models
from ingest.route import PlacedAt, Route
from ingest.source import Said, Source
from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import build_validator

WHOLE = -1
"""All that is said of a device is the part ``WHOLE - index``, one moment of it ``index * MOMENTS + moment``."""
MOMENTS = 1_000
"""More moments than one frame ever tells of."""

Judged = Observation | RefusedError


class Kind(NamedTuple):
    """What the devices of a DeviceType have in common at Sources that tell everything at once, or a part."""

    device_type: DeviceType
    timed: DeviceType
    timeless: DeviceType
    validator: SchemaValidator


@dataclass(frozen=True, slots=True)
class BoundDevice:
    """A Device that a Source means by an address."""

    device: Device
    kind: Kind
    model: Model
    timed: Route
    timeless: Route

    def observe(self, said: Said, index: int, received_ms: int) -> list[tuple[int, Judged]]:
        """Return what is said, checked.

        Raises:
            CodecError: The device's own bytes are not of its Model.
        """
        parameters = self.device.parameters
        translated = translate_members(self.model, self.kind.device_type, said, parameters, received_ms)[:MOMENTS]
        # Of what no field takes, such as that a button was pressed, nothing is left.
        is_frame = said.frame is not None
        told = [one for one in translated if is_frame or one.observation.values or one.observation.refusals]
        return [(index * MOMENTS + moment, self._check(one)) for moment, one in enumerate(told)]

    def _check(self, translated: Translated) -> Judged:
        observation, members = translated
        # A Source that tells no time is heard when it speaks, whatever devices of this type usually do.
        kind = self.kind
        device_type = kind.timeless if observation.time_ms is None else kind.device_type
        try:
            return check_observation(device_type, kind.validator, observation, members)
        except SchemaError as error:
            return error.with_traceback(None)


def bind_devices(
    inventory: Inventory, types: Mapping[str, DeviceType], sources: Mapping[str, Source]
) -> dict[str, dict[str, BoundDevice]]:
    """Return the devices of all Sources, by key and address."""
    formats = load_formats()
    kinds: dict[tuple[str, bool], Kind] = {}
    found: dict[str, dict[str, BoundDevice]] = {}
    for device in inventory.devices.values():
        if device.source not in sources:
            continue
        is_partial = formats[sources[device.source].format_key].is_partial
        key = device.type_key, is_partial
        if key not in kinds:
            device_type = types[device.type_key]
            kinds[key] = _make_kind(require_nothing(device_type) if is_partial else device_type)
        found.setdefault(device.source, {})[device.address.lower()] = _make_bound(device, kinds[key])
    return found


def require_nothing(device_type: DeviceType) -> DeviceType:
    """Return a DeviceType of which no field is required."""
    fields = {name: replace(field, required=False) for name, field in device_type.fields.items()}
    return replace(device_type, fields=fields)


def _make_kind(device_type: DeviceType) -> Kind:
    timed, timeless = replace(device_type, clock=Clock.DEVICE), replace(device_type, clock=Clock.RECEIVED)
    return Kind(device_type, timed, timeless, build_validator(device_type))


def _make_bound(device: Device, kind: Kind) -> BoundDevice:
    placed = tuple(PlacedAt(placement, device, {}) for placement in reversed(device.placements))
    timed = Route(
        topic="",
        site="",
        device=device,
        device_type=kind.timed,
        read=_read_alone,
        codec=None,
        has_clock=True,
        ahead_ms=int(kind.device_type.ahead.total_seconds() * 1000),
        placed=placed,
    )
    timeless = replace(timed, device_type=kind.timeless, has_clock=False)
    return BoundDevice(device, kind, load_models()[device.model], timed, timeless)


def _read_alone(payload: bytes) -> Sequence[Observation]:  # noqa: ARG001 - a Reader is given it
    """Refuse what a device that a Source tells of is said to have published itself."""
    raise CodecError(Reason.UNRECOGNISED_PAYLOAD, "a message of a source is read by its source alone")


def list_private(inventory: Inventory, types: Mapping[str, DeviceType]) -> dict[str, list[str]]:
    """Return the ids of the devices of which no payload may be kept, by the key of their Source."""
    found: dict[str, list[str]] = {}
    for device in inventory.devices.values():
        if device.source and not types[device.type_key].keeps_payload:
            found.setdefault(device.source, []).append(device.id)
    return found


def list_apart(inventory: Inventory, types: Mapping[str, DeviceType]) -> Iterator[str]:
    """Yield what the devices that are kept apart are called, in lower case."""
    for device in inventory.devices.values():
        if types[device.type_key].is_apart:
            yield from {device.id.lower(), (device.address or device.id).lower()}


def describe_part(part: int | None) -> str:
    """Return which part of a message it is, for people; empty for all of it."""
    if part is None:
        return ""
    if part < 0:
        return f"all of device {find_index(part)} of the payload, counted from 0"
    index, moment = divmod(part, MOMENTS)
    number = f"number {moment} of the payload, counted from 0"
    return f"{number}, of device {index}" if index else number


def find_index(part: int) -> int:
    """Return of which device, counted from 0 in its message, a part is."""
    return WHOLE - part if part < 0 else part // MOMENTS
