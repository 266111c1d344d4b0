"""Shelly of the second generation and later: JSON of its notifications, and of its components' status.

- Topics: ``{root}/{address}/events/rpc``, ``.../online`` and ``.../status/{component}``. What stands before them is the
  device's MQTT prefix. That is its id unless another is set, and then its topics begin with nothing that is common to
  all: so set ``topic_prefix`` of each device to ``shelly/{its id}`` (``Mqtt.SetConfig``). Prefixes of another form are
  told by the source's ``patterns``, such as ``{address}`` for devices that were left as they came.
- The address of a device is that level of its prefix; with the prefix above, its id.
- Values have the component's key before them: ``em:0.total_act_power``, ``switch:0.aenergy.total``. Energies are in Wh;
  only ``by_minute`` is in milliwatt-hours.
- ``NotifyStatus`` tells what changed, and null for what is no more: a reading has those fields only, and the last value
  of the others still holds. ``NotifyFullStatus`` tells everything, as sleeping devices do when they wake.
- Components without a number (``sys``, ``wifi``, ``cloud``) and scripts are of the device itself.
- The time is ``ts``, which is the time since the start while the clock was not set; then there is none.
  ``status/{component}`` never has one. It is off unless ``status_ntf`` is set, and should stay so: it tells the same
  again, each component by itself.
- It publishes with QoS 1. The first generation (``shellies/...``) speaks otherwise and is not understood.

Sources: Shelly's documentation of its API, "Notifications", "RPC Protocol", "Mqtt", "EM", "EMData", "Switch".
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_object, show
from ingest.payloads.protobuf_json import Part
from ingest.payloads.topic_pattern import TopicPatterns, make_filter
from ingest.source import Event, EventKind, Format, Heard, Plain, Said, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

MOST_EVENTS = 50

_VALID_FROM_S = 1_577_836_800
"""A clock before 2020 was never set: there was no such device."""
_LATEST_S = 253_402_300_799
_COMPONENT = re.compile(r"[a-z][a-z0-9_]*(:[0-9]{1,5})?")
_STATES = {b"true": EventKind.ONLINE, b"false": EventKind.OFFLINE}
_OF_NO_INTEREST = frozenset({"data", "ota_progress"})


def _list_patterns(source: Source) -> Sequence[str]:
    """Return the patterns of all topics; none for a prefix with a member in it, which no prefix has."""
    prefixes = [one for one in source.patterns or (f"{source.root}/{{address}}",) if "{member}" not in one]
    return [f"{prefix}/{rest}" for prefix in prefixes for rest in ("events/rpc", "online", "status/{member}")]


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._patterns = TopicPatterns(_list_patterns(source))

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - every Interpreter is given it
        """Return what a message says.

        Raises:
            CodecError: It is not of the format.
        """
        address, component = self._patterns.read(topic)
        if component:
            return _read_status(address, component, payload)
        if topic.endswith("/online"):
            return Heard(events=(_read_online(address, payload),))
        return _read_notification(address, Part(read_object(payload)))


def _list_filters(source: Source) -> Sequence[str]:
    """Return the topic filters to subscribe to."""
    return [make_filter(one) for one in _list_patterns(source)]


FORMAT = Format(
    title="Shelly (second generation and later)",
    root="shelly",
    is_lossless=True,
    is_partial=True,
    traits=Traits(own=frozenset({"src", "method"})),
    open=_Interpreter,
    list_filters=_list_filters,
)


def _refuse(detail: str) -> CodecError:
    return CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)


def _read_status(address: str, component: str, payload: bytes) -> Heard:
    if not _COMPONENT.fullmatch(component):
        raise _refuse(f"{shorten(repr(component))} is no component")
    if not payload:
        return Heard(events=(Event(EventKind.OTHER, address, "a status is no more retained"),))
    return _read_components(address, {component: read_object(payload)}, None)


def _read_online(address: str, payload: bytes) -> Event:
    if not payload:
        return Event(EventKind.OTHER, address, "online is no more retained")
    if payload not in _STATES:
        raise _refuse("the payload of online is neither true nor false")
    return Event(_STATES[payload], address)


def _read_notification(address: str, frame: Part) -> Heard:
    method, params = frame.text("method"), frame.require("params")
    if method == "NotifyEvent":
        return Heard(events=_list_events(address, params))
    if method not in ("NotifyStatus", "NotifyFullStatus"):
        raise _refuse(f"method is {shorten(repr(method))}, none of NotifyStatus, NotifyFullStatus, NotifyEvent")
    components = {name: value for name, value in params.members.items() if name != "ts"}
    return _read_components(address, components, _read_time(params), frame.text("src").rpartition("-")[0])


def _read_components(address: str, components: Mapping[str, Any], time_ms: int | None, model: str = "") -> Heard:
    """Return what components tell: a reading of those that do something, an event of those that keep it going."""
    measured: dict[str, Any] = {}
    of_device: dict[str, Any] = {}
    for key, status in components.items():
        target = of_device if ":" not in key or key.startswith("script:") else measured
        target[key] = _leave_id_out(status)
    members, told = flatten(measured), flatten(of_device)
    is_reading = any(value is not None for value in members.values())
    said = [Said(address, members, time_ms=time_ms, model=model)] if is_reading else []
    # Numbers only: what else is told there is names and addresses of networks.
    figures: dict[str, Plain] = {name: value for name, value in told.items() if isinstance(value, int | float)}
    events = [Event(EventKind.STATUS, address, members=figures)] if figures else []
    if not said and not events:
        events = [Event(EventKind.OTHER, address, shorten(", ".join(components)))]
    return Heard(said, events)


def _leave_id_out(status: object) -> object:
    """Return a component's status without the number that its key has already."""
    if not isinstance(status, dict):
        return status
    return {name: value for name, value in status.items() if name != "id"}


def _list_events(address: str, params: Part) -> list[Event]:
    happened = params.parts("events")
    if len(happened) > MOST_EVENTS:
        raise params.refuse("events", f"are more than {MOST_EVENTS}")
    return [_read_event(address, one) for one in happened]


def _read_event(address: str, happened: Part) -> Event:
    word = happened.text("event")
    kind = EventKind.OTHER if word in _OF_NO_INTEREST else EventKind.STATUS
    return Event(kind, address, shorten(f"{happened.text('component')} {word}".strip()))


def _read_time(params: Part) -> int | None:
    """Return the event time; None where there is none, or the clock was never set."""
    told = params.members.get("ts")
    if told is None:
        return None
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    if not is_number or not math.isfinite(told) or not 0 <= told <= _LATEST_S:
        raise CodecError(Reason.INVALID_TIME, f"params.ts is {show(told)}, not seconds since 1970")
    return round(told * 1000) if told >= _VALID_FROM_S else None
