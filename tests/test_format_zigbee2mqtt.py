"""Zigbee2MQTT: the samples of its documentation and tests, and what goes wrong with such messages."""

import contextlib
import json

import pytest

from devices import load_device_types
from ingest.codec import CodecError, Observation
from ingest.codecs.zigbee2mqtt import FORMAT
from ingest.event_time import parse_time
from ingest.model import translate
from ingest.models import load_models
from ingest.source import EventKind, Said
from schemas.reason import Reason
from tests.lorawan_payloads import RECEIVED_MS, change, open_source
from tests.zigbee_network import (
    ANNOUNCED,
    BULB,
    CLIMATE,
    DEVICES,
    INTERVIEW_FAILED,
    INTERVIEWED,
    JOINED,
    LEAK,
    LEFT,
    PLUG,
    SENSOR,
    Network,
    open_known,
)


@pytest.fixture
def network() -> Network:
    """Return what has heard nothing yet."""
    return Network()


@pytest.fixture
def known() -> Network:
    """Return what has heard which devices and groups there are."""
    return open_known()


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
