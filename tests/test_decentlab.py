"""The reader of Decentlab's frames."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, SchemaError, check_observation
from ingest.frames.decentlab import INDOOR_AMBIENCE, complete_distance, decode_distance, read_decentlab
from ingest.model import translate
from ingest.models import load_models
from ingest.source import Frame, Plain, Said
from schemas.reason import Reason
from schemas.validation import build_validator

WHOLE = bytes.fromhex("020BBD007F0B926A515D48BC4E0262006981C7000093D4000B0111")
BATTERY_ONLY = bytes.fromhex("020BBD00010B92")


def read(body: bytes) -> dict[str, object]:
    """Return what a frame of DL-IAM says of its one moment."""
    (decoded,) = read_decentlab(Frame(1, body), INDOOR_AMBIENCE)
    return dict(decoded.members)


def refuse(body: bytes) -> str:
    """Return why a frame is refused."""
    with pytest.raises(CodecError) as caught:
        read(body)
    assert caught.value.reason is Reason.BROKEN_FRAME
    return caught.value.detail


@pytest.mark.hazard("other-unit", "tts", "chirpstack")
def test_pressure_is_in_pascals() -> None:
    assert read(WHOLE)["barometric_pressure"] == 96_412


@pytest.mark.hazard("partial-update", "tts", "chirpstack")
def test_a_short_frame_tells_the_battery_only() -> None:
    assert read(BATTERY_ONLY) == {"battery_voltage": 2.962}


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("decentlab_dl_iam", BATTERY_ONLY.hex()),
        ("decentlab_dl_mbx", "02012F00020BB1"),
        ("decentlab_dl_trs12", "0210D300020C80"),
        ("decentlab_dl_cws", "02463900020B74"),
    ],
)
def test_the_battery_alone_is_no_reading_because_the_sensor_did_not_answer(key: str, body: str) -> None:
    model = load_models()[key]
    device_type = load_device_types()[model.device_type]
    said = Said("0", frame=Frame(1, bytes.fromhex(body)))
    (observation,) = translate(model, device_type, said, {"mount_height": 2.0}, 0)
    assert set(observation.values) == {"voltage"}
    with pytest.raises(SchemaError, match="missing_field"):
        check_observation(device_type, build_validator(device_type), observation._replace(time_ms=1))


def test_every_cut_is_refused() -> None:
    for end in range(len(WHOLE)):
        assert "too early" in refuse(WHOLE[:end])


def test_bytes_after_the_last_block_are_refused() -> None:
    assert "1 bytes are left" in refuse(WHOLE + b"\x00")


def test_another_version_is_refused() -> None:
    assert "version is 1" in refuse(b"\x01" + WHOLE[1:])


def test_a_flag_that_the_product_does_not_have_is_refused() -> None:
    assert "flags 0x0080" in refuse(bytes.fromhex("020BBD00800B92"))


def test_a_distance_without_a_valid_sample_is_none() -> None:
    complete = complete_distance("height", lambda distance, mount_height: mount_height - distance)
    (decoded,) = decode_distance(Frame(1, bytes.fromhex("02012F000304D200000BB1")))
    members = dict(decoded.members)
    complete(members, {"mount_height": 2.0})
    assert not {"distance", "height"} & set(members)
    named: dict[str, Plain] = {"distance.value": 1234, "number_of_valid_samples.value": 1}
    complete(named, {"mount_height": 2.0})
    assert named["height"] == pytest.approx(0.766)


@given(body=st.binary(max_size=60) | st.binary(max_size=30).map(lambda rest: b"\x02\x00\x01\x00" + rest))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert all(isinstance(value, int | float) for value in read(body).values())
        assert body[0] == 2
