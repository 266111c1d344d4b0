"""Laws over every codec: a round trip gives back the same, and any bytes at all decode or raise CodecError."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest.codecs
from devices import load_device_types
from ingest.codec import Codec, CodecError, Observation, RefusedError, compose_reader
from ingest.sample import GREATEST_SEQ
from schemas.registry import load_registry

CODECS = load_registry(ingest.codecs, "CODEC", Codec)  # type: ignore[type-abstract]
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
