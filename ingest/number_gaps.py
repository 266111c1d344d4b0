"""Number gaps: what the devices' own numbers say was lost before any collector had it.

What is missing at the first look is looked for a second time: in what was being written meanwhile, for requests
overtake one another; and in the hours around, for a clock that was set carries readings across the edge of a day.
What is missing then is held against the outboxes and the quarantine.

A payload in quarantine whose number cannot be read may be any. But a device publishes in order, so it may be only a
number between those of the readings before and after which it was received; and it may be one only.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, TypeVar

from ingest.influx import BrokenOffError
from ingest.quarantine_filter import Filter
from ingest.refused_numbers import Hole, cover, read_refused
from ingest.sequence import Account, Gap, Numbering, Runs, Span, examine, intersect, join_spans, subtract
from ingest.store_hours import HOUR_MS
from ingest.store_outbox import list_unstored
from ingest.store_reader import StoreReader
from ingest.stored_points import (
    Asked,
    Numbered,
    Queried,
    list_first_numbers,
    list_last_numbers,
    list_numbers,
    list_receipts,
)
from ingest.waiting_lines import Outboxes, WaitingLines
from schemas.reason import Reason

PIECE_MS = 24 * HOUR_MS
"""Asked for at a time; less where the database does not answer in time."""
DOUBTFUL_AT_ONCE = 100_000
"""Gaps that are gathered before they are looked for a second time."""
MARGIN_MS = 2 * HOUR_MS
"""Around what was asked for: a clock is an hour wrong when summer time was forgotten."""
NUMBERS_AT_ONCE = 50_000
"""Points whose numbers are asked for in one query, unless one device has more."""
DEVICES_AT_ONCE = 100
SETTLE_S = 2.0
"""Between the two looks where collectors share devices: one may have stored a number while another is about to commit
the one before it. A collector alone commits them in order."""
EARLY_MS = HOUR_MS
"""A clock may be so far ahead that a reading is received before its own time."""
LAG_MS = 5_000
"""Collectors that share a device may take in its messages so far out of their order."""
MOST_GAPS = 100_000
"""That are kept; the others are counted."""

Row = TypeVar("Row")
Missed = tuple[Numbering, Gap]
"""A gap, and in whose numbers it is."""


class OpenGap(NamedTuple):
    """Numbers that are nowhere.

    Attributes:
        numbering: Whose they are.
        gap: Which, and between which readings.
        covered: How many of them are covered by payloads in quarantine whose number cannot be read.
        unreadable: All such payloads of the device that came since the reading before the gap and cover no other.
    """

    numbering: Numbering
    gap: Gap
    covered: int
    unreadable: int


class Places(NamedTuple):
    """Where a number may be.

    Attributes:
        stores: Of every collector that writes to the database; their quarantine.
        influx: The database.
        outboxes: Of these stores.
    """

    stores: Sequence[StoreReader]
    influx: Queried
    outboxes: Outboxes


@dataclass(slots=True)
class NumberFindings:
    """What the numbers say.

    Attributes:
        accounts: By who counted, without the gaps, where there is more to say than nothing.
        open_gaps: Missing numbers that nothing explains or not all of which are covered, at most ``MOST_GAPS``.
        left_out: How many more such gaps there are.
        missing: How many numbers are missing that nothing explains or covers.
        explained: How many are missing that are in quarantine or in an outbox.
        covered: How many a payload in quarantine may be whose number cannot be read, each payload one.
    """

    accounts: dict[Numbering, Account] = field(default_factory=dict)
    open_gaps: list[OpenGap] = field(default_factory=list)
    left_out: int = 0
    missing: int = 0
    explained: int = 0
    covered: int = 0


async def find_gaps(
    asked: Asked,
    stores: Sequence[StoreReader],
    influx: Queried,
    outboxes: Outboxes,
    points: Mapping[str, int],
    on_progress: Callable[[float], None],
) -> NumberFindings:
    """Return what the numbers of all devices say.

    Args:
        asked: Of which time.
        stores: Of every collector that writes to the database.
        influx: The database.
        outboxes: Of these stores; looked at again where something is missing.
        points: About how many each device has in a day.
        on_progress: Is told the share that is done.

    Raises:
        InfluxError: It could not be asked, or refused.
        StoreError: A store cannot be read.
    """
    findings = NumberFindings()
    places = Places(stores, influx, outboxes)
    doubtful: dict[Numbering, tuple[Gap, ...]] = {}
    groups = list(divide(sorted(points), points))
    for done, group in enumerate(groups, start=1):
        runs = await _gather(influx, asked, group)
        for numbering in sorted(runs):
            account = _keep_within(asked, examine(runs[numbering]))
            if account.gaps:
                doubtful[numbering] = account.gaps
            if (rest := account._replace(gaps=())) != Account():
                findings.accounts[numbering] = rest
        if done == len(groups) or sum(map(len, doubtful.values())) >= DOUBTFUL_AT_ONCE:
            await _look_again(doubtful, asked, points, places, findings)
            doubtful = {}
        on_progress(done / len(groups))
    return findings


def _keep_within(asked: Asked, account: Account) -> Account:
    """Return an account without restarts of which only the number behind the asked time tells."""
    return account._replace(restarts=tuple(one for one in account.restarts if one.time_ms < asked.to_ms))


async def _look_again(
    doubtful: Mapping[Numbering, Sequence[Gap]],
    asked: Asked,
    points: Mapping[str, int],
    places: Places,
    findings: NumberFindings,
) -> None:
    """Add to the findings what is missing at a second look, too."""
    if not doubtful:
        return
    if len(places.stores) > 1:
        await asyncio.sleep(SETTLE_S)
    # First what waits, then what is stored, then what was refused: a line goes that way.
    places.outboxes.look()
    wide = asked._replace(from_ms=asked.from_ms - MARGIN_MS, to_ms=asked.to_ms + MARGIN_MS)
    still: dict[Numbering, list[Gap]] = {}
    for group in divide(sorted({numbering.device for numbering in doubtful}), points):
        runs = await _gather(places.influx, wide, group)
        for numbering in runs.keys() & doubtful.keys():
            still[numbering] = _find_in_both(doubtful[numbering], examine(runs[numbering]))
    damaged = read_damaged(places.stores, asked)
    left: dict[str, list[Missed]] = {}
    unreadable: dict[str, list[int]] = {}
    for device, numberings in groupby(sorted(still), key=lambda numbering: numbering.device):
        missed = [(numbering, gap) for numbering in numberings for gap in still[numbering]]
        if not missed:
            continue
        refused = read_refused(device, min(gap.after_ms for _, gap in missed) - EARLY_MS, places.stores)
        unreadable[device] = refused.unreadable
        known = {
            one: join_spans([*places.outboxes.waiting.list_numbers(one), *damaged.list_numbers(one)])
            for one in {numbering for numbering, _ in missed}
        }
        left[device] = [
            (one, part) for one, gap in missed for part in _explain(gap, known[one], refused.numbers.get(one, {}))
        ]
        findings.explained += _count_missing(missed) - _count_missing(left[device])
    receipts = await _read_receipts(
        places.influx, {device: missed for device, missed in left.items() if missed and unreadable[device]}, points
    )
    for device, missed in left.items():
        _add_open(missed, unreadable[device], receipts, findings)


def _find_in_both(gaps: Iterable[Gap], again: Account) -> list[Gap]:
    """Return the parts of gaps that are missing in a later account, too, and what that could not judge."""
    missing = join_spans((gap.first, gap.last) for gap in again.gaps)
    cut_ms = again.judged_to_ms
    return [
        part
        for gap in gaps
        for part in ([gap] if cut_ms is not None and gap.before_ms >= cut_ms else intersect(gap, missing))
    ]


async def _gather(influx: Queried, asked: Asked, devices: Sequence[str]) -> defaultdict[Numbering, Runs]:
    """Return the numbers of a few devices as runs, with their neighbours on both sides."""
    runs: defaultdict[Numbering, Runs] = defaultdict(Runs)

    def add(rows: Iterable[Numbered]) -> None:
        for row in rows:
            runs[row.numbering].add(row.time_ms, row.seq)

    add(await list_last_numbers(influx, devices, asked.from_ms))
    async for rows in _read_pieces(list_numbers, influx, devices, asked.from_ms, asked.to_ms):
        add(rows)
    add(await list_first_numbers(influx, devices, asked.to_ms))
    return runs


async def _read_pieces(
    read: Callable[[Queried, Sequence[str], int, int], Awaitable[Row]],
    influx: Queried,
    devices: Sequence[str],
    begin_ms: int,
    end_ms: int,
) -> AsyncIterator[Row]:
    """Yield what is read of a time, a day at a time, or less where the database does not answer in time."""
    piece_ms = PIECE_MS
    while begin_ms < end_ms:
        piece_end_ms = min(end_ms, begin_ms + piece_ms)
        try:
            rows = await read(influx, devices, begin_ms, piece_end_ms)
        except BrokenOffError:
            if piece_ms <= HOUR_MS:
                raise
            piece_ms //= 2
            continue
        yield rows
        begin_ms = piece_end_ms


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


def read_damaged(stores: Sequence[StoreReader], asked: Asked) -> WaitingLines:
    """Return what can still be read of the damaged entries of outboxes that are in quarantine."""
    lines = WaitingLines(asked)
    for store in stores:
        # Of no device; to say so spares a look at every entry.
        for row in store.quarantine(Filter(device="", reason=Reason.DAMAGED_ENTRY)):
            lines.add(list_unstored(row.quarantined))
    return lines


def _explain(gap: Gap, known: Sequence[Span], refused: Mapping[int, int]) -> list[Gap]:
    """Return what is left of a gap.

    A reading cannot be received long before its own time, so a counter that began anew does not have its numbers
    explained by what was refused before; how long after nobody knows.

    Args:
        gap: What no reading has.
        known: Numbers that wait, as ``join_spans`` returns them.
        refused: When each number in quarantine was received last.
    """
    inside = refused.keys() & range(gap.first, gap.last + 1) if gap.missing < len(refused) else refused
    spans = join_spans((seq, seq) for seq in inside if refused[seq] >= gap.after_ms - EARLY_MS)
    return [part for rest in subtract(gap, known) for part in subtract(rest, spans)]


def _count_missing(missed: Iterable[Missed]) -> int:
    return sum(gap.missing for _, gap in missed)


async def _read_receipts(
    influx: Queried, left: Mapping[str, Sequence[Missed]], points: Mapping[str, int]
) -> dict[tuple[Numbering, int], int]:
    """Return when the readings around gaps were received, by whose they are and event time."""
    receipts: dict[tuple[Numbering, int], int] = {}
    for group in divide(sorted(left), points):
        missed = [one for device in group for one in left[device]]
        edges = {(numbering, time_ms) for numbering, gap in missed for time_ms in (gap.after_ms, gap.before_ms)}
        times = [time_ms for _, time_ms in edges]
        async for rows in _read_pieces(list_receipts, influx, group, min(times), max(times) + 1):
            receipts |= {row[:2]: row.received_ms for row in rows if row[:2] in edges}
    return receipts


def _add_open(
    missed: Sequence[Missed],
    unreadable: Sequence[int],
    receipts: Mapping[tuple[Numbering, int], int],
    findings: NumberFindings,
) -> None:
    """Add to the findings what one device misses, and what payloads whose number cannot be read cover of it."""
    covered, free = cover([_find_hole(*one, receipts) for one in missed], unreadable)
    for (numbering, gap), count in zip(missed, covered, strict=True):
        findings.covered += count
        findings.missing += gap.missing - count
        if count == gap.missing:
            continue
        if len(findings.open_gaps) == MOST_GAPS:
            findings.left_out += 1
            continue
        later = len(free) - bisect_left(free, gap.after_ms - EARLY_MS)
        findings.open_gaps.append(OpenGap(numbering, gap, count, count + later))


def _find_hole(numbering: Numbering, gap: Gap, receipts: Mapping[tuple[Numbering, int], int]) -> Hole | None:
    """Return when the missing readings should have been received; None where nobody knows."""
    after_ms, before_ms = receipts.get((numbering, gap.after_ms)), receipts.get((numbering, gap.before_ms))
    if after_ms is None or before_ms is None:
        return None
    return Hole(gap.missing, after_ms - LAG_MS, before_ms + LAG_MS)
