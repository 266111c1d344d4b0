"""SilenceClock: when devices fell silent, and for how long, by the gaps between their readings. Pure.

A collector looks each second for who is silent (``ingest.health.list_silent``). Here time passes from reading to
reading: a device is looked at when it falls silent, when it has been silent for so long that a limit is passed or a
Level has held for long enough, and, where the Rule has a schedule, each minute to each quarter of an hour, the longer
the silence the rarer. The share of silent devices is looked at each minute.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite

from ingest.alerts.book import AlertBook
from ingest.alerts.subjects import Period
from ingest.health import SILENT_INTERVALS, Silence
from ingest.inventory import Device, Placement
from schemas.rule import Rule, Transition
from schemas.schedule import ALWAYS

_SECOND_MS = 1_000
_TICK_MS = 60_000
_LONGEST_TICK_MS = 15 * _TICK_MS
_TICKS = 100
"""Of a silence this part is the time to the next look."""
_SHARES = ""
"""Stands for a device where the share of silent devices is due."""


class SilenceClock:
    """Tells an AlertBook of one Rule who is silent.

    Args:
        book: Judges.
        rule: Its Rule.
        devices: Those that the Rule watches, all of its DeviceType.
        interval_ms: Of that type.
        period: Within it they are listened to.
    """

    def __init__(
        self, book: AlertBook, rule: Rule, devices: Iterable[Device], interval_ms: int, period: Period
    ) -> None:
        self._book, self._rule, self._interval_ms, self._period = book, rule, interval_ms, period
        self._devices = {device.id: device for device in devices}
        self._is_share = not rule.field and rule.group is not None
        self._silent: dict[str, Placement] = {}
        self._shares_due = False
        self._heard: dict[str, int] = {}
        self._due: list[tuple[int, str]] = []
        self._waiting: dict[str, int] = {}
        self._placed = _Placed(self._devices.values())
        for device in self._devices.values():
            placement = next((one for one in device.placements if one.to_ms > period.from_ms), None)
            if placement is not None and placement.from_ms < period.to_ms:
                self.hear(device.id, max(period.from_ms, placement.from_ms))

    @property
    def due_ms(self) -> float:
        """When something is to be looked at next; infinity for never."""
        return self._due[0][0] if self._due else inf

    def hear(self, device: str, time_ms: int) -> None:
        """Take note that a device was heard; time has passed up to then."""
        if device not in self._devices:
            return
        self._heard[device] = time_ms
        self._silent.pop(device, None)
        begin_ms = self._find_begin(time_ms)
        if self._waiting.get(device, inf) > begin_ms:
            self._wait(device, begin_ms)

    def pass_time(self, to_ms: int) -> Iterator[Transition]:
        """Yield what silence changes up to a moment, itself included."""
        while self.due_ms <= to_ms:
            due_ms, device = heapq.heappop(self._due)
            if device == _SHARES:
                yield from self._judge_shares(due_ms)
            elif self._waiting.get(device) == due_ms:  # otherwise it waits for another time by now
                del self._waiting[device]
                yield from self._look(device, due_ms)

    def _look(self, device: str, now_ms: int) -> Sequence[Transition]:
        """Look at one device whose time has come."""
        begin_ms = self._find_begin(self._heard[device])
        if now_ms < begin_ms:
            self._wait(device, begin_ms)  # it was heard meanwhile
            return ()
        placement = self._devices[device].find_placement(now_ms)
        if placement is None:
            self._silent.pop(device, None)
            later = (one.from_ms for one in self._devices[device].placements if one.from_ms > now_ms)
            if (next_ms := next(later, None)) is not None:
                self._wait(device, next_ms)
            return ()
        self._silent[device] = placement
        if self._is_share:
            if not self._shares_due:
                self._shares_due = True
                heapq.heappush(self._due, (now_ms, _SHARES))
            if placement.to_ms < self._period.to_ms:
                self._wait(device, placement.to_ms)
            return ()
        if not self._rule.field:
            self._wait(device, self._find_next(self._heard[device], now_ms))
        silent_ms = now_ms - self._heard[device]
        lengths = (silent_ms / 1000, silent_ms / self._interval_ms)
        silence = Silence(device, self._rule.device_type, placement.site, placement.zone, *lengths)
        return self._book.judge_silence([silence], now_ms)

    def _judge_shares(self, now_ms: int) -> Sequence[Transition]:
        silent = Counter(placement.site for placement in self._silent.values())
        placed = self._placed.count(now_ms)
        shares = {(self._rule.device_type, site): 100.0 * silent[site] / count for site, count in placed.items()}
        transitions = self._book.judge_shares(shares, now_ms)
        self._shares_due = bool(silent) or bool(self._book.list_records())
        if self._shares_due:
            heapq.heappush(self._due, (now_ms + _TICK_MS, _SHARES))
        return transitions

    def _find_begin(self, heard_ms: int) -> int:
        """Return when a device counts as silent that is not heard any more."""
        return heard_ms + SILENT_INTERVALS * self._interval_ms + 1

    def _find_next(self, heard_ms: int, now_ms: int) -> int:
        """Return when a silent device is to be looked at next."""
        step_ms = min(max((now_ms - heard_ms) // _TICKS, _TICK_MS), _LONGEST_TICK_MS)
        step_ms = _LONGEST_TICK_MS if self._rule.schedule is ALWAYS else step_ms
        later = (one for one in self._list_moments(heard_ms) if one > now_ms)
        return min(now_ms + step_ms, min(later, default=now_ms + step_ms))

    def _list_moments(self, heard_ms: int) -> Iterator[int]:
        """Yield when the state of an alert may change, of a device that is not heard any more."""
        begin_ms = self._find_begin(heard_ms)
        for override in (self._rule.levels, *(one.levels for one in self._rule.overrides)):
            for level in override:
                if isfinite(level.high):
                    beyond_ms = max(begin_ms, heard_ms + int(level.high * self._interval_ms) + 1)
                    yield beyond_ms + level.hold_ms
                    yield from (beyond_ms + _SECOND_MS * number for number in range(self._rule.least))

    def _wait(self, device: str, due_ms: int) -> None:
        self._waiting[device] = due_ms
        heapq.heappush(self._due, (due_ms, device))


class _Placed:
    """How many of some devices are placed at each Site; counted anew only when a placement begins or ends."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = list(devices)
        self._edges = sorted(
            {edge for one in self._devices for at in one.placements for edge in (at.from_ms, at.to_ms)}
        )
        self._counts: Mapping[str, int] = {}
        self._until_ms = 0.0

    def count(self, now_ms: int) -> Mapping[str, int]:
        """Return how many are placed at each Site; moments must not go back."""
        if now_ms >= self._until_ms:
            self._until_ms = next((edge for edge in self._edges if edge > now_ms), inf)
            placed = (one.find_placement(now_ms) for one in self._devices)
            self._counts = Counter(one.site for one in placed if one is not None)
        return self._counts
