"""Reconcile: what collectors accepted, per device and hour, held against what InfluxDB holds.

A store counts each accepted reading at its event time. Of a device and hour InfluxDB has at least the points that are
surely there (new to the collector, not refused by the database, not waiting in the outbox), and at most all that were
ever accepted (a reading older than what deduplication remembers may be the same point again). What is outside is a
difference: points are missing, or somebody else wrote some. Counts of several stores are added up, as collectors of a
shared subscription divide the readings of one device among them.

The collector may run meanwhile. So the stores are asked before and after the database, and the wider answer counts.

Where devices number their readings, what never reached the collector shows as well: see ``ingest.sequence``.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.influx import InfluxClient
from ingest.quarantine_filter import Filter
from ingest.sequence import Account, Gap, Runs, Span, examine, join_spans, read_line_seq, read_seq, subtract
from ingest.store_hours import HOUR_MS, HourCount, find_point
from ingest.store_reader import StoreReader
from ingest.stored_points import Counts, Numbered, count_points, list_numbers

PIECE_MS = 24 * HOUR_MS
"""Compared at a time."""
NUMBERS_AT_ONCE = 50_000
"""Points whose numbers are asked for in one query, unless one device has more."""
DEVICES_AT_ONCE = 100
NEARBY_MS = HOUR_MS
"""An unreadable payload that came so long after the reading behind a gap may still be what is missing in it."""

Hours = Mapping[tuple[str, int], HourCount]
"""Counts of accepted readings by device and hour since 1970 in UTC."""
NOTHING = HourCount()


class Asked(NamedTuple):
    """What is to be compared.

    Attributes:
        from_ms: Begin of an hour, milliseconds since 1970 in UTC.
        to_ms: End of an hour.
        device: Only this one.
    """

    from_ms: int
    to_ms: int
    device: str | None = None


class Difference(NamedTuple):
    """An hour of a device in which InfluxDB does not hold what was accepted.

    Attributes:
        device: Id.
        hour: Since 1970 in UTC.
        least: Points that must be there.
        most: Points that may be there.
        stored: Points that are there.
    """

    device: str
    hour: int
    least: int
    most: int
    stored: int

    @property
    def missing(self) -> int:
        """Points that were accepted and are not there."""
        return max(0, self.least - self.stored)

    @property
    def surplus(self) -> int:
        """Points that are there and were not accepted."""
        return max(0, self.stored - self.most)


class OpenGap(NamedTuple):
    """Numbers of a device that are nowhere.

    Attributes:
        device: Id.
        gap: Which, and between which readings.
        unreadable: Payloads of the device in quarantine that came about then and have no number that can be read; they
            may be what is missing.
    """

    device: str
    gap: Gap
    unreadable: int


@dataclass(slots=True)
class Waiting:
    """What is in the outboxes.

    Attributes:
        points: By device and hour.
        numbers: By device.
    """

    points: Counts = field(default_factory=Counter)
    numbers: defaultdict[str, Runs] = field(default_factory=lambda: defaultdict(Runs))


@dataclass(slots=True)
class Findings:
    """What a comparison found.

    Attributes:
        asked: What was to be compared.
        complete_from_ms: Since when the stores count every point; before, a surplus cannot be known.
        accepted: Points that the stores count.
        stored: Points that InfluxDB holds.
        refused: Lines that InfluxDB refused.
        waiting: Points that were in an outbox.
        hours: Devices and hours that were compared.
        differences: Where both do not agree.
        accounts: What the numbers of a device say, where that is more than nothing.
        open_gaps: Missing numbers that nothing explains.
        explained: Missing numbers that are in quarantine or in an outbox.
    """

    asked: Asked
    complete_from_ms: int
    accepted: int = 0
    stored: int = 0
    refused: int = 0
    waiting: int = 0
    hours: int = 0
    differences: list[Difference] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    open_gaps: list[OpenGap] = field(default_factory=list)
    explained: int = 0

    @property
    def agree(self) -> bool:
        """Whether there is no difference, and no gap that nothing explains."""
        return not self.differences and not self.open_gaps


def compare(
    before: Hours, after: Hours, waiting: Counts, stored: Counts, complete_from_hour: int
) -> Iterator[Difference]:
    """Yield the hours of devices in which InfluxDB does not hold what was accepted.

    Args:
        before: What the stores counted before InfluxDB was asked.
        after: Likewise, after.
        waiting: Points in the outbox, read after ``before`` and before InfluxDB was asked.
        stored: Points that InfluxDB holds.
        complete_from_hour: First hour in which the stores counted every point.
    """
    for at in sorted(before.keys() | after.keys() | stored.keys()):
        first, last = before.get(at, NOTHING), after.get(at, NOTHING)
        # A line that only added fields to a point may have been refused: no point less.
        least = max(0, first.new - max(first.refused, last.refused) - waiting[at])
        most = last.new + last.late
        found = Difference(*at, least, most, stored[at])
        if found.missing or (found.surplus and at[1] >= complete_from_hour):
            yield found


async def reconcile(
    asked: Asked,
    stores: Sequence[StoreReader],
    influx: InfluxClient,
    on_progress: Callable[[int], None],
    now_ms: Callable[[], int],
) -> Findings:
    """Compare what stores accepted with what InfluxDB holds, a day at a time.

    Args:
        asked: What is to be compared.
        stores: Of every collector that writes to the database, together.
        influx: The database.
        on_progress: Is told how many hours are done.
        now_ms: Gives the present time, milliseconds since 1970 in UTC.

    Raises:
        InfluxError: It could not be asked, or refused.
        StoreError: A store cannot be read.
    """
    since = [one for store in stores if (one := store.hours_since_ms()) is not None]
    findings = Findings(asked, max(since, default=asked.to_ms))
    runs: defaultdict[str, Runs] = defaultdict(Runs)
    known: defaultdict[str, list[Span]] = defaultdict(list)
    for begin_ms in range(asked.from_ms, asked.to_ms, PIECE_MS):
        piece = asked._replace(from_ms=begin_ms, to_ms=min(asked.to_ms, begin_ms + PIECE_MS))
        # Readings that are committed from now on may reach InfluxDB in another order: their numbers are not judged.
        numbers_to_ms = min(piece.to_ms, now_ms())
        stored = await _compare_piece(piece, stores, influx, findings, known)
        async for row in _ask_numbers(influx, piece, numbers_to_ms, stored, frozenset(runs)):
            runs[row.device].add(row.time_ms, row.seq)
        on_progress((piece.to_ms - asked.from_ms) // HOUR_MS)
    for device in sorted(runs):
        account = examine(runs[device])
        if account != Account():
            findings.accounts[device] = account
            _explain(device, account, known[device], stores, findings)
    return findings


async def _compare_piece(
    piece: Asked, stores: Sequence[StoreReader], influx: InfluxClient, findings: Findings, known: dict[str, list[Span]]
) -> Counts:
    """Compare one piece, and return what InfluxDB holds of it."""
    before = add_up(store.hours(*piece) for store in stores)
    waiting = list_waiting((line for store in stores for line in store.outbox_lines()), piece)
    stored = await count_points(influx, *piece)
    after = add_up(store.hours(*piece) for store in stores)
    complete_from_hour = -(-findings.complete_from_ms // HOUR_MS)
    findings.differences += compare(before, after, waiting.points, stored, complete_from_hour)
    findings.accepted += sum(count.new + count.late for count in after.values())
    findings.refused += sum(count.refused for count in after.values())
    findings.stored += stored.total()
    findings.waiting += waiting.points.total()
    findings.hours += len(after.keys() | stored.keys())
    for device, runs in waiting.numbers.items():
        known[device] = join_spans([*known[device], *((run.first, run.last) for run in runs.found)])
    return stored


def add_up(stores: Iterable[Hours]) -> Hours:
    """Return the counts of several stores as one."""
    sums: dict[tuple[str, int], HourCount] = {}
    for hours in stores:
        for at, count in hours.items():
            had = sums.get(at, NOTHING)
            sums[at] = HourCount(had.new + count.new, had.late + count.late, had.refused + count.refused)
    return sums


def list_waiting(lines: Iterable[bytes], asked: Asked) -> Waiting:
    """Return the points and numbers of lines that are not in InfluxDB yet."""
    waiting = Waiting()
    for line in lines:
        point = find_point(line)
        if point is None or asked.device not in {None, point[0]}:
            continue
        device, hour = point
        if asked.from_ms <= hour * HOUR_MS < asked.to_ms:
            waiting.points[point] += 1
        seq = read_line_seq(line)
        if seq is not None:
            waiting.numbers[device].add(hour * HOUR_MS, seq)
    return waiting


async def _ask_numbers(
    influx: InfluxClient, piece: Asked, to_ms: int, stored: Counts, heard: frozenset[str]
) -> AsyncIterator[Numbered]:
    """Yield the numbers of all devices that have points, so many at a time as one answer should have.

    Args:
        influx: The database.
        piece: What is compared.
        to_ms: Numbers of later readings are not asked for.
        stored: How many points there are.
        heard: Devices that had numbers in an earlier piece; of others the number before this piece is asked for.
    """
    points: Counter[str] = Counter()
    for (device, _), count in stored.items():
        points[device] += count
    for look_back in (True, False):
        chosen = sorted(device for device in points if (device not in heard) is look_back)
        for group in divide(chosen, points):
            for row in await list_numbers(influx, group, piece.from_ms, to_ms, look_back=look_back):
                yield row


def divide(devices: Iterable[str], points: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield devices in groups that have few enough points, and are few enough, for one query."""
    group: list[str] = []
    room = NUMBERS_AT_ONCE
    for device in devices:
        if group and (points[device] > room or len(group) == DEVICES_AT_ONCE):
            yield group
            group, room = [], NUMBERS_AT_ONCE
        group.append(device)
        room -= points[device]
    if group:
        yield group


def _explain(
    device: str, account: Account, waiting: Iterable[Span], stores: Sequence[StoreReader], findings: Findings
) -> None:
    """Add to the findings which of a device's gaps the quarantine and the outbox explain, and which nothing does."""
    if not account.gaps:
        return
    # A reading cannot be received long before its own time; how long after nobody knows.
    first_ms = min(gap.after_ms for gap in account.gaps) - NEARBY_MS
    numbers: set[int] = set()
    unreadable: list[int] = []
    for store in stores:
        for row in store.quarantine(Filter(device=device, from_ms=first_ms)):
            seq = read_seq(row.quarantined)
            if seq is None:
                unreadable.append(row.quarantined.received_ms)
            else:
                numbers.add(seq)
    known = join_spans([*waiting, *((number, number) for number in numbers)])
    for gap in account.gaps:
        left = subtract(gap, known)
        findings.explained += gap.missing - sum(part.missing for part in left)
        near = sum(gap.after_ms - NEARBY_MS <= received_ms <= gap.before_ms + NEARBY_MS for received_ms in unreadable)
        findings.open_gaps += [OpenGap(device, part, near) for part in left]
