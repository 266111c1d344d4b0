"""Milesight's frames: what the table reader refuses, and the traps that these products have."""

import contextlib
import itertools
import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.frames.milesight import TIME, Channel, Item, build_decode, skip
from ingest.model import Decoded, translate
from ingest.models import load_models
from ingest.source import Frame, Plain, Said
from schemas.reason import Reason

MODELS = {key: model for key, model in load_models().items() if key.startswith("milesight_")}
BOOT = "FF0BFF FF0101 FF166329C42503920003 FF090100 FF0A0101 FF0F00"
FRAMES = [
    (key, bytes.fromhex(example.frame[1]))
    for key, model in MODELS.items()
    for example in model.examples
    if example.frame is not None
]


def decode(key: str, digits: str) -> list[Decoded]:
    """Return what a Model makes of a frame."""
    decoder = MODELS[key].decode
    assert decoder is not None
    return list(decoder(Frame(85, bytes.fromhex(digits))))


def read(key: str, digits: str) -> Mapping[str, Plain]:
    """Return the members of a frame that tells of one moment."""
    (decoded,) = decode(key, digits)
    assert decoded.time_ms is None
    return decoded.members


def observe(key: str, members: Mapping[str, Plain], **parameters: float) -> dict[str, float | bool]:
    """Return the fields of what a network server's decoder says."""
    model = MODELS[key]
    defaults = {name: one.default for name, one in model.parameters.items() if one.default is not None}
    device_type = load_device_types()[model.device_type]
    (observation,) = translate(model, device_type, Said("0", members), {**defaults, **parameters}, 0)
    return observation.values


def test_a_frame_that_ends_within_a_channel_is_refused_at_every_byte() -> None:
    body = bytes.fromhex("01755C 03673401 046865 20CE9E74466310015D00")
    between = {0, 3, 7, 10, 20}
    for end in set(range(len(body))) - between:
        with pytest.raises(CodecError) as caught:
            decode("milesight_em300_th", body[:end].hex())
        assert caught.value.reason is Reason.BROKEN_FRAME, end


@pytest.mark.parametrize("digits", ["03673401 0D7D0200", "036734010467", "FF4402 FFEE01", "00", "20CD00000000", "FF"])
def test_an_unknown_channel_or_a_torn_one_is_refused(digits: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode("milesight_em300_th", digits)
    assert caught.value.reason is Reason.BROKEN_FRAME


def test_the_refusal_names_the_channel_and_the_frame() -> None:
    with pytest.raises(CodecError, match=r"channel 0d of type 7d is unknown in the frame 036734010d7d0200"):
        decode("milesight_em300_th", "036734010D7D0200")


@pytest.mark.parametrize("key", MODELS)
@pytest.mark.parametrize("digits", ["", BOOT, "FE0378 00", "FE6A003C00", "FE1A02A401", "F91234", "FC6B00"])
def test_what_tells_of_the_device_or_answers_has_no_measurement(key: str, digits: str) -> None:
    assert decode(key, digits) == []


def test_an_answer_of_unknown_length_behind_a_measurement_is_refused() -> None:
    assert read("milesight_em300_th", "03673401 FE03 7800") == {"temperature": 30.8}
    with pytest.raises(CodecError):
        decode("milesight_em300_th", "03673401 FE1A02A401")


def test_a_member_told_twice_must_be_the_same() -> None:
    assert read("milesight_em400_tld", "0367E800 8367E80001") == {"temperature": 23.2}
    with pytest.raises(CodecError, match="temperature is told twice"):
        decode("milesight_em400_tld", "0367E800 8367E90001")


@pytest.mark.hazard("duplicate", "tts", "chirpstack")
def test_history_has_its_own_times_and_comes_before_the_moment_of_the_uplink() -> None:
    late, later, now = decode("milesight_em300_th", "03673401 20CE9E74466310015D00 20CEF676466311015E00")
    assert late == Decoded({"temperature": 27.2, "humidity": 46.5}, time_ms=1_665_561_758_000)
    assert later == Decoded({"temperature": 27.3, "humidity": 47.0}, time_ms=1_665_562_358_000)
    assert now == Decoded({"temperature": 30.8})


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(-400, 1250), st.integers(0, 200)), max_size=20))
def test_history_of_any_length_comes_back_as_it_was_written(records: list[tuple[int, int, int]]) -> None:
    body = b"".join(b"\x20\xce" + struct.pack("<IhBx", *record) for record in records)
    assert decode("milesight_em300_th", body.hex()) == [
        Decoded({"temperature": tenths / 10, "humidity": halves / 2}, time_ms=seconds * 1000)
        for seconds, tenths, halves in records
    ]


@given(st.binary(max_size=40))
def test_a_channel_takes_exactly_its_bytes(body: bytes) -> None:
    decoder = build_decode({(0x41, 1): Channel(Item("a", "H"), Item("", "3x"), Item("b", "f")), (0x42, 1): skip(4)})
    frame = b"\x42\x01abcd" + b"\x41\x01" + body
    if len(body) == struct.calcsize("<H3xf"):
        (decoded,) = decoder(Frame(85, frame))
        assert decoded.members.keys() == {"a", "b"}
    elif len(body) < struct.calcsize("<H3xf"):
        with pytest.raises(CodecError):
            decoder(Frame(85, frame))


@pytest.mark.hazard("sentinel", "tts", "chirpstack")
@pytest.mark.parametrize(
    ("key", "digits", "members"),
    [
        ("milesight_am308", "077DFFFF 0B7DFDFF 0468FF", {"co2": None, "pm2_5": None, "humidity": None}),
        ("milesight_em500_swl", "0377FFFF", {"depth_cm": None}),
        ("milesight_em500_swl", "0377FDFF", {"depth_cm": None}),
        ("milesight_em500_smtc", "0367FFFF 04CAFFFF", {"temperature": None, "moisture": None}),
        ("milesight_em500_smtc", "0367FDFF 057FFDFF", {"temperature": None, "electricity": None}),
        ("milesight_em300_th", "0175FF 0367FFFF", {"battery": None, "temperature": -0.1}),
        ("milesight_em300_di", "05E10A000A000000C07F", {"water_conv": 1.0, "pulse_conv": 1.0, "water": None}),
    ],
)
def test_a_value_that_says_there_is_none_is_none(key: str, digits: str, members: dict[str, Plain]) -> None:
    assert read(key, digits) == members


@pytest.mark.hazard("sentinel", "tts", "chirpstack")
def test_history_of_a_sensor_that_failed_says_so() -> None:
    (decoded,) = decode("milesight_em500_swl", "20CE9E744663FDFF")
    assert decoded == Decoded({"depth_cm": None}, time_ms=1_665_561_758_000)


@given(frame=st.sampled_from(FRAMES), flips=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 255)), max_size=3))
def test_hazard_damaged_frames_are_read_or_refused(frame: tuple[str, bytes], flips: list[tuple[int, int]]) -> None:
    key, body = frame
    damaged = bytearray(body)
    for place, bits in flips:
        damaged[place % len(damaged)] ^= bits
    with contextlib.suppress(CodecError):
        decode(key, damaged.hex())


HAZARD_2: dict[str, tuple[dict[str, float | bool], list[dict[str, Plain]]]] = {
    "em500_swl": ({"level": 0.02}, [{"distance": 2}, {"level": 2}, {"water_level": 2}, {"depth": 2}]),
    "em500_smtc": ({"moisture": 57.5}, [{"humidity": 57.5}, {"moisture": 57.5}]),
    "ws301": ({"door_open": True}, [{"door": "open"}, {"magnet_status": "open"}, {"state": "open"}]),
    "em300_mcs": ({"door_open": False}, [{"magnet": 0}, {"magnet_status": "close"}]),
    "ws302": (
        {"average": 47.4, "peak": 61.8},
        [{"la": 57.5, "laeq": 47.4, "lamax": 61.8}, {"LAF": 57.5, "LAeq": 47.4, "LAFmax": 61.8}],
    ),
    "vs133": (
        {"entered": 72.0, "left": 200.0},
        [{"line_1.total_in": 72, "line_1.total_out": 200}, {"line_1_total_in": 72, "line_1_total_out": 200}],
    ),
    "em300_sld": ({"leak": True}, [{"water": "leak"}, {"water_leak": "leak"}, {"leakage_status": "leak"}]),
    "am319": (
        {"presence": True, "pm2_5": 32.0},
        [{"activity": "trigger", "pm2.5": 32}, {"pir": "trigger", "pm2_5": 32}],
    ),
}


@pytest.mark.hazard("other-name", "tts", "chirpstack")
@pytest.mark.parametrize("product", HAZARD_2)
def test_hazard_2_names_of_all_decoder_versions_mean_the_same(product: str) -> None:
    fields, versions = HAZARD_2[product]
    for version in versions:
        assert observe(f"milesight_{product}", version) == fields


@pytest.mark.hazard("other-unit", "tts", "chirpstack")
def test_hazard_3_the_same_bytes_are_the_same_index_whatever_decoders_make_of_them() -> None:
    frame = "077DE704087D070009733F27"
    assert read("milesight_am307", frame) == {"co2": 1255, "tvoc_index": 7, "pressure": 1004.7}
    assert read("milesight_am308", frame) == read("milesight_am307", frame) == read("milesight_am319", frame)
    assert observe("milesight_am307", {"tvoc": 7}, tvoc_points=1) == {"tvoc_index": 7.0}
    assert observe("milesight_am308", {"tvoc": 0.07}) == {"tvoc_index": 7.0}


@pytest.mark.hazard("other-unit", "tts", "chirpstack")
def test_hazard_3_micrograms_are_no_index() -> None:
    assert decode("milesight_am308", "08E6A803") == []
    (late,) = decode("milesight_am307", "21CE9E744663EE007C000102A80325006627")
    assert "tvoc_index" not in late.members
    assert late.members["pressure"] == 1008.6
    assert observe("milesight_am319", {"tvoc": 350}) == {}


@pytest.mark.parametrize("tvoc", [None, True, "37", float("nan"), float("inf")])
def test_a_tvoc_that_is_no_number_is_left_out(tvoc: Plain) -> None:
    assert observe("milesight_am308", {"tvoc": tvoc}) == {}


def test_documented_second_half_of_an_am308_is_read_on_its_own() -> None:
    assert read("milesight_am308", "077DE704087D070009733F270B7D20000C7D3000") == {
        "co2": 1255,
        "tvoc_index": 7,
        "pressure": 1004.7,
        "pm2_5": 32,
        "pm10": 48,
    }


@pytest.mark.parametrize(
    ("key", "frame"),
    [
        ("milesight_am307", "0367EE000B7D2000"),
        ("milesight_am307", "0367EE00069401020000"),
        ("milesight_am308", "0367EE000A7D0400"),
        ("milesight_am319", "0367EE000D7D0200"),
        ("milesight_am308", "20CE9E744663EE007C000102A80325006627"),
        ("milesight_em300_sld", "060001"),
        ("milesight_em300_mcs", "050001"),
    ],
)
def test_a_frame_of_a_sister_product_is_refused(key: str, frame: str) -> None:
    with pytest.raises(CodecError):
        decode(key, frame)


def test_the_membrane_leak_detector_has_no_climate() -> None:
    (late,) = decode("milesight_em300_mld", "20CE9E74466300000001")
    assert late.members == {"leakage_status": 1}


def test_the_seal_of_a_door_alone_says_nothing_of_the_door() -> None:
    assert read("milesight_ws301", "040001") == {"tamper_status": 1}


def test_a_history_record_of_a_contact_has_no_pulses() -> None:
    (late,) = decode("milesight_em300_di", "20CE9E74466310015D010100010000")
    assert late.members == {"temperature": 27.2, "humidity": 46.5}


def test_pulses_are_made_of_what_the_device_converted() -> None:
    members = read("milesight_em300_di", "86E16400A0000040394401")
    assert members == {"water_conv": 10.0, "pulse_conv": 16.0, "water": 741.0}
    assert observe("milesight_em300_di", members, kwh_per_pulse=1) == {"energy": 1185.6, "pulses": 1185.6}
    assert observe("milesight_em300_di", {**members, "water_conv": 0.0}, kwh_per_pulse=1) == {}


def test_sound_that_is_not_weighted_as_hearing_is_not_taken() -> None:
    assert read("milesight_ws302", "055B0A3F02DA016A02") == {"LCS": 57.5, "LCeq": 47.4, "LCSmax": 61.8}
    assert observe("milesight_ws302", {"LCS": 57.5, "LCeq": 47.4, "LCSmax": 61.8}) == {}
    assert observe("milesight_ws302", {"freq_weight": "C", "laeq": 47.4, "lamax": 61.8}) == {}


@pytest.mark.parametrize("weighting", ["03", "0D", "FF", "15"])
def test_a_weighting_without_a_meaning_is_refused(weighting: str) -> None:
    with pytest.raises(CodecError, match="weighting"):
        decode("milesight_ws302", f"055B{weighting}3F02DA016A02")


def test_people_are_only_summed_where_every_line_is_told() -> None:
    members = read("milesight_vs133", "03D24800000004D2C8000000")
    assert observe("milesight_vs133", members) == {"entered": 72.0, "left": 200.0}
    assert observe("milesight_vs133", members, lines=2) == {}


@pytest.mark.parametrize(
    ("distance", "fill"), [(200, 100.0), (150, 100.0), (700, 50.0), (1200, 0.0), (1290, 0.0), (1400, None)]
)
def test_a_bin_is_as_full_as_the_distances_say(distance: int, fill: float | None) -> None:
    seen = observe("milesight_em400_tld", {"distance": distance}, empty_distance=1.2, full_distance=0.2)
    assert seen.get("fill") == fill
    assert seen["distance"] == distance / 1000


def test_a_bin_without_depth_has_no_fill() -> None:
    assert observe("milesight_em400_tld", {"distance": 300}, empty_distance=0.2, full_distance=0.2) == {"distance": 0.3}


def test_a_fraction_of_a_centimetre_is_a_depth_in_metres_and_not_taken_as_centimetres() -> None:
    assert observe("milesight_em500_swl", {"depth": 1.25}) == {}
    assert observe("milesight_em500_swl", {"depth": 1.25}, depth_unit=100) == {"level": 1.25}


def test_three_probes_have_the_same_channels_three_apart() -> None:
    frame = "03670A00 04CA6400 057F0A00 06671400 07CAC800 087F1400 09671E00 0ACA2C01 0B7F1E00"
    members = read("milesight_em500_smtc3", frame)
    for probe, (temperature, moisture) in enumerate(((1.0, 10.0), (2.0, 20.0), (3.0, 30.0)), 1):
        fields = {"moisture": moisture, "temperature": temperature, "conductivity": probe * 100.0}
        assert observe("milesight_em500_smtc3", members, probe=probe) == fields


def test_no_two_models_of_a_type_have_the_same_hint() -> None:
    for one, other in itertools.combinations(MODELS.values(), 2):
        if one.device_type == other.device_type and {one.key, other.key} != {
            "milesight_em500_smtc",
            "milesight_em500_smtc3",
        }:
            assert not set(one.hints) & set(other.hints), (one.key, other.key)


def test_time_is_the_name_of_no_member() -> None:
    assert not any(TIME.name in decoded.members for key, body in FRAMES for decoded in decode(key, body.hex()))
