"""Home Assistant discovery: real descriptions, what they become, and which DeviceTypes they are proposed for."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.codecs.homeassistant import FORMAT
from ingest.payloads.home_assistant import LONGEST_TEMPLATE, Described, find_member, read_discovery
from ingest.source import EventKind, Heard
from ingest.type_proposal import BINARY_CLASSES, SENSOR_CLASSES, propose_types
from schemas.quantities import QUANTITIES
from schemas.reason import Reason
from tests.lorawan_payloads import JSON, change, list_paths, open_source, replace

TYPES = load_device_types()
# Zigbee2MQTT's own tests of its Home Assistant extension.
ZIGBEE2MQTT: dict[str, Any] = {
    "unit_of_measurement": "°C",
    "device_class": "temperature",
    "state_class": "measurement",
    "value_template": '{{ value_json["temperature"] }}',
    "state_topic": "zigbee2mqtt/weather_sensor",
    "object_id": "weather_sensor_temperature",
    "default_entity_id": "sensor.weather_sensor_temperature",
    "unique_id": "0x0017880104e45522_temperature_zigbee2mqtt",
    "device": {
        "identifiers": ["zigbee2mqtt_0x0017880104e45522"],
        "name": "weather_sensor",
        "model": "Temperature and humidity sensor",
        "model_id": "WSDCGQ11LM",
        "manufacturer": "Aqara",
        "via_device": "zigbee2mqtt_bridge_0x00124b00120144ae",
    },
    "availability": [{"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"}],
    "enabled_by_default": True,
}
ZIGBEE2MQTT_TOPIC = "homeassistant/sensor/0x0017880104e45522/temperature/config"
# The form in which amsreader describes each value of a meter (its names, not a recording).
AMSREADER: dict[str, Any] = {
    "name": "Active import",
    "stat_t": "ams/power",
    "uniq_id": "ams-1234_P",
    "obj_id": "ams-1234_P",
    "unit_of_meas": "W",
    "val_tpl": "{{ value_json.P | is_defined }}",
    "expire_after": 30,
    "dev_cla": "power",
    "stat_cla": "measurement",
    "dev": {"ids": ["ams-1234"], "name": "AMS reader", "mdl": "ESP32S2", "mf": "AmsToMqttBridge", "sw": "2.4"},
}
# Home Assistant's documentation, "MQTT", discovery: device-based, in its shape.
DEVICE: dict[str, Any] = {
    "dev": {"ids": "ea334450945afc", "name": "Kitchen", "mf": "Bla electronics", "mdl": "xya", "sw": "1.0"},
    "o": {"name": "bla2mqtt", "sw": "2.1", "url": "https://bla2mqtt.example.com/support"},
    "cmps": {
        "some_unique_component_id1": {
            "p": "sensor",
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            "value_template": "{{ value_json.temperature }}",
            "unique_id": "temp01ae_t",
        },
        "some_unique_id2": {
            "p": "sensor",
            "device_class": "humidity",
            "unit_of_measurement": "%",
            "value_template": "{{ value_json.humidity }}",
            "unique_id": "temp01ae_h",
        },
    },
    "state_topic": "sensorBedroom/state",
    "qos": 2,
}
# "Using abbreviations and base topic" of the same.
SWITCH = {"~": "homeassistant/switch/irrigation", "name": "garden", "cmd_t": "~/set", "stat_t": "~/state"}


def encode(told: object) -> bytes:
    """Return a payload."""
    return json.dumps(told).encode()


def hear(payload: object, topic: str = ZIGBEE2MQTT_TOPIC) -> Heard:
    """Return what a message says."""
    encoded = payload if isinstance(payload, bytes) else encode(payload)
    return FORMAT.open(open_source(FORMAT, "homeassistant")).read(topic, encoded, 0)


def refuse(payload: object, topic: str = ZIGBEE2MQTT_TOPIC) -> Reason:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        hear(payload, topic)
    return error.value.reason


@pytest.mark.hazard("other-unit", "homeassistant")
def test_what_zigbee2mqtt_describes() -> None:
    assert read_discovery("sensor", "temperature", encode(ZIGBEE2MQTT)) == [
        Described(
            device="zigbee2mqtt_0x0017880104e45522",
            name="weather_sensor",
            maker="Aqara",
            model="WSDCGQ11LM",
            component="sensor",
            entity="0x0017880104e45522_temperature_zigbee2mqtt",
            topic="zigbee2mqtt/weather_sensor",
            member="temperature",
            unit="Cel",
            device_class="temperature",
            state_class="measurement",
        )
    ]


@pytest.mark.hazard("other-name", "homeassistant")
def test_abbreviations_are_spelled_out() -> None:
    assert read_discovery("sensor", "P", encode(AMSREADER)) == [
        Described(
            device="ams-1234",
            name="AMS reader",
            maker="AmsToMqttBridge",
            model="ESP32S2",
            component="sensor",
            entity="Active import",
            topic="ams/power",
            member="P",
            unit="W",
            device_class="power",
            state_class="measurement",
            expire_after_s=30,
        )
    ]


def test_a_base_stands_at_either_end_of_a_topic() -> None:
    for told, topic in (("~/state", "a/b/state"), ("x/~", "x/a/b"), ("~", "a/b"), ("x", "x"), ("x~y", "x~y")):
        (one,) = read_discovery("switch", "x", encode({**SWITCH, "~": "a/b", "stat_t": told}))
        assert (one.topic, one.member, one.entity) == (topic, "", "garden")


def test_a_device_describes_all_its_values_at_once() -> None:
    temperature, humidity = read_discovery("device", "0AFFD2", encode(DEVICE))
    assert (temperature.topic, temperature.member, temperature.unit) == ("sensorBedroom/state", "temperature", "Cel")
    assert (humidity.topic, humidity.member, humidity.unit) == ("sensorBedroom/state", "humidity", "%")
    assert {(one.device, one.name, one.maker) for one in (temperature, humidity)} == {
        ("ea334450945afc", "Kitchen", "Bla electronics")
    }
    own = change(DEVICE, cmps__some_unique_id2__stat_t="~/h", cmps__some_unique_component_id1={"p": "sensor"})
    assert [one.topic for one in read_discovery("device", "x", encode({**own, "~": "base"}))] == [
        "sensorBedroom/state",
        "base/h",
    ]


@pytest.mark.hazard("dotted-name", "homeassistant")
@pytest.mark.parametrize(
    ("template", "member"),
    [
        ("", ""),
        ("{{ value }}", ""),
        ("{{ value | float }}", ""),
        ("{{ value_json.temperature }}", "temperature"),
        ("{{value_json.temperature}}", "temperature"),
        ("{{ value_json['pm2.5'] }}", "pm2.5"),
        ('{{ value_json["a b"] }}', "a b"),
        ("{{ value_json.ENERGY.Power }}", "ENERGY.Power"),
        ("{{ value_json['ENERGY'].Current[0] }}", "ENERGY.Current.0"),
        ("{{ value_json.P | is_defined }}", "P"),
        ("{{ value_json.a.b | float(0) | round(1) }}", "a.b"),
        ("{{ value_json }}", None),
        ("{{ value_json.x / 10 }}", None),
        ("{{ value_json.x | float / 10 }}", None),
        ("{{ value_json.x | timestamp_local }}", None),
        ("{% if value_json.x %}1{% endif %}", None),
        ("{{ value_json.x }}{{ value_json.y }}", None),
        ("{{ states('sensor.x') }}", None),
        ("{{ value_json.x" + " | float" * 50 + " }}", None),
    ],
)
def test_a_template_that_names_one_place_is_read(template: str, member: str | None) -> None:
    assert find_member(template) == member


def test_a_template_without_end_takes_no_time() -> None:
    for filler in (" ", " | float", "a", "['a']"):
        assert find_member("{{ value_json.x" + filler * LONGEST_TEMPLATE) is None


def test_every_value_is_an_event() -> None:
    (event,) = hear(ZIGBEE2MQTT).events
    assert (event.kind, event.address) == (EventKind.DESCRIBED, "zigbee2mqtt_0x0017880104e45522")
    assert event.members == {
        "topic": "zigbee2mqtt/weather_sensor",
        "member": "temperature",
        "product": "Aqara WSDCGQ11LM",
        "component": "sensor",
        "unit": "Cel",
        "device_class": "temperature",
        "state_class": "measurement",
        "expire_after": None,
    }
    assert "Aqara WSDCGQ11LM weather_sensor" in event.detail
    assert [one.address for one in hear(DEVICE, "homeassistant/device/0AFFD2/config").events] == ["ea334450945afc"] * 2
    (nameless,) = hear({"state_topic": "x"}, "homeassistant/sensor/garden/config").events
    assert nameless.address == "garden"
    assert not hear(ZIGBEE2MQTT).said


def test_what_is_taken_back_and_what_only_takes_commands_tell_no_values() -> None:
    payloads: list[object] = [b"", {"name": "x", "cmd_t": "x/set"}, {"cmps": {}}]
    for payload in payloads:
        (event,) = hear(payload).events
        assert event.kind is EventKind.OTHER


@pytest.mark.parametrize(
    "topic",
    ["", "homeassistant", "homeassistant/status", "homeassistant/config", "homeassistant/sensor/config",
     "homeassistant/sensor//config", "homeassistant/sensor/x/state", "ha/sensor/x/config"],
)  # fmt: skip
def test_other_topics_are_none_of_ours(topic: str) -> None:
    assert refuse(ZIGBEE2MQTT, topic) is Reason.UNRECOGNISED_PAYLOAD


def test_it_subscribes_to_descriptions_alone() -> None:
    filters = FORMAT.list_filters(open_source(FORMAT, "homeassistant"))
    assert filters == ("homeassistant/+/+/config", "homeassistant/+/+/+/config")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"{", Reason.MALFORMED_JSON),
        (b"\xff", Reason.INVALID_UTF8),
        ({"state_topic": 1}, Reason.UNRECOGNISED_PAYLOAD),
        ({"state_topic": "x", "device": []}, Reason.UNRECOGNISED_PAYLOAD),
        ({"state_topic": "x", "unit_of_measurement": ["W"]}, Reason.UNRECOGNISED_PAYLOAD),
    ],
)
def test_broken_descriptions_say_what_is_broken(payload: object, reason: Reason) -> None:
    assert refuse(payload) is reason


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(depth: int) -> None:
    refuse(b'{"device":' * depth + b"1" + b"}" * depth)
    refuse(b'{"cmps":' * depth + b"1" + b"}" * depth, "homeassistant/device/x/config")


def describe(name: str, device_class: str, unit: str, component: str = "sensor") -> Described:
    """Return what a device tells of one value, as Zigbee2MQTT names it."""
    return Described("d", "d", "", "", component, name, "t", name, unit, device_class)


CLIMATE = [
    describe("temperature", "temperature", "Cel"),
    describe("humidity", "humidity", "%"),
    describe("co2", "carbon_dioxide", "[ppm]"),
    describe("battery", "battery", "%"),
    describe("linkquality", "", "lqi"),
]
PLUG = [
    describe("power", "power", "W"),
    describe("energy", "energy", "kW.h"),
    describe("voltage", "voltage", "V"),
    describe("current", "current", "A"),
    describe("state", "power", "", "binary_sensor"),
]


@pytest.mark.parametrize(
    ("described", "type_key", "fields"),
    [
        (CLIMATE, "classroom_climate", {"temperature", "humidity", "co2", "battery"}),
        (PLUG, "smart_plug", {"power", "energy", "voltage", "current", "on"}),
        (
            [describe("contact", "door", "", "binary_sensor"), describe("battery", "battery", "%")],
            "door_contact",
            {"door_open", "battery"},
        ),
        (
            [describe("water_leak", "moisture", "", "binary_sensor"), describe("battery", "battery", "%")],
            "leak_detector",
            {"leak", "battery"},
        ),
    ],
)
def test_the_types_that_fit_are_proposed(described: list[Described], type_key: str, fields: set[str]) -> None:
    best = {one.type_key: one for one in propose_types(described, TYPES)[:5]}
    assert set(best[type_key].fields) == fields
    assert best[type_key].missing == ()


def test_the_likeliest_comes_first_and_says_what_is_missing() -> None:
    proposals = propose_types(CLIMATE, TYPES)
    assert [one.weight for one in proposals] == sorted((one.weight for one in proposals), reverse=True)
    assert set(proposals[0].fields) == {"temperature", "humidity", "co2", "battery"}
    assert next(one for one in proposals if one.type_key == "radon").missing == ("radon",)
    assert propose_types([], TYPES) == []


def _keys(proposals: list[Any]) -> set[str]:
    return {one.type_key for one in proposals}


@pytest.mark.hazard("other-unit", "homeassistant")
def test_a_value_in_a_unit_of_something_else_fits_no_field() -> None:
    assert propose_types([describe("temperature", "temperature", "W")], TYPES) == []
    assert "refrigerator" in _keys(propose_types([describe("temperature", "temperature", "[degF]")], TYPES))
    assert propose_types([describe("linkquality", "", "lqi")], TYPES) == []


def test_a_class_says_more_than_a_name() -> None:
    (thermometer,) = [
        one for one in propose_types([describe("probe", "temperature", "Cel")], TYPES) if one.type_key == "refrigerator"
    ]
    assert set(thermometer.fields) == {"temperature"}
    assert "heat_pump" not in _keys(propose_types([describe("probe", "temperature", "Cel")], TYPES))


@pytest.mark.parametrize("classes", [SENSOR_CLASSES, BINARY_CLASSES])
def test_every_quantity_of_a_class_exists(classes: Mapping[str, tuple[str, ...]]) -> None:
    assert {quantity for quantities in classes.values() for quantity in quantities} <= set(QUANTITIES)


@given(payload=st.binary(max_size=60), topic=st.text(max_size=30) | st.just(ZIGBEE2MQTT_TOPIC))
def test_any_bytes_are_understood_or_refused(payload: bytes, topic: str) -> None:
    with contextlib.suppress(CodecError):
        hear(payload, topic)


@given(data=st.data(), sample=st.sampled_from([ZIGBEE2MQTT, AMSREADER, DEVICE, SWITCH]), value=JSON)
def test_any_value_anywhere_is_understood_or_refused(
    data: st.DataObject, sample: dict[str, Any], value: object
) -> None:
    changed = replace(sample, data.draw(st.sampled_from(list_paths(sample))), value)
    for component in ("sensor", "device"):
        with contextlib.suppress(CodecError):
            described = read_discovery(component, "x", encode(changed))
            propose_types(described, {key: TYPES[key] for key in ("indoor_climate", "smart_plug")})
            hear(changed, f"homeassistant/{component}/x/config")


@given(data=st.data(), sample=st.sampled_from([ZIGBEE2MQTT, AMSREADER, DEVICE]))
def test_a_flipped_or_cut_sample_is_understood_or_refused(data: st.DataObject, sample: dict[str, Any]) -> None:
    payload = bytearray(encode(sample))
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=3)):
        payload[at] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(0, len(payload)) | st.just(len(payload))) :]
    for component in ("sensor", "device"):
        with contextlib.suppress(CodecError):
            hear(bytes(payload), f"homeassistant/{component}/x/config")
