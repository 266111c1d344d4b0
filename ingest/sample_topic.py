"""Topics for payloads that came without one: of each Format's documentation, with the device that the payload names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from ingest.codecs import NATIVE, load_formats
from ingest.source import Source

SAMPLE_TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "ams": "amsleser/meter",
        "chirpstack": "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up",
        "esphome": "esphome/livingroom/sensor/temperature/state",
        "han": "han/meter",
        "homeassistant": "homeassistant/binary_sensor/garden/config",
        "homie": "homie/super-car/engine/temperature",
        NATIVE: "gjovik/site/device/reading",
        "plain": "device/value",
        "senml": "senml/pack",
        "shelly": "shelly/shellypro4pm-f008d1d8b8b8/events/rpc",
        "sparkplug": "spBv1.0/Sparkplug B Devices/NBIRTH/Raspberry Pi",
        "tasmota": "tele/tasmota/SENSOR",
        "tts": "v3/app1@tenant1/devices/dev1/up",
        "zigbee2mqtt": "zigbee2mqtt/my_plug",
    }
)
"""A topic of each Format with its usual root, mostly of its documentation: for payloads that came without one."""


_NAMED: Mapping[str, Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        "tts": {1: ("end_device_ids", "application_ids", "application_id"), 3: ("end_device_ids", "device_id")},
        "chirpstack": {1: ("deviceInfo", "applicationId"), 3: ("deviceInfo", "devEui")},
    }
)
"""Levels of a topic that its payload has too, by paths: these Formats refuse a topic that is another device's."""


def find_sample_topic(source: Source, payload: bytes) -> str:
    """Return a topic of a Source that stands for one that nobody named; empty where none is known."""
    if source.patterns:
        return source.patterns[0].replace("{address}", "device").replace("{member}", "value")
    sample, usual = SAMPLE_TOPICS.get(source.format_key, ""), load_formats()[source.format_key].root
    levels = sample.split("/")
    for level, path in _NAMED.get(source.format_key, {}).items():
        levels[level] = _find_text(payload, path) or levels[level]
    return f"{source.root}{'/'.join(levels).removeprefix(usual)}" if sample else ""


def _find_text(payload: bytes, path: tuple[str, ...]) -> str:
    """Return a text of a JSON payload; empty where there is none that could be a level of a topic."""
    try:
        value: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and not set(value) & set("/+#") else ""
