"""Number gaps: what the devices' own numbers say was lost before any collector had it.

What is missing at the first look is looked for a second time: in what was being written meanwhile, for requests
overtake one another; and in the hours around, for a clock that was set carries readings across the edge of a day.
What is missing then is held against the outboxes and the quarantine.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.influx import BrokenOffError, InfluxClient
from ingest.quarantine_filter import Filter
from ingest.sequence import (
    Account,
    Gap,
    Numbering,
    Runs,
    Span,
    examine,
    intersect,
    is_without_number,
    join_spans,
    read_seq,
    says_simulated,
    subtract,
)
from ingest.store_hours import HOUR_MS
from ingest.store_outbox import list_unstored
from ingest.store_reader import StoreReader
from ingest.stored_points import Asked, Numbered, list_first_numbers, list_last_numbers, list_numbers
from ingest.waiting_lines import Outboxes, WaitingLines
from schemas.reason import Level, Reason

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
NEARBY_MS = HOUR_MS
"""An unreadable payload that came so long after the reading behind a gap may still be what is missing in it."""
MOST_GAPS = 100_000
"""That are kept; the others are counted."""


class OpenGap(NamedTuple):
    """Numbers that are nowhere.

    Attributes:
        numbering: Whose they are.
        gap: Which, and between which readings.
        unreadable: Payloads of the device in quarantine that came about then and have no number that can be read; they
            may be what is missing.
    """

    numbering: Numbering
    gap: Gap
    unreadable: int


class Places(NamedTuple):
    """Where a number may be.

    Attributes:
        stores: Of every collector that writes to the database; their quarantine.
        influx: The database.
        outboxes: Of these stores.
    """

    stores: Sequence[StoreReader]
    influx: InfluxClient
    outboxes: Outboxes


@dataclass(slots=True)
class NumberFindings:
    """What the numbers say.

    Attributes:
        accounts: By who counted, without the gaps, where there is more to say than nothing.
        open_gaps: Missing numbers that nothing explains, at most ``MOST_GAPS``.
        left_out: How many more such gaps there are.
        missing: How many numbers are missing that nothing explains.
        explained: How many are missing that are in quarantine or in an outbox.
    """

    accounts: dict[Numbering, Account] = field(default_factory=dict)
    open_gaps: list[OpenGap] = field(default_factory=list)
    left_out: int = 0
    missing: int = 0
    explained: int = 0


async def find_gaps(
    asked: Asked,
    stores: Sequence[StoreReader],
    influx: InfluxClient,
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
    for numbering in sorted(still):
        known = [*places.outboxes.waiting.list_numbers(numbering), *damaged.list_numbers(numbering)]
        _explain(numbering, still[numbering], known, places.stores, findings)


def _find_in_both(gaps: Iterable[Gap], again: Account) -> list[Gap]:
    """Return the parts of gaps that are missing in a later account, too, and what that could not judge."""
    missing = join_spans((gap.first, gap.last) for gap in again.gaps)
    cut_ms = again.judged_to_ms
    return [
        part
        for gap in gaps
        for part in ([gap] if cut_ms is not None and gap.before_ms >= cut_ms else intersect(gap, missing))
    ]


async def _gather(influx: InfluxClient, asked: Asked, devices: Sequence[str]) -> defaultdict[Numbering, Runs]:
    """Return the numbers of a few devices as runs, asked for a day at a time, with their neighbours on both sides."""
    runs: defaultdict[Numbering, Runs] = defaultdict(Runs)

    def add(rows: Iterable[Numbered]) -> None:
        for row in rows:
            runs[row.numbering].add(row.time_ms, row.seq)

    add(await list_last_numbers(influx, devices, asked.from_ms))
    begin_ms, piece_ms = asked.from_ms, PIECE_MS
    while begin_ms < asked.to_ms:
        end_ms = min(asked.to_ms, begin_ms + piece_ms)
        try:
            rows = await list_numbers(influx, devices, begin_ms, end_ms)
        except BrokenOffError:
            if piece_ms <= HOUR_MS:
                raise
            piece_ms //= 2
            continue
        add(rows)
        begin_ms = end_ms
    add(await list_first_numbers(influx, devices, asked.to_ms))
    return runs


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


def _explain(
    numbering: Numbering,
    gaps: Sequence[Gap],
    known: Sequence[Span],
    stores: Sequence[StoreReader],
    findings: NumberFindings,
) -> None:
    """Add to the findings which gaps the quarantine and the known numbers explain, and which nothing does."""
    if not gaps:
        return
    numbers, unreadable = _read_refused(numbering, min(gap.after_ms for gap in gaps) - NEARBY_MS, stores)
    sorted_numbers, spans = sorted(numbers), join_spans(known)
    for gap in gaps:
        inside = sorted_numbers[bisect_left(sorted_numbers, gap.first) : bisect_right(sorted_numbers, gap.last)]
        refused = join_spans((one, one) for one in inside if numbers[one] >= gap.after_ms - NEARBY_MS)
        left = [part for rest in subtract(gap, spans) for part in subtract(rest, refused)]
        missing = sum(part.missing for part in left)
        findings.missing += missing
        findings.explained += gap.missing - missing
        near = bisect_right(unreadable, gap.before_ms + NEARBY_MS) - bisect_left(unreadable, gap.after_ms - NEARBY_MS)
        room = MOST_GAPS - len(findings.open_gaps)
        findings.open_gaps += [OpenGap(numbering, part, max(0, near)) for part in left[:room]]
        findings.left_out += len(left[room:])


def _read_refused(
    numbering: Numbering, first_ms: int, stores: Sequence[StoreReader]
) -> tuple[dict[int, int], list[int]]:
    """Return what the quarantine holds of a count, received from a time on.

    A reading cannot be received long before its own time, so a counter that began anew does not have its numbers
    explained by what was refused before; how long after nobody knows. A reading of which some fields were refused is
    stored, and explains none unless its number was among them.

    Returns:
        When each number was received last, and when payloads without a number that can be read were, in order.
    """
    numbers: dict[int, int] = {}
    unreadable: list[int] = []
    for store in stores:
        for row in store.quarantine(Filter(device=numbering.device, from_ms=first_ms)):
            entry = row.quarantined
            if entry.level is Level.FIELD and not is_without_number(entry):
                continue
            seq = read_seq(entry)
            if seq is None:
                unreadable.append(entry.received_ms)
            elif says_simulated(entry.payload) is numbering.simulated:
                numbers[seq] = max(numbers.get(seq, 0), entry.received_ms)
    return numbers, sorted(unreadable)
