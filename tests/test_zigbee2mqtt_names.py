"""Zigbee2MQTT: which name is whose, as ``bridge/devices`` tells it, and before it was heard."""

import copy
import dataclasses
import json

import pytest

from devices import load_device_types
from ingest.batch import Batch
from ingest.codecs.zigbee2mqtt import FORMAT, MOST_DEVICES
from ingest.message import Message
from ingest.process import Processor
from ingest.source import EventKind
from ingest.source_table import SourceTable
from schemas.reason import Reason
from tests.lorawan_payloads import RECEIVED_MS, change, open_source
from tests.small_town import make_inventory, make_processor
from tests.zigbee_network import (
    BULB,
    CLIMATE,
    DEVICES,
    LEAK,
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
