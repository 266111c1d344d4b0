"""Tasmota: the samples of its documentation, and what goes wrong with such messages."""

import contextlib
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, Observation
from ingest.codecs.tasmota import FORMAT
from ingest.event_time import format_time, parse_time
from ingest.local_time import LOCAL
from ingest.model import translate
from ingest.models import load_models
from ingest.payloads.wall_clock import read_wall_clock
from ingest.source import EventKind, Heard, Said
from schemas.reason import Reason
from tests.lorawan_payloads import RECEIVED_MS, Listener, open_source

# "BME280", "DS18x20" and "Teleinfo" of Tasmota's documentation.
BME280 = (
    b'{"Time":"2019-11-03T19:34:28","BME280":{"Temperature":21.7,"Humidity":66.6,"Pressure":988.6},'
    b'"PressureUnit":"hPa","TempUnit":"C"}'
)
DS18B20 = (
    b'{"Time":"2021-01-02T09:09:44","DS18B20-1":{"Id":"00000566CC39","Temperature":13.3},'
    b'"DS18B20-2":{"Id":"0000059352D4","Temperature":1.2},"TempUnit":"C"}'
)
ENERGY = (
    b'{"Time":"2021-10-26T17:28:45","ENERGY":{"TotalStartTime":"2021-10-25T15:22:04","Total":9098.245,'
    b'"Yesterday":6822.685,"Today":2275.560,"Period":9,"Power":170,"Current":1.000,"Load":6},'
    b'"ESP32":{"Temperature":36.1},"TempUnit":"C"}'
)
# "JSON Status Responses" of the same.
OLD_DS18B20 = b'{"StatusSNS":{"Time":"2018.02.01 21:29:40","DS18B20":{"Temperature":19.7},"TempUnit":"C"}}'
POW = (
    b'{"StatusSNS":{"Time":"2018.02.04 23:17:01","ENERGY":{"Total":3.185,"Yesterday":3.058,"Today":0.127,"Power":0,'
    b'"Factor":0.00,"Voltage":221,"Current":0.000}}}'
)
FAHRENHEIT = (
    b'{"StatusSNS":{"Time":"2018-02-07T20:16:19","DHT11":{"Temperature":78.8,"Humidity":27.0},'
    b'"SHT3X":{"Temperature":74.8,"Humidity":18.9},"TempUnit":"F"}}'
)
WITHOUT_UNIT = b'{"StatusSNS":{"Time":"2018-02-10T22:46:34","BMP280":{"Temperature":80.9,"Pressure":984.4}}}'
SONOFF_SC = (
    b'{"StatusSNS":{"Time":"2018-02-16T16:18:49","Temperature":25,"Humidity":83,"Light":10,"Noise":20,"AirQuality":100,'
    b'"TempUnit":"C"}}'
)
STATE = (
    b'{"Time":"2018.02.15 01:00:50","Uptime":"1 02:33:26","Vcc":3.504,"POWER":"OFF",'
    b'"Wifi":{"AP":1,"SSId":"XXX","RSSI":100,"APMac":"34:31:C4:XX:XX:XX"}}'
)
THREE_PHASES: dict[str, Any] = {
    "Time": "2026-01-15T13:00:00",
    "ENERGY": {"Total": 182.733, "Power": [303, 483, 0], "Voltage": [230.1, 229.8, 231.0], "Current": [1.32, 2.1, 0]},
}


@pytest.fixture
def listener() -> Listener:
    """Return what listens to the sensors of a device."""
    return Listener(FORMAT, "tasmota", "tele/plugg-1/SENSOR")


def hear(payload: bytes, topic: str = "tele/plugg-1/SENSOR", received_ms: int = RECEIVED_MS) -> Heard:
    """Return what a message says."""
    return FORMAT.open(open_source(FORMAT, "tasmota")).read(topic, payload, received_ms)


def read_time(told: object, received_ms: int = RECEIVED_MS) -> int | None:
    """Return the event time of a message that tells this one."""
    (said,) = hear(json.dumps({"Time": told, "AM2301": {"Temperature": 21}}).encode(), received_ms=received_ms).said
    return said.time_ms


def observe(key: str, said: Said, **parameters: float) -> Observation:
    """Return what a Model makes of a reading, unchecked."""
    model = load_models()[key]
    defaults = {name: one.default for name, one in model.parameters.items() if one.default is not None}
    (observation,) = translate(
        model, load_device_types()[model.device_type], said, {**defaults, **parameters}, RECEIVED_MS
    )
    return observation


def test_the_documented_bme280(listener: Listener) -> None:
    said = listener.said(BME280)
    assert said.address == "plugg-1"
    assert said.members == {"BME280.Temperature": 21.7, "BME280.Humidity": 66.6, "BME280.Pressure": 988.6}
    assert said.units == {"BME280.Temperature": "Cel", "BME280.Pressure": "hPa"}
    assert said.time_ms == parse_time("2019-11-03T18:34:28Z")


@pytest.mark.hazard("other-name", "tasmota")
def test_sensors_of_one_kind_are_named_by_number_and_by_id(listener: Listener) -> None:
    said = listener.said(DS18B20)
    assert said.members == {
        "DS18B20-1.Id": "00000566CC39",
        "DS18B20-1.Temperature": 13.3,
        "DS18B20-2.Id": "0000059352D4",
        "DS18B20-2.Temperature": 1.2,
        "DS18B20.00000566CC39.Temperature": 13.3,
        "DS18B20.0000059352D4.Temperature": 1.2,
    }
    assert set(said.units.values()) == {"Cel"}
    assert len(said.units) == 4


def test_the_number_of_a_sensor_may_stand_behind_an_underscore(listener: Listener) -> None:
    said = listener.said(DS18B20.replace(b'"DS18B20-', b'"DS18B20_'))
    assert said.members["DS18B20.00000566CC39.Temperature"] == said.members["DS18B20_1.Temperature"] == 13.3


def test_a_probe_that_failed_is_not_mistaken_for_another(listener: Listener) -> None:
    both = listener.said(DS18B20)
    one = listener.said(
        b'{"DS18B20":{"Id":"0000059352D4","Temperature":1.2},"SHT3X":{"Temperature":20},"TempUnit":"C"}'
    )
    first, second = 0x00000566CC39, 0x0000059352D4
    assert observe("tasmota_climate", both, probe=first).values == {"temperature": 13.3}
    assert observe("tasmota_climate", both, probe=second).values == {"temperature": 1.2}
    assert observe("tasmota_climate", both).values == {}
    assert observe("tasmota_climate", one, probe=second).values == {"temperature": 1.2}
    assert observe("tasmota_climate", one, probe=first).values == {}


def test_the_documented_energy_in_kilowatt_hours_and_watts(listener: Listener) -> None:
    said = listener.said(ENERGY)
    assert (said.members["ENERGY.Total"], said.members["ENERGY.Power"]) == (9098.245, 170)
    assert observe("tasmota_plug", said).values == {
        "power": 170,
        "energy": 9098.245,
        "current": 1.0,
        "temperature": 36.1,
    }


def test_phases_are_arrays(listener: Listener) -> None:
    said = listener.said(THREE_PHASES)
    assert (said.members["ENERGY.Current.0"], said.members["ENERGY.Current.1"]) == (1.32, 2.1)
    values = observe("tasmota_meter", said).values
    assert (values["power"], values["voltage_l2"], values["current_l3"]) == (786, 229.8, 0)


@pytest.mark.hazard("other-name", "tasmota")
@pytest.mark.parametrize("topic", ["stat/plugg-1/STATUS8", "stat/plugg-1/STATUS10"])
@pytest.mark.parametrize("payload", [OLD_DS18B20, POW, FAHRENHEIT, WITHOUT_UNIT, SONOFF_SC])
def test_an_answer_to_status_says_the_same(payload: bytes, topic: str) -> None:
    bare = json.dumps(json.loads(payload)["StatusSNS"]).encode()
    assert hear(payload, topic) == hear(bare)
    assert hear(payload, topic).said[0].members


def test_the_old_form_of_the_time() -> None:
    assert hear(OLD_DS18B20, "stat/plugg-1/STATUS10").said[0].time_ms == parse_time("2018-02-01T20:29:40Z")


@pytest.mark.hazard("other-unit", "tasmota")
def test_units_are_those_of_the_message(listener: Listener) -> None:
    fahrenheit = hear(FAHRENHEIT, "stat/x/STATUS8").said[0]
    assert fahrenheit.units == {"DHT11.Temperature": "[degF]", "SHT3X.Temperature": "[degF]"}
    assert observe("tasmota_climate", fahrenheit).values == {"temperature": 26.0, "humidity": 27.0}
    mercury = listener.said(b'{"BMP280":{"Temperature":28.520,"Pressure":753.3},"PressureUnit":"mmHg"}')
    assert observe("tasmota_climate", mercury).values == {"temperature": 28.52, "pressure": 1004.314626}
    inches = listener.said(b'{"BMP280":{"Temperature":28.520,"Pressure":29.92},"PressureUnit":"inHg"}')
    assert observe("tasmota_climate", inches).values == {"temperature": 28.52, "pressure": 1013.20453696}
    assert hear(SONOFF_SC, "stat/x/STATUS8").said[0].units == {"Temperature": "Cel"}
    assert hear(WITHOUT_UNIT, "stat/x/STATUS8").said[0].units == {}


@pytest.mark.hazard("other-unit", "tasmota")
def test_a_unit_that_is_not_known_is_refused_and_never_guessed(listener: Listener) -> None:
    said = listener.said(b'{"BMP280":{"Temperature":301,"Pressure":29},"PressureUnit":"inH2O","TempUnit":"X"}')
    observation = observe("tasmota_climate", said)
    assert observation.values == {}
    assert [one.reason for one in observation.refusals] == [Reason.WRONG_UNIT, Reason.WRONG_UNIT]
    assert listener.refusal(b'{"AM2301":{"Temperature":1},"TempUnit":1}')[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.hazard("sentinel", "tasmota")
def test_a_sensor_that_does_not_answer_has_none_and_a_sentinel_is_refused(listener: Listener) -> None:
    said = listener.said(b'{"AM2301":{"Temperature":null,"Humidity":null},"TempUnit":"C"}')
    assert set(said.members.values()) == {None}
    assert observe("tasmota_climate", said).values == {}


@pytest.mark.hazard("time-form", "tasmota")
@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-07-15T14:00:00", "2026-07-15T12:00:00Z"),
        ("2026-01-15T13:00:00", "2026-01-15T12:00:00Z"),
        ("2026-01-15T13:00:00.250", "2026-01-15T12:00:00.250Z"),
        ("2021-06-27T15:03:44+02:00", "2021-06-27T13:03:44Z"),
        ("2018.02.01 21:29:40", "2018-02-01T20:29:40Z"),
        (1_768_478_400, "2026-01-15T12:00:00Z"),
    ],
)
def test_times_with_and_without_an_offset(told: object, time: str) -> None:
    assert read_time(told) == parse_time(time)


@pytest.mark.hazard("time-form", "tasmota")
@pytest.mark.parametrize("received", ["2026-10-25T00:30:02Z", "2026-10-25T01:30:02Z"])
def test_of_the_hour_that_autumn_has_twice_the_nearer_is_meant(received: str) -> None:
    assert read_time("2026-10-25T02:30:00", parse_time(received)) == parse_time(received) - 2_000


@pytest.mark.parametrize("received", ["2026-03-29T00:30:02Z", "2026-03-29T01:30:02Z"])
def test_of_the_hour_that_spring_leaves_out_the_nearer_is_meant(received: str) -> None:
    assert read_time("2026-03-29T02:30:00", parse_time(received)) == parse_time(received) - 2_000


@given(second=st.integers(0, 366 * 86_400), delay_s=st.integers(0, 1_700))
def test_a_wall_clock_is_read_right_whenever_it_was_received_within_half_an_hour(second: int, delay_s: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    told = moment.astimezone(LOCAL).replace(tzinfo=None).isoformat()
    time_ms = parse_time(moment.isoformat())
    assert read_wall_clock(told, LOCAL, time_ms + delay_s * 1000) == time_ms


@pytest.mark.hazard("clock-wrong", "tasmota")
@pytest.mark.parametrize("told", ["1970-01-01T00:00:09", "1970-01-01T01:00:09", 0, "2015-12-31T23:59:59", None])
def test_a_clock_that_was_never_set_tells_no_time(told: object) -> None:
    assert read_time(told) is None


@pytest.mark.parametrize("told", ["", "26-01-15T12:00:00", "2026-13-01T00:00:00", "2026-01-01", True, -1, 1e20, [], {}])
def test_a_wrong_time_is_an_invalid_time(listener: Listener, told: object) -> None:
    assert listener.refusal({"Time": told, "AM2301": {"Temperature": 21}})[0] is Reason.INVALID_TIME


def test_epoch_seconds_beside_the_time_are_believed_first() -> None:
    (said,) = hear(b'{"Time":"2020-05-25T13:22:04","Epoch":1590405724,"AM2301":{"Temperature":21}}').said
    assert format_time(said.time_ms or 0) == "2020-05-25T11:22:04.000Z"
    assert said.members == {"AM2301.Temperature": 21}


@pytest.mark.hazard("partial-update", "tasmota")
def test_the_state_tells_of_the_device_and_its_relays_and_of_no_access_point() -> None:
    heard = hear(STATE, "tele/plugg-1/STATE")
    (event,), (said,) = heard.events, heard.said
    assert (event.kind, event.address) == (EventKind.STATUS, "plugg-1")
    assert event.members == {"Uptime": "1 02:33:26", "Vcc": 3.504, "Wifi.AP": 1, "Wifi.RSSI": 100}
    assert (said.members, said.time_ms) == ({"POWER": "OFF"}, parse_time("2018-02-15T00:00:50Z"))
    assert observe("tasmota_plug", said).values == {"on": False}
    assert not hear(b'{"Time":"2018-02-15T01:00:50","UptimeSec":612}', "tele/x/STATE").said
    assert hear(b'{"StatusSTS":' + STATE + b"}", "stat/plugg-1/STATUS11") == heard


@pytest.mark.hazard("time-missing", "tasmota")
@pytest.mark.hazard("word-as-truth", "tasmota")
def test_a_relay_is_told_at_once_and_without_a_time() -> None:
    (said,) = hear(b"ON", "stat/plugg-1/POWER1").said
    assert (said.members, said.time_ms) == ({"POWER1": "ON"}, None)
    (other,) = hear(b"AN", "stat/plugg-1/POWER").said
    assert [one.reason for one in observe("tasmota_plug", other).refusals] == [Reason.WRONG_TYPE]


@pytest.mark.hazard("retained", "tasmota")
def test_what_is_retained_tells_its_own_time_or_none() -> None:
    assert hear(BME280).said[0].time_ms == parse_time("2019-11-03T18:34:28Z")
    assert hear(b"ON", "stat/plugg-1/POWER").said[0].time_ms is None


@pytest.mark.hazard("type-drift", "tasmota")
@pytest.mark.hazard("number-as-text", "tasmota")
def test_types_drift_and_numbers_stay_numbers(listener: Listener) -> None:
    for power in (42, 42.0, "42"):
        assert observe("tasmota_plug", listener.said({"ENERGY": {"Power": power}})).values == {"power": 42.0}


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"Online", EventKind.ONLINE),
        (b"Offline", EventKind.OFFLINE),
        (b"online", EventKind.ONLINE),
        (b"", EventKind.OTHER),
    ],
)
def test_the_last_will(listener: Listener, payload: bytes, kind: EventKind) -> None:
    event = listener.event(payload, "tele/plugg-1/LWT")
    assert (event.kind, event.address) == (kind, "plugg-1")
    assert listener.refusal(b"asleep\xff", "tele/plugg-1/LWT")[0] is Reason.UNRECOGNISED_PAYLOAD


def test_a_device_describes_itself(listener: Listener) -> None:
    info = {"Info1": {"Module": "Sonoff Basic", "Version": "12.0.2(tasmota)"}}
    for payload in (info, info["Info1"]):
        event = listener.event(payload, "tele/plugg-1/INFO1")
        assert (event.kind, event.detail) == (EventKind.DESCRIBED, "Sonoff Basic 12.0.2(tasmota)")


@pytest.mark.parametrize("word", ["RESULT", "STATUS", "STATUS2", "INFO2", "INFO3", "UPTIME", "LOGGING"])
def test_what_is_no_reading_is_of_no_interest(listener: Listener, word: str) -> None:
    assert listener.event(b"{", f"stat/plugg-1/{word}").kind is EventKind.OTHER


@pytest.mark.parametrize("topic", ["tele/plugg-1/WHATEVER", "tele/plugg-1", "cmnd/x/POWER", "", "tele//SENSOR", "tele"])
def test_other_topics_are_none_of_ours(topic: str) -> None:
    interpreter = FORMAT.open(open_source(FORMAT, "tasmota"))
    with pytest.raises(CodecError) as error:
        interpreter.read(topic, BME280, 0)
    assert error.value.reason is Reason.UNRECOGNISED_PAYLOAD


def test_a_message_without_sensors_says_nothing() -> None:
    assert hear(b'{"Time":"2026-01-15T12:00:00"}') == Heard()


def test_full_topics_of_other_forms() -> None:
    source = open_source(FORMAT, "tasmota")
    assert list(FORMAT.list_filters(source)) == ["tele/+/+", "stat/+/+"]
    own = dataclasses.replace(source, root="bygg/tele")
    assert list(FORMAT.list_filters(own)) == ["bygg/tele/+/+"]
    turned = dataclasses.replace(source, patterns=("bygg/{address}/tele/{member}", "bygg/{address}/stat/POWER"))
    assert list(FORMAT.list_filters(turned)) == ["bygg/+/tele/+", "bygg/+/stat/POWER"]
    interpreter = FORMAT.open(turned)
    assert interpreter.read("bygg/plugg-1/tele/SENSOR", BME280, 0).said[0].address == "plugg-1"
    assert interpreter.read("bygg/plugg-1/stat/POWER", b"ON", 0).said[0].members == {"POWER": "ON"}
    with pytest.raises(CodecError):
        interpreter.read("tele/plugg-1/SENSOR", BME280, 0)
    assert not FORMAT.is_lossless


@pytest.mark.parametrize("depth", [9, 500, 100_000])
def test_deep_nesting_and_many_values_are_refused(listener: Listener, depth: int) -> None:
    deep = b'{"x":' * depth + b"1" + b"}" * depth
    assert listener.refusal(deep)[0] in (Reason.MALFORMED_JSON, Reason.UNRECOGNISED_PAYLOAD)
    for wrong in (b'{"Time":' + deep + b"}", b'{"StatusSNS":[' + deep + b"]}"):
        with contextlib.suppress(CodecError):
            listener.hear(wrong)
    assert listener.refusal({f"x{number}": number for number in range(1_001)})[0] is Reason.UNRECOGNISED_PAYLOAD
