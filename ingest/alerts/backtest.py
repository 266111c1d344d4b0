"""Backtest: what a Rule would have done with readings of the past. Pure; the AlertBook itself judges.

The readings are given in order of event time, in any number of pieces; memory is bounded by the number of devices and
of firings that are kept. What is different from a collector:

- It begins with nothing known: what fired before the begin fires when its condition has held for long enough anew.
- Readings are judged in order of event time, however late they came; a collector judges no late ones.
- A device is silent where no reading is, also where that was because the broker or the collector was away.
- The Rule stands alone: nothing inhibits it, and nobody's maintenance hides it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.alerts.book import AlertBook
from ingest.alerts.silence_clock import SilenceClock
from ingest.alerts.subjects import Period, Subject, list_needed
from ingest.inventory import Inventory
from schemas.device_type import DeviceType
from schemas.reading import Reading
from schemas.rule import Change, Rule, Severity, Transition

MOST_FIRINGS = 100_000
"""That are kept; of the others only how many and how long is known."""


class PastFiring(NamedTuple):
    """One firing of a Rule in the past: from when it would have fired to when it would have cleared.

    Attributes:
        device: Id in the inventory; of a group, what names it.
        site: Where it fired.
        zone: Part of the site.
        severity: The most severe that it was.
        since_ms: Event time at which the condition began to hold.
        fired_ms: Event time at which it fired.
        cleared_ms: Event time at which it cleared; None where it still fired at the end.
        value: The value that made it fire, in the rule's unit.
        flapping: Whether it was held because it fired so often.
        silent: Whether its device fell silent while it fired.
    """

    device: str
    site: str
    zone: str
    severity: Severity
    since_ms: int
    fired_ms: int
    cleared_ms: int | None
    value: float
    flapping: bool = False
    silent: bool = False

    def find_end(self, end_ms: int) -> int:
        """Return when it cleared, or else the end of the time that was looked at."""
        return end_ms if self.cleared_ms is None else self.cleared_ms


@dataclass(slots=True)
class Tally:
    """How often and for how long a Rule would have fired for one subject.

    Attributes:
        firings: How many.
        lasted_ms: In all.
        longest_ms: The longest of them.
        flapping: How many of them flapped.
        severity: The most severe.
    """

    firings: int = 0
    lasted_ms: int = 0
    longest_ms: int = 0
    flapping: int = 0
    severity: Severity = Severity.INFO

    def add(self, firing: PastFiring, end_ms: int) -> None:
        """Add a firing, that of one that did not clear up to the end of the time."""
        lasted_ms = firing.find_end(end_ms) - firing.fired_ms
        self.firings += 1
        self.lasted_ms += lasted_ms
        self.longest_ms = max(self.longest_ms, lasted_ms)
        self.flapping += firing.flapping
        self.severity = max(self.severity, firing.severity, key=lambda one: one.rank)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a Rule would have done.

    Attributes:
        rule: The condition.
        period: The time that was looked at.
        subjects: Of whom it speaks, in order of their names.
        firings: Each firing, in order of time, at most ``MOST_FIRINGS``.
        left_out: How many more there were.
        tallies: By subject that ever fired.
        readings: By device, how many readings were judged.
    """

    rule: Rule
    period: Period
    subjects: tuple[Subject, ...]
    firings: tuple[PastFiring, ...]
    left_out: int
    tallies: Mapping[str, Tally]
    readings: Mapping[str, int]

    @property
    def count(self) -> int:
        """How often it would have fired."""
        return sum(tally.firings for tally in self.tallies.values())

    @property
    def lasted_ms(self) -> int:
        """For how long, all subjects added up."""
        return sum(tally.lasted_ms for tally in self.tallies.values())

    @property
    def calm(self) -> list[str]:
        """The subjects that never fired."""
        return [one.name for one in self.subjects if one.name not in self.tallies]

    @property
    def unheard(self) -> list[str]:
        """The devices of which there was no reading."""
        return sorted({member for one in self.subjects for member in one.members if member not in self.readings})

    def list_worst(self, most: int) -> list[str]:
        """Return the subjects that fired for the longest; where fewer fired, then the first of the others."""
        worst = sorted(self.tallies, key=lambda name: (-self.tallies[name].lasted_ms, name))
        heard = [one.name for one in self.subjects if one.name not in self.tallies and one.members & set(self.readings)]
        return [*worst, *heard][:most]


class Backtest:
    """Has a Rule judge readings of the past.

    Args:
        rule: The condition.
        inventory: What is installed, and was.
        types: DeviceTypes by key.
        period: From when to when.
        subjects: Of whom it is asked; see ``ingest.alerts.subjects.list_subjects``.
    """

    def __init__(
        self,
        rule: Rule,
        inventory: Inventory,
        types: Mapping[str, DeviceType],
        period: Period,
        subjects: Iterable[Subject],
    ) -> None:
        self._rule, self._period = rule, period
        self._subjects = {one.name: one for one in subjects}
        self._needed = list_needed(rule, self._subjects.values())
        self._book = AlertBook({rule.key: rule}, inventory)
        interval_ms = round(types[rule.device_type].interval.total_seconds() * 1000)
        members = frozenset(member for one in self._subjects.values() for member in one.members)
        devices = [inventory.devices[name] for name in sorted(members)]
        self._clock = SilenceClock(self._book, rule, devices, interval_ms, period)
        self._firings = _Firings(period.to_ms, frozenset(self._subjects))
        self._readings: Counter[str] = Counter()

    def hear(self, readings: Iterable[Reading]) -> None:
        """Judge the next readings.

        Args:
            readings: In order of event time, within the period; those of other devices are passed over.
        """
        for reading in readings:
            if reading.device not in self._needed:
                continue
            if self._clock.due_ms <= reading.time_ms:
                self._firings.follow(self._clock.pass_time(reading.time_ms))
            self._clock.hear(reading.device, reading.time_ms)
            self._readings[reading.device] += 1
            self._firings.follow(self._book.judge_reading(reading))
        self._book.take_states()  # no store wants them

    def finish(self) -> Outcome:
        """Return what would have happened, once all readings were given."""
        self._firings.follow(self._clock.pass_time(self._period.to_ms - 1))
        self._firings.finish()
        return Outcome(
            self._rule,
            self._period,
            tuple(self._subjects.values()),
            tuple(sorted(self._firings.kept, key=lambda one: (one.fired_ms, one.device))),
            self._firings.left_out,
            self._firings.tallies,
            self._readings,
        )


@dataclass(slots=True)
class _Firings:
    """Makes firings of transitions."""

    end_ms: int
    names: frozenset[str]
    kept: list[PastFiring] = field(default_factory=list)
    left_out: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    _open: dict[str, PastFiring] = field(default_factory=dict)

    def follow(self, transitions: Iterable[Transition]) -> None:
        """Take note of changes, in order."""
        for one in transitions:
            if one.device not in self.names:
                continue
            if one.change is Change.FIRED:
                self._open[one.device] = PastFiring(
                    one.device, one.site, one.zone, one.severity, one.since_ms, one.time_ms, None, one.value
                )
            elif (firing := self._open.get(one.device)) is not None:
                self._open[one.device] = firing = _follow(firing, one)
                if firing.cleared_ms is not None:
                    self._keep(self._open.pop(one.device))

    def finish(self) -> None:
        """Keep what still fires."""
        for firing in self._open.values():
            self._keep(firing)
        self._open.clear()

    def _keep(self, firing: PastFiring) -> None:
        self.tallies.setdefault(firing.device, Tally()).add(firing, self.end_ms)
        if len(self.kept) < MOST_FIRINGS:
            self.kept.append(firing)
        else:
            self.left_out += 1


def _follow(firing: PastFiring, transition: Transition) -> PastFiring:
    """Return a firing after a later change of its alert."""
    severity = max(firing.severity, transition.severity, key=lambda one: one.rank)
    return firing._replace(
        severity=severity,
        cleared_ms=transition.time_ms if transition.change in {Change.CLEARED, Change.WITHDRAWN} else None,
        flapping=firing.flapping or transition.change is Change.FLAPPING,
        silent=firing.silent or transition.change is Change.SILENT,
    )
