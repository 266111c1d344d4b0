"""Samples of every Format: messages as documented or recorded, from the tests of each, for laws and fuzzing."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.codecs import load_formats
from ingest.local_time import LOCAL
from ingest.source import Interpreter, Source
from tests import (
    han_frames,
    sparkplug_payloads,
    test_format_ams,
    test_format_chirpstack,
    test_format_esphome,
    test_format_han,
    test_format_homie,
    test_format_senml,
    test_format_shelly,
    test_format_sparkplug,
    test_format_tasmota,
    test_format_tts,
    test_home_assistant,
    zigbee_network,
)

RECEIVED_MS = 1_768_478_402_000
PATTERN = "hage/{address}/{member}"
"""Of the Format whose topics are a matter of taste."""


class Told(NamedTuple):
    """A message of a Source."""

    topic: str
    payload: bytes


class Samples(NamedTuple):
    """What is known of a Format.

    Attributes:
        told: Messages, in an order that makes sense.
        earlier: What makes sense of them: names of devices, births.
    """

    told: Sequence[Told]
    earlier: Sequence[Told] = ()


def make_source(key: str) -> Source:
    """Return a Source of a Format, with its usual topics where it has such."""
    source = Source(key="source", format_key=key, root=load_formats()[key].root, zone_info=LOCAL)
    if load_formats()[key].list_filters(source):
        return source
    return Source(key="source", format_key=key, root="", patterns=(PATTERN,), zone_info=LOCAL)


def open_interpreter(key: str) -> Interpreter:
    """Return an Interpreter of a Format that was told what makes sense of its samples."""
    interpreter = load_formats()[key].open(make_source(key))
    for one in SAMPLES[key].earlier:
        interpreter.read(one.topic, one.payload, RECEIVED_MS)
    return interpreter


def _tell(topic: str, payload: object) -> Told:
    return Told(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


def _list_ams() -> list[Told]:
    form = test_format_ams
    base = form.TOPIC
    lists = [form.LIST_1, form.LIST_2, form.HOURLY, form.flatten_form(form.HOURLY), form.SYSTEM, form.PRICES]
    others = [_tell(f"{base}/list3", form.HOURLY), _tell(f"{base}/temperatures", form.TEMPERATURES)]
    return [*(_tell(base, one) for one in lists), *others, _tell("amsleser/og", form.LIST_3)]


def _list_senml() -> list[Told]:
    form = test_format_senml
    packs = [_tell("senml/x", one) for one in form.PACKS]
    return [*packs, Told("senml/x", form.SEVERAL_CBOR), *(Told("senml/x", form.encode(one)) for one in form.PACKS)]


def _list_shelly() -> list[Told]:
    form = test_format_shelly
    statuses = {"em:0": form.EM, "emdata:0": form.EMDATA, "switch:0": form.SWITCH}
    return [
        *(Told(f"{form.BASE}/events/rpc", one) for one in (*form.SAMPLES, form.CLOUD)),
        *(Told(f"{form.BASE}/status/{component}", one) for component, one in statuses.items()),
        Told(f"{form.BASE}/online", b"true"),
    ]


def _tell_node(verb: str, payload: bytes, device: str = "") -> Told:
    group, node = sparkplug_payloads.NODE.split("/")
    return Told("/".join(filter(None, ("spBv1.0", group, verb, node, device))), payload)


def _list_tasmota() -> list[Told]:
    form = test_format_tasmota
    return [
        *(_tell("tele/plugg-1/SENSOR", one) for one in (form.BME280, form.DS18B20, form.ENERGY, form.THREE_PHASES)),
        *(Told("stat/plugg-1/STATUS8", one) for one in (form.OLD_DS18B20, form.POW, form.FAHRENHEIT, form.SONOFF_SC)),
        Told("tele/plugg-1/STATE", form.STATE),
        Told("tele/plugg-1/LWT", b"Online"),
        Told("stat/plugg-1/POWER1", b"ON"),
        Told("tele/plugg-1/INFO1", b'{"Info1":{"Module":"Sonoff Basic","Version":"12.0.2(tasmota)"}}'),
    ]


def _list_homie() -> list[Told]:
    form = test_format_homie
    values = {"engine/temperature": "21.5", "engine/direction": "left", "lights/on": "true", "lights/all": '{"r":[1]}'}
    return [
        _tell(f"{form.CAR_5}/$description", form.DESCRIPTION),
        *(Told(f"{form.CAR_5}/{topic}", value.encode()) for topic, value in values.items()),
        *(Told(f"{form.CAR}/{topic}", value.encode()) for topic, value in form.VERSION_4),
        Told(f"{form.CAR}/engine/temperature", b"21.5"),
        Told(f"{form.CAR}/$stats/battery", b"80"),
        Told(f"{form.CAR_5}/$alert/battery", b"Battery is low, at 8%"),
    ]


def _list_zigbee() -> list[Told]:
    form = zigbee_network
    messages: Mapping[str, object] = {
        "my_sensor": form.CLIMATE,
        "my_plug": b'{"power":7,"energy":1.5,"state":"ON","last_seen":"2026-01-15T12:00:00Z","linkquality":120}',
        "my_bulb": form.LEAK,
        "my_plug/power": b"21.5",
        "my_plug/availability": b'{"state":"online"}',
        "bridge/devices": form.DEVICES,
        "bridge/groups": form.GROUPS,
        "bridge/event": form.INTERVIEWED,
        "bridge/info": {"version": "1.13.0-dev", "config": {"advanced": {"output": "attribute_and_json"}}},
    }
    return [_tell(f"zigbee2mqtt/{path}", payload) for path, payload in messages.items()]


SAMPLES: Mapping[str, Samples] = {
    "ams": Samples(_list_ams()),
    "chirpstack": Samples(
        [_tell(f"{test_format_chirpstack.BASE}/{event}", one) for event, one in test_format_chirpstack.SAMPLES.items()]
    ),
    "esphome": Samples(
        [
            Told("esphome/discover/esp32-test", test_format_esphome.DISCOVERED),
            Told("esphome/stue/sensor/temperature/state", b"21.4"),
            Told("esphome/stue/binary_sensor/door/state", b"ON"),
            Told("esphome/stue/light/tak/state", b'{"state":"ON","brightness":255,"color":{"r":255}}'),
            Told("esphome/stue/status", b"online"),
        ]
    ),
    "han": Samples([Told(test_format_han.TOPIC, one) for one in han_frames.EVERY.values()]),
    "homeassistant": Samples(
        [
            _tell(test_home_assistant.ZIGBEE2MQTT_TOPIC, test_home_assistant.ZIGBEE2MQTT),
            _tell("homeassistant/sensor/ams/P/config", test_home_assistant.AMSREADER),
            _tell("homeassistant/device/0AFFD2/config", test_home_assistant.DEVICE),
            _tell("homeassistant/switch/irrigation/config", test_home_assistant.SWITCH),
        ]
    ),
    "homie": Samples(_list_homie()),
    "plain": Samples(
        [
            Told("hage/bed-1/temperature", b"21.4"),
            Told("hage/bed-1/distance", b"2799 mm"),
            Told("hage/bed-1/open", b"true"),
            Told("hage/bed-1/air", b'{"temp":{"v":21.4,"u":"C"},"pm2.5":7,"l":[1,true],"none":null}'),
        ]
    ),
    "senml": Samples(_list_senml()),
    "shelly": Samples(_list_shelly()),
    "sparkplug": Samples(
        [_tell_node(verb, payload, device) for verb, device, payload in test_format_sparkplug.MESSAGES],
        [_tell_node("NBIRTH", sparkplug_payloads.NBIRTH), _tell_node("DBIRTH", sparkplug_payloads.DBIRTH, "Pibrella")],
    ),
    "tasmota": Samples(_list_tasmota()),
    "tts": Samples([_tell(f"{test_format_tts.BASE}/{level}", one) for level, one in test_format_tts.SAMPLES.items()]),
    "zigbee2mqtt": Samples(_list_zigbee(), [_tell("zigbee2mqtt/bridge/devices", zigbee_network.DEVICES)]),
}
"""By the key of the Format."""
