"""Sequence numbers: what is missing between a device's readings, judged by its own count.

A device that numbers its readings (``seq`` of the native format; the frame counter of LoRaWAN arrives as the same
member of an Observation) lets us see what was lost before it reached the collector, which no count of ours can.

Readings come in order of event time, and the numbers need not: a clock that was set back or forward interleaves them.
So they are gathered in runs of consecutive numbers first, several of which may grow at once, and the runs are held
against each other:

- A run beyond all before it goes on; what lies between is a gap.
- A run that lies in what is missing fills it.
- A run that begins with 0 or 1, or below everything before it, is a restart: a reboot or a counter that was reset.
  What the device had sent and lost just before it nobody can know.
- From close below 65,536 to close above 0 is the wrap of a 16-bit frame counter: it goes on.
- Any other run repeats numbers that were there: a device sent something again.
"""

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ingest.batch import Quarantined
from ingest.sample import GREATEST_SEQ
from schemas.reason import Level, Reason

WRAP = 65_536
"""Numbers of a 16-bit counter."""
WRAP_NEAR = 64
"""How close to its ends a 16-bit counter must be for a fall to be its wrap."""
GROWING = 32
"""Runs that may grow at once."""
MOST_RUNS = 10_000
"""Runs of one device that are judged: numbers in no order at all would be a run each."""
FIRST_NUMBERS = 2
"""A counter that starts anew starts with 0 or 1."""

Span = tuple[int, int]
"""Consecutive numbers: the first and the last."""


class Numbering(NamedTuple):
    """Who counts: a device, or what simulates it, which has numbers of its own.

    Attributes:
        device: Id.
        simulated: Whether its readings say so.
    """

    device: str
    simulated: bool


_SEQ_IN_LINE = re.compile(rb"[ ,]seq=([0-9]+(?:\.[0-9]+)?(?:e\+?[0-9]{1,2})?)[ ,]")
"""In a tag's value the equals sign would be escaped."""
_SEQ_IN_PAYLOAD = re.compile(rb'"seq"\s*:\s*([0-9]{1,16})\b')
_SEQ_REFUSED = re.compile(r"(?:^|; )seq has a value at that time already")
"""In the detail of a conflict; see ``ingest.duplicate``."""
_SIMULATED = re.compile(rb'"simulated"\s*:\s*true\b|,simulated=true[, ]')


@dataclass(slots=True)
class Run:
    """Consecutive numbers, each in a reading no earlier than the one before.

    Attributes:
        first: Lowest number.
        last: Highest number.
        first_ms: Event time of the reading that has the lowest.
        last_ms: Event time of the reading that has the highest.
    """

    first: int
    last: int
    first_ms: int
    last_ms: int


class Gap(NamedTuple):
    """Numbers that no reading has.

    Attributes:
        first: Lowest that is missing.
        last: Highest that is missing.
        after_ms: Event time of the reading with the number before.
        before_ms: Event time of the reading with the number behind.
    """

    first: int
    last: int
    after_ms: int
    before_ms: int

    @property
    def missing(self) -> int:
        """How many numbers are missing."""
        return self.last - self.first + 1


class Restart(NamedTuple):
    """A counter that began anew.

    Attributes:
        left: The last number before.
        began: The first number after.
        time_ms: Event time of the reading that has it.
    """

    left: int
    began: int
    time_ms: int


class Account(NamedTuple):
    """What the numbers of one device say.

    Attributes:
        gaps: In order of the numbers, between two restarts.
        restarts: In order of time.
        repeated: Readings whose number another reading has as well.
        judged_to_ms: Event time from which on nothing was judged, because the numbers break off too often; None where
            all was.
    """

    gaps: tuple[Gap, ...] = ()
    restarts: tuple[Restart, ...] = ()
    repeated: int = 0
    judged_to_ms: int | None = None


class Runs:
    """The runs of one device's numbers, gathered reading by reading in order of event time.

    Attributes:
        found: In the order in which they began.
        repeated: Readings with the same number as the one before in their run.
        full_ms: Event time of the first reading that was not taken, as there were ``MOST_RUNS``; None before.
    """

    def __init__(self) -> None:
        self.found: list[Run] = []
        self.repeated = 0
        self.full_ms: int | None = None
        self._growing: dict[int, Run] = {}

    def add(self, time_ms: int, seq: int) -> None:
        """Take the next reading."""
        if self.full_ms is not None:
            return
        run = self._growing.pop(seq, None)
        if run is None:
            if len(self.found) == MOST_RUNS:
                self.full_ms = time_ms
                return
            if seq + 1 in self._growing:
                self.repeated += 1
                return
            if seq < FIRST_NUMBERS:
                # What was sent before a restart must not take up numbers that were given anew after it.
                self._growing.clear()
            run = Run(seq, seq, time_ms, time_ms)
            self.found.append(run)
        else:
            run.last, run.last_ms = seq, time_ms
        self._growing[seq + 1] = run
        if len(self._growing) > GROWING:
            del self._growing[next(iter(self._growing))]


@dataclass(slots=True)
class _Count:
    """One counter from its start to its restart, with what is missing so far; ``wrapped`` is added to its numbers."""

    lowest: int
    highest: int
    highest_ms: int
    wrapped: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def place(self, run: Run) -> Run:
        """Return a run with its numbers as they would be without a wrap, and take note of a wrap."""
        if run.first < WRAP_NEAR and self.wrapped + WRAP - WRAP_NEAR <= self.highest < self.wrapped + WRAP:
            self.wrapped += WRAP
        # After a wrap, numbers from close below it may still follow.
        added = self.wrapped - (WRAP if self.wrapped and WRAP // 2 < run.first < WRAP and self._is_young() else 0)
        return replace(run, first=run.first + added, last=run.last + added)

    def take(self, run: Run) -> int | None:
        """Take a run in; return how many of its numbers were there already, or None where it does not belong."""
        if run.first > self.highest:
            if run.first > self.highest + 1:
                self.gaps.append(Gap(self.highest + 1, run.first - 1, self.highest_ms, run.first_ms))
            self.highest, self.highest_ms = run.last, run.last_ms
            return 0
        if self._fill(run):
            return 0
        if run.first < self.lowest:
            return None
        repeated = min(run.last, self.highest) - run.first + 1
        if run.last > self.highest:
            self.highest, self.highest_ms = run.last, run.last_ms
        return repeated

    def list_gaps(self) -> Iterator[Gap]:
        """Yield the gaps with the numbers as the device sends them."""
        for gap in self.gaps:
            low = gap.first - gap.first % WRAP if self.wrapped else 0
            first, last = gap.first - low, gap.last - low
            if self.wrapped and WRAP <= last < 2 * WRAP:
                yield gap._replace(first=first, last=WRAP - 1)
                first, last = 0, last - WRAP
            yield gap._replace(first=first, last=last)

    def _fill(self, run: Run) -> bool:
        index = bisect_left(self.gaps, run.first, key=lambda gap: gap.last)
        gap = self.gaps[index] if index < len(self.gaps) else None
        if gap is None or run.first < gap.first or run.last > gap.last:
            return False
        below = gap._replace(last=run.first - 1, before_ms=run.first_ms)
        above = gap._replace(first=run.last + 1, after_ms=run.last_ms)
        self.gaps[index : index + 1] = [part for part in (below, above) if part.missing > 0]
        return True

    def _is_young(self) -> bool:
        return self.highest < self.wrapped + WRAP // 2


def examine(runs: Runs) -> Account:
    """Return the gaps, restarts and repeated numbers of a device."""
    counts: list[_Count] = []
    restarts: list[Restart] = []
    repeated = runs.repeated
    for run in runs.found:
        if counts:
            count = counts[-1]
            placed = count.place(run)
            begins_anew = run.first < FIRST_NUMBERS and placed.first <= count.highest
            again = None if begins_anew else count.take(placed)
            if again is not None:
                repeated += again
                continue
            restarts.append(Restart(count.highest - count.wrapped, run.first, run.first_ms))
        counts.append(_Count(run.first, run.last, run.last_ms))
    gaps = tuple(gap for count in counts for gap in count.list_gaps())
    return Account(gaps, tuple(restarts), repeated, runs.full_ms)


def subtract(gap: Gap, known: Sequence[Span]) -> list[Gap]:
    """Return what is left of a gap without numbers that are accounted for.

    Args:
        gap: What no reading has.
        known: Numbers that are somewhere else, as ``join_spans`` returns them.
    """
    left: list[Gap] = []
    first = gap.first
    for begin, end in known[bisect_left(known, gap.first, key=lambda span: span[1]) :]:
        if begin > gap.last:
            break
        if begin > first:
            left.append(gap._replace(first=first, last=begin - 1))
        first = end + 1
    if first <= gap.last:
        left.append(gap._replace(first=first))
    return left


def intersect(gap: Gap, spans: Sequence[Span]) -> list[Gap]:
    """Return the parts of a gap that lie in spans, as ``join_spans`` returns them."""
    parts: list[Gap] = []
    for begin, end in spans[bisect_left(spans, gap.first, key=lambda span: span[1]) :]:
        if begin > gap.last:
            break
        parts.append(gap._replace(first=max(gap.first, begin), last=min(gap.last, end)))
    return parts


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Return numbers as spans that do not touch one another, in order."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def read_seq(entry: Quarantined) -> int | None:
    """Return the number of a reading in quarantine: of its line, or of its payload.

    Also of one that is no JSON, or whose object stands alone in a list.
    """
    if entry.level is Level.LINE:
        return read_line_seq(entry.payload)
    try:
        members = json.loads(entry.payload)
    except (ValueError, RecursionError):
        found = _SEQ_IN_PAYLOAD.search(entry.payload)
        return int(found[1]) if found else None
    if isinstance(members, list) and len(members) == 1:
        members = members[0]
    seq = members.get("seq") if isinstance(members, dict) else None
    return seq if type(seq) is int and seq >= 0 else None


def is_without_number(entry: Quarantined) -> bool:
    """Whether an entry of the quarantine is of a reading that was stored without its number, but with the rest.

    Such is the second of several lists of one moment: the moment has the number of the first.
    """
    is_conflict = entry.level is Level.FIELD and entry.reason is Reason.CONFLICT
    return is_conflict and _SEQ_REFUSED.search(entry.detail) is not None


def read_line_seq(line: bytes) -> int | None:
    """Return the number in a line of line protocol; None also where there is none that can be, in a damaged line."""
    found = _SEQ_IN_LINE.search(line)
    number = float(found[1]) if found else math.inf
    return int(number) if number <= GREATEST_SEQ else None


def says_simulated(payload: bytes) -> bool:
    """Whether a payload, or a line, says that its reading was simulated."""
    return _SIMULATED.search(payload) is not None
