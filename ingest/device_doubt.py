"""What each device was last believed, and the quick way to believe it again.

A device nearly always sends the same fields, and they nearly always are plausible; so what a reading wholly believed
had is kept as it came, a tuple of its values and one time, and the next one of the same fields is held against it
without being taken apart. Everything else is judged field by field, see ``ingest.doubt``, with the same outcome.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from ingest.doubt import (
    Candidate,
    Doubt,
    DoubtRow,
    DoubtsOfShard,
    Known,
    Scrutiny,
    is_pause,
    is_stuck,
    judge,
    make_scrutinies,
)
from ingest.memory import Memory
from ingest.shard import PACKET_SHARD, find_shard
from schemas.device_type import DeviceType

Values = tuple[float, ...]
Weigh = Callable[[Values, object], Values | None]
"""See ``Group``."""
_NOTHING_KNOWN: Mapping[str, Known] = MappingProxyType({})
_NOTHING_TOLD: Mapping[str, Doubt] = MappingProxyType({})
_NEVER: Mapping[int, Mapping[str, Doubt]] = MappingProxyType({})
"""Shared by all devices of which nothing else is to be said, which is nearly all."""
TOLD = 64
"""So many moments at which something was doubtful are remembered of a device: more than deduplication remembers of its
payloads (``ingest.memory``), so that what it sends once more does not become good."""
NOWHEN = -1
"""Stands for the begin of a placement of a device that was not judged yet."""


class Group:
    """Fields that are looked at and come together.

    Attributes:
        names: Of the fields.
        weigh: Given the values that were believed last, and a Sample that has all of these fields: takes its values, or
            None where not all of them are as near as an interval lets them be.
        stuck_ms: For how long each may be the same; empty where all may be for ever.
    """

    __slots__ = ("names", "stuck_ms", "weigh")

    def __init__(self, names: tuple[str, ...], scrutinies: Mapping[str, Scrutiny]) -> None:
        each = [scrutinies[name] for name in names]
        self.names = names
        self.weigh = _make_weigh(names, tuple((one.fall * one.interval_ms, one.rise * one.interval_ms) for one in each))
        self.stuck_ms = tuple(one.stuck_ms for one in each) if any(one.stuck_ms for one in each) else ()


def _make_weigh(names: tuple[str, ...], steps: tuple[tuple[float, float], ...]) -> Weigh:
    """Return what weighs fields. Every reading of a device that has them goes through it: one and two are written out.

    Args:
        names: Of the fields.
        steps: Most that each may fall, as a negative number, and rise.
    """
    if len(names) == 1:
        return _make_weigh_of_one(names[0], steps[0])
    pick: Callable[[object], Values] = attrgetter(*names)
    if len(names) == 2:  # noqa: PLR2004 - see above
        return _make_weigh_of_two(pick, steps[0], steps[1])

    def weigh(known: Values, sample: object) -> Values | None:
        values = pick(sample)
        at = 0
        for fall, rise in steps:  # counted by hand: to zip three columns takes twice as long
            if not fall <= values[at] - known[at] <= rise:
                return None
            at += 1  # noqa: SIM113 - see above
        return values

    return weigh


def _make_weigh_of_one(name: str, step: tuple[float, float]) -> Weigh:
    get: Callable[[object], float] = attrgetter(name)
    fall, rise = step

    def weigh(known: Values, sample: object) -> Values | None:
        value = get(sample)
        return (value,) if fall <= value - known[0] <= rise else None

    return weigh


def _make_weigh_of_two(
    pick: Callable[[object], Values], first: tuple[float, float], second: tuple[float, float]
) -> Weigh:
    first_fall, first_rise = first
    second_fall, second_rise = second

    def weigh(known: Values, sample: object) -> Values | None:
        values = one, other = pick(sample)
        is_near = first_fall <= one - known[0] <= first_rise and second_fall <= other - known[1] <= second_rise
        return values if is_near else None

    return weigh


class DoubtedType:
    """What is looked at in the readings of a DeviceType.

    Attributes:
        key: Of the DeviceType.
        scrutinies: By field.
    """

    def __init__(self, key: str, scrutinies: Mapping[str, Scrutiny]) -> None:
        self.key = key
        self.scrutinies = scrutinies
        self._groups: dict[tuple[str, ...], Group] = {}

    def find(self, names: Iterable[str]) -> Group | None:
        """Return the fields looked at among those of these names, as a Group; None where there are none."""
        there = frozenset(names)
        mine = tuple(name for name in self.scrutinies if name in there)
        if mine and mine not in self._groups:
            self._groups[mine] = Group(mine, self.scrutinies)
        return self._groups.get(mine)


class Verdict(NamedTuple):
    """What is made of a reading; nothing has changed until ``DeviceDoubt.keep``.

    Attributes:
        doubts: By field, why it is doubtful; those believed are left out.
        known: What is known of the fields that were judged from now on.
        time_ms: Event time.
        from_ms: Begin of the device's placement then.
    """

    doubts: Mapping[str, Doubt]
    known: Mapping[str, Known]
    time_ms: int
    from_ms: int


UNJUDGED = Verdict({}, {}, 0, 0)
"""Of a reading that is stored as it is."""


class DeviceDoubt:
    """What one device was last believed.

    Attributes:
        doubted: What is looked at in its readings.
        group: Fields of its last reading that had any; None where one of them was doubtful.
        values: Of those,
        time_ms: their event time,
        since_ms: and since when each is the same; empty where all of them may be for ever.
        placed_ms: Begin of the placement of its last reading that had any.
    """

    __slots__ = ("_rest", "_told", "doubted", "group", "placed_ms", "since_ms", "time_ms", "values")

    def __init__(
        self,
        doubted: DoubtedType,
        known: Mapping[str, Known] = _NOTHING_KNOWN,
        told: Mapping[int, Mapping[str, Doubt]] = _NEVER,
    ) -> None:
        self.doubted = doubted
        self.group: Group | None = None
        self.values: Values = ()
        self.time_ms = 0
        self.since_ms: tuple[int, ...] = ()
        self._rest = known
        """Of the fields that are not in the group."""
        self.placed_ms = NOWHEN
        self._told = told
        """What was doubtful at the last moments at which anything was, in the order in which they came."""

    def is_stuck(self, values: Values, time_ms: int) -> bool:
        """Whether one of the values that ``Group.weigh`` took has been the same for too long. Nothing changes.

        Args:
            values: Of the fields of the group.
            time_ms: Event time, later than theirs.
        """
        limits_ms = () if self.group is None else self.group.stuck_ms
        since_ms = self._find_since(limits_ms, values, time_ms)
        return any(map(is_stuck, limits_ms, since_ms, (time_ms,) * len(values)))

    def note_same(self, values: Values, time_ms: int) -> None:
        """Remember since when values are the same, before they take their place; arguments as for ``is_stuck``."""
        limits_ms = () if self.group is None else self.group.stuck_ms
        self.since_ms = self._find_since(limits_ms, values, time_ms)

    def _find_since(self, limits_ms: Sequence[int], values: Values, time_ms: int) -> tuple[int, ...]:
        silent_ms = time_ms - self.time_ms
        columns = zip(self.values, values, limits_ms, self.since_ms, strict=True)
        return tuple(
            since_ms if value == before and not is_pause(limit_ms, silent_ms) else time_ms
            for before, value, limit_ms, since_ms in columns
        )

    def judge(self, values: Mapping[str, float | bool], time_ms: int, from_ms: int) -> Verdict:
        """Return what is made of a reading. Nothing changes, see ``keep``.

        A field that is not newer than what is known of it is not judged: it came late, or a clock was set back.

        Args:
            values: By field.
            time_ms: Event time.
            from_ms: Begin of the device's placement then.
        """
        known = self._list_placed(from_ms)
        doubts: dict[str, Doubt] = {}
        after: dict[str, Known] = {}
        for name, scrutiny in self.doubted.scrutinies.items():
            value, before = values.get(name), known.get(name)
            if value is None or (before is not None and time_ms <= before.seen.time_ms):
                continue
            after[name], doubt = judge(scrutiny, before, float(value), time_ms)
            if doubt is not None:
                doubts[name] = doubt
        return Verdict(doubts, after, time_ms, from_ms)

    def judge_again(self, values: Mapping[str, float | bool], time_ms: int) -> Verdict:
        """Return what is made of a reading that is not newer than all before: doubtful is what was at its time.

        What comes once more is as doubtful as it was, and what comes late is stored as it is. Nothing changes, nor does
        ``keep`` change anything.

        Args:
            values: By field.
            time_ms: Event time.
        """
        doubts = {name: doubt for name, doubt in self.list_told(time_ms).items() if name in values}
        return UNJUDGED._replace(doubts=doubts)

    def keep(self, verdict: Verdict) -> None:
        """Remember what was made of a reading that is accepted."""
        if not verdict.known:
            return
        known = {**self._list_placed(verdict.from_ms), **verdict.known}
        self.placed_ms = verdict.from_ms
        if verdict.doubts:
            before = {time_ms: told for time_ms, told in self._told.items() if time_ms != verdict.time_ms}
            told = {**self.list_told(verdict.time_ms), **verdict.doubts}
            self._told = dict([*before.items(), (verdict.time_ms, told)][-TOLD:])
        self.group = None if verdict.doubts else self.doubted.find(verdict.known)
        if self.group is not None:
            each = [known.pop(name) for name in self.group.names]
            self.values, self.time_ms = tuple(one.value for one in each), verdict.time_ms
            self.since_ms = tuple(one.since_ms for one in each) if self.group.stuck_ms else ()
        self._rest = known or _NOTHING_KNOWN

    def list_told(self, time_ms: int) -> Mapping[str, Doubt]:
        """Return what was doubtful at a time, as far as that is remembered."""
        return self._told.get(time_ms, _NOTHING_TOLD)

    def pack_told(self) -> list[tuple[int, Mapping[str, str]]]:
        """Return all that is remembered to have been doubtful, as a DoubtRow has it."""
        return list(self._told.items())

    def list_known(self) -> Mapping[str, Known]:
        """Return what is known of each field."""
        if self.group is None:
            return self._rest
        since_ms = self.since_ms or (self.time_ms,) * len(self.values)
        each = zip(self.group.names, self.values, since_ms, strict=True)
        return {**self._rest, **{name: Known(value, self.time_ms, since) for name, value, since in each}}

    def _list_placed(self, from_ms: int) -> dict[str, Known]:
        """Return what is known of each field; where a placement began since it was believed, nothing."""
        return {name: one for name, one in self.list_known().items() if one.time_ms >= from_ms}


UNDOUBTED = DeviceDoubt(DoubtedType("", {}))
"""Stands for what a device was last believed whose type declares nothing: nothing is asked of it, or told to it."""


class Doubts:
    """What all devices were last believed: those of types that declare something, in the inventory."""

    def __init__(self) -> None:
        self._types: dict[str, DoubtedType | None] = {}
        self._shards: list[dict[str, DeviceDoubt]] = [{} for _ in range(PACKET_SHARD)]
        self._restored: list[dict[str, DoubtRow]] = [{} for _ in range(PACKET_SHARD)]
        """Of devices that were not heard since the start."""

    def recall(self, device: str, device_type: DeviceType) -> DeviceDoubt | None:
        """Return what a device was last believed; None where its type declares nothing.

        Args:
            device: Id in the inventory.
            device_type: Its DeviceType.
        """
        key = device_type.key
        if key not in self._types:
            scrutinies = make_scrutinies(device_type)
            self._types[key] = DoubtedType(key, scrutinies) if scrutinies else None
        doubted = self._types[key]
        if doubted is None:
            return None
        number = find_shard(device)
        shard = self._shards[number]
        found = shard.get(device)
        if found is None or found.doubted is not doubted:  # or it is of another type by now
            row = self._restored[number].pop(device, None)
            is_known = row is not None and row.type_key == key
            found = _restore_device(row, doubted) if row is not None and is_known else DeviceDoubt(doubted)
            shard[device] = found
        return found

    def retain(self, devices: Container[str]) -> None:
        """Forget devices other than these."""
        for number in range(PACKET_SHARD):
            for device in [one for one in self._shards[number] if one not in devices]:
                del self._shards[number][device]
            for device in [one for one in self._restored[number] if one not in devices]:
                del self._restored[number][device]

    def copy_shard(self, number: int, memory: Memory) -> DoubtsOfShard:
        """Return what is known of the devices of a shard, of what ``memory`` knows and nothing newer."""
        rows = list(self._restored[number].values())
        for device, one in self._shards[number].items():
            newest_ms = _find_newest(memory, device)
            if newest_ms is not None:
                known = {name: _pack_known(found) for name, found in one.list_known().items()}
                rows.append(DoubtRow(device, one.doubted.key, newest_ms, known, one.pack_told()))
        return DoubtsOfShard(number, rows)

    def restore(self, rows: Iterable[DoubtRow], memory: Memory) -> None:
        """Take note again of what an earlier process knew.

        An older value that was believed, with its time, is as good as a newer one. Whether a value is stuck, and what
        came in a row, is known only where no reading came since: else both begin anew.
        """
        for row in rows:
            newest_ms = _find_newest(memory, row.device)
            one = row if newest_ms == row.newest_ms else _age(row, row.newest_ms if newest_ms is None else newest_ms)
            self._restored[find_shard(row.device)][row.device] = one


def _find_newest(memory: Memory, device: str) -> int | None:
    found = memory.devices.get(device)
    return None if found is None else found.newest_ms


def _age(row: DoubtRow, newest_ms: int) -> DoubtRow:
    """Return what of a row is still known when a reading of this time has come since."""
    known = {name: (value, time_ms, newest_ms) for name, (value, time_ms, *_) in row.known.items()}
    return row._replace(newest_ms=newest_ms, known=known)


def _pack_known(known: Known) -> tuple[float, ...]:
    return (*known[:3], *(known.candidate or ()))


def _restore_device(row: DoubtRow, doubted: DoubtedType) -> DeviceDoubt:
    """Return what a row says of the fields that are looked at."""
    known = {name: _unpack_known(*packed) for name, packed in row.known.items() if name in doubted.scrutinies}
    told = {time_ms: {name: Doubt(doubt) for name, doubt in doubts.items()} for time_ms, doubts in row.told}
    return DeviceDoubt(doubted, known, told or _NEVER)


def _unpack_known(value: float, time_ms: float, since_ms: float, *candidate: float) -> Known:
    known = Known(value, int(time_ms), int(since_ms))
    if not candidate:
        return known
    last, last_ms, in_a_row = candidate
    return known._replace(candidate=Candidate(last, int(last_ms), int(in_a_row)))
