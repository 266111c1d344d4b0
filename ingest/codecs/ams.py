"""AMS readers of amsleser.no (amsreader-firmware, once AmsToMqttBridge): JSON of a meter's lists.

- Three forms, told apart by what is in them: ``data`` and ``realtime`` nested on one topic, the same on a topic for
  each list (``{topic}/list1`` to ``{topic}/list4``), and flat, with ``rt_`` before the names of ``realtime``.
- The address of a device is the topic that its reader publishes to, below the root; the root itself, for a reader that
  publishes to it. All three forms have it, and people choose it: the ``id`` of a message is a MAC address, and not all
  messages have it. A second reader on a topic is refused while the first one is heard.
- Members have the names of the flat form. The reader's ``id`` and ``name`` and the meter's ``meterId`` (``data.id``
  before firmware 2.3.3) are stripped: they tell whose home it is. ``temp`` of -127 is no sensor.
- The time is ``t`` in seconds. 0 means that the reader knows none yet. Where ``t`` is one or two whole hours from the
  receipt, the time is that of the receipt: ``t`` can be of the meter's own clock, and nothing that waited that long
  would still come, for readers publish with QoS 0. ``rtc``, the meter's clock, is never a time.
- Prices, the reader's own state and its plots are no readings; nor are its temperature probes.

Sources: amsreader-firmware's templates and messages recorded of it; its issues 303, 749, 893, 992, 1038 and 1119.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.codec import CodecError
from ingest.identifier import is_blank
from ingest.payloads.ams import Listed, Meters, Recent, count_hours_off, read_state, split_topic
from ingest.payloads.json_payload import flatten, read_object, show
from ingest.source import Event, EventKind, Format, Heard, Plain, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

NO_SENSOR = -127.0
CHANGE_MS = 600_000
"""How long a reader is silent before another one may take its topic."""

_LISTED = frozenset({"P", "PO", "Q", "QO", "PF", "tPI", "tPO", "tQI", "tQO"}) | {
    f"{name}{phase}" for name in ("I", "U", "P", "PO") for phase in (1, 2, 3)
}
"""What lists 1 to 4 tell; a message with none of it is no list."""
_LEVELS = frozenset({"list1", "list2", "list3", "list4", "temperatures", "prices", "status", "event", "dayplot"}) | {
    "monthplot"
}
"""Last levels of topics, below that of the reader."""
_PERSONAL = frozenset({"id", "name", "meterid", "mac", "ssid", "bssid", "ip", "host", "hostname"})
_LATEST_S = 2**32


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self._meters = Meters()
        self._readers: Recent[tuple[str, int]] = Recent()
        self._clocks: Recent[int | None] = Recent()

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is not of the format, or another reader publishes on the topic.
        """
        address, level = split_topic(self._root, topic, _LEVELS)
        if level == "status":
            return Heard(events=(read_state(payload, address),))
        whole = read_object(payload)
        members = _name_members(whole)
        if _LISTED.isdisjoint(members):
            return Heard(events=(_read_event(whole, members, address, level),))
        told = whole.get("t")
        time_ms = _read_time_ms(told)
        if time_ms is None and told not in (None, 0):
            raise CodecError(Reason.INVALID_TIME, f"t is {show(told)}, no number of seconds since 1970")
        clock_ms = _read_time_ms(members.pop("rtc", None))
        self._recognise(address, whole.get("id"), received_ms)
        time_ms, events = self._judge_time(address, time_ms, received_ms)
        listed = Listed(
            address,
            members,
            time_ms=time_ms,
            clock_ms=clock_ms,
            meter_type=_pop_text(members, "type"),
            version=_pop_text(members, "lv"),
        )
        heard = self._meters.hear(listed, received_ms)
        return heard._replace(events=(*events, *heard.events))

    def _recognise(self, address: str, reader: object, received_ms: int) -> None:
        """Remember which reader publishes to a topic.

        Raises:
            CodecError: Another one was heard there a short while ago.
        """
        if not isinstance(reader, str) or not reader or is_blank(reader):  # from quarantine it comes stripped
            return
        reader, known = shorten(reader), self._readers.get(address)
        if known and known[0] != reader and abs(received_ms - known[1]) < CHANGE_MS:
            detail = f"two readers publish to {shorten(address)}: give each a topic of its own"
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
        self._readers.put(address, (reader, received_ms))

    def _judge_time(self, address: str, time_ms: int | None, received_ms: int) -> tuple[int | None, Sequence[Event]]:
        """Return the event time, and the Event of a clock that became wrong."""
        if time_ms is None:
            return None, ()
        off_ms = time_ms - received_ms
        hours, told = count_hours_off(off_ms), self._clocks.get(address)
        self._clocks.put(address, hours)
        if not hours:  # right, or wrong by what no zone explains, which is the platform's to judge
            return time_ms, ()
        if hours == told:
            return None, ()
        detail = f"the reader's clock is off by {off_ms / 1000:.0f} s: the time of the receipt is taken"
        return None, (Event(EventKind.STATUS, address, detail, {"clock_off": off_ms / 1000}),)


FORMAT = Format(
    title="AMS reader (amsleser.no)",
    root="amsleser",
    is_lossless=False,
    is_partial=True,
    traits=Traits(personal=frozenset({"id", "name", "meterId", "data.id", "data.meterId", "ip", "host", "hostname"})),
    open=_Interpreter,
)


def _name_members(whole: Mapping[str, Any]) -> dict[str, Plain]:
    """Return the members by the names of the flat form, without what is personal.

    Raises:
        CodecError: It is nested too deep, has too many, or ``data`` is no object.
    """
    members = flatten({name: value for name, value in whole.items() if name not in ("t", "data", "realtime")})
    for part, prefix in (("realtime", "rt_"), ("data", "")):
        nested = whole.get(part, {})
        if not isinstance(nested, dict):
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{part} is no object")
        members |= {f"{prefix}{name}": value for name, value in flatten(nested).items()}
    if members.get("temp") == NO_SENSOR:
        members["temp"] = None
    return {name: value for name, value in members.items() if not _PERSONAL.intersection(name.lower().split("."))}


def _read_event(whole: Mapping[str, Any], members: Mapping[str, Plain], address: str, level: str) -> Event:
    """Return what a message tells that is no list.

    Raises:
        CodecError: Nothing that readers publish.
    """
    if level in ("prices", "dayplot", "monthplot") or "prices" in whole:
        return Event(EventKind.OTHER, address, level or "prices")
    if level in ("temperatures", "event") or "temperatures" in whole:
        values = {name: None if value == NO_SENSOR else value for name, value in members.items()}
        return Event(EventKind.STATUS, address, level or "temperatures", values)
    if "up" in whole:
        return Event(EventKind.STATUS, address, "the reader's own state", members)
    found = shorten(", ".join(sorted(whole))) or "nothing"
    detail = f"no member of the lists 1 to 4, such as P or tPI; there is {found}: have the reader publish JSON"
    raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)


def _read_time_ms(seconds: object) -> int | None:
    """Return milliseconds since 1970 in UTC; None for what is no number of seconds, or 0: a clock that was not set."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < _LATEST_S:
        return None
    return round(seconds * 1000)


def _pop_text(members: dict[str, Plain], name: str) -> str:
    value = members.pop(name, None)
    return value if isinstance(value, str) else ""
