"""The reader of Elsys' frames."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.frames.elsys import read_elsys
from ingest.source import Frame
from schemas.reason import Reason

ERS_CO2 = "0100E202290400270506060308"
EMS_DOOR = "030127050A11010B000A0011"


def read(body: str) -> dict[str, object]:
    """Return what a frame says of its one moment."""
    (decoded,) = read_elsys(Frame(5, bytes.fromhex(body)))
    return dict(decoded.members)


def refuse(body: str) -> str:
    """Return why a frame is refused."""
    with pytest.raises(CodecError) as caught:
        read_elsys(Frame(5, bytes.fromhex(body)))
    assert caught.value.reason is Reason.BROKEN_FRAME
    return caught.value.detail


def test_the_makers_example_of_a_door_has_no_state_of_the_door() -> None:
    assert read(EMS_DOOR) == {"x": 1, "y": 39, "z": 5, "pulse1": 4353, "pulseAbs": 655377}


def test_every_type_is_read_to_its_end() -> None:
    lengths = {
        **dict.fromkeys((0x02, 0x05, 0x0D, 0x0F, 0x11, 0x12, 0x1A), 1),
        **dict.fromkeys((0x01, 0x04, 0x06, 0x07, 0x08, 0x0A, 0x0C, 0x0E, 0x15, 0x16, 0x18, 0x19, 0x1C), 2),
        **dict.fromkeys((0x0B, 0x10, 0x14, 0x17, 0x1B, 0x3D), 4),
        0x03: 3,
        0x09: 6,
        0x13: 65,
    }
    for key, length in lengths.items():
        whole = bytes((key,)) + bytes(length)
        (decoded,) = read_elsys(Frame(5, whole + bytes.fromhex("0229" if key != 0x02 else "0529")))
        assert list(decoded.members.values())[-1] == 0x29
        with pytest.raises(CodecError, match="too early"):
            read_elsys(Frame(5, whole[:-1]))


@pytest.mark.parametrize("body", ["", "00", "1D0000", "3F00", ERS_CO2 + "FF", "4100E2"])
def test_an_unknown_type_is_refused_whole(body: str) -> None:
    assert refuse(body)


@pytest.mark.hazard("negative-twice", "tts", "chirpstack")
def test_frost_is_negative() -> None:
    assert read("01FF9C") == {"temperature": -10.0}


def test_samples_sent_together_are_refused_because_nothing_says_which_is_newer() -> None:
    assert "comes twice" in refuse("0100E20100E3")


def test_a_chain_of_thermometers_is_read_as_its_first() -> None:
    assert read("1900641900C8") == {"externalTemperature2": 10.0}


def test_settings_are_no_reading() -> None:
    assert read_elsys(Frame(6, bytes.fromhex("3E0102030405"))) == []


@given(cut=st.integers(0, 12))
def test_what_a_cut_frame_says_the_whole_one_says_too(cut: int) -> None:
    with contextlib.suppress(CodecError):
        assert read(ERS_CO2[: 2 * cut]).items() <= read(ERS_CO2).items()


@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert len(read_elsys(Frame(5, body))) <= 1
