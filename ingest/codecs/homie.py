"""Homie: the convention in its versions 3, 4 and 5, a value for each topic.

- Topics: ``homie/5/{device}/{node}/{property}`` of version 5, without ``5`` of those before it.
- The address is the device's id. A member is ``{node}.{property}``, in every version.
- A value is what its property was declared as: ``float``, ``boolean`` and so on; until that is known, what it looks
  like. What is declared otherwise than it is published stays a text, which a Model refuses.
- Units are those that were declared. Both are remembered of at most ``MOST_PROPERTIES``, the latest.
- After a restart what waited at the broker comes before what it retains: until a property is declared again its values
  have no unit, and a Model takes its own. So declare the units that Models take, such as °C.
- An empty text comes as one byte 0x00; no bytes at all take a value back, which says nothing of what is measured.
- There is no time: when it comes stands for it, and when a value that the broker kept was measured nobody can tell.
- A device that is lost takes its children with it (version 5): they are not told to be offline one by one.

Source: The Homie Convention, versions 3.0.1, 4.0.0 and 5.0 (https://homieiot.github.io).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_json, read_object
from ingest.payloads.topic_pattern import split_below
from ingest.payloads.value_payload import name_values, read_number, read_scalar, read_text, read_truth
from ingest.payloads.written_unit import read_unit
from ingest.source import LONGEST_NAME, Event, EventKind, Format, Heard, Plain, Said, Source
from schemas.reason import Reason
from schemas.validation import shorten

MOST_PROPERTIES = 20_000
_VERSION_5 = "5"
_ID = re.compile(f"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")
_STATES = {
    "ready": EventKind.ONLINE,
    "init": EventKind.STATUS,
    "sleeping": EventKind.STATUS,
    "alert": EventKind.FAILED,
    "disconnected": EventKind.OFFLINE,
    "lost": EventKind.OFFLINE,
}
_GRAVE = frozenset({"warn", "error", "fatal"})
_READ: Mapping[str, Callable[[str], Plain]] = {
    "integer": read_number,
    "float": read_number,
    "boolean": read_truth,
    **dict.fromkeys(("string", "enum", "color", "datetime", "duration"), str),
}


class _Property(NamedTuple):
    """What was declared of a property.

    Attributes:
        datatype: As Homie writes it; empty for unknown.
        unit: UCUM code; empty for none.
    """

    datatype: str = ""
    unit: str = ""


_Key = tuple[str, str]
"""A device and a member of it."""


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self._properties: dict[_Key, _Property] = {}

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - it tells no times
        """Return what a message says.

        Raises:
            CodecError: Its topic is none of the convention, or its payload none that stands there.
        """
        parts = split_below(self._root, topic)
        if parts[:1] == [_VERSION_5]:
            del parts[0]
        match parts:
            case ["$broadcast", _, *_]:
                return Heard(events=(Event(EventKind.OTHER, detail="broadcast"),))
            case [device, attribute, *rest] if attribute.startswith("$") and _are_ids(device):
                return Heard(events=(self._read_attribute(device, attribute, rest, payload),))
            case [device, node, attribute] if attribute.startswith("$") and _are_ids(device, node):
                return Heard(events=(_read_node(device, node, attribute, payload),))
            case [device, node, name] if _are_ids(device, node, name):
                return self._read_value(device, f"{node}.{name}", payload)
            case [device, node, name, "set" | "$target"] if _are_ids(device, node, name):
                return Heard(events=(Event(EventKind.OTHER, device, f"{parts[-1]} of {shorten(f'{node}.{name}')}"),))
            case [device, node, name, attribute] if attribute.startswith("$") and _are_ids(device, node, name):
                return Heard(events=(self._declare(device, f"{node}.{name}", attribute, payload),))
        raise self._refuse()

    def _refuse(self) -> CodecError:
        expected = f"{self._root}/[5/]{{device}}/{{node}}/{{property}}"
        return CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}, nor an attribute")

    def _read_attribute(self, device: str, attribute: str, rest: list[str], payload: bytes) -> Event:
        match attribute, rest:
            case "$state", []:
                return _read_state(device, payload)
            case "$description", [] if payload:
                return self._read_description(device, payload)
            case "$nodes", [] if payload:
                return Event(EventKind.DESCRIBED, device, shorten(f"nodes {read_text(payload)}"))
            case "$stats", [name] if payload and name != "interval":
                return Event(EventKind.STATUS, device, members={name: read_scalar(read_text(payload))})
            case "$alert" | "$log", [name] if payload and (attribute == "$alert" or name in _GRAVE):
                return Event(EventKind.FAILED, device, shorten(f"{name}: {read_text(payload)}"))
        return Event(EventKind.OTHER, device, shorten("/".join((attribute, *rest))))

    def _read_description(self, device: str, payload: bytes) -> Event:
        """Return what version 5 declares of a device as a whole, and remember it."""
        description = read_object(payload)
        flatten(description)  # neither nested too deeply nor too long
        declared = dict(_list_properties(description))
        members: dict[str, Plain] = {}
        for member, one in declared.items():
            members |= {f"{member}.{name}": value for name, value in one._asdict().items() if value}
        name = description.get("name")
        for member, one in declared.items():
            self._remember((device, member), one)
        return Event(EventKind.DESCRIBED, device, shorten(name) if isinstance(name, str) else "", members)

    def _declare(self, device: str, member: str, attribute: str, payload: bytes) -> Event:
        """Return what versions 3 and 4 declare of a property, and remember it."""
        if attribute not in ("$datatype", "$unit"):
            return Event(EventKind.OTHER, device, shorten(f"{attribute} of {member}"))
        text = read_text(payload) if payload else ""
        known = self._properties.get((device, member), _Property())
        one = (
            known._replace(datatype=shorten(text)) if attribute == "$datatype" else known._replace(unit=read_unit(text))
        )
        self._remember((device, member), one)
        return Event(EventKind.DESCRIBED, device, members={f"{member}.{attribute[1:]}": text and shorten(text)})

    def _remember(self, key: _Key, declared: _Property) -> None:
        self._properties.pop(key, None)
        self._properties[key] = declared
        if len(self._properties) > MOST_PROPERTIES:
            del self._properties[next(iter(self._properties))]

    def _read_value(self, device: str, member: str, payload: bytes) -> Heard:
        if not payload:
            return Heard(events=(Event(EventKind.OTHER, device, f"{shorten(member)} was taken back"),))
        declared = self._properties.get((device, member), _Property())
        if declared.datatype == "json":
            return Heard(said=[Said(device, name_values(member, read_json(payload)))])
        text = "" if payload == b"\x00" else read_text(payload)
        value = _READ.get(declared.datatype, read_scalar)(text)
        return Heard(said=[Said(device, {member: value}, {member: declared.unit} if declared.unit else {})])


FORMAT = Format(
    title="Homie",
    root="homie",
    is_lossless=True,
    is_partial=True,
    open=_Interpreter,
)


def _are_ids(*parts: str) -> bool:
    return all(map(_ID.fullmatch, parts))


def _read_state(device: str, payload: bytes) -> Event:
    if not payload:
        return Event(EventKind.OFFLINE, device, "removed")
    state = read_text(payload)
    if state not in _STATES:
        known = ", ".join(_STATES)
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the state is {shorten(repr(state))}, not one of {known}")
    return Event(_STATES[state], device, "" if state == "ready" else state)


def _read_node(device: str, node: str, attribute: str, payload: bytes) -> Event:
    if attribute == "$properties" and payload:
        return Event(EventKind.DESCRIBED, device, shorten(f"{node}: {read_text(payload)}"))
    return Event(EventKind.OTHER, device, shorten(f"{attribute} of {node}"))


def _list_properties(description: Mapping[str, Any]) -> Iterator[tuple[str, _Property]]:
    """Yield every property that a description declares, by its member."""
    for node, inner in _list_objects(description, "nodes"):
        for name, declared in _list_objects(inner, "properties"):
            datatype, unit = declared.get("datatype"), declared.get("unit")
            yield (
                f"{node}.{name}",
                _Property(
                    shorten(datatype) if isinstance(datatype, str) else "",
                    read_unit(unit) if isinstance(unit, str) else "",
                ),
            )


def _list_objects(outer: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects that are in an object of objects, by name.

    Raises:
        CodecError: It is no object of objects, with ids for names.
    """
    inner = outer.get(name, {})
    if not isinstance(inner, dict) or not all(isinstance(one, dict) for one in inner.values()):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{name} of the description is no object of objects")
    for key, one in inner.items():
        if not _are_ids(key):
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{shorten(repr(key))} in {name} of the description is no id")
        yield key, one
