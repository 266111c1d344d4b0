"""The reader of Dingtek's frames."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.frames.dingtek import open_frame
from ingest.models import load_models
from ingest.source import Frame
from schemas.reason import Reason

BIN = bytes.fromhex("800001011107D000190000000000010081")


def decode(body: bytes, port: int = 3) -> list[object]:
    """Return what a frame of DF703 says of each moment."""
    decode = load_models()["dingtek_df703"].decode
    assert decode is not None
    return [dict(one.members) for one in decode(Frame(port, body))]


def test_every_cut_is_refused() -> None:
    for end in range(len(BIN)):
        with pytest.raises(CodecError) as caught:
            decode(BIN[:end])
        assert caught.value.reason is Reason.BROKEN_FRAME


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, 0x81, "begins with"),
        (2, 0x52, "begins with 8000520"),  # another product
        (3, 0x04, "begins with"),  # another kind
        (4, 0x12, "says that it has 18 bytes"),
        (7, 0x01, "do not agree"),  # a position that does not come
        (16, 0x80, "does not end"),
    ],
)
def test_a_byte_that_is_not_of_the_product_is_refused(place: int, value: int, why: str) -> None:
    body = bytearray(BIN)
    body[place] = value
    with pytest.raises(CodecError, match=why):
        decode(bytes(body))


def test_another_port_is_refused() -> None:
    with pytest.raises(CodecError, match="port 3, not 2"):
        decode(BIN, port=2)


@pytest.mark.hazard("sentinel", "tts", "chirpstack")
@pytest.mark.parametrize(("byte", "degrees"), [(0x19, 25), (0x8B, 139), (0xA0, 160), (0xF8, -8), (0xC4, -60)])
def test_a_temperature_of_one_byte_is_a_fire_or_frost_and_never_117_below_zero(byte: int, degrees: int) -> None:
    body = bytearray(BIN)
    body[8] = byte
    assert decode(bytes(body)) == [{"level": 2000, "temperature": degrees}]


@given(body=st.binary(max_size=40) | st.binary(max_size=20).map(lambda rest: b"\x80\x00\x01\x01" + rest))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        octets = open_frame(Frame(3, body), 0x0001, 11, 19)
        assert octets is None or octets.left in (11, 19)
