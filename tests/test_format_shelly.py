"""Shelly of the second generation and later: samples of its documentation and of devices, and what goes wrong."""

import dataclasses
from typing import Any

import pytest

from devices import load_device_types
from ingest.codec import CodecError, Observation
from ingest.codecs.shelly import FORMAT, MOST_EVENTS
from ingest.event_time import parse_time
from ingest.model import translate
from ingest.models import load_models
from ingest.source import EventKind, Said
from schemas.reason import Reason
from tests.lorawan_payloads import RECEIVED_MS, Listener, open_source

DEVICE = "shellypro4pm-f008d1d8b8b8"
BASE = f"shelly/{DEVICE}"

# "Notifications" of Shelly's documentation.
BUTTON = (
    b'{"src":"shellypro4pm-f008d1d8b8b8","dst":"user_1","method":"NotifyStatus","params":{"ts":1631186545.04,'
    b'"switch:0":{"id":0,"output":true,"source":"button"}}}'
)
CLOUD = (
    b'{"src":"shellypro4pm-f008d1d8b8b8","dst":"user_1","method":"NotifyStatus","params":{"ts":1624348482.25,'
    b'"cloud":{"connected":false}}}'
)
# Recorded; the name of the network is left out.
FULL = (
    b'{"src":"shellyplus1-08b61fd141e8","dst":"shellyplus1-08b61fd141e8/events","method":"NotifyFullStatus","params":'
    b'{"ts":1736604018.38,"ble":{},"cloud":{"connected":true},"input:0":{"id":0,"state":false},"mqtt":{"connected":'
    b'true},"switch:0":{"id":0, "source":"SHC", "output":true,"temperature":{"tC":48.4, "tF":119.2}},"sys":{"mac":'
    b'"08B61FD141E8","restart_required":false,"time":"15:00","unixtime":1736604018,"uptime":658773,"ram_size":268520,'
    b'"ram_free":110248,"fs_size":393216,"fs_free":106496,"cfg_rev":13,"kvs_rev":0,"schedule_rev":1,"webhook_rev":0,'
    b'"available_updates":{"beta":{"version":"1.5.0-beta1"}},"reset_reason":3},"wifi":{"sta_ip":"192.168.1.76","status":'
    b'"got ip","ssid":"XXX","rssi":-58,"ap_client_count":0},"ws":{"connected":false}}}'
)
STARTED = (
    b'{"src":"shellyplus1pm-c049ef8cf4e0","dst":"ws","method":"NotifyFullStatus","params":{"ts":5.01,"switch:0":{"id":0,'
    b'"source":"init","output":false,"apower":0,"voltage":119.1,"current":0,"aenergy":{"total":0},"temperature":{"tC":'
    b'19.3,"tF":66.8}},"sys":{"mac":"C049EF8CF4E0","uptime":4},"ws":{"connected":true}}}'
)
CHANGED = (
    b'{"src":"shelly1minig3-54320464a1d0","dst":"shelly1minig3-54320464a1d0/events","method":"NotifyEvent","params":'
    b'{"ts":1736605194.11,"events":[{"component":"input:0","id":0,"event":"config_changed","restart_required":false,'
    b'"ts":1736605194.11,"cfg_rev":35}]}}'
)
DATA = (
    b'{"src":"shellypro3em-34987a446e54","dst":"shellypro3em-34987a446e54/events","method":"NotifyEvent","params":{"ts":'
    b'1738256760.23,"events":[{"component":"em1data:0","id":0,"event":"data","ts":1738256700.00,"data":{"ts": '
    b'1738256700,"period": 60,"values":[[0.0209,0.0000,0.0000,0.0000,1.6,1.0,19.0,17.3,235.502,234.857,235.167,0.081,'
    b"0.073,0.079 ]]}}]}}"
)
# Fixtures of aioshelly, recorded.
EM = (
    b'{"a_act_power":375.5,"a_aprt_power":547.4,"a_current":2.392,"a_freq":50.0,"a_pf":0.76,"a_voltage":229.0,'
    b'"b_act_power":170.8,"b_aprt_power":237.2,"b_current":1.037,"b_freq":50.0,"b_pf":0.78,"b_voltage":229.0,'
    b'"c_act_power":12.7,"c_aprt_power":97.8,"c_current":0.428,"c_freq":50.0,"c_pf":0.53,"c_voltage":229.2,"id":0,'
    b'"n_current":null,"total_act_power":558.965,"total_aprt_power":882.413,"total_current":3.856,'
    b'"user_calibrated_phase":[]}'
)
EMDATA = (
    b'{"a_total_act_energy":2034616.71,"a_total_act_ret_energy":0.0,"id":0,"total_act":2589773.39,'
    b'"total_act_ret":1026.61}'
)
SWITCH = (
    b'{"aenergy":{"by_minute":[0.0,0.0,0.0],"minute_ts":1707326934,"total":110.046},"apower":0.0,"current":0.0,"id":0,'
    b'"output":false,"source":"WS_in","temperature":{"tC":30.3,"tF":86.6},"voltage":232.8}'
)
WOKEN = (
    b'{"src":"shellyhtg3-84fce63ad204","dst":"ht-suite/events","method":"NotifyFullStatus","ts":1735694700.0,"params":'
    b'{"ts":1735694700.0,"humidity:0":{"id":0,"rh":58.9},"temperature:0":{"id":0,"tC":19.9,"tF":67.82}}}'
)


@pytest.fixture
def listener() -> Listener:
    """Return what listens to the notifications of a device."""
    return Listener(FORMAT, "shelly", f"{BASE}/events/rpc")


def read_status(listener: Listener, component: str, payload: bytes) -> Said:
    """Return the one reading of a component's status."""
    (said,) = listener.hear(payload, f"{BASE}/status/{component}").said
    return said


def notify(**params: object) -> dict[str, Any]:
    """Return a notification of what changed."""
    return {"src": DEVICE, "dst": f"{DEVICE}/events", "method": "NotifyStatus", "params": params}


def observe(key: str, said: Said) -> Observation:
    """Return what a Model makes of a reading, unchecked."""
    model = load_models()[key]
    (observation,) = translate(model, load_device_types()[model.device_type], said, {}, RECEIVED_MS)
    return observation


def test_the_documented_notification(listener: Listener) -> None:
    said = listener.said(BUTTON)
    assert (said.address, said.model) == (DEVICE, "shellypro4pm")
    assert said.members == {"switch:0.output": True, "switch:0.source": "button"}
    assert said.time_ms == parse_time("2021-09-09T11:22:25.040Z")


@pytest.mark.hazard("partial-update", "shelly")
def test_a_partial_update_tells_what_changed_and_nothing_else(listener: Listener) -> None:
    assert observe("shelly_plug", listener.said(BUTTON)).values == {"on": True}
    power = listener.said(notify(**{"ts": 1631186550.5, "switch:0": {"id": 0, "apower": 8.9}}))
    assert observe("shelly_plug", power).values == {"power": 8.9}


@pytest.mark.hazard("partial-update", "shelly")
@pytest.mark.hazard("sentinel", "shelly")
def test_what_vanished_is_null_and_never_zero(listener: Listener) -> None:
    changed = notify(**{"ts": 1631186550.5, "switch:0": {"id": 0, "apower": 8.9, "temperature": {"tC": None}}})
    said = listener.said(changed)
    assert said.members == {"switch:0.apower": 8.9, "switch:0.temperature.tC": None}
    assert observe("shelly_plug", said).values == {"power": 8.9}
    gone = listener.hear(notify(**{"ts": 1631186550.5, "switch:0": {"id": 0, "errors": None}, "input:0": None}))
    assert not gone.said


def test_a_full_status_tells_measurements_and_the_device_apart(listener: Listener) -> None:
    heard = listener.hear(FULL)
    (said,), (event,) = heard.said, heard.events
    assert said.members == {
        "input:0.state": False,
        "switch:0.source": "SHC",
        "switch:0.output": True,
        "switch:0.temperature.tC": 48.4,
        "switch:0.temperature.tF": 119.2,
    }
    assert observe("shelly_plug", said).values == {"on": True, "temperature": 48.4}
    assert (event.kind, event.members["wifi.rssi"], event.members["sys.uptime"]) == (EventKind.STATUS, -58, 658773)
    assert not any(isinstance(value, str) for value in event.members.values())


def test_the_device_alone_is_no_reading(listener: Listener) -> None:
    event = listener.event(CLOUD)
    assert (event.kind, event.address, event.members) == (EventKind.STATUS, DEVICE, {"cloud.connected": False})
    assert listener.event(b'{"ssid":null}', f"{BASE}/status/wifi").kind is EventKind.OTHER
    script = listener.event(b'{"id":1,"running":true,"mem_used":1024}', f"{BASE}/status/script:1")
    assert (script.kind, script.members["script:1.mem_used"]) == (EventKind.STATUS, 1024)


def test_a_sleeping_device_tells_everything_when_it_wakes(listener: Listener) -> None:
    said = listener.said(WOKEN)
    assert observe("shelly_ht", said).values == {"temperature": 19.9, "humidity": 58.9}
    assert (said.model, said.time_ms) == ("shellyhtg3", 1_735_694_700_000)


def test_powers_and_registers_come_apart(listener: Listener) -> None:
    powers = read_status(listener, "em:0", EM)
    assert powers.members["em:0.n_current"] is None
    values = observe("shelly_pro_3em", powers).values
    assert (values["power"], values["power_l2"], values["voltage_l3"]) == (558.965, 170.8, 229.2)
    assert "energy" not in values
    registers = read_status(listener, "emdata:0", EMDATA)
    assert observe("shelly_pro_3em", registers).values == {"energy": 2589.77339, "energy_export": 1.02661}


@pytest.mark.hazard("other-unit", "shelly")
def test_registers_are_in_watt_hours_and_those_of_a_minute_in_milliwatt_hours(listener: Listener) -> None:
    said = read_status(listener, "switch:0", SWITCH)
    assert observe("shelly_plug", said).values == {
        "power": 0.0,
        "energy": 0.110046,
        "voltage": 232.8,
        "current": 0.0,
        "on": False,
        "temperature": 30.3,
    }
    assert said.members["switch:0.aenergy.by_minute.0"] == 0.0
    assert not any("by_minute" in name for name in load_models()["shelly_plug"].takes)


@pytest.mark.hazard("time-missing", "shelly")
def test_a_status_of_a_component_has_no_time(listener: Listener) -> None:
    assert read_status(listener, "switch:0", SWITCH).time_ms is None


@pytest.mark.hazard("clock-wrong", "shelly")
def test_a_clock_that_was_never_set_tells_no_time(listener: Listener) -> None:
    heard = listener.hear(STARTED)
    assert (heard.said[0].time_ms, heard.said[0].members["switch:0.apower"]) == (None, 0)
    assert listener.said(notify(**{"switch:0": {"output": True}})).time_ms is None
    assert listener.said(notify(**{"ts": None, "switch:0": {"output": True}})).time_ms is None


@pytest.mark.hazard("time-form", "shelly")
@pytest.mark.parametrize("told", ["1631186545", True, -1, 1e300, [], {}])
def test_a_wrong_time_is_an_invalid_time(listener: Listener, told: object) -> None:
    assert listener.refusal(notify(**{"ts": told, "switch:0": {"output": True}}))[0] is Reason.INVALID_TIME


@pytest.mark.hazard("type-drift", "shelly")
def test_types_drift_and_numbers_stay_numbers(listener: Listener) -> None:
    for power in (9, 9.0):
        said = listener.said(notify(**{"switch:0": {"apower": power}}))
        assert observe("shelly_plug", said).values == {"power": 9.0}


def test_what_happened_is_an_event(listener: Listener) -> None:
    changed, data = listener.event(CHANGED), listener.event(DATA)
    assert (changed.kind, changed.address, changed.detail) == (EventKind.STATUS, DEVICE, "input:0 config_changed")
    assert (data.kind, data.detail) == (EventKind.OTHER, "em1data:0 data")
    many = {"method": "NotifyEvent", "params": {"events": [{"component": "input:0", "event": "x"}] * (MOST_EVENTS + 1)}}
    assert listener.refusal(many)[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize(
    ("payload", "kind"),
    [(b"true", EventKind.ONLINE), (b"false", EventKind.OFFLINE), (b"", EventKind.OTHER)],
)
def test_whether_it_is_there(listener: Listener, payload: bytes, kind: EventKind) -> None:
    event = listener.event(payload, f"{BASE}/online")
    assert (event.kind, event.address) == (kind, DEVICE)
    assert listener.refusal(b"yes", f"{BASE}/online")[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id":11,"src":"x","method":"Switch.Set","params":{"id":0,"on":true}}',
        b'{"id":11,"src":"x","result":{"was_on":true}}',
        b'{"method":"NotifyStatus"}',
        b'{"method":"NotifyStatus","params":[]}',
        b'{"method":1,"params":{}}',
        b'{"method":"NotifyEvent","params":{"events":[1]}}',
        b"{}",
    ],
)
def test_another_frame_is_refused(listener: Listener, payload: bytes) -> None:
    assert listener.refusal(payload)[0] is Reason.UNRECOGNISED_PAYLOAD


def test_prefixes_of_other_forms() -> None:
    source = open_source(FORMAT, "shelly")
    assert list(FORMAT.list_filters(source)) == ["shelly/+/events/rpc", "shelly/+/online", "shelly/+/status/+"]
    bare = dataclasses.replace(source, patterns=("{address}", "bygg/{address}/strom"))
    filters = list(FORMAT.list_filters(bare))
    assert (filters[0], filters[-1]) == ("+/events/rpc", "bygg/+/strom/status/+")
    interpreter = FORMAT.open(bare)
    assert interpreter.read(f"{DEVICE}/events/rpc", BUTTON, 0).said[0].address == DEVICE
    assert interpreter.read("bygg/tavle/strom/status/em:0", EM, 0).said[0].address == "tavle"
    assert not FORMAT.list_filters(dataclasses.replace(source, patterns=("{address}/{member}",)))
    assert FORMAT.is_lossless


@pytest.mark.parametrize(
    "topic",
    [
        "shelly",
        BASE,
        f"{BASE}/rpc",
        f"{BASE}/status",
        f"{BASE}/status/a/b",
        f"{DEVICE}/events/rpc",
        "",
        "shelly//online",
    ],
)
def test_other_topics_are_none_of_ours(topic: str) -> None:
    with pytest.raises(CodecError) as error:
        FORMAT.open(open_source(FORMAT, "shelly")).read(topic, BUTTON, 0)
    assert error.value.reason is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("component", ["EM:0", "em:", "em:0x", "æ", "em 0"])
def test_a_component_that_cannot_be_one_is_refused(listener: Listener, component: str) -> None:
    assert listener.refusal(EM, f"{BASE}/status/{component}")[0] is Reason.UNRECOGNISED_PAYLOAD
    assert listener.event(b"", f"{BASE}/status/em:0").kind is EventKind.OTHER


@pytest.mark.parametrize("depth", [9, 500, 100_000])
def test_deep_nesting_and_many_values_are_refused(listener: Listener, depth: int) -> None:
    deep = b'{"x":' * depth + b"1" + b"}" * depth
    reasons = (Reason.MALFORMED_JSON, Reason.UNRECOGNISED_PAYLOAD)
    assert listener.refusal(deep, f"{BASE}/status/em:0")[0] in reasons
    assert listener.refusal(b'{"method":"NotifyStatus","params":{"em:0":' + deep + b"}}")[0] in reasons
    many = {"em:0": {f"x{number}": number for number in range(1_001)}}
    assert listener.refusal(notify(**many))[0] is Reason.UNRECOGNISED_PAYLOAD


SAMPLES = [BUTTON, FULL, STARTED, CHANGED, DATA, WOKEN]
