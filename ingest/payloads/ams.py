"""AMS: what electricity meters tell at their HAN port, whichever way it comes.

Meters tell lists: 1 (power, every 2.5 s), 2 (also currents and voltages, every 10 s), 3 (also the registers, once an
hour), and abroad 4 (also by phase). Members have the names that readers of amsleser.no give them: ``P``, ``PO``,
``Q``, ``QO``, ``I1`` to ``I3``, ``U1`` to ``U3``, ``tPI``, ``tPO``, ``tQI``, ``tQO``.

- **Registers** are read by the meter at the full hour and told some seconds later: they are said of that hour, apart
  from the power, which is said of now. Which hour it is the meter's clock does not decide: some run on standard time
  all year, some were corrected since, and nothing tells which. It is the full hour nearest to when they were heard.
- **A repetition** is not said again: some Aidon meters tell the registers and the clock of the hour before once more
  (amsreader-firmware, issue 1119), and readers can be set to tell what they know with every list. In the night when
  summer time ends, a meter on local time that measured nothing in the second of the two hours is taken for one.
- **Phases that are not there** are told as 0 V and 0 A: by meters of one phase, and by meters with three wires (IT
  nets), which have no current of the second phase, some no voltage either. Nothing is said of them then, for 0 V would
  look like a lost phase. A phase that had a voltage before, or of a meter that is known to have four wires, is there.

What meters told is forgotten at a restart: a phase that is lost just then is not told before it comes back, and a
repetition is said once more, of the hour in which it comes.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from ingest.codec import CodecError
from ingest.source import LONGEST_NAME, Event, EventKind, Heard, Plain, Said
from schemas.reason import Reason
from schemas.validation import shorten

MOST_METERS = 10_000
HOUR_MS = 3_600_000
TOLERANCE_MS = 300_000
"""How far from a full hour, or from a clock, is still the same."""
MOST_HOURS = 2
"""A clock that is off by so many whole hours tells another zone, or summer time where there is none."""

_EARLY_MS = 60_000
_REGISTER = re.compile(r"t[PQ][IO][0-9T]*")
_THREE_WIRES = frozenset({"6525", "MA304H3E"})
_FOUR_WIRES = frozenset({"6534", "MA304H4"})
_STATES = {b"online": EventKind.ONLINE, b"offline": EventKind.OFFLINE}

_Kept = TypeVar("_Kept")


class Recent(Generic[_Kept]):
    """What is remembered of addresses; those that were silent longest are forgotten first.

    Args:
        most: Addresses to remember.
    """

    def __init__(self, most: int = MOST_METERS) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def get(self, address: str) -> _Kept | None:
        """Return what is remembered of an address."""
        return self._kept.get(address)

    def put(self, address: str, kept: _Kept) -> None:
        """Remember something of an address, which cannot be changed."""
        self._kept[address] = kept
        self._kept.move_to_end(address)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def __deepcopy__(self, memo: dict[int, object]) -> "Recent[_Kept]":
        """Return a copy that shares what cannot change."""
        copied: Recent[_Kept] = Recent(self._most)
        copied._kept = self._kept.copy()
        memo[id(self)] = copied
        return copied


class Listed(NamedTuple):
    """What a list tells.

    Attributes:
        address: Of the meter.
        members: By the names above.
        units: UCUM codes, where the message tells them.
        time_ms: Event time of the power in milliseconds since 1970 in UTC; None for the moment of receipt.
        clock_ms: What the meter's own clock told, likewise; it may be whole hours off. None where it tells none.
        meter_type: What the meter calls itself, such as ``6525``.
        version: What it calls its lists, such as ``AIDON_V0001``.
    """

    address: str
    members: Mapping[str, Plain]
    units: Mapping[str, str] = {}
    time_ms: int | None = None
    clock_ms: int | None = None
    meter_type: str = ""
    version: str = ""


class _Meter(NamedTuple):
    """What is remembered of a meter.

    Attributes:
        live: Its phases that had a voltage: ``2``, ``3``.
        registers: Checksum of the last that were said of a full hour; None for none.
        clock_ms: What its clock told with them.
        hour_ms: That hour.
        is_wrong: Whether its clock was told to be wrong.
    """

    live: frozenset[str] = frozenset()
    registers: int | None = None
    clock_ms: int | None = None
    hour_ms: int | None = None
    is_wrong: bool = False


class Meters:
    """The meters behind one Source."""

    def __init__(self) -> None:
        self._meters: Recent[_Meter] = Recent()

    def hear(self, listed: Listed, received_ms: int) -> Heard:
        """Return what a list says: the registers of their hour, then the rest; and whether the clock became wrong.

        Args:
            listed: As told.
            received_ms: Milliseconds since 1970 in UTC.
        """
        known = self._meters.get(listed.address) or _Meter()
        members, live = _hide_missing(listed, known.live)
        registers = {name: members.pop(name) for name in listed.members if _REGISTER.fullmatch(name)}
        whole = Said(
            listed.address,
            members,
            listed.units,
            listed.time_ms,
            model="/".join(filter(None, (listed.version, listed.meter_type))),
        )
        said, events, known = [whole] if members else [], [], known._replace(live=live)
        checksum = hash(frozenset(registers.items()))
        if registers and not _is_repetition(known, checksum, listed.clock_ms):
            now_ms = received_ms if listed.time_ms is None else listed.time_ms
            hour_ms = find_hour(now_ms, listed.clock_ms)
            if hour_ms is None or hour_ms == known.hour_ms:  # of an hour that has its registers already it is not
                said.insert(0, whole._replace(members=registers))
            else:
                is_reckoned = listed.time_ms is None
                said.insert(0, whole._replace(members=registers, time_ms=hour_ms, is_reckoned=is_reckoned))
                event, is_wrong = _judge_clock(listed, now_ms, known)
                events = [event] if event else []
                known = known._replace(registers=checksum, clock_ms=listed.clock_ms, hour_ms=hour_ms, is_wrong=is_wrong)
        self._meters.put(listed.address, known)
        return Heard(said, events)


def find_hour(time_ms: int, clock_ms: int | None) -> int | None:
    """Return the full hour that registers were read at; None where they were read in between.

    Args:
        time_ms: When they were told, in milliseconds since 1970 in UTC.
        clock_ms: What the meter's clock told, which may be whole hours off: where it told a full hour, they are of one.
    """
    hour_ms = (time_ms + _EARLY_MS) // HOUR_MS * HOUR_MS
    is_hourly = clock_ms is not None and clock_ms % HOUR_MS < _EARLY_MS
    return hour_ms if is_hourly or time_ms - hour_ms <= TOLERANCE_MS else None


def count_hours_off(off_ms: int) -> int | None:
    """Return by how many whole hours a clock is off; 0 for one that is right, None for one that is merely wrong."""
    hours = round(off_ms / HOUR_MS)
    is_whole = abs(off_ms - hours * HOUR_MS) <= TOLERANCE_MS
    return hours if is_whole and abs(hours) <= MOST_HOURS else None


def split_topic(root: str, topic: str, levels: frozenset[str]) -> tuple[str, str]:
    """Return the address of the reader that published to a topic, and the level below its own; empty where none is.

    Args:
        root: Of the Source.
        topic: Of the message.
        levels: That may be below a reader's own.

    Raises:
        CodecError: It is not below the root, or longer than a name may be.
    """
    if topic != root and not topic.startswith(f"{root}/"):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not below {root}/")
    own, _, level = topic.rpartition("/")
    if topic == root or level not in levels:
        own, level = topic, ""
    address = root if own == root else own.removeprefix(f"{root}/")
    if not address:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic has nothing below {root}/")
    if len(address) > LONGEST_NAME:
        detail = f"the topic has more than {LONGEST_NAME} characters below {root}/"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
    return address, level


def read_state(payload: bytes, address: str) -> Event:
    """Return what a reader, or the broker in its stead, told of itself.

    Raises:
        CodecError: It is neither online nor offline.
    """
    if payload not in _STATES:
        found = shorten(repr(payload[:40]))
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the status is {found}, neither online nor offline")
    return Event(_STATES[payload], address)


def _is_repetition(known: _Meter, checksum: int, clock_ms: int | None) -> bool:
    return clock_ms is not None and clock_ms == known.clock_ms and checksum == known.registers


def _judge_clock(listed: Listed, now_ms: int, known: _Meter) -> tuple[Event | None, bool]:
    """Return the Event of a clock that became wrong, and whether it is."""
    if listed.clock_ms is None or now_ms % HOUR_MS > TOLERANCE_MS:  # the hour's clock, told again later
        return None, known.is_wrong
    off_ms = listed.clock_ms - now_ms
    if count_hours_off(off_ms) is not None:
        return None, False
    if known.is_wrong:
        return None, True
    detail = f"the meter's clock is off by {off_ms / 1000:.0f} s, which is no matter of zones or summer time"
    return Event(EventKind.STATUS, listed.address, detail, {"clock_off": off_ms / 1000}), True


def _hide_missing(listed: Listed, live: frozenset[str]) -> tuple[dict[str, Plain], frozenset[str]]:
    """Return the members, with None for phases that are not there, and the phases that had a voltage so far."""
    members = dict(listed.members)
    live |= {phase for phase in "23" if _is_positive(members.get(f"U{phase}"))}
    if _is_positive(members.get("U1")) and listed.meter_type not in _FOUR_WIRES:
        for phase in "23":
            if phase not in live and members.get(f"U{phase}") == 0:
                members[f"U{phase}"] = None
                if members.get(f"I{phase}") == 0:
                    members[f"I{phase}"] = None
    if members.get("I2") == 0 and (listed.meter_type in _THREE_WIRES or _has_negative(members)):
        members["I2"] = None
    return members, live


def _has_negative(members: Mapping[str, Plain]) -> bool:
    """Return whether a current is negative: only meters with two elements tell such."""
    return any(isinstance(value, int | float) and value < 0 for value in map(members.get, ("I1", "I3")))


def _is_positive(value: Plain) -> bool:
    return isinstance(value, int | float) and value > 0
