"""The readers of Dragino's frames."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, SchemaError, check_observation
from ingest.frames.lht65n import NOT_CONNECTED, read_lht65n
from ingest.model import translate
from ingest.models import load_models
from ingest.source import Frame, Plain, Said
from schemas.reason import Reason
from schemas.validation import build_validator

NO_PROBE = bytes.fromhex("CBC6008200F2017FFF7FFF")
STORED = bytes.fromhex("7FFF089801464160065F97" + "7FFF088E014B4160066003")


def decode(key: str, port: int, body: str) -> list[dict[str, Plain]]:
    """Return what a frame says of each moment, by the names of the maker."""
    decode = load_models()[key].decode
    assert decode is not None
    return [dict(one.members) for one in decode(Frame(port, bytes.fromhex(body)))]


@pytest.mark.hazard("sentinel", "tts", "chirpstack")
def test_a_probe_that_is_not_connected_is_no_temperature_of_a_refrigerator() -> None:
    model = load_models()["dragino_lht65n_probe"]
    device_type = load_device_types()[model.device_type]
    (observation,) = translate(model, device_type, Said("0", frame=Frame(2, NO_PROBE)), {}, 0)
    assert observation.values == {"voltage": 3.014}
    assert [(one.member, one.reason) for one in observation.refusals] == [("temperature", Reason.SENTINEL)]
    with pytest.raises(SchemaError):
        check_observation(device_type, build_validator(device_type), observation._replace(time_ms=1))


@pytest.mark.hazard("time-form", "tts", "chirpstack")
def test_stored_readings_have_their_own_times() -> None:
    first, second = read_lht65n(Frame(2, STORED))
    assert (first.time_ms, second.time_ms) == (1_611_030_423_000, 1_611_030_531_000)
    assert first.members == {"TempC_SHT": 22.0, "Hum_SHT": 32.6, "TempC_DS": NOT_CONNECTED}


@pytest.mark.hazard("clock-wrong", "tts", "chirpstack")
def test_a_clock_that_the_network_never_set_dates_nothing() -> None:
    (unset,) = read_lht65n(Frame(2, bytes.fromhex("0ADD0B0D03760960065F97")))
    (in_time,) = read_lht65n(Frame(2, bytes.fromhex("0ADD0B0D03762960065F97")))
    assert unset.time_ms is None
    assert in_time.time_ms == 1_611_030_423_000
    assert in_time.members == {"TempC_DS": 27.81, "TempC_SHT": 28.29, "Hum_SHT": 88.6}


def test_a_reading_that_is_sent_again_has_the_time_of_the_first_time_and_no_voltage() -> None:
    (resent,) = read_lht65n(Frame(2, bytes.fromhex("0AF009C001EC8160065F97")))
    assert resent.time_ms == 1_611_030_423_000
    assert resent.members == {"TempC_SHT": 24.96, "Hum_SHT": 49.2, "TempC_DS": 28.0}


def test_the_same_bit_of_older_firmware_says_that_no_probe_is_connected() -> None:
    (now,) = read_lht65n(Frame(2, bytes.fromhex("CBC6008200F2817FFF7FFF")))
    assert now.time_ms is None
    assert now.members == {"BatV": 3.014, "TempC_SHT": 1.3, "Hum_SHT": 24.2, "TempC_DS": NOT_CONNECTED}


@pytest.mark.parametrize("socket", ["0F", "10", "20"])
def test_the_number_of_a_probe_is_no_climate(socket: str) -> None:
    assert read_lht65n(Frame(2, bytes.fromhex(f"CBF628FF6422{socket}0ADD1701"))) == []


def test_probes_of_later_firmware() -> None:
    (dated,) = read_lht65n(Frame(2, bytes.fromhex("0ADD0B0D03762A60065F97")))
    assert (dated.time_ms, dated.members["TempC_TMP117"]) == (1_611_030_423_000, 27.81)
    (climate,) = read_lht65n(Frame(2, bytes.fromhex("CBF60B0D03760B0ADD0376")))
    assert climate.members == {"BatV": 3.062, "TempC_SHT": 28.29, "Hum_SHT": 88.6, "Ext_TempC_SHT": 27.81}


def test_eleven_zeros_answer_that_nothing_was_stored_and_are_not_zero_degrees() -> None:
    assert read_lht65n(Frame(2, bytes(11))) == []


@pytest.mark.parametrize(
    ("port", "body"),
    [
        (3, NO_PROBE.hex()),  # another port
        (2, NO_PROBE.hex() + "00"),  # longer
        (2, STORED[:-1].hex()),  # a stored reading was cut
        (2, "CBC6008200F2037FFF7FFF"),  # an unknown thing in the socket
        (2, STORED[:11].hex() + NO_PROBE.hex()),  # stored readings and another
    ],
)
def test_what_is_no_frame_of_lht65n_is_refused(port: int, body: str) -> None:
    with pytest.raises(CodecError) as caught:
        read_lht65n(Frame(port, bytes.fromhex(body)))
    assert caught.value.reason is Reason.BROKEN_FRAME


def test_a_frame_of_another_product_is_refused_as_lse01() -> None:
    with pytest.raises(CodecError, match=r"279\.9 degrees"):
        decode("dragino_lse01", 2, "0D3B0AEF00000000000001")


@pytest.mark.hazard("other-name", "tts", "chirpstack")
def test_names_of_another_payload_version_are_refused_as_lse01() -> None:
    model = load_models()["dragino_lse01"]
    members: dict[str, Plain] = {"Bat": 3.387, "TempC_DS18B20": "279.90", "water_SOIL": "0.00", "temp_SOIL": "0.00"}
    with pytest.raises(CodecError, match="another payload version"):
        translate(model, load_device_types()[model.device_type], Said("0", members), {}, 0)


def test_raw_counts_are_refused_as_lse01() -> None:
    with pytest.raises(CodecError, match="raw counts"):
        decode("dragino_lse01", 2, "CE2900F107A5099B6E2890")


def test_the_makers_example_of_lds02_is_three_bytes_too_short_and_refused() -> None:
    with pytest.raises(CodecError, match="7 bytes, not 10"):
        decode("dragino_lds02", 10, "0B880100250001")


def test_a_door_sensor_that_watches_a_leak_only_is_refused() -> None:
    with pytest.raises(CodecError, match="mode 2"):
        decode("dragino_lds02", 10, "0B880200250000000100")


@pytest.mark.parametrize("distance", ["0000", "0014"])
def test_a_distance_that_says_that_there_is_none_is_refused(distance: str) -> None:
    model = load_models()["dragino_ldds75"]
    said = Said("0", frame=Frame(2, bytes.fromhex(f"0D3B{distance}00000001")))
    parameters = {"mount_height": 3.0, "probe": 0.0}
    (observation,) = translate(model, load_device_types()[model.device_type], said, parameters, 0)
    assert observation.values == {"voltage": 3.387}
    assert [(one.member, one.reason) for one in observation.refusals] == [("distance", Reason.SENTINEL)]


@pytest.mark.parametrize("text", ["Invalid Reading", "No Sensor"])
def test_a_text_instead_of_a_distance_is_refused(text: str) -> None:
    model = load_models()["dragino_ldds75"]
    parameters = {"mount_height": 3.0, "probe": 0.0}
    (observation,) = translate(
        model, load_device_types()[model.device_type], Said("0", {"Bat": 3.4, "Distance": text}), parameters, 0
    )
    assert observation.values == {"voltage": 3.4}
    assert [(one.member, one.reason) for one in observation.refusals] == [("distance", Reason.WRONG_TYPE)]


@given(body=st.binary(max_size=60) | st.lists(st.binary(min_size=11, max_size=11), max_size=5).map(b"".join))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        for one in read_lht65n(Frame(2, body)):
            assert one.members
