"""One value as each Format tells it, for laws over all of them."""

import json
from collections.abc import Callable, Mapping

from ingest.source import Said
from tests import test_format_ams, test_format_chirpstack, test_format_tts
from tests.format_samples import RECEIVED_MS, Told, open_interpreter
from tests.lorawan_payloads import change
from tests.sparkplug_payloads import bd_seq, metric, value, write

Value = float | bool | str


def _tell_json(topic: str, told: object) -> Told:
    return Told(topic, json.dumps(told).encode())


def _encode(told: Value) -> bytes:
    """Return a value as Formats tell it that have one a topic."""
    return (told if isinstance(told, str) else json.dumps(told)).encode()


def _tell_ams(name: str, told: Value) -> tuple[Told, str]:
    listed = json.loads(test_format_ams.LIST_1)
    return _tell_json(test_format_ams.TOPIC, {**listed, "data": {"P": 1007, name: told}}), name


def _tell_chirpstack(name: str, told: Value) -> tuple[Told, str]:
    return _tell_json(test_format_chirpstack.UP, change(test_format_chirpstack.UPLINK, object={name: told})), name


def _tell_esphome(name: str, told: Value) -> tuple[Told, str]:
    component = "text_sensor" if isinstance(told, str | bool) else "sensor"
    return Told(f"esphome/stue/{component}/{name}/state", _encode(told)), f"{component}.{name}"


def _tell_homie(name: str, told: Value) -> tuple[Told, str]:
    return Told(f"homie/car/engine/{name}", _encode(told)), f"engine.{name}"


def _tell_plain(name: str, told: Value) -> tuple[Told, str]:
    return _tell_json("hage/bed-1/air", {name: told}), f"air.{name}"


def _tell_senml(name: str, told: Value) -> tuple[Told, str]:
    label = "vb" if isinstance(told, bool) else "vs" if isinstance(told, str) else "v"
    return _tell_json("senml/x", [{"bn": "urn:dev:ow:10e2073a01080063:", "n": name, label: told}]), name


def _tell_shelly(name: str, told: Value) -> tuple[Told, str]:
    params = {"ts": 1631186545.04, "input:0": {"id": 0, name: told}}
    message = {"src": "x", "dst": "x/events", "method": "NotifyStatus", "params": params}
    return _tell_json("shelly/x/events/rpc", message), f"input:0.{name}"


def _tell_sparkplug(name: str, told: Value) -> tuple[Told, str]:
    return Told("spBv1.0/g/NBIRTH/n", write([bd_seq(0), _tell_metric(name, told)], seq=0)), name


def _tell_metric(name: str, told: Value) -> bytes:
    if isinstance(told, bool):
        return metric(name, 11, value("boolean", told=told))
    if isinstance(told, str):
        return metric(name, 12, value("string", told))
    return metric(name, 4, value("long", told)) if isinstance(told, int) else metric(name, 10, value("double", told))


def _tell_tasmota(name: str, told: Value) -> tuple[Told, str]:
    return _tell_json("tele/plugg-1/SENSOR", {"X": {name: told}}), f"X.{name}"


def _tell_tts(name: str, told: Value) -> tuple[Told, str]:
    uplink = change(test_format_tts.UPLINK, uplink_message__decoded_payload={name: told})
    return _tell_json(test_format_tts.UP, uplink), name


def _tell_zigbee(name: str, told: Value) -> tuple[Told, str]:
    return _tell_json("zigbee2mqtt/my_plug", {name: told}), name


_WAYS: Mapping[str, Callable[[str, Value], tuple[Told, str]]] = {
    "ams": _tell_ams,
    "chirpstack": _tell_chirpstack,
    "esphome": _tell_esphome,
    "homie": _tell_homie,
    "plain": _tell_plain,
    "senml": _tell_senml,
    "shelly": _tell_shelly,
    "sparkplug": _tell_sparkplug,
    "tasmota": _tell_tasmota,
    "tts": _tell_tts,
    "zigbee2mqtt": _tell_zigbee,
}
VALUE_FORMATS = tuple(_WAYS)
"""Formats that tell values; raw HAN has numbers of bits alone, and discovery tells none."""


def hear_value(key: str, name: str, told: Value) -> tuple[Said, str]:
    """Return what a Format makes of a value, without the device's own bytes, and the name of its member.

    Args:
        key: Of the Format.
        name: Of the value, as its device has it.
        told: What the device tells; a whole number is not negative.
    """
    message, member = _WAYS[key](name, told)
    heard = open_interpreter(key).read(message.topic, message.payload, RECEIVED_MS)
    (said,) = (one for one in heard.said if member in one.members)
    return said._replace(frame=None), member
