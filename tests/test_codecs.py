"""Laws over every codec: a round trip gives back the same, and any bytes at all decode or raise CodecError."""

import contextlib
import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import Codec, CodecError, Observation, RefusedError, compose_reader
from ingest.codecs.native import CODEC
from ingest.event_time import parse_time
from ingest.sample import GREATEST_SEQ
from schemas.reason import Reason
from tests.near_payloads import near_payloads

CODECS = {"native": CODEC}
EVERY_CODEC = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())
TIMES_MS = st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999)
NAMES = st.text(max_size=12).filter(lambda name: name not in {"time", "seq", "simulated"})
VALUES = st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12) | st.none()
OBSERVATIONS = st.builds(
    Observation,
    values=st.dictionaries(NAMES, VALUES, max_size=6),
    time_ms=st.none() | TIMES_MS,
    seq=st.none() | st.integers(min_value=0, max_value=GREATEST_SEQ),
    simulated=st.booleans(),
    refusals=st.just(()),
)


@EVERY_CODEC
@given(observation=OBSERVATIONS)
def test_round_trip(codec: Codec, observation: Observation) -> None:
    assert list(codec.decode(codec.encode(observation))) == [observation]


@EVERY_CODEC
@given(payload=st.binary(max_size=200))
def test_any_bytes_decode_or_raise_codec_error(codec: Codec, payload: bytes) -> None:
    with contextlib.suppress(CodecError):
        codec.decode(payload)


@EVERY_CODEC
@given(payload=st.binary(max_size=200), key=st.sampled_from(sorted(load_device_types())))
def test_a_prepared_reader_does_what_the_general_one_does(codec: Codec, payload: bytes, key: str) -> None:
    device_type = load_device_types()[key]

    def outcome(read: object) -> object:
        try:
            return list(read(payload))  # type: ignore[operator]
        except RefusedError as error:
            return error.reason, error.detail

    assert outcome(codec.prepare(device_type)) == outcome(compose_reader(codec, device_type))


def read(payload: bytes, key: str = "indoor_climate") -> object:
    """Return what becomes of a native payload, or why nothing does."""
    try:
        return list(CODEC.prepare(load_device_types()[key])(payload))
    except RefusedError as error:
        return error.reason, error.detail


@pytest.mark.parametrize("key", sorted(load_device_types()))
def test_cbor_says_what_the_same_object_in_json_says(key: str) -> None:
    for example in load_device_types()[key].examples:
        members = json.loads(example.payload)
        if isinstance(members, dict):
            assert read(cbor2.dumps(members), key) == read(example.payload.encode(), key)


@given(near=near_payloads())
def test_cbor_is_checked_as_json_is(near: tuple[str, bytes]) -> None:
    key, payload = near
    with contextlib.suppress(ValueError):
        members = json.loads(payload)
        if isinstance(members, dict) and not any(isinstance(one, dict | list) for one in members.values()):
            assert read(cbor2.dumps(members), key) == read(payload, key)


@given(observation=OBSERVATIONS)
def test_cbor_decodes_to_what_json_does(observation: Observation) -> None:
    payload = CODEC.encode(observation)
    assert CODEC.decode(cbor2.dumps(json.loads(payload))) == CODEC.decode(payload)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (cbor2.CBORTag(0, "2026-01-15T13:00:00+01:00"), "2026-01-15T12:00:00Z"),
        (cbor2.CBORTag(1, 1_768_478_400), "2026-01-15T12:00:00Z"),
        (cbor2.CBORTag(1, 1_768_478_400.25), "2026-01-15T12:00:00.250Z"),
        (cbor2.CBORTag(1, -1), "1969-12-31T23:59:59Z"),
    ],
)
def test_a_moment_in_cbor_may_be_tagged(moment: cbor2.CBORTag, text: str) -> None:
    (observation,) = CODEC.decode(cbor2.dumps({"time": moment, "temperature": 21}))
    assert observation.time_ms == parse_time(text)


@pytest.mark.parametrize(
    "moment",
    [
        1_768_478_400,
        cbor2.CBORTag(0, 1),
        cbor2.CBORTag(0, "15.01.2026"),
        cbor2.CBORTag(1, "now"),
        cbor2.CBORTag(1, True),  # noqa: FBT003 - what a device may send
        cbor2.CBORTag(1, 1e300),
        cbor2.CBORTag(1, float("nan")),
        cbor2.CBORTag(1, [0] * 9),
        b"2026-01-15T12:00:00Z",
    ],
)
def test_any_other_time_in_cbor_is_invalid(moment: object) -> None:
    with pytest.raises(CodecError) as error:
        CODEC.decode(cbor2.dumps({"time": moment, "temperature": 21}))
    assert error.value.reason is Reason.INVALID_TIME


@pytest.mark.parametrize(
    "payload",
    [
        b"\xa1",
        b"\xa1\x61a\x01\x00",  # something behind it
        b"\xbf\x61a\x01\xff",  # without its length
        b"\xa1\x7f\x61a\xff\x01",  # a key without its length
        b"\xa2\x61a\x01\x61a\x02",  # a key twice
        b"\xa1\x01\x02",  # a key that is a number
        b"\xa1\x41a\x02",  # a key that is bytes
        b"\xa1\x61a\xc2\x41\x01",  # tag 2
        b"\xa1\x61a\xd8\x23\x61a",  # tag 35
        b"\xa1\x61\xff\x01",  # no UTF-8
        b"\xa1\x61a" * 9 + b"\x01",
        b"\xa1\x61a" + b"\x81" * 100_000 + b"\x01",
        b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_cbor_is_strict(payload: bytes) -> None:
    with pytest.raises(CodecError) as error:
        CODEC.decode(payload)
    assert error.value.reason is Reason.MALFORMED_PAYLOAD


@pytest.mark.parametrize("value", [b"21", cbor2.CBORTag(1, 21), "21", True, [21], {"a": 21}, cbor2.undefined])
def test_a_value_in_cbor_that_is_no_number_is_refused_alone(value: object) -> None:
    payload = {"time": "2026-01-15T12:00:00Z", "temperature": 21, "humidity": value}
    (observation,) = CODEC.prepare(load_device_types()["indoor_climate"])(cbor2.dumps(payload))
    assert observation.values == {"temperature": 21.0}
    assert [(one.member, one.reason) for one in observation.refusals] == [("humidity", Reason.WRONG_TYPE)]


@given(data=st.data(), key=st.sampled_from(sorted(load_device_types())))
def test_a_flipped_or_cut_object_in_cbor_is_read_or_refused(data: st.DataObject, key: str) -> None:
    members: Any = json.loads(load_device_types()[key].examples[0].payload)
    payload = bytearray(cbor2.dumps(members))
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=3)):
        payload[at] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(0, len(payload)) | st.just(len(payload))) :]
    read(bytes(payload), key)
