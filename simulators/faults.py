"""Faults: bad input of every kind, made from a good reading, for quarantine to catch."""

from collections.abc import Callable, Mapping
from typing import Any

from ingest.codec import Observation
from ingest.codecs.native import CODEC
from schemas.device_type import Clock, DeviceType
from simulators.noise import mix, uniform

OVERSIZED_BYTES = 70_000
"""More than a collector takes unless it is told otherwise."""
FAR_AHEAD_MS = 4_070_908_800_000  # 2099-01-01T00:00:00Z


def is_fault(key: int, seq: int, share: float) -> bool:
    """Whether a device's message is to be bad.

    Args:
        key: The device's own.
        seq: Sequence number of the message.
        share: Of all messages, 0 to 1.
    """
    return share > 0.0 and uniform(key, 2 * seq) < share


def spoil(key: int, observation: Observation, device_type: DeviceType) -> bytes:
    """Return a bad payload instead of an Observation's own, of a kind that follows from its sequence number.

    Raises:
        ValueError: The Observation has no sequence number.
    """
    if observation.seq is None:
        raise ValueError("a fault is chosen by its sequence number")
    kinds = {**KINDS, **KINDS_OF_TIME} if device_type.clock is Clock.DEVICE else KINDS
    names = sorted(kinds)
    return kinds[names[mix(key, 2 * observation.seq + 1) % len(names)]](observation, device_type)


Spoiler = Callable[[Observation, DeviceType], bytes]


def _cut(observation: Observation, _: DeviceType) -> bytes:
    return CODEC.encode(observation)[:-1]


def _empty(_observation: Observation, _type: DeviceType) -> bytes:
    return b""


def _write_latin1(observation: Observation, _: DeviceType) -> bytes:
    return CODEC.encode(observation)[:-1] + ',"merknad":"målt"}'.encode("latin-1")


def _wrap(observation: Observation, _: DeviceType) -> bytes:
    return b"[" + CODEC.encode(observation) + b"]"


def _pad(observation: Observation, _: DeviceType) -> bytes:
    return CODEC.encode(observation).ljust(OVERSIZED_BYTES)


def _write_as_text(observation: Observation, device_type: DeviceType) -> bytes:
    told = [name for name in device_type.fields if name in observation.values]
    name = next((name for name in told if device_type.fields[name].required), told[0])
    return _replace(observation, {name: str(observation.values[name])})


def _exceed(observation: Observation, device_type: DeviceType) -> bytes:
    name = next(name for name, field in device_type.fields.items() if not field.is_state)
    return _replace(observation, {name: 2.0 * device_type.fields[name].bounds[1] + 1.0})


def _add_field(observation: Observation, _: DeviceType) -> bytes:
    return _replace(observation, {"serienummer": 4711})


def _write_nan(observation: Observation, device_type: DeviceType) -> bytes:
    name = next(name for name, field in device_type.fields.items() if not field.is_state)
    return _replace(observation, {name: float("nan")})


def _reset_clock(observation: Observation, _: DeviceType) -> bytes:
    return CODEC.encode(observation._replace(time_ms=0))


def _put_clock_ahead(observation: Observation, _: DeviceType) -> bytes:
    # Not ahead of the reading but of everybody: a past reading a day ahead of itself would be taken for a good one.
    return CODEC.encode(observation._replace(time_ms=FAR_AHEAD_MS))


KINDS: Mapping[str, Spoiler] = {
    "malformed_json": _cut,
    "empty_payload": _empty,
    "invalid_utf8": _write_latin1,
    "not_an_object": _wrap,
    "oversized_payload": _pad,
    "wrong_type": _write_as_text,
    "out_of_range": _exceed,
    "unknown_field": _add_field,
    "not_finite": _write_nan,
}
"""By the Reason that the collector should give."""
KINDS_OF_TIME: Mapping[str, Spoiler] = {"not_placed": _reset_clock, "future_time": _put_clock_ahead}
"""Likewise, of devices whose own clock gives the time."""


def _replace(observation: Observation, values: dict[str, Any]) -> bytes:
    return CODEC.encode(observation._replace(values=observation.values | values))
