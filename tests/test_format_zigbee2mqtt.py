"""Zigbee2MQTT: the samples of its documentation and tests, and what goes wrong with such messages."""

import contextlib
import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.batch import Batch
from ingest.codec import CodecError, Observation
from ingest.codecs.zigbee2mqtt import FORMAT, MOST_DEVICES
from ingest.event_time import parse_time
from ingest.message import Message
from ingest.model import translate
from ingest.models import load_models
from ingest.process import Processor
from ingest.source import EventKind, Said
from ingest.source_table import SourceTable
from schemas.reason import Reason
from tests.lorawan_payloads import JSON, RECEIVED_MS, Listener, change, list_paths, open_source, replace
from tests.small_town import make_inventory, make_processor

PLUG, BULB, SENSOR = "0x00158d00018255df", "0x90fd9ffffe6494fc", "0x00169a00022256da"

# "MQTT topics and messages" of Zigbee2MQTT's documentation; what it leaves out with dots is written out as one entry.
DEVICES: list[dict[str, Any]] = [
    {
        "ieee_address": PLUG,
        "type": "Router",
        "network_address": 29159,
        "supported": True,
        "friendly_name": "my_plug",
        "definition": {
            "model": "ZNCZ02LM",
            "vendor": "Xiaomi",
            "description": "Mi power plug ZigBee",
            "options": [],
            "exposes": [
                {"type": "switch", "features": [{"name": "state", "property": "state", "access": 7}]},
                {"type": "numeric", "name": "power", "property": "power", "unit": "W", "access": 5},
            ],
        },
        "power_source": "Mains (single phase)",
        "model_id": "lumi.plug",
        "interviewing": False,
        "interview_completed": True,
    },
    {
        "ieee_address": BULB,
        "type": "Router",
        "network_address": 57440,
        "supported": True,
        "friendly_name": "my_bulb",
        "definition": {"model": "LED1624G9", "vendor": "IKEA", "options": [], "exposes": []},
        "model_id": "TRADFRI bulb E27 CWS opal 600lm",
    },
    {
        "ieee_address": SENSOR,
        "type": "Router",
        "network_address": 22160,
        "supported": False,
        "friendly_name": "my_sensor",
        "definition": None,
        "model_id": None,
    },
    {
        "ieee_address": "0x00124b00120144ae",
        "type": "Coordinator",
        "network_address": 0,
        "supported": False,
        "friendly_name": "Coordinator",
        "definition": None,
    },
]
GROUPS = [{"id": 1, "friendly_name": "my_group", "members": [{"ieee_address": BULB, "endpoint": 1}]}]
JOINED = b'{"type":"device_joined","data":{"friendly_name":"0x90fd9ffffe6494fc","ieee_address":"0x90fd9ffffe6494fc"}}'
ANNOUNCED = (
    b'{"type":"device_announce","data":{"friendly_name":"0x90fd9ffffe6494fc","ieee_address":"0x90fd9ffffe6494fc"}}'
)
INTERVIEWED = (
    b'{"type":"device_interview","data":{"friendly_name":"0x90fd9ffffe6494fc","status":"successful",'
    b'"ieee_address":"0x90fd9ffffe6494fc","supported":true,"definition":{"model":"LED1624G9","vendor":"IKEA",'
    b'"description":"TRADFRI LED bulb E14/E26/E27 600 lumen, dimmable, color, opal white"}}}'
)
INTERVIEW_FAILED = (
    b'{"type":"device_interview","data":{"friendly_name":"0x90fd9ffffe6494fc","status":"failed",'
    b'"ieee_address":"0x90fd9ffffe6494fc"}}'
)
LEFT = b'{"type":"device_leave","data":{"ieee_address":"0x90fd9ffffe6494fc","friendly_name":"my_bulb"}}'
CLIMATE = b'{"temperature":27.34,"humidity":44.72}'
LEAK = b'{"battery":"100.00","voltage":3045,"linkquality":99,"water_leak":false}'


class Network:
    """A Zigbee network that is listened to."""

    def __init__(self) -> None:
        self._listener = Listener(FORMAT, "zigbee2mqtt", "")
        self.event, self.refusal, self.hear = self._listener.event, self._listener.refusal, self._listener.hear

    def describe(self, devices: object) -> list[tuple[EventKind, str, str]]:
        """Tell which devices there are, and return what is new."""
        heard = self.hear(json.dumps(devices).encode(), "zigbee2mqtt/bridge/devices")
        return [(one.kind, one.address, one.detail) for one in heard.events]

    def said(self, payload: bytes, name: str) -> Said:
        """Return the one reading of a message."""
        heard = self.hear(payload, f"zigbee2mqtt/{name}")
        assert not heard.events
        (said,) = heard.said
        return said

    def kind(self, payload: bytes, path: str) -> tuple[EventKind, str]:
        """Return the one event of a message, and of whom it is."""
        event = self.event(payload, f"zigbee2mqtt/{path}")
        return event.kind, event.address


@pytest.fixture
def network() -> Network:
    """Return what has heard nothing yet."""
    return Network()


@pytest.fixture
def known(network: Network) -> Network:
    """Return what has heard which devices and groups there are."""
    network.describe(DEVICES)
    network.hear(json.dumps(GROUPS).encode(), "zigbee2mqtt/bridge/groups")
    return network


def observe(key: str, said: Said) -> Observation:
    """Return what a Model makes of a reading, unchecked."""
    model = load_models()[key]
    (observation,) = translate(model, load_device_types()[model.device_type], said, {}, RECEIVED_MS)
    return observation


@pytest.mark.parametrize(
    ("payload", "key", "values"),
    [
        (CLIMATE, "zigbee_climate", {"temperature": 27.34, "humidity": 44.72}),
        (
            b'{"temperature":0.08,"humidity":0.01,"pressure":2}',
            "zigbee_climate",
            {"temperature": 0.08, "humidity": 0.01, "pressure": 2},
        ),
        (b'{"occupancy":true}', "zigbee_occupancy", {"presence": True}),
        (LEAK, "zigbee_leak", {"leak": False, "battery": 100.0, "voltage": 3.045}),
        (b'{"contact":false,"linkquality":70}', "zigbee_contact", {"door_open": True}),
        (b'{"contact":true,"linkquality":70}', "zigbee_window", {"window_open": False}),
        (b'{"action":"single","linkquality":10}', "zigbee_climate", {}),
    ],
)
def test_the_documented_payloads(known: Network, payload: bytes, key: str, values: dict[str, object]) -> None:
    said = known.said(payload, "my_sensor")
    assert (said.address, said.time_ms) == (SENSOR, None)
    assert observe(key, said).values == values


def test_a_name_is_bound_to_the_ieee_address_in_lower_case(network: Network) -> None:
    described = network.describe([change(DEVICES[0], ieee_address="0x00158D00018255DF"), *DEVICES[1:]])
    assert described == [
        (EventKind.DESCRIBED, PLUG, "Xiaomi ZNCZ02LM: my_plug"),
        (EventKind.DESCRIBED, BULB, "IKEA LED1624G9: my_bulb"),
        (EventKind.DESCRIBED, SENSOR, "not supported: my_sensor"),
    ]
    said = network.said(CLIMATE, "my_plug")
    assert (said.address, said.model) == (PLUG, "Xiaomi ZNCZ02LM")


def test_a_description_says_what_the_device_can_tell(network: Network) -> None:
    first = network.hear(json.dumps(DEVICES).encode(), "zigbee2mqtt/bridge/devices").events[0]
    assert first.members == {"friendly_name": "my_plug", "model": "Xiaomi ZNCZ02LM", "exposes": "state, power"}


def test_only_what_is_new_is_described_again(known: Network) -> None:
    assert known.describe(DEVICES) == [(EventKind.OTHER, "", "bridge/devices")]
    renamed = [change(DEVICES[0], friendly_name="radhuset/2/kopirom"), *DEVICES[1:]]
    assert known.describe(renamed) == [(EventKind.DESCRIBED, PLUG, "Xiaomi ZNCZ02LM: radhuset/2/kopirom")]


def test_a_device_keeps_its_address_when_it_is_renamed(known: Network) -> None:
    known.describe([change(DEVICES[0], friendly_name="radhuset/2/kopirom"), *DEVICES[1:]])
    assert known.said(b'{"power":7}', "radhuset/2/kopirom").address == PLUG
    assert known.said(b'{"power":7}', "my_plug").address == "my_plug"
    known.describe([change(DEVICES[0], friendly_name="my_sensor"), change(DEVICES[2], friendly_name="my_plug")])
    assert known.said(b'{"power":7}', "my_sensor").address == PLUG
    assert known.said(b'{"power":7}', "my_plug").address == SENSOR


def test_a_name_that_is_not_bound_yet_is_the_address_and_never_another_device(network: Network) -> None:
    assert network.said(LEAK, "kjeller/lekkasje").address == "kjeller/lekkasje"
    network.describe([change(DEVICES[2], friendly_name="kjeller/lekkasje")])
    assert network.said(LEAK, "kjeller/lekkasje").address == SENSOR


@pytest.mark.parametrize("name", ["stue", "radhuset/2/kopirom", "a/b/c/d/e/f", "get/inn", "0x00169a00022256da", "æøå"])
def test_names_may_have_slashes(network: Network, name: str) -> None:
    network.describe([change(DEVICES[2], friendly_name=name)])
    assert network.said(CLIMATE, name).address == SENSOR
    assert network.kind(b'{"state":"online"}', f"{name}/availability") == (EventKind.ONLINE, SENSOR)
    assert network.kind(b'{"state":""}', f"{name}/get") == (EventKind.OTHER, "")


def test_a_message_with_the_ieee_address_in_it_says_itself_whose_it_is(network: Network) -> None:
    device = {"friendlyName": "my_sensor", "model": "WSDCGQ11LM", "ieeeAddr": "0x00169A00022256DA"}
    said = network.said(json.dumps({"temperature": 27.34, "device": device}).encode(), "my_sensor")
    assert (said.address, said.model, said.members) == (SENSOR, "WSDCGQ11LM", {"temperature": 27.34})
    network.describe([change(DEVICES[0], friendly_name="my_sensor")])
    assert network.said(json.dumps({"temperature": 1, "device": device}).encode(), "my_sensor").address == SENSOR


@pytest.mark.hazard("time-form", "zigbee2mqtt")
@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-01-15T11:59:58.250Z", "2026-01-15T11:59:58.250Z"),
        ("2026-01-15T12:59:58+01:00", "2026-01-15T11:59:58Z"),
        (1_768_478_398_250, "2026-01-15T11:59:58.250Z"),
    ],
)
def test_times_come_in_three_forms(known: Network, told: object, time: str) -> None:
    said = known.said(json.dumps({"temperature": 21, "last_seen": told}).encode(), "my_sensor")
    assert (said.time_ms, said.members) == (parse_time(time), {"temperature": 21})


@pytest.mark.hazard("clock-wrong", "zigbee2mqtt")
@pytest.mark.parametrize("told", ["2026-01-15T11:59:58", "", True, -1, 1e300, {}, ["2026"], "1768478398250"])
def test_a_wrong_time_is_an_invalid_time(known: Network, told: object) -> None:
    payload = json.dumps({"temperature": 21, "last_seen": told}).encode()
    assert known.refusal(payload, "zigbee2mqtt/my_sensor")[0] is Reason.INVALID_TIME


def test_elapsed_is_the_time_between_two_messages_and_no_age(known: Network) -> None:
    said = known.said(b'{"temperature":21,"elapsed":61234,"last_seen":null}', "my_sensor")
    assert (said.time_ms, said.members) == (None, {"temperature": 21})


@pytest.mark.hazard("time-missing", "zigbee2mqtt")
@pytest.mark.hazard("retained", "zigbee2mqtt")
def test_what_is_retained_without_a_time_has_none(known: Network) -> None:
    assert known.said(CLIMATE, "my_sensor").time_ms is None


@pytest.mark.hazard("partial-update", "zigbee2mqtt")
def test_old_values_come_again_with_the_cache_and_are_told_as_they_come(known: Network) -> None:
    first = known.said(b'{"temperature":21.5,"humidity":40,"last_seen":1768478398250}', "my_sensor")
    again = known.said(b'{"temperature":21.5,"humidity":41,"last_seen":1768478399250}', "my_sensor")
    assert (first.members["temperature"], again.members["temperature"]) == (21.5, 21.5)
    assert first.time_ms != again.time_ms


@pytest.mark.hazard("type-drift", "zigbee2mqtt")
def test_types_drift_and_numbers_stay_numbers(known: Network) -> None:
    for battery in (100, 100.0, "100.00"):
        payload = json.dumps({"water_leak": False, "battery": battery}).encode()
        assert observe("zigbee_leak", known.said(payload, "my_sensor")).values == {"leak": False, "battery": 100.0}


@pytest.mark.hazard("sentinel", "zigbee2mqtt")
def test_a_value_that_is_unknown_is_none_and_not_zero(known: Network) -> None:
    said = known.said(b'{"co2":null,"temperature":21}', "my_sensor")
    assert (said.members["co2"], observe("zigbee_climate", said).values) == (None, {"temperature": 21})


@pytest.mark.parametrize("payload", [b'{"state":"online"}', b"online"])
def test_availability_in_both_forms(known: Network, payload: bytes) -> None:
    offline = payload.replace(b"online", b"offline")
    assert known.kind(payload, "my_plug/availability") == (EventKind.ONLINE, PLUG)
    assert known.kind(offline, "my_plug/availability") == (EventKind.OFFLINE, PLUG)
    assert known.kind(offline, "somebody/else/availability") == (EventKind.OFFLINE, "somebody/else")
    assert known.kind(payload, "bridge/state") == (EventKind.ONLINE, "")
    assert known.kind(offline, "bridge/state") == (EventKind.OFFLINE, "")


@pytest.mark.parametrize("payload", [b"asleep", b'{"state":true}', b"{}", b"\xff", b'{"state":["online"]}'])
def test_another_state_is_refused(known: Network, payload: bytes) -> None:
    for path in ("my_plug/availability", "bridge/state"):
        assert known.refusal(payload, f"zigbee2mqtt/{path}")[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("path", ["my_plug/availability", "my_plug", "my_plug/power", "bridge/devices", "bridge/state"])
def test_an_empty_payload_removes_what_was_retained(known: Network, path: str) -> None:
    assert known.kind(b"", path)[0] is EventKind.OTHER
    assert known.said(b'{"power":7}', "my_plug").address == PLUG


def test_events_of_the_network(network: Network) -> None:
    told = [network.event(one, "zigbee2mqtt/bridge/event") for one in (JOINED, ANNOUNCED, INTERVIEWED, LEFT)]
    assert [(one.kind, one.address) for one in told] == [
        (EventKind.JOINED, BULB),
        (EventKind.OTHER, BULB),
        (EventKind.DESCRIBED, BULB),
        (EventKind.OFFLINE, BULB),
    ]
    assert told[2].members["model"] == "IKEA LED1624G9"
    assert network.kind(INTERVIEW_FAILED, "bridge/event") == (EventKind.FAILED, BULB)
    assert network.kind(INTERVIEW_FAILED.replace(b"failed", b"started"), "bridge/event")[0] is EventKind.OTHER


@pytest.mark.parametrize(
    "path",
    [
        "bridge/logging",
        "bridge/health",
        "bridge/extensions",
        "bridge/definitions",
        "bridge/log",
        "bridge/request/permit_join",
        "bridge/response/device/rename",
        "my_plug/set",
        "my_plug/set/state",
        "my_plug/get",
        "my_plug/get/state",
        "nobody/l1/set",
    ],
)
def test_what_is_no_reading_is_of_no_interest(known: Network, path: str) -> None:
    assert known.kind(b'{"state":"ON"}', path) == (EventKind.OTHER, "")


def test_what_a_group_says_is_no_reading(known: Network) -> None:
    assert known.kind(b'{"state":"ON"}', "my_group") == (EventKind.OTHER, "")
    assert known.kind(b"ON", "my_group/state")[0] is EventKind.OTHER
    assert known.kind(b'{"state":"online"}', "my_group/availability") == (EventKind.OTHER, "")


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"21.5", 21.5), (b"true", True), (b"ON", "ON"), (b"100.00", 100.0), (b"1,2", "1,2"), (b"[1]", "[1]")],
)
def test_attributes_are_a_reading_each(known: Network, payload: bytes, value: object) -> None:
    said = known.said(payload, "my_plug/power")
    assert (said.address, said.members) == (PLUG, {"power": value})


def test_attributes_of_names_with_slashes(network: Network) -> None:
    assert network.said(b"21.5", "radhuset/2/kopirom/temperature").address == "radhuset/2/kopirom"
    network.describe([change(DEVICES[0], friendly_name="radhuset/2/kopirom")])
    said = network.said(b"21.5", "radhuset/2/kopirom/temperature")
    assert (said.address, said.members) == (PLUG, {"temperature": 21.5})


def test_an_attribute_of_a_name_that_nobody_has_is_refused(known: Network) -> None:
    reason, detail = known.refusal(b"21.5", "zigbee2mqtt/radhuset/temperature")
    assert (reason, "neither radhuset nor" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)


@pytest.mark.hazard("duplicate", "zigbee2mqtt")
def test_attributes_that_say_the_same_as_the_json_are_not_taken_twice(known: Network) -> None:
    for settings in (
        {"advanced": {"output": "attribute_and_json"}},
        {"experimental": {"output": "attribute_and_json"}},
    ):
        known.hear({"version": "1.13.0-dev", "config": settings}, "zigbee2mqtt/bridge/info")
        assert known.kind(b"21.5", "my_plug/power") == (EventKind.OTHER, PLUG)
        known.hear(
            {"version": "1.13.0-dev", "config": {"advanced": {"output": "attribute"}}}, "zigbee2mqtt/bridge/info"
        )
        assert known.said(b"21.5", "my_plug/power").members == {"power": 21.5}


def test_attributes_that_are_no_value_are_no_reading(known: Network) -> None:
    for attribute in ("last_seen", "elapsed"):
        assert known.kind(b"2026-01-15T12:00:00Z", f"my_plug/{attribute}") == (EventKind.OTHER, PLUG)
    assert known.kind(b"null", "my_plug/power") == (EventKind.OTHER, PLUG)
    assert known.refusal(b"\xff", "zigbee2mqtt/my_plug/power")[0] is Reason.INVALID_UTF8


@pytest.mark.parametrize("payload", [b"ON", b"[1]", b"21.5"])
def test_what_is_neither_json_nor_an_attribute_is_refused(known: Network, payload: bytes) -> None:
    for name in ("my_plug", "alone"):
        assert known.refusal(payload, f"zigbee2mqtt/{name}")[0] is Reason.UNRECOGNISED_PAYLOAD
    assert known.refusal(b'{"power":', "zigbee2mqtt/my_plug")[0] is Reason.MALFORMED_JSON
    assert known.refusal(b'{"power":NaN}', "zigbee2mqtt/my_plug")[0] is Reason.MALFORMED_JSON


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [1],
        [{"friendly_name": "x"}],
        [change(DEVICES[0], ieee_address="0x12345678")],
        [change(DEVICES[0], ieee_address=1)],
        [change(DEVICES[0], friendly_name="")],
        [change(DEVICES[0], definition=[])],
        [DEVICES[0], DEVICES[0]],
        [change(DEVICES[0], friendly_name=str(number)) for number in range(MOST_DEVICES + 1)],
    ],
)
def test_a_list_of_devices_that_is_wrong_changes_nothing_that_is_known(known: Network, wrong: object) -> None:
    reason, _ = known.refusal(json.dumps(wrong).encode(), "zigbee2mqtt/bridge/devices")
    assert reason is Reason.UNRECOGNISED_PAYLOAD
    assert known.said(b'{"power":7}', "my_plug").address == PLUG


def test_what_is_remembered_is_what_was_told_last(known: Network) -> None:
    known.describe([])
    assert known.said(b'{"power":7}', "my_plug").address == "my_plug"


def test_a_copy_for_what_comes_again_knows_the_same() -> None:
    interpreter = FORMAT.open(open_source(FORMAT, "zigbee2mqtt"))
    interpreter.read("zigbee2mqtt/bridge/devices", json.dumps(DEVICES).encode(), RECEIVED_MS)
    copied = copy.deepcopy(interpreter)
    interpreter.read("zigbee2mqtt/bridge/devices", b"[]", RECEIVED_MS)
    assert copied.read("zigbee2mqtt/my_plug", b'{"power":7}', RECEIVED_MS).said[0].address == PLUG


def make_town() -> Processor:
    """Return what processes the messages of a network with one climate sensor in the inventory."""
    inventory, source = make_inventory(), open_source(FORMAT, "zigbee2mqtt")
    sensor = dataclasses.replace(
        inventory.devices["indoor_climate"], source=source.key, address=SENSOR, model="zigbee_climate"
    )
    inventory = dataclasses.replace(inventory, devices={sensor.id: sensor})
    processor = make_processor(inventory)
    processor.sources = SourceTable({source.key: source}, inventory, load_device_types())
    return processor


def deliver(processor: Processor, payload: bytes, path: str, *, retain: bool = False) -> Batch:
    """Return what becomes of a message."""
    return processor.process([Message(f"zigbee2mqtt/{path}", payload, RECEIVED_MS, retain=retain)])


def test_a_reading_that_came_before_its_name_was_known_is_taken_when_it_is_reprocessed() -> None:
    processor = make_town()
    (kept,) = deliver(processor, CLIMATE, "my_sensor").quarantined
    assert (kept.reason, kept.device) == (Reason.UNKNOWN_DEVICE, "zigbee2mqtt:my_sensor")
    deliver(processor, json.dumps(DEVICES).encode(), "bridge/devices")
    assert processor.take_again(kept).ledger.accepted == 1


@pytest.mark.hazard("retained", "zigbee2mqtt")
@pytest.mark.hazard("duplicate", "zigbee2mqtt")
def test_of_what_is_retained_only_what_has_a_time_is_a_reading() -> None:
    processor = make_town()
    deliver(processor, json.dumps(DEVICES).encode(), "bridge/devices", retain=True)
    assert deliver(processor, CLIMATE, "my_sensor", retain=True).ledger.informational == 1
    timed = b'{"temperature":27.34,"last_seen":"2026-01-15T11:40:00.000Z"}'
    assert deliver(processor, timed, "my_sensor", retain=True).ledger.accepted == 1
    assert deliver(processor, timed, "my_sensor", retain=True).ledger.duplicate_readings == 1


@pytest.mark.parametrize("depth", [9, 500, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(known: Network, depth: int) -> None:
    deep = b'{"x":' * depth + b"1" + b"}" * depth
    for path in ("my_plug", "bridge/info", "bridge/event", "bridge/state", "my_plug/availability"):
        with contextlib.suppress(CodecError):
            known.hear(deep, f"zigbee2mqtt/{path}")
    assert known.refusal(deep, "zigbee2mqtt/my_plug")[0] in (Reason.MALFORMED_JSON, Reason.UNRECOGNISED_PAYLOAD)
    many = json.dumps({f"x{number}": number for number in range(1_001)}).encode()
    assert known.refusal(many, "zigbee2mqtt/my_plug")[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("topic", ["zigbee2mqtt", "zigbee2mqtt/", "zigbee2mqtt//x", "x/zigbee2mqtt/y", "", "zigbee/x"])
def test_other_topics_are_none_of_ours(network: Network, topic: str) -> None:
    interpreter = FORMAT.open(open_source(FORMAT, "zigbee2mqtt"))
    with pytest.raises(CodecError, match="the topic is not of the form zigbee2mqtt/"):
        interpreter.read(topic, CLIMATE, 0)
    assert network.refusal(b"{}", "zigbee2mqtt/bridge/whatever")[0] is Reason.UNRECOGNISED_PAYLOAD


def test_it_subscribes_to_all_below_its_root() -> None:
    assert FORMAT.list_filters(open_source(FORMAT, "zigbee2mqtt")) == ("zigbee2mqtt/#",)
    assert not FORMAT.is_lossless


PATHS = st.sampled_from(
    [
        "my_plug",
        "my_plug/power",
        "my_plug/availability",
        "bridge/devices",
        "bridge/event",
        "bridge/info",
        "bridge/state",
    ]
)


@given(payload=st.binary(max_size=200), topic=st.text(max_size=40) | PATHS.map("zigbee2mqtt/{}".format))
def test_any_bytes_are_understood_or_refused(payload: bytes, topic: str) -> None:
    with contextlib.suppress(CodecError):
        FORMAT.open(open_source(FORMAT, "zigbee2mqtt")).read(topic, payload, 0)


SAMPLES: dict[str, Any] = {
    "bridge/devices": {"all": DEVICES},
    "bridge/groups": {"all": GROUPS},
    "bridge/event": {"all": json.loads(INTERVIEWED)},
    "bridge/info": {"all": {"config": {"advanced": {"output": "json"}}}},
    "my_plug": {"all": {"temperature": 1, "last_seen": 1, "device": {"ieeeAddr": PLUG, "model": "x"}}},
}


@given(data=st.data(), path=st.sampled_from(sorted(SAMPLES)), value=JSON)
def test_any_value_anywhere_is_understood_or_refused(data: st.DataObject, path: str, value: object) -> None:
    changed = replace(SAMPLES[path], data.draw(st.sampled_from(list_paths(SAMPLES[path]))), value)["all"]
    with contextlib.suppress(CodecError):
        FORMAT.open(open_source(FORMAT, "zigbee2mqtt")).read(f"zigbee2mqtt/{path}", json.dumps(changed).encode(), 0)


@given(data=st.data(), path=st.sampled_from(sorted(SAMPLES)))
def test_a_flipped_or_cut_sample_is_understood_or_refused(data: st.DataObject, path: str) -> None:
    payload = bytearray(json.dumps(SAMPLES[path]["all"]).encode())
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=3)):
        payload[at] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(0, len(payload)) | st.just(len(payload))) :]
    with contextlib.suppress(CodecError):
        FORMAT.open(open_source(FORMAT, "zigbee2mqtt")).read(f"zigbee2mqtt/{path}", bytes(payload), 0)
