"""Raw HAN: frames of Kaifa, Aidon and Kamstrup meters, and what goes wrong with such frames."""

import contextlib
import copy
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.codecs.han import FORMAT, MOST_OCTETS
from ingest.event_time import format_time, parse_time
from ingest.local_time import LOCAL
from ingest.model import translate
from ingest.models import load_models
from ingest.source import EventKind, Heard, Interpreter, Plain, Said
from schemas.reason import Reason
from tests.han_frames import (
    AIDON_LIST_1,
    AIDON_LIST_2,
    EVERY,
    KAIFA_HEAD,
    KAIFA_LIST_1,
    KAIFA_LIST_2,
    KAMSTRUP_LIST_2,
    KAMSTRUP_ONE_PHASE,
    KAMSTRUP_PHASES,
    aidon_list_3,
    frame,
    kaifa_list_3,
    kamstrup,
)
from tests.lorawan_payloads import open_source

TOPIC = "han/rektor"
RECEIVED_MS = parse_time("2026-01-15T13:00:10.400+01:00")
HOUR = "2026-01-15T12:00:00.000Z"
EACH = pytest.mark.parametrize("payload", EVERY.values(), ids=EVERY.keys())


def open_interpreter() -> Interpreter:
    """Return what has heard nothing yet."""
    return FORMAT.open(open_source(FORMAT, "han"))


def hear(payload: bytes, received_ms: int = RECEIVED_MS, interpreter: Interpreter | None = None) -> Heard:
    """Return what a message says."""
    return (interpreter or open_interpreter()).read(TOPIC, payload, received_ms)


def only(heard: Heard) -> Said:
    """Return the one thing that was said."""
    (said,) = heard.said
    return said


def refuse(payload: bytes, topic: str = TOPIC) -> tuple[Reason, str]:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        open_interpreter().read(topic, payload, RECEIVED_MS)
    return error.value.reason, error.value.detail


@pytest.mark.hazard("partial-update", "han")
def test_lists_1_say_the_power_as_they_were_sent() -> None:
    assert only(hear(KAIFA_LIST_1)) == Said("rektor", {"P": 3059.0}, {"P": "W"})
    assert only(hear(AIDON_LIST_1)) == Said("rektor", {"P": 2390.0}, {"P": "W"})


@pytest.mark.hazard("other-name", "han")
def test_a_kaifa_list_3() -> None:
    registers, rest = hear(kaifa_list_3()).said
    assert (registers.members, registers.units["tPI"], registers.units["tQI"]) == (
        {"tPI": 20_200_285.0, "tPO": 0.0, "tQI": 2358.0, "tQO": 3_963_544.0},
        "W.h",
        "var.h",
    )
    powers = {"P": 2457.0, "PO": 0.0, "Q": 0.0, "QO": 359.0}
    assert rest.members == powers | {"I1": 0.959, "I2": 1.285, "I3": 9.268, "U1": 237.3, "U2": 238.3, "U3": 236.3}
    assert registers.model == rest.model == "KFM_001/MA304H4"


@pytest.mark.hazard("other-name", "han")
@pytest.mark.hazard("negative-twice", "han")
def test_an_aidon_list_2_and_3() -> None:
    powers = {"P": 280.0, "PO": 0.0, "Q": 0.0, "QO": 128.0}
    said = only(hear(AIDON_LIST_2))
    assert said.members == powers | {"I1": 1.3, "I3": 0.9, "U1": 227.4, "U2": 230.1, "U3": 230.8}
    assert said.model == "AIDON_V0001/6525"
    registers, rest = hear(aidon_list_3()).said
    assert registers.members == {"tPI": 22_721_380.0, "tPO": 0.0, "tQI": 582_430.0, "tQO": 1_708_430.0}
    assert rest.members == powers | {"I1": 1.3, "I3": 0.9, "U1": 227.6, "U2": 230.3, "U3": 230.9}


def test_a_kamstrup_list_of_three_phases_and_one_of_one() -> None:
    said = only(hear(KAMSTRUP_LIST_2))
    powers = {"P": 1510.0, "PO": 0.0, "Q": 0.0, "QO": 402.0}
    assert said.members == powers | {"I1": 1.61, "I2": 1.93, "I3": 3.98, "U1": 235.0, "U2": 236.0, "U3": 236.0}
    assert said.model == "Kamstrup_V0001/6841131BN243101040"
    registers, rest = hear(KAMSTRUP_ONE_PHASE).said
    assert registers.members == {"tPI": 12_327_870.0, "tPO": 0.0, "tQI": 360_460.0, "tQO": 3_863_080.0}
    assert rest.members == {"P": 619.0, "PO": 0.0, "Q": 84.0, "QO": 0.0, "I1": 2.93, "U1": 225.0}


@pytest.mark.hazard("other-unit", "han")
@pytest.mark.parametrize(("payload", "energy"), [(kaifa_list_3(), 20_200.285), (aidon_list_3(), 22_721.38)])
def test_registers_become_kilowatt_hours(payload: bytes, energy: float) -> None:
    model = load_models()["ams_reader"]
    device_type = load_device_types()[model.device_type]
    said = hear(payload).said[0]
    (observation,) = translate(model, device_type, said, {"transformer_ratio": 1.0}, RECEIVED_MS)
    assert (observation.values["energy"], observation.refusals) == (energy, ())


@pytest.mark.hazard("other-unit", "han")
def test_kamstrup_behind_transformers_tells_milliamperes() -> None:
    said = only(hear(kamstrup(KAMSTRUP_PHASES, "6851131BN243101040")))
    assert [said.members[name] for name in ("P", "I1", "I2", "I3", "U1")] == [1510.0, 0.161, 0.193, 0.398, 235.0]


@pytest.mark.hazard("sentinel", "han")
def test_hazard_three_wires_have_no_voltage_of_the_second_phase() -> None:
    members = only(hear(KAIFA_LIST_2)).members
    assert members.items() >= {"P": 1036.0, "I2": 3.23, "U1": 239.9, "U2": None, "U3": 240.6}.items()


@EACH
def test_numbers_of_meters_never_come_out(payload: bytes) -> None:
    assert "0" * 16 not in repr(hear(payload))


@EACH
def test_hexadecimal_digits_say_the_same(payload: bytes) -> None:
    told = hear(payload)
    assert hear(payload.hex().encode()) == hear(payload.hex(" ").upper().encode() + b"\r\n") == told
    assert refuse(payload.hex().encode()[:-1])[0] is Reason.MALFORMED_PAYLOAD


@EACH
def test_a_frame_with_any_bit_flipped_says_nothing(payload: bytes) -> None:
    for place in range(1, 8 * (len(payload) - 1)):
        flipped = bytearray(payload)
        flipped[place // 8] ^= 1 << place % 8
        reason, _ = refuse(bytes(flipped))
        assert reason is Reason.BROKEN_FRAME


@EACH
def test_a_frame_that_was_cut_says_nothing(payload: bytes) -> None:
    for end in range(1, len(payload) - 1):
        assert refuse(payload[:end])[0] is Reason.BROKEN_FRAME
    assert hear(payload[:-1]) == hear(payload)  # but for the flag behind it, which the next frame may share


def test_a_broken_frame_is_not_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refuse(AIDON_LIST_2[:-3] + b"\x00\x00\x7e")
    assert not caplog.records


def test_of_several_frames_the_newest_values_count() -> None:
    older, newer = frame(KAIFA_LIST_1[9:-7] + b"\x00\x00\x00\x01"), KAIFA_LIST_1
    batch = bytes.fromhex("08DCD902") + older + KAIFA_LIST_2 + b"\x08\xdc" + newer
    said = only(hear(batch))
    assert (said.members["P"], said.members["U1"]) == (3059.0, 239.9)
    shared = older[:-1] + newer
    assert only(hear(shared)).members == {"P": 3059.0}
    broken = older + newer[:-4] + b"\x00\x00\x00\x7e"
    assert only(hear(broken)).members == {"P": 1.0}
    assert refuse(older * 17)[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.hazard("time-missing", "han")
def test_there_is_no_time_but_that_of_the_receipt_and_the_hour() -> None:
    for payload in EVERY.values():
        *registers, rest = hear(payload).said
        assert rest.time_ms is None
        assert [format_time(one.time_ms or 0) for one in registers] == [HOUR] * len(registers)


@pytest.mark.hazard("clock-wrong", "han")
@pytest.mark.parametrize("zone_off", [-2, -1, 0, 1])
def test_hazard_meter_clock_an_hour_off_changes_nothing(zone_off: int) -> None:
    told = datetime(2026, 1, 15, 13 + zone_off, 0, 10, tzinfo=UTC)
    heard = hear(kaifa_list_3(encode_clock(told)))
    assert (format_time(heard.said[0].time_ms or 0), heard.events) == (HOUR, [])


def encode_clock(told: datetime, deviation: int = -0x8000) -> str:
    """Return a date and time as COSEM has it, in hexadecimal digits."""
    stamp = (told.month, told.day, told.isoweekday(), told.hour, told.minute, told.second, 0xFF)
    return (told.year.to_bytes(2, "big") + bytes(stamp) + deviation.to_bytes(2, "big", signed=True) + b"\0").hex()


def test_a_meter_clock_that_is_wrong_is_told_once_and_names_its_zone_where_it_has_one() -> None:
    interpreter = open_interpreter()
    events = []
    for number, off in enumerate((0, 900, 900, 0)):
        told = datetime(2026, 1, 15, 13 + number, 0, 10, tzinfo=UTC) + timedelta(seconds=off)
        heard = hear(
            kaifa_list_3(encode_clock(told), f"06 {number:08X}"), RECEIVED_MS + 3_600_000 * number, interpreter
        )
        events.append([(one.kind, one.members["clock_off"]) for one in heard.events])
    assert events == [[], [(EventKind.STATUS, 899.6)], [], []]
    utc = datetime(2026, 1, 15, 9, 0, 10, tzinfo=UTC)
    assert not hear(kaifa_list_3(encode_clock(utc, deviation=180))).events  # three hours west of Greenwich


@pytest.mark.hazard("duplicate", "han")
def test_hazard_a_repetition_of_the_hour_before_is_not_said_of_this_hour() -> None:
    """The clocks and registers of amsreader-firmware's issue 1119, an Aidon: 17:00 is told at 18:00 once more."""
    interpreter = open_interpreter()
    found: dict[str, Plain] = {}
    for hour, clock, energy in ((16, 16, 0xA729D9), (17, 17, 0xA72A8A), (18, 17, 0xA72A8A), (19, 19, 0xA72DAF)):
        payload = aidon_list_3(encode_clock(datetime(2025, 12, 14, clock, tzinfo=UTC), 0), energy)
        *registers, rest = hear(payload, parse_time(f"2025-12-14T{hour}:00:11.9+01:00"), interpreter).said
        assert (rest.members["P"], rest.time_ms) == (280.0, None)
        found |= {format_time(one.time_ms or 0)[11:16]: one.members["tPI"] for one in registers}
    assert found == {"15:00": 109_552_250.0, "16:00": 109_554_020.0, "18:00": 109_562_070.0}


@pytest.mark.hazard("time-form", "han")
@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-12-31", 24)])
@pytest.mark.parametrize("is_standard", [True, False], ids=["standard time", "local time"])
def test_each_hour_of_a_day_has_its_own_registers(day: str, count: int, *, is_standard: bool) -> None:
    interpreter = open_interpreter()
    begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=LOCAL).astimezone(UTC)
    found = []
    for number in range(count + 1):
        hour = begin + timedelta(hours=number)
        clock = hour + timedelta(hours=1) if is_standard else hour.astimezone(LOCAL)
        heard = hear(aidon_list_3(encode_clock(clock), number), round(hour.timestamp() * 1000) + 8_000, interpreter)
        assert not heard.events
        found.append((heard.said[0].time_ms, heard.said[0].members["tPI"]))
    assert found == [(round((begin.timestamp() + 3600 * n) * 1000), 10.0 * n) for n in range(count + 1)]


def test_what_no_meter_of_the_three_tells_is_a_broken_frame() -> None:
    bodies = {
        f"{KAIFA_HEAD} 0201 0902 4142": "no number",
        f"{KAIFA_HEAD} 0202 06 00000001 06 00000002": "none of Kaifa",
        "E6E7000F40000000 00 0100": "no measurement",
        "E6E700DB08 4B414D45000000001E3000000001" + "00" * 20: "encrypted",
        f"{KAIFA_HEAD} 0201 05 00000001": "none of Kaifa",
    }
    for body, why in bodies.items():
        reason, detail = refuse(frame(body))
        assert (reason, why in detail) == (Reason.BROKEN_FRAME, True), (body, detail)


def test_parts_of_lists_and_lists_without_a_frame_are_refused() -> None:
    part = frame(KAIFA_LIST_1[9:-3], form=0xA800)
    assert "a part of a list" in refuse(part)[1]
    assert "an address" in refuse(frame("E6E7000F" + "00" * 9, addresses="0202020202 01"))[1]
    assert refuse(b"02190A0E4B616D73747275705F5630303031")[0] is Reason.BROKEN_FRAME
    assert refuse(b"")[0] is Reason.EMPTY_PAYLOAD
    assert refuse(bytes(2 * MOST_OCTETS + 1))[0] is Reason.UNRECOGNISED_PAYLOAD


def test_readers_tell_whether_they_are_there() -> None:
    heard = [open_interpreter().read(f"{TOPIC}/status", state, 0).events[0] for state in (b"online", b"offline")]
    assert [(one.kind, one.address) for one in heard] == [(EventKind.ONLINE, "rektor"), (EventKind.OFFLINE, "rektor")]
    (own,) = hear(b'{"status":{"rssi":-67,"ssid":"hjemme"}}').events
    assert (own.kind, own.members) == (EventKind.STATUS, {})
    assert "the format ams" in refuse(b'{"data":{"P":1007}}')[1]
    assert "neither online" in refuse(KAIFA_LIST_1, f"{TOPIC}/status")[1]
    assert only(open_interpreter().read("han", KAIFA_LIST_1, 0)).address == "han"
    assert refuse(KAIFA_LIST_1, "ham/rektor")[0] is Reason.UNRECOGNISED_PAYLOAD
    assert FORMAT.list_filters(open_source(FORMAT, "han")) == ("han/#",)
    assert not FORMAT.is_lossless


def test_a_copy_goes_its_own_way() -> None:
    interpreter = open_interpreter()
    copied = copy.deepcopy(interpreter)
    assert [len(hear(kaifa_list_3(), RECEIVED_MS, one).said) for one in (interpreter, interpreter, copied)] == [2, 1, 2]


def test_hostile_lengths_take_no_time() -> None:
    notification = bytes.fromhex("E6E7000F4000000000")
    bodies = [
        bytes.fromhex(head) + one * 400 for head in ("0223", "01FF") for one in (b"\x0f\x01", b"\x0a\x00", b"\0\0")
    ]
    payloads = [b"\x7e" * MOST_OCTETS, b"\x7e\xa3\xff" * 2_000, (b"\x7e\xa3\xfe" + bytes(1_022)) * 8]
    payloads += [frame(notification + b"\x02\x23\x0a\x08Kamstrup" + one) * 8 for one in bodies]
    payloads += [frame(notification + one) * 8 for one in bodies]
    for payload in payloads:
        begin = time.process_time()
        with contextlib.suppress(CodecError):
            hear(payload)
        assert time.process_time() - begin < 1.0


@given(body=st.binary(max_size=80), head=st.sampled_from(["0201", "0212", "0219", "0101", "0223"]))
def test_any_list_in_a_whole_frame_is_understood_or_refused(body: bytes, head: str) -> None:
    for begin in (b"", b"\x0a\x0eKamstrup_V0001"):
        with contextlib.suppress(CodecError):
            hear(frame(bytes.fromhex(KAIFA_HEAD + head) + begin + body))


@given(data=st.data(), payload=st.sampled_from(list(EVERY.values())))
def test_a_list_that_was_changed_is_understood_or_refused(data: st.DataObject, payload: bytes) -> None:
    information = bytearray(payload[payload.index(b"\xe6\xe7\x00\x0f") : -3])
    for at in data.draw(st.lists(st.integers(4, len(information) - 1), max_size=4)):
        information[at] = data.draw(st.integers(0, 255))
    del information[data.draw(st.integers(4, len(information)) | st.just(len(information))) :]
    with contextlib.suppress(CodecError):
        hear(frame(bytes(information)))
