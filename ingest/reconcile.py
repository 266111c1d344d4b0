"""Reconcile: what collectors accepted, per device and hour, held against what InfluxDB holds.

A store counts each accepted reading at its event time. Of a device and hour InfluxDB has at least the points that are
surely there (new to the collector, not refused by the database, not waiting in the outbox), and at most all that were
ever accepted (a reading older than what deduplication remembers may be the same point again). What is outside is a
difference: points are missing, or somebody else wrote some. Counts of several stores are added up, as collectors of a
shared subscription divide the readings of one device among them.

A refused line makes the least smaller, for its point may be missing, but not the most: it may have been one that only
added fields to a point that is there. So for each refused line one point more than there should be, or one less of a
line of the second kind, is not seen in that hour.

The collector may run meanwhile. So the stores are asked before and after the database, and the wider answer counts.

Where devices number their readings, what never reached the collector shows as well: see ``ingest.number_gaps``.

Errors::

    LookupError
    └── UnknownDeviceError  there is nothing that could be compared
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.influx import BrokenOffError
from ingest.number_gaps import NumberFindings, find_gaps
from ingest.quarantine_filter import Filter
from ingest.store_hours import HOUR_MS, HourCount
from ingest.store_reader import StoreReader
from ingest.stored_points import Asked, Counts, Queried, count_points, has_device, list_devices, read_retention
from ingest.waiting_lines import Outboxes

PIECE_HOURS = 24
"""Compared at a time; less where the database does not answer in time."""
MOST_DIFFERENCES = 100_000
"""That are kept; the others are counted."""
ALL_MS = 2**53
"""No reading has a later time."""

Hours = Mapping[tuple[str, int], HourCount]
"""Counts of accepted readings by device and hour since 1970 in UTC."""
NOTHING = HourCount()


class UnknownDeviceError(LookupError):
    """No store and no database ever heard of the device that is asked for."""


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


class Judged(NamedTuple):
    """From which hour on what can be known.

    Attributes:
        missing_from: Before, the database may have removed what it no longer keeps.
        surplus_from: Before, the stores did not count every point.
    """

    missing_from: int
    surplus_from: int


@dataclass(slots=True)
class Findings:
    """What a comparison found.

    Attributes:
        asked: What was to be compared.
        judged: From which hour on a point that is missing, or one too many, was looked for.
        accepted: Points that the stores count.
        stored: Points that InfluxDB holds.
        refused: Lines that InfluxDB refused, and lines of damaged entries of an outbox that can be read.
        waiting: Points that were in an outbox.
        is_moving: Whether a collector took something in or wrote something while these were counted, so that a point
            may be counted as waiting and as stored, or as neither.
        hours: Devices and hours that were compared.
        missing: Points that are missing.
        surplus: Points too many.
        differences: Where both do not agree, at most ``MOST_DIFFERENCES``.
        left_out: How many more there are.
        numbers: What the devices' own numbers say.
        damaged: Lines of damaged entries of an outbox, since the stores were made.
        given_up: Entries that were discarded from quarantine or expired there, since the stores were made.
    """

    asked: Asked
    judged: Judged
    accepted: int = 0
    stored: int = 0
    refused: int = 0
    waiting: int = 0
    is_moving: bool = False
    hours: int = 0
    missing: int = 0
    surplus: int = 0
    differences: list[Difference] = field(default_factory=list)
    left_out: int = 0
    numbers: NumberFindings = field(default_factory=NumberFindings)
    damaged: int = 0
    given_up: int = 0

    @property
    def agree(self) -> bool:
        """Whether there is no difference, and no missing number that nothing explains or covers."""
        return not (self.missing or self.surplus or self.numbers.missing)


def compare(before: Hours, after: Hours, waiting: Counts, stored: Counts, judged: Judged) -> Iterator[Difference]:
    """Yield the hours of devices in which InfluxDB does not hold what was accepted.

    Args:
        before: What the stores counted before InfluxDB was asked.
        after: Likewise, after.
        waiting: Points in the outbox, read after ``before`` and before InfluxDB was asked.
        stored: Points that InfluxDB holds.
        judged: From which hour on what can be known.
    """
    for at in sorted(before.keys() | after.keys() | stored.keys()):
        first, last = before.get(at, NOTHING), after.get(at, NOTHING)
        least = max(0, first.new - max(first.refused, last.refused) - waiting[at])
        most = last.new + last.late
        found = Difference(*at, least, most, stored[at])
        if (found.missing and at[1] >= judged.missing_from) or (found.surplus and at[1] >= judged.surplus_from):
            yield found


async def reconcile(
    asked: Asked,
    stores: Sequence[StoreReader],
    influx: Queried,
    now_ms: int,
    on_progress: Callable[[float], None],
) -> Findings:
    """Compare what stores accepted with what InfluxDB holds, a day at a time.

    Args:
        asked: What is to be compared.
        stores: Of every collector that writes to the database, together.
        influx: The database.
        now_ms: The present time, milliseconds since 1970 in UTC.
        on_progress: Is told the share that is done.

    Raises:
        UnknownDeviceError: Nobody ever heard of the device that is asked for.
        InfluxError: It could not be asked, or refused.
        StoreError: A store cannot be read.
    """
    if asked.device is not None and not await is_known(asked.device, stores, influx):
        raise UnknownDeviceError(
            f"Neither a store nor the database knows a device {asked.device!r}: it was never heard, or its id is "
            "spelt otherwise. Nothing was compared."
        )
    begun = [(store.ledger(), store.moves()) for store in stores]
    findings = Findings(asked, find_judged(asked, stores, await read_retention(influx), now_ms))
    outboxes = Outboxes(stores, asked)
    points: Counter[str] = Counter()
    begin_ms, hours = asked.from_ms, PIECE_HOURS
    while begin_ms < asked.to_ms:
        piece = asked._replace(from_ms=begin_ms, to_ms=min(asked.to_ms, begin_ms + hours * HOUR_MS))
        try:
            stored = await _compare_piece(piece, stores, influx, outboxes, findings)
        except BrokenOffError:
            if hours == 1:
                raise
            hours //= 2
            continue
        for device, count in count_devices(stored).items():
            points[device] = max(points[device], count * PIECE_HOURS // hours)
        begin_ms = piece.to_ms
        on_progress((begin_ms - asked.from_ms) / (asked.to_ms - asked.from_ms) / 2)
    findings.waiting = outboxes.waiting.points.total()
    findings.is_moving = begun != [(store.ledger(), store.moves()) for store in stores]
    for device in await list_devices(influx, asked):
        points.setdefault(device, 0)  # of one that was silent, the numbers before and after tell what was lost
    findings.numbers = await find_gaps(
        asked, stores, influx, outboxes, points, lambda share: on_progress((1 + share) / 2)
    )
    moves = [store.moves() for store in stores]
    findings.damaged = sum(one.damaged for one in moves)
    findings.given_up = sum(one.discarded + one.expired for one in moves)
    return findings


async def is_known(device: str, stores: Sequence[StoreReader], influx: Queried) -> bool:
    """Return whether the database or a store ever heard of a device, as far back as they keep anything.

    Raises:
        InfluxError: It could not be asked, or refused.
        StoreError: A store cannot be read.
    """
    return await has_device(influx, device) or any(
        store.hours(0, ALL_MS, device) or next(store.quarantine(Filter(device=device)), None) is not None
        for store in stores
    )


def find_judged(asked: Asked, stores: Sequence[StoreReader], retention_ms: int | None, now_ms: int) -> Judged:
    """Return from which hour on what can be known; an hour counts only as a whole.

    Args:
        asked: What is to be compared.
        stores: Of every collector.
        retention_ms: For how long the database keeps points; None for ever.
        now_ms: The present time, milliseconds since 1970 in UTC.
    """
    # An hour more than it keeps: time goes on while this compares.
    kept_from_ms = asked.from_ms if retention_ms is None else now_ms - retention_ms + HOUR_MS
    return Judged(-(-kept_from_ms // HOUR_MS), find_counted(asked, stores))


def find_counted(asked: Asked, stores: Sequence[StoreReader]) -> int:
    """Return from which hour on every store counts every point; the end of what was asked where none ever counted."""
    since = [one for store in stores if (one := store.hours_since_ms()) is not None]
    return -(-max(since, default=asked.to_ms) // HOUR_MS)


async def _compare_piece(
    piece: Asked, stores: Sequence[StoreReader], influx: Queried, outboxes: Outboxes, findings: Findings
) -> Counts:
    """Compare one piece, and return what InfluxDB holds of it; what raises has added nothing to the findings."""
    before = add_up(store.hours(*piece) for store in stores)
    outboxes.look()
    stored = await count_points(influx, piece)
    after = add_up(store.hours(*piece) for store in stores)
    # A store may have removed its oldest hours meanwhile, or found some damaged.
    counted_from = max(findings.judged.surplus_from, find_counted(findings.asked, stores))
    findings.judged = findings.judged._replace(surplus_from=counted_from)
    for one in compare(before, after, outboxes.waiting.points, stored, findings.judged):
        findings.missing += one.missing
        findings.surplus += one.surplus
        if len(findings.differences) < MOST_DIFFERENCES:
            findings.differences.append(one)
        else:
            findings.left_out += 1
    findings.accepted += sum(count.new + count.late for count in after.values())
    findings.refused += sum(count.refused for count in after.values())
    findings.stored += stored.total()
    findings.hours += len(after.keys() | stored.keys())
    return stored


def count_devices(stored: Counts) -> Counter[str]:
    """Return how many points each device has."""
    points: Counter[str] = Counter()
    for (device, _), count in stored.items():
        points[device] += count
    return points


def add_up(stores: Iterable[Hours]) -> Hours:
    """Return the counts of several stores as one."""
    sums: dict[tuple[str, int], HourCount] = {}
    for hours in stores:
        for at, count in hours.items():
            had = sums.get(at, NOTHING)
            sums[at] = HourCount(had.new + count.new, had.late + count.late, had.refused + count.refused)
    return sums
