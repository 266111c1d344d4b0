"""ESPHome: its MQTT client component, a value for each topic.

- Topics: ``{root}/{node}/{component}/{name}/state``: ``topic_prefix`` of every node must be the root and one segment,
  such as ``esphome/stue``; ESPHome's own, the node's name alone, has no beginning that a broker could be asked for.
- The address is the node, the segment behind the root. A member has its component, ``sensor.temperature``, for a node
  may have ``number/temperature`` too, which is what somebody wishes for; what is below has its path,
  ``climate.ovn.current_temperature``.
- ``ON`` and ``OFF`` of binary sensors and switches are true and false; ``nan`` and ``None`` of sensors and numbers mean
  that there is none. Text sensors tell texts, all others what looks like a number or a text.
- There are no units: Models assume those of their fields.
- There is no time: when it comes stands for it, and when a value that the broker kept was measured nobody can tell. No
  bytes at all take such a value back.
- It publishes with QoS 0 unless told otherwise (``qos`` of each component), and so counts as outside the promise of no
  loss.

Source: ESPHome's documentation, "MQTT Client Component".
"""

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_object
from ingest.payloads.topic_pattern import split_below
from ingest.payloads.value_payload import name_values, read_number, read_text
from ingest.source import Event, EventKind, Format, Heard, Plain, Said, Source
from schemas.reason import Reason
from schemas.validation import shorten

_NUMBERS = frozenset({"sensor", "number"})
_SWITCHES = frozenset({"binary_sensor", "switch"})
_OBJECTS = frozenset({"light", "event", "update"})
_OTHERS = frozenset({
    "alarm_control_panel", "button", "climate", "cover", "date", "datetime", "fan", "lock", "media_player", "select",
    "text", "text_sensor", "time", "valve", "water_heater",
})  # fmt: skip
_COMPONENTS = _NUMBERS | _SWITCHES | _OBJECTS | _OTHERS
_TRUTHS = {"ON": True, "OFF": False}
_NONE = frozenset({"nan", "none"})
_AVAILABILITY = {"online": EventKind.ONLINE, "offline": EventKind.OFFLINE}


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - it tells no times
        """Return what a message says.

        Raises:
            CodecError: Its topic is none of ESPHome's, or its payload none that stands there.
        """
        parts = split_below(self._root, topic)
        if not all(parts):
            raise self._refuse()
        match parts:
            case ["discover"] | ["ping", _] | [_, "debug"] | [_, _, _, *_, "command"]:
                return Heard(events=(Event(EventKind.OTHER, detail=shorten("/".join(parts[1:]) or parts[0])),))
            case ["discover", node]:
                return Heard(events=(_describe(node, payload),))
            case [node, "status"]:
                return Heard(events=(_read_status(node, payload),))
            case [node, component, *names, "state"] if names and component in _COMPONENTS:
                member = ".".join((component, *names))
                if not payload:
                    return Heard(events=(Event(EventKind.OTHER, node, f"{shorten(member)} was taken back"),))
                return Heard(said=[Said(node, _read_members(member, component, payload))])
        raise self._refuse()

    def _refuse(self) -> CodecError:
        expected = f"{self._root}/{{node}}/{{component}}/{{name}}/state"
        return CodecError(
            Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}, with a known component"
        )


FORMAT = Format(
    title="ESPHome",
    root="esphome",
    is_lossless=False,
    is_partial=True,
    open=_Interpreter,
)


def _read_status(node: str, payload: bytes) -> Event:
    text = read_text(payload)
    if text not in _AVAILABILITY:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the status is {shorten(repr(text))}, not online or offline")
    return Event(_AVAILABILITY[text], node)


def _describe(node: str, payload: bytes) -> Event:
    """Return what a node tells of itself; its network addresses are left out."""
    if not payload:
        return Event(EventKind.OTHER, node, "forgotten")
    told = flatten(read_object(payload))
    names = ("friendly_name", "board", "version", "project_name", "project_version")
    detail = ", ".join(str(told[name]) for name in names if told.get(name))
    return Event(EventKind.DESCRIBED, node, shorten(detail))


def _read_members(member: str, component: str, payload: bytes) -> dict[str, Plain]:
    if component in _OBJECTS and payload[:1] == b"{":
        return name_values(member, read_object(payload))
    text = read_text(payload)
    if component in _SWITCHES:
        return {member: _TRUTHS.get(text, text)}
    if component in _NUMBERS and text.lower() in _NONE:
        return {member: None}
    return {member: text if component == "text_sensor" else read_number(text)}
