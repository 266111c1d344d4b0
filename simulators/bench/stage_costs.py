"""What each stage of the path costs a reading, and what other readings cost in ``process``.

One process, no servers. The stages take turns, and of each the median of the rounds counts, so a disturbance hits all
of them or none. The loop over the readings is part of a figure: some 0.02 us.

The stages that are no part of another add up to what the collector's process pays for a reading, but for the requests
to InfluxDB, its threads, and its waking up: ``gjovik bench collector`` measures everything.
"""

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from ingest.codecs import NATIVE
from ingest.process import Processor
from ingest.run import GARBAGE_AFTER
from simulators.bench.case import Case, make_cases, make_routes
from simulators.bench.machine import Machine, describe_machine, find_commit
from simulators.bench.source_case import GENERAL, make_source_cases, make_source_processor
from simulators.bench.stage_material import make_processor, prepare_material
from simulators.bench.stages import SMALL_COMMIT, STAGES, Run

SOURCE_HEADINGS = ("format", "CPU, us", "to native, the general way", "to its lane")
CASE_READINGS = 2_000
"""Of each Case in a round, at most."""


class Cost(NamedTuple):
    """What something costs for a reading, in microseconds.

    Attributes:
        cpu_us: Of the processor.
        elapsed_us: Of the clock; more where a disk is waited for.
    """

    cpu_us: float
    elapsed_us: float


class StageCost(NamedTuple):
    """A Stage with its Cost."""

    name: str
    within: str
    cost: Cost


class StageReport(NamedTuple):
    """What ``measure_stages`` found.

    Attributes:
        devices: That took turns.
        readings: In a round.
        rounds: That were measured.
        payload_bytes: Of a reading.
        stages: In order of the path.
        cases: What ``process`` costs for other readings, by name; see ``simulators.bench.case``.
        sources: Likewise, for readings in each format; see ``simulators.bench.source_case``.
        machine: What it ran on.
        date: When, RFC 3339 in UTC.
        commit: Of the checkout, or None.
    """

    devices: int
    readings: int
    rounds: int
    payload_bytes: int
    stages: Sequence[StageCost]
    cases: Mapping[str, Cost]
    sources: Mapping[str, Cost]
    machine: Machine
    date: str
    commit: str | None

    @property
    def total_us(self) -> float:
        """Microseconds of CPU for a reading of all stages that stand for themselves."""
        return sum(one.cost.cpu_us for one in self.stages if not one.within and one.name != SMALL_COMMIT)

    def list_sources(self) -> list[tuple[str, str, str, str]]:
        """Return the rows of a table of ``sources``; see ``SOURCE_HEADINGS``."""
        general, lane = (self.sources[name].cpu_us for name in (GENERAL, NATIVE)) if self.sources else (1.0, 1.0)
        return [
            (name, f"{cost.cpu_us:.1f}", f"{cost.cpu_us / general:.1f}", f"{cost.cpu_us / lane:.1f}")
            for name, cost in self.sources.items()
        ]

    def to_json(self) -> str:
        """Return it for programs."""
        return json.dumps(
            {
                "devices": self.devices,
                "readings": self.readings,
                "rounds": self.rounds,
                "payload_bytes": self.payload_bytes,
                "total_cpu_us": self.total_us,
                "stages": [{"stage": one.name, "within": one.within, **one.cost._asdict()} for one in self.stages],
                "cases": {name: cost._asdict() for name, cost in self.cases.items()},
                "sources": {name: cost._asdict() for name, cost in self.sources.items()},
                "machine": asdict(self.machine),
                "date": self.date,
                "commit": self.commit,
            },
            indent=2,
        )


def measure_stages(devices: int = 1_000, readings: int = 20_000, rounds: int = 5) -> StageReport:
    """Return what each stage costs.

    Args:
        devices: That take turns, 1 or more.
        readings: In a round, 1 or more.
        rounds: Of which the median counts, 1 or more.
    """
    material = prepare_material(devices, readings)
    costs: dict[str, list[Cost]] = {stage.name: [] for stage in STAGES}
    with _spared_garbage():
        for _ in range(rounds):
            for stage in STAGES:
                with stage.open(material) as run:
                    costs[stage.name].append(_time(run, readings))
        cases = measure_cases(min(readings, CASE_READINGS), rounds)
        sources = measure_sources(min(readings, CASE_READINGS), rounds)
    stages = [StageCost(stage.name, stage.within, _find_median(costs[stage.name])) for stage in STAGES]
    return StageReport(
        devices=devices,
        readings=readings,
        rounds=rounds,
        payload_bytes=len(material.messages[0].payload),
        stages=stages,
        cases=cases,
        sources=sources,
        machine=asyncio.run(describe_machine()),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=asyncio.run(find_commit()),
    )


def measure_cases(readings: int, rounds: int) -> dict[str, Cost]:
    """Return what ``process`` costs for a reading of each Case, by its name."""
    return _measure(make_cases(readings), partial(make_processor, make_routes(), {}), readings, rounds)


def measure_sources(readings: int, rounds: int) -> dict[str, Cost]:
    """Return what ``process`` costs for a reading in each format, by the format's key."""
    return _measure(make_source_cases(readings), make_source_processor, readings, rounds)


def _measure(cases: Sequence[Case], make: Callable[[], Processor], readings: int, rounds: int) -> dict[str, Cost]:
    """Return what each Case costs a Processor that is new each time."""
    costs: dict[str, list[Cost]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            processor = make()
            processor.process(case.earlier)
            costs[case.name].append(_time(partial(processor.process, case.messages), readings))
    return {name: _find_median(found) for name, found in costs.items()}


def _time(run: Run, readings: int) -> Cost:
    elapsed_s, cpu_s = time.perf_counter(), time.process_time()
    run()
    cpu_s, elapsed_s = time.process_time() - cpu_s, time.perf_counter() - elapsed_s
    return Cost(cpu_s * 1e6 / readings, elapsed_s * 1e6 / readings)


def _find_median(costs: Sequence[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


@contextmanager
def _spared_garbage() -> Iterator[None]:
    """Have the garbage collector as the collector has it, until the block ends."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
