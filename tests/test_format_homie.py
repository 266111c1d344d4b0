"""Homie: the examples of the convention in its versions, and what goes wrong with such messages."""

import json
from typing import Any

import pytest

from ingest.codec import CodecError
from ingest.codecs import homie
from ingest.codecs.homie import FORMAT
from ingest.source import Event, EventKind, Heard, Interpreter, Said
from schemas.reason import Reason
from tests.lorawan_payloads import open_source, replace

# The convention's super-car, its parts put together (5.0, "Devices", "Nodes", "Properties").
DESCRIPTION: dict[str, Any] = {
    "homie": "5.0",
    "name": "Supercar",
    "version": 7,
    "nodes": {
        "engine": {
            "name": "Car engine",
            "properties": {
                "speed": {"datatype": "integer"},
                "temperature": {"name": "Engine temperature", "unit": "°C", "datatype": "float", "format": "-20:120"},
                "direction": {"datatype": "enum", "format": "left,right"},
            },
        },
        "lights": {"properties": {"on": {"datatype": "boolean", "settable": True}, "all": {"datatype": "json"}}},
        "wheels": {},
    },
}
# Versions 3 and 4, "Devices", "Nodes" and "Properties".
VERSION_4 = [
    ("$homie", "4.0.0"),
    ("$name", "Super car"),
    ("$nodes", "wheels,engine,lights"),
    ("$implementation", "esp8266"),
    ("engine/$name", "Car engine"),
    ("engine/$type", "V8"),
    ("engine/$properties", "speed,direction,temperature"),
    ("engine/temperature/$name", "Engine temperature"),
    ("engine/temperature/$settable", "false"),
    ("engine/temperature/$unit", "°C"),
    ("engine/temperature/$datatype", "float"),
    ("engine/temperature/$format", "-20:120"),
    ("$state", "ready"),
]
CAR, CAR_5 = "homie/super-car", "homie/5/super-car"


@pytest.fixture
def interpreter() -> Interpreter:
    """Return what has heard nothing yet."""
    return FORMAT.open(open_source(FORMAT, "homie"))


def hear(interpreter: Interpreter, topic: str, payload: bytes | str | dict[str, Any]) -> Heard:
    """Return what a message says."""
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    return interpreter.read(topic, payload if isinstance(payload, bytes) else payload.encode(), 0)


def say(interpreter: Interpreter, topic: str, payload: bytes | str) -> Said:
    """Return the one thing that a message says."""
    heard = hear(interpreter, topic, payload)
    assert not heard.events
    (said,) = heard.said
    return said


def tell(interpreter: Interpreter, topic: str, payload: bytes | str | dict[str, Any]) -> Event:
    """Return the one event that a message tells."""
    heard = hear(interpreter, topic, payload)
    assert not heard.said
    (event,) = heard.events
    return event


def refuse(interpreter: Interpreter, topic: str, payload: bytes | str | dict[str, Any]) -> tuple[Reason, str]:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        hear(interpreter, topic, payload)
    return error.value.reason, error.value.detail


@pytest.mark.hazard("sentinel", "homie")
@pytest.mark.hazard("word-as-truth", "homie")
@pytest.mark.parametrize("base", [CAR, CAR_5])
def test_a_value_that_was_not_declared_is_what_it_looks_like(interpreter: Interpreter, base: str) -> None:
    for payload, value in (
        ("21.5", 21.5),
        ("-3", -3.0),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("TRUE", "TRUE"),
        ("left", "left"),
        ("nan", "nan"),
        ("Infinity", "Infinity"),
        (" 1", " 1"),
        ("٣", "٣"),
    ):
        said = say(interpreter, f"{base}/engine/temperature", payload)
        assert said == Said("super-car", {"engine.temperature": value})
        assert type(said.members["engine.temperature"]) is type(value)


@pytest.mark.hazard("other-unit", "homie")
@pytest.mark.hazard("type-drift", "homie")
def test_a_description_declares_types_and_units(interpreter: Interpreter) -> None:
    event = tell(interpreter, f"{CAR_5}/$description", DESCRIPTION)
    assert (event.kind, event.address, event.detail) == (EventKind.DESCRIBED, "super-car", "Supercar")
    assert event.members == {
        "engine.speed.datatype": "integer",
        "engine.temperature.datatype": "float",
        "engine.temperature.unit": "Cel",
        "engine.direction.datatype": "enum",
        "lights.on.datatype": "boolean",
        "lights.all.datatype": "json",
    }
    said = say(interpreter, f"{CAR_5}/engine/temperature", "21.5")
    assert said == Said("super-car", {"engine.temperature": 21.5}, {"engine.temperature": "Cel"})
    assert say(interpreter, f"{CAR_5}/engine/direction", "1").members == {"engine.direction": "1"}
    assert say(interpreter, f"{CAR_5}/engine/speed", "true").members == {"engine.speed": "true"}
    assert say(interpreter, f"{CAR_5}/lights/on", "1").members == {"lights.on": "1"}
    assert say(interpreter, f"{CAR_5}/lights/on", "true").members == {"lights.on": True}
    assert say(interpreter, f"{CAR_5}/lights/all", '{"r":[1]}').members == {"lights.all.r.0": 1}
    assert refuse(interpreter, f"{CAR_5}/lights/all", "{")[0] is Reason.MALFORMED_JSON
    assert refuse(interpreter, f"{CAR_5}/lights/all", "{}")[0] is Reason.UNRECOGNISED_PAYLOAD


def test_what_another_device_declares_is_its_own(interpreter: Interpreter) -> None:
    tell(interpreter, f"{CAR_5}/$description", DESCRIPTION)
    assert say(interpreter, "homie/5/other/engine/temperature", "21.5").units == {}


@pytest.mark.hazard("other-name", "homie")
def test_version_4_declares_one_attribute_after_another(interpreter: Interpreter) -> None:
    kinds = [tell(interpreter, f"{CAR}/{topic}", payload).kind for topic, payload in VERSION_4]
    assert [topic for (topic, _), kind in zip(VERSION_4, kinds, strict=True) if kind is EventKind.DESCRIBED] == [
        "$nodes",
        "engine/$properties",
        "engine/temperature/$unit",
        "engine/temperature/$datatype",
    ]
    assert kinds[-1] is EventKind.ONLINE
    said = say(interpreter, f"{CAR}/engine/temperature", "21.5")
    assert said == Said("super-car", {"engine.temperature": 21.5}, {"engine.temperature": "Cel"})
    tell(interpreter, f"{CAR}/engine/temperature/$unit", b"")
    assert say(interpreter, f"{CAR}/engine/temperature", "21.5").units == {}


@pytest.mark.parametrize(
    ("written", "ucum"),
    [("°C", "Cel"), ("°F", "[degF]"), ("%", "%"), ("kWh", "kW.h"), ("m³", "m3"), ("L", "L"), ("lx", "lx"),
     ("#", "1"), ("ppm", "[ppm]"), ("kn", "[kn_i]"), ("psi", "[psi]"), ("inH2O", "inH2O"), ("MK⁻¹", "MK⁻¹")],
)  # fmt: skip
def test_units_are_ucum_where_the_platform_knows_them(interpreter: Interpreter, written: str, ucum: str) -> None:
    tell(interpreter, f"{CAR}/a/b/$unit", written)
    assert say(interpreter, f"{CAR}/a/b", "1").units == {"a.b": ucum}


@pytest.mark.parametrize(
    ("state", "kind", "detail"),
    [
        ("ready", EventKind.ONLINE, ""),
        ("init", EventKind.STATUS, "init"),
        ("sleeping", EventKind.STATUS, "sleeping"),
        ("alert", EventKind.FAILED, "alert"),
        ("disconnected", EventKind.OFFLINE, "disconnected"),
        ("lost", EventKind.OFFLINE, "lost"),
        ("", EventKind.OFFLINE, "removed"),
    ],
)
def test_states_are_events(interpreter: Interpreter, state: str, kind: EventKind, detail: str) -> None:
    for base in (CAR, CAR_5):
        assert tell(interpreter, f"{base}/$state", state) == Event(kind, "super-car", detail)
    assert refuse(interpreter, f"{CAR}/$state", "broken")[0] is Reason.UNRECOGNISED_PAYLOAD


def test_an_empty_text_is_one_byte_and_no_bytes_take_a_value_back(interpreter: Interpreter) -> None:
    assert say(interpreter, f"{CAR_5}/a/b", b"\x00").members == {"a.b": ""}
    assert tell(interpreter, f"{CAR_5}/a/b", b"").kind is EventKind.OTHER


def test_alerts_and_grave_logs_are_faults(interpreter: Interpreter) -> None:
    alert = tell(interpreter, f"{CAR_5}/$alert/battery", "Battery is low, at 8%")
    assert alert == Event(EventKind.FAILED, "super-car", "battery: Battery is low, at 8%")
    assert tell(interpreter, f"{CAR_5}/$log/warn", "battery low").detail == "warn: battery low"
    assert tell(interpreter, f"{CAR_5}/$log/debug", "x").kind is EventKind.OTHER
    assert tell(interpreter, f"{CAR_5}/$alert/battery", "").kind is EventKind.OTHER


def test_statistics_of_version_3_are_status(interpreter: Interpreter) -> None:
    assert tell(interpreter, f"{CAR}/$stats/battery", "80") == Event(
        EventKind.STATUS, "super-car", "", {"battery": 80.0}
    )
    assert tell(interpreter, f"{CAR}/$stats/interval", "60").kind is EventKind.OTHER
    assert tell(interpreter, f"{CAR}/$fw/version", "1.0.0").kind is EventKind.OTHER


@pytest.mark.parametrize(
    "topic",
    [
        f"{CAR}/lights/on/set",
        f"{CAR_5}/lights/on/set",
        f"{CAR_5}/lights/on/$target",
        "homie/5/$broadcast/security/alert",
    ],
)
def test_wishes_are_of_no_interest(interpreter: Interpreter, topic: str) -> None:
    assert tell(interpreter, topic, "true").kind is EventKind.OTHER


@pytest.mark.parametrize(
    "topic",
    ["", "homie", "homie/", "homie/a", "homie/a/b", "homie/a/b/c/d", "homie/a//c", "homie/ø/b/c", "homie/5/a/b",
     "homie/5/a/b/c/d", "Homie/a/b/c", "x/a/b/c", "homie/a b/b/c", "homie//$state"],
)  # fmt: skip
def test_other_topics_are_none_of_ours(interpreter: Interpreter, topic: str) -> None:
    assert refuse(interpreter, topic, "1")[0] is Reason.UNRECOGNISED_PAYLOAD


def test_a_description_that_is_refused_declares_nothing(interpreter: Interpreter) -> None:
    for path, value in ((("nodes",), []), (("nodes", "lights"), 1), (("nodes", "lights", "properties"), "x")):
        assert refuse(interpreter, f"{CAR_5}/$description", replace(DESCRIPTION, path, value))[0] in (
            Reason.UNRECOGNISED_PAYLOAD,
            Reason.NOT_AN_OBJECT,
        )
    assert refuse(interpreter, f"{CAR_5}/$description", "[]")[0] is Reason.NOT_AN_OBJECT
    refuse(interpreter, f"{CAR_5}/$description", replace(DESCRIPTION, ("nodes", "b/c"), {}))
    assert say(interpreter, f"{CAR_5}/engine/temperature", "21.5").units == {}


def test_what_is_remembered_is_bounded(interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homie, "MOST_PROPERTIES", 3)
    for number in range(5):
        tell(interpreter, f"{CAR}/n/p{number}/$unit", "V")
    units = [say(interpreter, f"{CAR}/n/p{number}", "1").units for number in range(5)]
    assert units == [{}, {}, *({f"n.p{number}": "V"} for number in (2, 3, 4))]
    properties = {f"p{number}": {"datatype": "float", "name": "x"} for number in range(1_000)}
    many = replace(DESCRIPTION, ("nodes", "wheels", "properties"), properties)
    assert "more than 1000 values" in refuse(interpreter, f"{CAR_5}/$description", many)[1]


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(interpreter: Interpreter, depth: int) -> None:
    tell(interpreter, f"{CAR_5}/$description", DESCRIPTION)
    deep = b'{"nodes":' * depth + b"1" + b"}" * depth
    for topic in ("$description", "lights/all"):
        refuse(interpreter, f"{CAR_5}/{topic}", deep)


@pytest.mark.hazard("time-missing", "homie")
def test_there_is_no_time(interpreter: Interpreter) -> None:
    assert say(interpreter, f"{CAR}/a/b", "1").time_ms is None
    assert FORMAT.list_filters(open_source(FORMAT, "homie")) == ("homie/#",)
