"""Verdict: what became of a trial, by the publishers' log, InfluxDB, the quarantine and whoever heard the alerts."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ingest.event_time import format_time
from ingest.store_reader import open_reader
from simulators.evidence import list_published, list_stored, sort_quarantined
from simulators.proof import Proof, Published, Refusals, compare, describe
from simulators.testbed.influxd import Series
from simulators.trials.disturbance import Tolerance
from simulators.trials.expectation import Change, find_last
from simulators.trials.load import HOUR_MS, RULES
from simulators.trials.stage import DATABASE, Stage

SHOWN = 5
ROOT = Path(__file__).parents[2]
"""Where the ``gjovik`` command is found, also in a checkout."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found at one moment.

    Attributes:
        proof: Published against stored and quarantined.
        stored: By device, how often each sequence number is in InfluxDB.
        repeated: Readings in InfluxDB more than once that no device published more than once.
        accepted_again: Readings that a collector accepted though it had accepted them before.
        expected: Transitions that must have happened.
        missing: Of them, not in InfluxDB.
        surplus: In InfluxDB, and should not be.
        unheard: Expected, and nobody was notified.
        heard_again: Notifications beyond the first of each transition.
        unbalanced: Whether a collector's own sums do not hold.
    """

    proof: Proof
    stored: Mapping[str, Mapping[int, int]]
    repeated: int
    accepted_again: int
    expected: int
    missing: Sequence[Change]
    surplus: Sequence[Change]
    unheard: Sequence[Change]
    heard_again: int
    unbalanced: bool

    @property
    def lost(self) -> int:
        """Readings that the broker took and nobody has."""
        return sum(map(len, self.proof.missing.values()))

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing that may still come."""
        return not self.proof.missing and not self.missing and not self.unheard


async def find(stage: Stage) -> Findings:
    """Ask everybody.

    Raises:
        QueryError: InfluxDB refuses.
        StoreError: A store cannot be read.
        aiohttp.ClientError: InfluxDB does not answer.
    """
    devices = [sensor.id for sensor in stage.traffic.devices]
    stored = await list_stored(stage.influxd, DATABASE, devices)
    quarantined, accepted, balances = await asyncio.to_thread(_read_stores, stage)
    proof = compare(list_published(stage.traffic.tally), stored, quarantined)
    lines = sum(chain.from_iterable(refusals.lines.values() for refusals in quarantined.values()))
    expected = set(stage.traffic.judge.changes) if stage.judges_alerts else set[Change]()
    series = await stage.influxd.query('SELECT "firing" FROM "alerts" GROUP BY "device", "rule"', DATABASE)
    held = set(_list_changes(series))
    heard = stage.listener.heard
    return Findings(
        proof=proof,
        stored=stored,
        repeated=_count_repeated(stage, proof),
        accepted_again=accepted - lines - sum(sum(counts.values()) for counts in stored.values()),
        expected=len(expected),
        missing=sorted(expected - held),
        surplus=sorted(held - expected),
        unheard=sorted(expected - heard.keys()),
        heard_again=heard.total() - len(heard),
        unbalanced=not balances,
    )


async def prove(stage: Stage, published: Published) -> Proof:
    """Return what became of what was published by some moment.

    Raises:
        QueryError: InfluxDB refuses.
        StoreError: A store cannot be read.
        aiohttp.ClientError: InfluxDB does not answer.
    """
    stored = await list_stored(stage.influxd, DATABASE, [sensor.id for sensor in stage.traffic.devices])
    quarantined, _, _ = await asyncio.to_thread(_read_stores, stage)
    return compare(published, stored, quarantined)


def _read_stores(stage: Stage) -> tuple[dict[str, Refusals], int, bool]:
    """Return what all quarantines hold, how many readings were accepted, and whether the collectors' sums hold."""
    entries, accepted, balances = [], 0, True
    for collector in stage.collectors:
        with open_reader(collector.store) as reader:
            entries += [row.quarantined for row in reader.quarantine()]
            ledger = reader.ledger()
        accepted += ledger.accepted
        balances = balances and ledger.balances()
    return sort_quarantined(entries), accepted, balances


def _count_repeated(stage: Stage, proof: Proof) -> int:
    """Return how many readings are repeated beside those of devices without a clock that came again as new messages."""
    excused = {client.sensor.id: client.resent for client in stage.traffic.clients if not client.sensor.has_clock}
    return sum(len(set(seqs) - excused.get(device, set())) for device, seqs in proof.repeated.items())


def _list_changes(series: Sequence[Series]) -> Iterator[Change]:
    for one in series:
        if one.tags["rule"] in RULES:
            for time_ms, firing in one.rows:
                yield Change(one.tags["device"], one.tags["rule"], time_ms, firing)


def list_problems(findings: Findings, tolerance: Tolerance, most_lost: int) -> list[str]:
    """Return what is wrong, as sentences; nothing when the trial succeeded.

    Args:
        findings: At the end.
        tolerance: What the Disturbance may cost.
        most_lost: Readings that may be lost, where any may.
    """
    problems: list[str] = []
    if tolerance.lost:
        problems += list_gap_problems(findings, most_lost)
    if (findings.lost and not tolerance.lost) or findings.proof.unexpected or findings.proof.refused:
        problems += describe(findings.proof)
    if findings.proof.published == 0:
        problems.append("nothing was published, so nothing is proved")
    if findings.repeated:
        problems.append(f"stored more than once: {findings.repeated}")
    if findings.accepted_again and not tolerance.accepted_again:
        problems.append(f"accepted, by the ledgers, more often than stored and refused: {findings.accepted_again}")
    if not findings.lost:
        problems += _tell("transitions missing in InfluxDB", findings.missing)
        problems += _tell("transitions in InfluxDB that should not be", findings.surplus)
    if not tolerance.unheard:
        problems += _tell("transitions that nobody was notified of", findings.unheard)
    if findings.heard_again and not tolerance.heard_again:
        problems.append(f"notifications repeated though nothing ended on the way: {findings.heard_again}")
    if findings.unbalanced:
        problems.append("the sums of a collector's ledger do not hold")
    return problems


def list_gap_problems(findings: Findings, most_lost: int) -> list[str]:
    """Return what is wrong with a loss that may be: more than the bound, or not to be seen from the numbers alone.

    Args:
        findings: Of a load without bad input.
        most_lost: The bound.
    """
    problems = []
    if findings.lost > most_lost:
        problems.append(f"lost {findings.lost} readings, and the last autosave interval had {most_lost}")
    gaps = find_gaps(findings.stored)
    if gaps != {device: set(seqs) for device, seqs in findings.proof.missing.items()}:
        problems.append("the gaps in the sequence numbers are not what was lost")
    return problems


def find_gaps(stored: Mapping[str, Mapping[int, int]]) -> dict[str, set[int]]:
    """Return, by device, the sequence numbers that are missing between 0 and the last."""
    return {device: gap for device, held in stored.items() if (gap := set(range(max(held))) - held.keys())}


def _tell(what: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    shown = ", ".join(
        f"{one.device}/{one.rule} {'fires' if one.firing else 'clears'} at {one.time_ms}" for one in changes[:SHOWN]
    )
    return [f"{what}: {len(changes)}: {shown}{', …' if len(changes) > SHOWN else ''}"]


async def list_stale_retained(stage: Stage) -> list[str]:
    """Return the alerts whose retained message is not their last transition; the listener has ended."""
    retained = await stage.listener.read_retained()
    last = find_last(stage.traffic.judge.changes)
    wrong = [key for key, change in last.items() if (found := retained.get(key)) is None or not found.tells(change)]
    return [f"retained alerts that are not the last transition: {len(wrong)}: {wrong[:SHOWN]}"] if wrong else []


async def list_unreported(stage: Stage, lost: int) -> list[str]:
    """Return what ``gjovik reconcile`` does not say of a loss that the devices' sequence numbers show."""
    collector = stage.collectors[0]
    command = ("-m", "gjovik", "reconcile", "--json", "--settings", str(collector.settings))
    begin = format_time(stage.span_ms[0] - HOUR_MS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, "--from", begin),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    if process.returncode != (1 if lost else 0):
        return [f"gjovik reconcile ended with exit code {process.returncode}: {complaint.decode(errors='replace')}"]
    missing = sum(gap["missing"] for gap in json.loads(said)["gaps"])
    return [] if missing == lost else [f"lost {lost} readings, and gjovik reconcile reports {missing}"]
