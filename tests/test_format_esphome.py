"""ESPHome: the topics of its documentation, and what goes wrong with them."""

import pytest

from ingest.codec import CodecError
from ingest.codecs.esphome import FORMAT
from ingest.source import Event, EventKind, Heard, Plain, Said
from schemas.reason import Reason
from tests.lorawan_payloads import open_source

# "MQTT Client Component", MQTT device discovery.
DISCOVERED = b"""
{"ip":"192.168.0.122","name":"esp32-test","friendly_name":"Test Device","port":6053,"version":"2024.4.1",
 "mac":"84fce6123456","platform":"ESP32","board":"esp32-c3-devkitm-1","network":"wifi",
 "api_encryption":"Noise_NNpsk0_25519_ChaChaPoly_SHA256"}
"""


def hear(topic: str, payload: bytes) -> Heard:
    """Return what a message says."""
    return FORMAT.open(open_source(FORMAT, "esphome")).read(topic, payload, 0)


def tell(topic: str, payload: bytes) -> Event:
    """Return the one event that a message tells."""
    heard = hear(topic, payload)
    assert not heard.said
    (event,) = heard.events
    return event


def refuse(topic: str, payload: bytes) -> Reason:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        hear(topic, payload)
    return error.value.reason


@pytest.mark.hazard("sentinel", "esphome")
@pytest.mark.hazard("word-as-truth", "esphome")
@pytest.mark.parametrize(
    ("topic", "payload", "member", "value"),
    [
        ("sensor/temperature", b"21.4", "sensor.temperature", 21.4),
        ("sensor/temperature", b"-0.0", "sensor.temperature", 0.0),
        ("sensor/temperature", b"nan", "sensor.temperature", None),
        ("sensor/temperature", b"NaN", "sensor.temperature", None),
        ("sensor/temperature", b"None", "sensor.temperature", None),
        ("sensor/temperature", b"inf", "sensor.temperature", "inf"),
        ("number/temperature", b"19", "number.temperature", 19.0),
        ("binary_sensor/door", b"ON", "binary_sensor.door", True),
        ("binary_sensor/door", b"OFF", "binary_sensor.door", False),
        ("binary_sensor/door", b"on", "binary_sensor.door", "on"),
        ("switch/relay", b"ON", "switch.relay", True),
        ("text_sensor/version", b"2024", "text_sensor.version", "2024"),
        ("text_sensor/none", b"None", "text_sensor.none", "None"),
        ("cover/port", b"open", "cover.port", "open"),
        ("cover/port/position", b"100", "cover.port.position", 100.0),
        ("climate/ovn/current_temperature", b"20.5", "climate.ovn.current_temperature", 20.5),
        ("climate/ovn/mode", b"heat", "climate.ovn.mode", "heat"),
        ("lock/port", b"LOCKED", "lock.port", "LOCKED"),
        ("light/lampe", b"ON", "light.lampe", "ON"),
    ],
)
def test_a_value_for_each_topic(topic: str, payload: bytes, member: str, value: Plain) -> None:
    (said,) = hear(f"esphome/stue/{topic}/state", payload).said
    assert said == Said("stue", {member: value})
    assert type(said.members[member]) is type(value)


def test_a_light_tells_json() -> None:
    (said,) = hear("esphome/stue/light/lampe/state", b'{"state":"ON","brightness":255,"color":{"r":1}}').said
    assert said.members == {"light.lampe.state": "ON", "light.lampe.brightness": 255, "light.lampe.color.r": 1}
    assert refuse("esphome/stue/light/lampe/state", b"{}") is Reason.UNRECOGNISED_PAYLOAD


def test_birth_and_will_are_events() -> None:
    assert tell("esphome/stue/status", b"online") == Event(EventKind.ONLINE, "stue")
    assert tell("esphome/stue/status", b"offline") == Event(EventKind.OFFLINE, "stue")
    assert refuse("esphome/stue/status", b"maybe") is Reason.UNRECOGNISED_PAYLOAD
    assert refuse("esphome/stue/status", b"") is Reason.EMPTY_PAYLOAD


@pytest.mark.parametrize(
    "topic",
    ["stue/debug", "stue/switch/relay/command", "stue/climate/ovn/mode/command", "discover", "ping/stue"],
)
def test_logs_and_commands_are_of_no_interest(topic: str) -> None:
    assert tell(f"esphome/{topic}", b"\x1b[0;36m[D][sensor:094]: 'x'\xff").kind is EventKind.OTHER


def test_a_node_tells_of_itself_without_its_network_addresses() -> None:
    event = tell("esphome/discover/esp32-test", DISCOVERED)
    assert event == Event(EventKind.DESCRIBED, "esp32-test", "Test Device, esp32-c3-devkitm-1, 2024.4.1")
    assert tell("esphome/discover/esp32-test", b"").kind is EventKind.OTHER


def test_a_value_that_is_taken_back_is_no_value() -> None:
    assert tell("esphome/stue/sensor/temperature/state", b"").kind is EventKind.OTHER


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "esphome",
        "esphome/",
        "esphome/stue",
        "esphome/stue/sensor/temperature",
        "esphome/stue/sensor/state",
        "esphome/stue/sensor//state",
        "esphome//sensor/temperature/state",
        "esphome/stue/gauge/temperature/state",
        "esphome/bygg/stue/sensor/temperature/state",
        "stue/sensor/temperature/state",
        "homeassistant/sensor/stue/config",
    ],
)
def test_other_topics_are_none_of_ours(topic: str) -> None:
    assert refuse(topic, b"21.4") is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.hazard("time-missing", "esphome")
def test_there_is_no_time_and_no_promise() -> None:
    assert hear("esphome/stue/sensor/temperature/state", b"21.4").said[0].time_ms is None
    assert FORMAT.list_filters(open_source(FORMAT, "esphome")) == ("esphome/#",)
    assert not FORMAT.is_lossless


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    refuse("esphome/stue/light/lampe/state", deep)
    refuse("esphome/discover/stue", deep)
