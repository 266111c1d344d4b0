"""The platform's own format: one flat JSON object in UTF-8, a member for each field.

A payload whose first byte is that of a CBOR map (0xA0 to 0xBF), which no JSON has, is the same object in CBOR: keys are
text and no key comes twice, nothing lacks its length, and no tags are used but 0 and 1, the moments of RFC 8949, 3.4.
It is read in the general way alone.

Members beside the fields, none of which a field may be named after:
    time: RFC 3339 with an offset; required where the DeviceType's event time is the device's own.
    seq: optional; a whole number from 0 to 2^53 - 1 that grows by one with every reading of the device.
    simulated: optional; true on readings that no sensor measured.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pydantic_core
from msgspec import UNSET, MsgspecError, Struct, UnsetType
from msgspec.json import Decoder
from msgspec.structs import asdict

from ingest.codec import CodecError, Observation, Reader, Sampled, Sampler, compose_reader
from ingest.event_time import format_time, parse_time
from ingest.name_sets import Names
from ingest.payloads.cbor_payload import read_cbor
from ingest.sample import GREATEST_SEQ, define_sample
from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import shorten

_CBOR_MAP = 5
"""Major type of a map in CBOR: the highest three bits of its first byte."""
_observe = tuple.__new__
"""Makes an Observation of a tuple in half the time (0.09 us) that its class takes with its names."""


class NativeCodec:
    """Reads and writes the native format."""

    def decode(self, payload: bytes) -> list[Observation]:
        """Return the one Observation of a payload, its values unchecked.

        Raises:
            CodecError: No bytes, no UTF-8, no JSON, no object, no such CBOR, or a bad ``time``, ``seq`` or
                ``simulated``.
        """
        members = _parse_object(payload)
        time_ms = _take_time(members)
        seq = _take_seq(members)
        simulated = members.pop("simulated", False)
        if not isinstance(simulated, bool):
            raise CodecError(Reason.INVALID_MEMBER, f"simulated is {shorten(repr(simulated))}")
        return [Observation(members, time_ms, seq, simulated)]

    def encode(self, observation: Observation) -> bytes:
        """Return the payload of an Observation."""
        members: dict[str, Any] = {}
        if observation.time_ms is not None:
            members["time"] = format_time(observation.time_ms)
        if observation.seq is not None:
            members["seq"] = observation.seq
        if observation.simulated:
            members["simulated"] = True
        return json.dumps(members | observation.values, separators=(",", ":"), ensure_ascii=False).encode()

    def prepare(self, device_type: DeviceType) -> Reader:
        """Return a Reader that decodes and checks in one pass, and explains only what fails.

        Both ways give the same Observation: a test compares them.
        """
        explain = compose_reader(self, device_type)
        decode = _make_decoder(device_type)
        required = any(field.required for field in device_type.fields.values())
        optional = any(not field.required for field in device_type.fields.values())

        def read(payload: bytes) -> Sequence[Observation]:
            try:
                values = asdict(decode(payload))
                time = values.pop("time")
                time_ms = None if time is UNSET else parse_time(time)
            except (ValueError, MsgspecError):
                return explain(payload)
            seq, simulated = values.pop("seq"), values.pop("simulated")
            if optional and UNSET in values.values():
                values = {name: value for name, value in values.items() if value is not UNSET}
                if not (required or values):
                    return explain(payload)
            return [_observe(Observation, (values, time_ms, None if seq is UNSET else seq, simulated, ()))]

        return read

    def prepare_samplers(self, device_type: DeviceType) -> Callable[[Names | None], Sampler] | None:
        """Return what makes Samplers of payloads of one DeviceType; None where the time is not the device's own."""
        if device_type.clock is not Clock.DEVICE:
            return None

        def prepare(names: Names | None) -> Sampler:
            decode = _make_decoder(device_type, names)

            def sample(payload: bytes) -> Sampled:
                found: Any = decode(payload)
                time_ms, simulated = parse_time(found.time), found.simulated
                found.time, found.simulated = UNSET, False  # so that neither is written
                return found, time_ms, simulated

            return sample

        return prepare


def _make_decoder(device_type: DeviceType, names: Names | None = None) -> Callable[[bytes], Struct]:
    """Return what makes a struct of a payload: the members of a Sample, simulated, time.

    It takes 0.4 us where pydantic's core validator takes 1.2.
    """
    time = ("time", str) if device_type.clock is Clock.DEVICE else ("time", str | UnsetType, UNSET)
    return Decoder(define_sample(device_type, names, (("simulated", bool, False), time))).decode


def _parse_object(payload: bytes) -> dict[str, Any]:
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    if payload[0] >> 5 == _CBOR_MAP:
        return _parse_map(payload)
    try:
        members = pydantic_core.from_json(payload)
    except ValueError as error:
        raise CodecError(*_explain_text(payload, str(error))) from None
    if not isinstance(members, dict):
        raise CodecError(Reason.NOT_AN_OBJECT, f"the payload is a JSON {type(members).__name__}, not an object")
    return members


def _parse_map(payload: bytes) -> dict[str, Any]:
    members: dict[str, Any] = read_cbor(payload, {0: _read_text_moment, 1: _read_epoch_moment})
    for name in members:
        if not isinstance(name, str):
            raise CodecError(Reason.MALFORMED_PAYLOAD, f"the key {shorten(repr(name))} is not text")
    return members


def _read_text_moment(moment: Any, _: bool) -> Any:  # noqa: ANN401, FBT001 - any CBOR value; as cbor2 calls it
    return moment


def _read_epoch_moment(seconds: Any, _: bool) -> Any:  # noqa: ANN401, FBT001 - any CBOR value; as cbor2 calls it
    """Return seconds since 1970 as RFC 3339, and what is no such moment as it is: it is refused where it stands."""
    if type(seconds) not in (int, float):
        return seconds
    try:
        return format_time(round(seconds * 1000))
    except (ValueError, OverflowError):
        return seconds


def _explain_text(payload: bytes, message: str) -> tuple[Reason, str]:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return Reason.INVALID_UTF8, f"byte {error.start} is not UTF-8"
    return Reason.MALFORMED_JSON, message


def _take_seq(members: dict[str, Any]) -> int | None:
    if "seq" not in members:
        return None
    seq = members.pop("seq")
    if type(seq) is int and 0 <= seq <= GREATEST_SEQ:
        return seq
    raise CodecError(Reason.INVALID_MEMBER, f"seq is {shorten(repr(seq))}")


def _take_time(members: dict[str, Any]) -> int | None:
    if "time" not in members:
        return None
    time = members.pop("time")
    if not isinstance(time, str):
        raise CodecError(Reason.INVALID_TIME, f"time is {shorten(repr(time))}, not text")
    try:
        return parse_time(time)
    except ValueError as error:
        raise CodecError(Reason.INVALID_TIME, str(error)) from None


CODEC = NativeCodec()
