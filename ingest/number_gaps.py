"""Number gaps: what the devices' own numbers say was lost before any collector had it.

What is missing at the first look is looked for a second time: in what was being written meanwhile, for requests
overtake one another; and in the hours around, for a clock that was set carries readings across the edge of a day.
What is missing then is held against the outboxes and the quarantine.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.influx import InfluxClient
from ingest.quarantine_filter import Filter
from ingest.sequence import (
    Account,
    Gap,
    Numbering,
    Runs,
    Span,
    examine,
    intersect,
    join_spans,
    read_seq,
    says_simulated,
    subtract,
)
from ingest.store_hours import HOUR_MS
from ingest.store_outbox import list_unstored
from ingest.store_reader import StoreReader
from ingest.stored_points import Asked, list_numbers
from ingest.waiting_lines import Outboxes, WaitingLines
from schemas.reason import Reason

PIECE_MS = 24 * HOUR_MS
"""Asked for at a time."""
MARGIN_MS = 2 * HOUR_MS
"""Around what was asked for: a clock is an hour wrong when summer time was forgotten."""
NUMBERS_AT_ONCE = 50_000
"""Points whose numbers are asked for in one query, unless one device has more."""
DEVICES_AT_ONCE = 100
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


@dataclass(slots=True)
class NumberFindings:
    """What the numbers say.

    Attributes:
        accounts: By who counted, where there is more to say than nothing.
        open_gaps: Missing numbers that nothing explains, at most ``MOST_GAPS``.
        missing: How many numbers are missing that nothing explains.
        explained: How many are missing that are in quarantine or in an outbox.
    """

    accounts: dict[Numbering, Account] = field(default_factory=dict)
    open_gaps: list[OpenGap] = field(default_factory=list)
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
        points: Devices that have any, and about how many in a day.
        on_progress: Is told the share that is done.

    Raises:
        InfluxError: It could not be asked, or refused.
        StoreError: A store cannot be read.
    """
    findings = NumberFindings()
    first = await _gather(influx, asked, points, on_progress)
    accounts = {numbering: examine(first[numbering]) for numbering in sorted(first)}
    findings.accounts = {numbering: account for numbering, account in accounts.items() if account != Account()}
    doubtful = {numbering: account.gaps for numbering, account in accounts.items() if account.gaps}
    if not doubtful:
        return findings
    # First what waits, then what is stored, then what was refused: a line goes that way.
    outboxes.look()
    devices = {numbering.device: points[numbering.device] for numbering in doubtful}
    wide = asked._replace(from_ms=asked.from_ms - MARGIN_MS, to_ms=asked.to_ms + MARGIN_MS)
    second = await _gather(influx, wide, devices, lambda _: None)
    damaged = read_damaged(stores, asked)
    for numbering, gaps in doubtful.items():
        still = join_spans((gap.first, gap.last) for gap in examine(second[numbering]).gaps)
        missing = [part for gap in gaps for part in intersect(gap, still)]
        known = [*outboxes.waiting.list_numbers(numbering), *damaged.list_numbers(numbering)]
        _explain(numbering, missing, known, stores, findings)
    return findings


async def _gather(
    influx: InfluxClient, asked: Asked, points: Mapping[str, int], on_progress: Callable[[float], None]
) -> defaultdict[Numbering, Runs]:
    """Return the numbers of devices as runs, asked for a day at a time and few enough for one answer."""
    runs: defaultdict[Numbering, Runs] = defaultdict(Runs)
    groups = list(divide(sorted(points), points))
    for begin_ms in range(asked.from_ms, asked.to_ms, PIECE_MS):
        end_ms = min(asked.to_ms, begin_ms + PIECE_MS)
        for group in groups:
            look_back = begin_ms == asked.from_ms
            for row in await list_numbers(influx, group, begin_ms, end_ms, look_back=look_back):
                runs[row.numbering].add(row.time_ms, row.seq)
        on_progress((end_ms - asked.from_ms) / (asked.to_ms - asked.from_ms))
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
        for row in store.quarantine(Filter(reason=Reason.DAMAGED_ENTRY)):
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
    # A reading cannot be received long before its own time; how long after nobody knows.
    first_ms = min(gap.after_ms for gap in gaps) - NEARBY_MS
    numbers: set[int] = set()
    unreadable: list[int] = []
    for store in stores:
        for row in store.quarantine(Filter(device=numbering.device, from_ms=first_ms)):
            seq = read_seq(row.quarantined)
            if seq is None:
                unreadable.append(row.quarantined.received_ms)
            elif says_simulated(row.quarantined.payload) is numbering.simulated:
                numbers.add(seq)
    spans = join_spans([*known, *((number, number) for number in numbers)])
    for gap in gaps:
        left = subtract(gap, spans)
        missing = sum(part.missing for part in left)
        findings.missing += missing
        findings.explained += gap.missing - missing
        near = sum(gap.after_ms - NEARBY_MS <= received_ms <= gap.before_ms + NEARBY_MS for received_ms in unreadable)
        room = MOST_GAPS - len(findings.open_gaps)
        findings.open_gaps += [OpenGap(numbering, part, near) for part in left[:room]]
