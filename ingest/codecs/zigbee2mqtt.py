"""Zigbee2MQTT: JSON, or one topic for each attribute, of the devices of one Zigbee network.

- Topics: ``{root}/{name}``, where a name may have slashes in it; ``{root}/{name}/availability``; ``{root}/bridge/...``.
- The address of a device is its IEEE address in lower case, such as ``0x00158d00018255df``: people rename devices.
  ``bridge/devices``, which is retained, says which name is whose. A message that brings ``device.ieeeAddr`` with it
  (``include_device_information``) says so itself.
- While ``bridge/devices`` was not heard, and of a name that it does not have, the name itself is the address. So
  nothing is taken for another device's: with IEEE addresses in the inventory, such a reading waits in the quarantine
  until it is reprocessed; with names, where ``bridge/devices`` is kept from us, it is taken. A name in the inventory
  means nothing where the IEEE address is known.
- ``bridge/devices`` has some 10 kB for each device: the limit of payloads must allow that.
- The time is ``last_seen``, in all its three forms; it is off unless ``advanced.last_seen`` is set, and should be
  ``ISO_8601``: without it, what is retained or sent again at a start has no time. ``elapsed`` is the time between two
  messages of the device and says nothing of when.
- ``advanced.cache_state`` (on unless set) sends the values of all attributes again whenever one of them changes. They
  are readings of that moment here, which they are not: a temperature may be as old as the device's reporting interval.
  Where it is off, readings without a field that the device's type requires are refused.
- Attributes of ``output: attribute`` are a reading each. Of ``attribute_and_json`` the JSON is taken, once
  ``bridge/info`` said so.
- Devices publish with QoS 0 unless ``qos`` is set for them.

Sources: Zigbee2MQTT's documentation, "MQTT topics and messages" and "Configuration"; its ``controller.ts``.
"""

import math
import re
from typing import Any, NamedTuple

import orjson

from ingest.codec import CodecError
from ingest.event_time import parse_time
from ingest.payloads.json_payload import flatten, read_json, read_object, show
from ingest.payloads.protobuf_json import Part
from ingest.payloads.topic_pattern import split_below
from ingest.source import Event, EventKind, Format, Heard, Plain, Said, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

MOST_DEVICES = 5_000
"""More than any Zigbee network has."""

_IEEE = re.compile(r"0x[0-9A-Fa-f]{16}")
_TIMES = ("last_seen", "elapsed")
_LATEST_MS = 253_402_300_799_999
_COMMANDS = ("set", "get")
_BRIDGE = frozenset(
    {"config", "converters", "definition", "definitions", "event", "extensions"}
    | {"groups", "health", "info", "log", "logging", "networkmap"}
)
_BRIDGE_FOLDERS = frozenset({"config", "group", "networkmap", "request", "response"})
_KINDS = {"online": EventKind.ONLINE, "offline": EventKind.OFFLINE}


class _Known(NamedTuple):
    """A device of ``bridge/devices``."""

    address: str
    model: str


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self._devices: dict[str, _Known] = {}
        self._groups: frozenset[str] = frozenset()
        self._output = ""

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - every Interpreter is given it
        """Return what a message says.

        Raises:
            CodecError: It is not of the format, or an attribute of a name that ``bridge/devices`` does not have.
        """
        levels = split_below(self._root, topic)
        path = "/".join(levels)
        if not levels or "" in levels:
            raise _refuse(f"the topic is not of the form {self._root}/{{name}} or {self._root}/bridge/...")
        if path.startswith("bridge/"):
            return self._read_bridge(path.removeprefix("bridge/"), payload)
        return self._read_device(path, payload)

    def _read_bridge(self, word: str, payload: bytes) -> Heard:
        """Return what the server tells of itself, and remember what later messages need of it."""
        if payload and word == "devices":
            return self._read_devices(payload)
        if payload and word == "groups":
            self._groups = _read_groups(payload)
        elif payload and word == "info":
            self._output = _read_output(payload)
        elif payload and word == "event":
            return Heard(events=(_read_event(Part(read_object(payload))),))
        elif payload and word == "state":
            return Heard(events=(Event(_read_state(payload)),))
        folder = word.partition("/")[0]
        if word in _BRIDGE or word in ("devices", "state") or (folder != word and folder in _BRIDGE_FOLDERS):
            return _tell_other(f"bridge/{shorten(word)}")
        raise _refuse(f"bridge/{shorten(word)} is none of the server's topics that are known")

    def _read_devices(self, payload: bytes) -> Heard:
        devices: dict[str, _Known] = {}
        events = []
        for one in _read_objects(payload, "bridge/devices"):
            name, known = one.text("friendly_name"), _Known(_read_ieee(one, "ieee_address"), _read_model(one))
            if not name or name in devices:
                raise one.refuse("friendly_name", f"is {shorten(repr(name))}: missing, or that of two devices")
            devices[name] = known
            if one.text("type") != "Coordinator" and self._devices.get(name) != known:
                events.append(_describe(name, known, one))
        self._devices = devices
        return Heard(events=events or (Event(EventKind.OTHER, detail="bridge/devices"),))

    def _read_device(self, path: str, payload: bytes) -> Heard:
        outer, _, last = path.rpartition("/")
        if path not in self._devices:
            if last == "availability" and outer:
                return self._read_availability(outer, payload)
            if outer and (last in _COMMANDS or ("/" in outer and outer.rpartition("/")[2] in _COMMANDS)):
                return _tell_other(f"a command: {shorten(path)}")
        if not payload:
            return _tell_other("an empty payload: what was retained is removed")
        if payload.lstrip()[:1] == b"{":
            return self._read_whole(path, read_object(payload))
        if path in self._devices or not outer:
            raise _refuse("the payload of a device is neither a JSON object nor one attribute of it")
        return self._read_attribute(outer, last, payload)

    def _read_availability(self, name: str, payload: bytes) -> Heard:
        if name in self._groups:
            return _tell_other("availability of a group")
        if not payload:  # the device has another name now
            return _tell_other("availability is no more retained", self._find_address(name))
        return Heard(events=(Event(_read_state(payload), self._find_address(name)),))

    def _read_whole(self, name: str, state: dict[str, Any]) -> Heard:
        """Return the reading of a device."""
        if name in self._groups:
            return _tell_other("of a group, not of a device")
        whole = Part(state)
        known = self._devices.get(name, _Known(name, ""))
        device = whole.part("device") if isinstance(state.get("device"), dict) else Part({})
        if "ieeeAddr" in device:
            known = _Known(_read_ieee(device, "ieeeAddr"), known.model or device.text("model"))
        time_ms = _read_last_seen(state.get("last_seen"))
        left_out = (*_TIMES, "device") if device.members else _TIMES
        members = flatten({key: value for key, value in state.items() if key not in left_out})
        if not members:
            return _tell_other("nothing is told", known.address)
        return Heard((Said(known.address, members, time_ms=time_ms, model=known.model),))

    def _read_attribute(self, name: str, attribute: str, payload: bytes) -> Heard:
        """Return the reading of one attribute, of which the whole topic is one."""
        if name in self._groups or attribute in _TIMES or self._output == "attribute_and_json":
            return _tell_other("an attribute that says nothing more", self._find_address(name))
        if self._devices and name not in self._devices:
            raise _refuse(f"bridge/devices has neither {shorten(name)} nor {shorten(f'{name}/{attribute}')}")
        value = _read_scalar(payload)
        if value is None:
            return _tell_other("an attribute without a value", self._find_address(name))
        known = self._devices.get(name, _Known(name, ""))
        return Heard((Said(known.address, {attribute: value}, model=known.model),))

    def _find_address(self, name: str) -> str:
        return self._devices[name].address if name in self._devices else name


FORMAT = Format(
    title="Zigbee2MQTT",
    root="zigbee2mqtt",
    is_lossless=False,
    is_partial=True,
    traits=Traits(
        own=frozenset(
            {"last_seen", "ieee_address", "friendly_name", "type", "definition.model", "definition.vendor"}
            | {"data.ieee_address", "data.friendly_name", "data.definition.model", "data.definition.vendor"}
            | {"device.ieeeAddr", "device.friendlyName", "device.model"}
        )
    ),
    open=_Interpreter,
)


def _refuse(detail: str) -> CodecError:
    return CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)


def _tell_other(detail: str, address: str = "") -> Heard:
    return Heard(events=(Event(EventKind.OTHER, address, detail),))


def _read_objects(payload: bytes, word: str) -> list[Part]:
    found = read_json(payload)
    if not isinstance(found, list):
        raise _refuse(f"{word} is a JSON {type(found).__name__}, not an array")
    if len(found) > MOST_DEVICES:
        raise _refuse(f"{word} has more than {MOST_DEVICES} entries")
    return Part({word: found}).parts(word)


def _read_groups(payload: bytes) -> frozenset[str]:
    return frozenset(one.text("friendly_name") for one in _read_objects(payload, "bridge/groups"))


def _read_output(payload: bytes) -> str:
    """Return the setting ``output``; old versions have it among what is experimental."""
    settings = Part(read_object(payload)).part("config")
    return settings.part("advanced").text("output") or settings.part("experimental").text("output")


def _read_ieee(part: Part, name: str) -> str:
    text = part.text(name)
    if not _IEEE.fullmatch(text):
        raise part.refuse(name, f"is {shorten(repr(text))}, not 0x and 16 hexadecimal digits")
    return text.lower()


def _read_model(device: Part) -> str:
    definition = device.part("definition")
    return " ".join(filter(None, (definition.text("vendor"), definition.text("model"))))


def _describe(name: str, known: _Known, device: Part) -> Event:
    """Return which device there is, and the names of what it can tell."""
    told = _list_properties(device.part("definition").members.get("exposes"))
    members: dict[str, Plain] = {"friendly_name": name, "model": known.model, "exposes": shorten(", ".join(told))}
    return Event(EventKind.DESCRIBED, known.address, shorten(f"{known.model or 'not supported'}: {name}"), members)


def _list_properties(exposes: object) -> list[str]:
    """Return the names of what a device exposes, features of one kind of device included."""
    listed = exposes if isinstance(exposes, list) else []
    every = [inner for one in listed for inner in (one, *_list_features(one))]
    names = [one.get("property") for one in every if isinstance(one, dict)]
    return [one for one in names if isinstance(one, str)]


def _list_features(expose: object) -> list[object]:
    features = expose.get("features") if isinstance(expose, dict) else None
    return features if isinstance(features, list) else []


def _read_event(event: Part) -> Event:
    data, told = event.part("data"), event.text("type")
    address = _read_ieee(data, "ieee_address") if "ieee_address" in data else ""
    status = data.text("status")
    if told == "device_joined":
        return Event(EventKind.JOINED, address)
    if told == "device_leave":
        return Event(EventKind.OFFLINE, address, "it left the network")
    if told == "device_interview" and status == "successful":
        known = _Known(address, _read_model(data))
        return _describe(data.text("friendly_name"), known, data)
    if told == "device_interview" and status == "failed":
        return Event(EventKind.FAILED, address, "its interview failed: pair it again")
    return Event(EventKind.OTHER, address, shorten(f"{told} {status}".strip()))


def _read_state(payload: bytes) -> EventKind:
    """Return what ``{"state": "online"}``, or in older versions the bare word, says."""
    word: object = payload.decode(errors="replace")
    if payload.lstrip()[:1] == b"{":
        word = read_object(payload).get("state")
    kind = _KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        raise _refuse("the state is neither online nor offline")
    return kind


def _read_last_seen(told: object) -> int | None:
    """Return the event time; null where the device was not heard since the start."""
    if told is None:
        return None
    if isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told) and 0 <= told <= _LATEST_MS:
        return int(told)
    try:
        return parse_time(told)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        detail = f"last_seen is {show(told)}, neither RFC 3339 with an offset nor milliseconds"
        raise CodecError(Reason.INVALID_TIME, detail) from None


def _read_scalar(payload: bytes) -> Plain:
    """Return an attribute: a number, true or false as JSON has them, all else as it stands there."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        value = payload
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise CodecError(Reason.INVALID_UTF8, f"byte {error.start} is not UTF-8") from None
