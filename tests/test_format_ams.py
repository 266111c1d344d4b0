"""AMS readers: messages recorded of them, and what goes wrong with such messages and with the meters behind."""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ingest.codec import CodecError
from ingest.codecs.ams import FORMAT
from ingest.event_time import format_time
from ingest.payloads.ams import Listed, Meters, Recent
from ingest.source import EventKind, Heard, Interpreter, Said
from schemas.reason import Reason
from tests.lorawan_payloads import change, open_source

TOPIC = "amsleser/rektor"
RECORDED_MS = 1_790_435_942_300

# Recorded 2026-09-26 of an Aidon 6525 in an IT net; what identifies the reader and the meter is replaced.
LIST_1 = b"""{"id":"58:CF:79:00:00:01","name":"iot-ams-home","up":686592,"t":1790435942,"vcc":3.265,"rssi":-63,
"temp":-127.00,"data":{"P":1007},"realtime":{"h":0.42,"d":26.0,"t":5,"x":4.19,"he":0.00,"de":0.0}}"""
LIST_2 = b"""{"id":"58:CF:79:00:00:01","name":"iot-ams-home","up":686591,"t":1790435940,"vcc":3.268,"rssi":-70,
"temp":-127.00,"data":{"lv":"AIDON_V0001","meterId":"7359990000000000","type":"6525","P":1028,"Q":0,"PO":0,"QO":1026,
"I1":4.80,"I2":0.00,"I3":-2.80,"U1":240.70,"U2":240.30,"U3":239.90},
"realtime":{"h":0.42,"d":26.0,"t":5,"x":4.19,"he":0.00,"de":0.0}}"""
# amsreader-firmware, issue 893, a meter abroad that tells its registers each minute; identifiers are replaced.
LIST_3 = b"""{"id":"70:04:1D:00:00:02","name":"ams-og","up":55,"t":1735407960,"vcc":0.000,"rssi":-81,"temp":-127.00,
"data":{"lv":"","meterId":"1KFM0200000000","type":"","P":59,"Q":0,"PO":0,"QO":0,"I1":0.10,"I2":0.16,"I3":0.13,
"U1":227.10,"U2":225.10,"U3":225.20,"tPI":1685.334,"tPO":0.000,"tQI":21.038,"tQO":1320.125,"rtc":1735407960},
"realtime":{"h":0.00,"d":0.2,"t":5,"x":1.29,"he":0.00,"de":0.0}}"""
HOURLY: dict[str, Any] = json.loads(LIST_2) | {"t": 1_790_438_410}
HOURLY["data"] |= {"tPI": 22721.38, "tPO": 0.0, "tQI": 582.43, "tQO": 1708.43, "rtc": 1_790_438_400}
"""A list 3 of 2026-09-26T16:00:10Z."""
REGISTERS = {"tPI": 22721.38, "tPO": 0.0, "tQI": 582.43, "tQO": 1708.43}
SYSTEM = {"id": "58:CF:79:00:00:01", "name": "ams", "up": 9, "vcc": 3.3, "rssi": -60, "temp": 31.5, "version": "2.5.3"}
PRICES = {"id": "58:CF:79:00:00:01", "prices": {"0": "0.5512", "min": 0.4, "cheapest1hr": "2026-09-26T13:00:00Z"}}
TEMPERATURES = {"temperatures": {"28FF641E8616036B": 21.5, "28FF641E8616036C": -127.0}}


def open_interpreter() -> Interpreter:
    """Return what has heard nothing yet."""
    return FORMAT.open(open_source(FORMAT, "ams"))


@pytest.fixture
def interpreter() -> Interpreter:
    return open_interpreter()


def hear(
    interpreter: Interpreter, payload: bytes | Mapping[str, Any], topic: str = TOPIC, received_ms: int | None = None
) -> Heard:
    """Return what a message says that is received when it says that it was sent, where nothing else is given."""
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    if received_ms is None:
        sent = re.search(rb'"t": ?([0-9]+)', encoded)
        received_ms = int(sent[1]) * 1000 + 300 if sent else RECORDED_MS
    return interpreter.read(topic, encoded, received_ms)


def refuse(interpreter: Interpreter, payload: bytes | Mapping[str, Any], topic: str = TOPIC) -> tuple[Reason, str]:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        hear(interpreter, payload, topic)
    return error.value.reason, error.value.detail


def flatten_form(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message in the flat form."""
    realtime = {f"rt_{name}": value for name, value in nested["realtime"].items()}
    flat = {name: value for name, value in nested.items() if name not in ("data", "realtime")}
    return {**flat, **nested["data"], **realtime}


def only(heard: Heard) -> Said:
    """Return the one thing that was said."""
    (said,) = heard.said
    return said


@pytest.mark.hazard("partial-update", "ams")
def test_a_recorded_list_1(interpreter: Interpreter) -> None:
    heard = hear(interpreter, LIST_1)
    assert not heard.events
    assert only(heard) == Said(
        "rektor",
        {
            "up": 686592,
            "vcc": 3.265,
            "rssi": -63,
            "temp": None,
            "P": 1007,
            "rt_h": 0.42,
            "rt_d": 26.0,
            "rt_t": 5,
            "rt_x": 4.19,
            "rt_he": 0.0,
            "rt_de": 0.0,
        },
        time_ms=1_790_435_942_000,
    )


def test_a_recorded_list_2(interpreter: Interpreter) -> None:
    said = only(hear(interpreter, LIST_2))
    assert (said.model, said.time_ms) == ("AIDON_V0001/6525", 1_790_435_940_000)
    powers = {"P": 1028, "Q": 0, "PO": 0, "QO": 1026}
    phases = {"I1": 4.8, "I2": None, "I3": -2.8, "U1": 240.7, "U2": 240.3, "U3": 239.9}
    assert said.members.items() >= (powers | phases).items()


def test_what_tells_whose_home_it_is_never_comes_out(interpreter: Interpreter) -> None:
    older = change(HOURLY, data__id="7359990000000000", data__meterId=...)
    for number, message in enumerate((json.loads(LIST_2), older, flatten_form(HOURLY), SYSTEM, PRICES)):
        told = repr(hear(interpreter, message, f"amsleser/{number}"))
        for secret in ("58:CF", "735999", "iot-ams", "'ams'"):
            assert secret not in told
    assert "58:CF" not in refuse(interpreter, {"id": "58:CF:79:00:00:01", "name": "ams"})[1]


@pytest.mark.hazard("other-name", "ams")
@pytest.mark.parametrize("message", [json.loads(LIST_1), json.loads(LIST_2), HOURLY])
def test_the_three_forms_say_the_same_of_the_same_device(message: dict[str, Any]) -> None:
    nested = hear(open_interpreter(), message)
    assert hear(open_interpreter(), flatten_form(message)) == nested
    for level in ("list1", "list2", "list3", "list4"):
        assert hear(open_interpreter(), message, f"{TOPIC}/{level}") == nested


def test_the_address_is_the_topic_of_the_reader() -> None:
    assert only(hear(open_interpreter(), LIST_1, "amsleser")).address == "amsleser"
    assert only(hear(open_interpreter(), LIST_1, "amsleser/list1")).address == "amsleser"
    assert only(hear(open_interpreter(), LIST_1, "amsleser/skoler/biri/list1")).address == "skoler/biri"
    assert only(hear(open_interpreter(), change(json.loads(LIST_1), id=...))).address == "rektor"
    for topic in ("amsleserx", "tibber/x", "", "amsleser/", "ams"):
        assert refuse(open_interpreter(), LIST_1, topic)[0] is Reason.UNRECOGNISED_PAYLOAD


def test_two_readers_on_one_topic_are_not_mixed(interpreter: Interpreter) -> None:
    second = change(json.loads(LIST_1), id="58:CF:79:00:00:02")
    hear(interpreter, LIST_1)
    reason, detail = refuse(interpreter, second)
    assert (reason, "two readers" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)
    assert only(hear(interpreter, LIST_1)).members["P"] == 1007
    later = second["t"] + 700  # the first one was replaced
    assert only(hear(interpreter, second | {"t": later})).members["P"] == 1007


def test_unknown_members_come_through(interpreter: Interpreter) -> None:
    newer = change(json.loads(LIST_1), data__x1=7, realtime__peaks=[1.5, 2.5], hw={"board": 3})
    members = only(hear(interpreter, newer)).members
    assert (members["x1"], members["rt_peaks.1"], members["hw.board"]) == (7, 2.5, 3)


@pytest.mark.hazard("sentinel", "ams")
def test_hazard_sentinel_127_degrees_below_zero_is_no_sensor(interpreter: Interpreter) -> None:
    assert only(hear(interpreter, LIST_1)).members["temp"] is None
    assert only(hear(interpreter, change(json.loads(LIST_1), temp=-12.5))).members["temp"] == -12.5
    (event,) = hear(interpreter, TEMPERATURES, f"{TOPIC}/temperatures").events
    assert list(event.members.values()) == [21.5, None]


@pytest.mark.hazard("type-drift", "ams")
def test_hazard_types_that_drift_come_as_they_are(interpreter: Interpreter) -> None:
    for value in (1007, 1007.0, "1007", None, True):
        assert only(hear(interpreter, change(json.loads(LIST_1), data__P=value))).members["P"] == value


@pytest.mark.hazard("time-missing", "ams")
@pytest.mark.hazard("time-form", "ams")
def test_hazard_clock_of_zero_is_no_time(interpreter: Interpreter) -> None:
    heard = hear(interpreter, HOURLY | {"t": 0}, received_ms=1_790_438_412_000)
    registers, rest = heard.said
    assert (rest.time_ms, format_time(registers.time_ms or 0)) == (None, "2026-09-26T16:00:00.000Z")
    assert only(hear(interpreter, change(json.loads(LIST_1), t=...))).time_ms is None
    wrongs: tuple[object, ...] = (-1, 2**32, "soon", True, [1], {})
    for wrong in wrongs:
        assert refuse(interpreter, change(json.loads(LIST_1), t=wrong))[0] is Reason.INVALID_TIME


@pytest.mark.hazard("clock-wrong", "ams")
@pytest.mark.parametrize("rtc", [0, -1, "soon", True, [1], None, ...])
def test_a_reading_does_not_hang_on_the_meters_own_clock(interpreter: Interpreter, rtc: object) -> None:
    heard = hear(interpreter, change(HOURLY, data__rtc=rtc))
    assert (heard.said[0].members, heard.said[0].time_ms, heard.events) == (REGISTERS, 1_790_438_400_000, ())


@pytest.mark.hazard("clock-wrong", "ams")
@pytest.mark.parametrize("hours", [-2, -1, 1, 2])
def test_hazard_clock_that_is_hours_off_is_told_once_and_not_believed(hours: int) -> None:
    interpreter = open_interpreter()
    message = HOURLY | {"t": HOURLY["t"] + hours * 3600}
    heard = hear(interpreter, message, received_ms=1_790_438_411_000)
    registers, rest = heard.said
    assert (rest.time_ms, format_time(registers.time_ms or 0)) == (None, "2026-09-26T16:00:00.000Z")
    (event,) = heard.events
    assert (event.kind, event.address, event.members["clock_off"]) == (EventKind.STATUS, "rektor", hours * 3600 - 1)
    again = hear(interpreter, message, received_ms=1_790_438_413_000)
    assert (again.events, only(again).time_ms) == ((), None)
    right = hear(interpreter, LIST_1)
    assert (right.events, only(right).time_ms) == ((), 1_790_435_942_000)


def test_a_clock_that_is_wrong_otherwise_is_for_the_platform_to_judge(interpreter: Interpreter) -> None:
    for off_s in (-86_400, -1800, 250, 1800, 86_400):
        heard = hear(interpreter, LIST_1, received_ms=1_790_435_942_000 - off_s * 1000)
        assert (only(heard).time_ms, heard.events) == (1_790_435_942_000, ())


def hear_phases(interpreter: Interpreter, **data: object) -> Mapping[str, Any]:
    """Return the currents and voltages that a list 2 says."""
    members = only(
        hear(interpreter, change(json.loads(LIST_2), **{f"data__{name}": one for name, one in data.items()}))
    )
    return {name: members.members.get(name) for name in ("I1", "I2", "I3", "U1", "U2", "U3")}


@pytest.mark.hazard("sentinel", "ams")
def test_hazard_three_wires_have_no_voltage_and_no_current_of_the_second_phase(interpreter: Interpreter) -> None:
    """No lost phase: an Aidon 6525 tells 0 A of it, a Kaifa MA304H3E 0 V; both in IT nets."""
    assert hear_phases(interpreter)["I2"] is None
    assert hear_phases(interpreter, I3=2.8)["I2"] is None
    assert hear_phases(interpreter, type="unheard of")["I2"] is None
    kaifa = {"type": "MA304H3E", "I1": 33.813, "I2": 28.103, "I3": 18.178, "U1": 216.8, "U2": 0.0, "U3": 218.8}
    assert hear_phases(open_interpreter(), **kaifa) == {
        name: kaifa[name] for name in ("I1", "I2", "I3", "U1", "U3")
    } | {"U2": None}


@pytest.mark.hazard("sentinel", "ams")
def test_hazard_one_phase_has_neither_of_the_others() -> None:
    told = {"type": "6515", "I1": 6.5, "I2": 0.0, "I3": 0.0, "U1": 232.9, "U2": 0.0, "U3": 0.0}
    found = hear_phases(open_interpreter(), **told)
    assert found == {"I1": 6.5, "I2": None, "I3": None, "U1": 232.9, "U2": None, "U3": None}


def test_a_phase_that_is_lost_is_told() -> None:
    lost = {"I1": 1.0, "I2": 0.0, "I3": 1.0, "U1": 231.0, "U2": 0.0, "U3": 230.0}
    interpreter = open_interpreter()
    hear_phases(interpreter, type="6541", I1=1.0, I2=1.0, I3=1.0)
    assert hear_phases(interpreter, type="6541", **lost) == lost
    assert hear_phases(open_interpreter(), type="6534", **lost) == lost
    assert hear_phases(open_interpreter(), type="6534", I1=1.0, I2=0.0, I3=0.0)["I2"] == 0


def test_what_is_no_reading_is_an_event(interpreter: Interpreter) -> None:
    def tell(payload: bytes | Mapping[str, Any], level: str = "") -> tuple[EventKind, str]:
        heard = hear(interpreter, payload, TOPIC + level)
        (event,) = heard.events
        assert not heard.said
        return event.kind, event.address

    assert tell(b"online", "/status") == (EventKind.ONLINE, "rektor")
    assert tell(b"offline", "/status") == (EventKind.OFFLINE, "rektor")
    assert tell(SYSTEM) == (EventKind.STATUS, "rektor")
    assert tell(PRICES) == tell(PRICES, "/prices") == tell({}, "/dayplot") == (EventKind.OTHER, "rektor")
    assert tell(TEMPERATURES) == tell({"event": "reboot"}, "/event") == (EventKind.STATUS, "rektor")


def test_what_is_not_recognised_says_why(interpreter: Interpreter) -> None:
    assert "neither online" in refuse(interpreter, b"away", f"{TOPIC}/status")[1]
    reason, detail = refuse(interpreter, {"i": 1, "e": 2})
    assert (reason, "there is e, i" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)
    assert refuse(interpreter, change(HOURLY, data=[1]))[0] is Reason.UNRECOGNISED_PAYLOAD
    assert refuse(interpreter, change(HOURLY, data__x={f"x{number}": 1 for number in range(1001)}))[1]
    expected = {b"": Reason.EMPTY_PAYLOAD, b"\xff": Reason.INVALID_UTF8, b"{": Reason.MALFORMED_JSON}
    expected |= {b"1007": Reason.NOT_AN_OBJECT, b'{"P":NaN}': Reason.MALFORMED_JSON}
    assert {payload: refuse(interpreter, payload)[0] for payload in expected} == expected


def test_what_is_refused_changes_nothing_that_is_remembered(interpreter: Interpreter) -> None:
    hear(interpreter, HOURLY)
    refuse(interpreter, change(HOURLY, id="58:CF:79:00:00:02", t=HOURLY["t"] + 60))
    refuse(interpreter, change(HOURLY, t="soon"))
    assert len(hear(interpreter, HOURLY).said) == 1


def test_only_so_many_meters_are_remembered_and_a_copy_goes_its_own_way() -> None:
    recent = Recent[int](most=3)
    for number in (1, 2, 3, 1, 4):
        recent.put(str(number), number)
    assert [recent.get(str(number)) for number in (1, 2, 3, 4)] == [1, None, 3, 4]
    meters = Meters()
    listed = Listed("m", REGISTERS, clock_ms=HOURLY["t"] * 1000)
    copied = copy.deepcopy(meters)
    meters.hear(listed, HOURLY["t"] * 1000)
    assert (len(meters.hear(listed, 0).said), len(copied.hear(listed, 0).said)) == (0, 1)


def test_it_subscribes_below_its_root_and_is_outside_the_promise_of_no_loss() -> None:
    assert FORMAT.list_filters(open_source(FORMAT, "ams")) == ("amsleser/#",)
    assert not FORMAT.is_lossless
