"""Outage: what an absent database costs the collector in memory and on disk, measured each second."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import fmean

from schemas.rule import Rule
from simulators.testbed.usage import read_resident_bytes
from simulators.trials.load import STEP_MS, Traits, find_begin_ms, make_sensors, make_steps
from simulators.trials.stage import Layout, Stage, empty_folder, set_stage
from simulators.trials.traffic import Traffic

DEVICES = 13
WARM_UP_S = 150.0
"""Before memory is measured: what is remembered, SQLite's cache and the allocator have reached their size by then."""
KIBIBYTE = 1024
LEAST_OF_RATE = 0.95
MOST_GROWTH = 1.05
"""Memory in the last third of an outage against that in the first: more is not flat."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What was measured.

    Attributes:
        seconds: Length of the outage.
        rate: Readings a second that were taken.
        lines: In the outbox at the end.
        bytes_a_line: Growth of the store's files for each of them.
        first_mib: Resident memory of the collector in the first third, mean.
        last_mib: In the last third.
        most_mib: At most.
    """

    seconds: float
    rate: float
    lines: int
    bytes_a_line: float
    first_mib: float
    last_mib: float
    most_mib: float

    def to_text(self) -> str:
        """Return a sentence."""
        return (
            f"Database away for {self.seconds:.0f} s at {self.rate:,.0f} readings/s: the collector's memory is"
            f" {self.first_mib:.1f} MiB in the first third, {self.last_mib:.1f} MiB in the last,"
            f" {self.most_mib:.1f} MiB at most; {self.lines:,} lines wait,"
            f" {self.bytes_a_line:.1f} bytes of disk a line."
        )

    def list_problems(self, asked_rate: float) -> list[str]:
        """Return what is wrong, as sentences.

        Args:
            asked_rate: Readings a second that were to be taken.
        """
        problems = []
        if self.rate < LEAST_OF_RATE * asked_rate:
            problems.append(f"{self.rate:,.0f} readings/s were taken of {asked_rate:,.0f}")
        if self.last_mib > MOST_GROWTH * self.first_mib:
            problems.append(f"memory grew by {self.last_mib - self.first_mib:.1f} MiB")
        return problems

    def to_json(self, asked_rate: float) -> str:
        """Return one JSON object with the sentence and what is wrong."""
        told = {"measurement": self.to_text(), "problems": self.list_problems(asked_rate)}
        return json.dumps(asdict(self) | told, ensure_ascii=False)


async def measure_outage(folder: Path, seconds: float, rate: float, seed: int = 1) -> Outage:
    """Run a collector without its database for so long under load, and return what that cost.

    Args:
        folder: Is emptied.
        seconds: How long.
        rate: Readings a second.
        seed: Of the load.

    Raises:
        ProgramError: A server does not start.
    """
    empty_folder(folder)
    sensors, traits = make_sensors(DEVICES), Traits(is_recent=False)
    each = int((seconds + 2 * WARM_UP_S) * rate / DEVICES)
    begin_ms = find_begin_ms(time.time_ns() // 1_000_000, each, traits)

    def make_traffic(rules: Mapping[str, Rule]) -> Traffic:
        return Traffic({one: make_steps(one, seed, each, begin_ms, traits) for one in sensors}, rules, rate)

    span_ms = (begin_ms, begin_ms + each * STEP_MS)
    random = Random(seed)  # noqa: S311 - a load, not a secret
    async with (
        set_stage(folder, Layout(), make_traffic, sensors, span_ms, random) as stage,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(stage.traffic.run(stage.broker), name="traffic")
        await asyncio.sleep(WARM_UP_S / 2)
        await stage.influxd.stop()
        await asyncio.sleep(WARM_UP_S / 2)
        outage = await _sample(stage, seconds)
        running.cancel()
    return outage


async def _sample(stage: Stage, seconds: float) -> Outage:
    loop = asyncio.get_running_loop()
    begun_s, taken = loop.time(), stage.traffic.acknowledged
    lines, disk_bytes = await asyncio.to_thread(_read_store, stage)
    memory: list[float] = []
    while loop.time() - begun_s < seconds:
        memory.append(await asyncio.to_thread(read_memory_mib, stage.collectors[0].pid))
        await asyncio.sleep(1.0)
    took_s = loop.time() - begun_s
    lines_after, disk_after = await asyncio.to_thread(_read_store, stage)
    third = max(1, len(memory) // 3)
    return Outage(
        seconds=took_s,
        rate=(stage.traffic.acknowledged - taken) / took_s,
        lines=lines_after,
        bytes_a_line=(disk_after - disk_bytes) / max(1, lines_after - lines),
        first_mib=fmean(memory[:third]),
        last_mib=fmean(memory[-third:]),
        most_mib=max(memory),
    )


def _read_store(stage: Stage) -> tuple[int, int]:
    """Return the lines in the outbox and the bytes that the database and its log take."""
    folder = stage.collectors[0].store
    size = sum(file.stat().st_size for file in _list_database(folder))
    return int(stage.read(0, "outbox_lines")), size


def _list_database(folder: Path) -> Sequence[Path]:
    return [file for file in folder.iterdir() if ".sqlite" in file.name]


def read_memory_mib(pid: int | None) -> float:
    """Return the resident memory of a process in mebibytes.

    Raises:
        OSError: It is gone.
        LookupError: It has ended.
    """
    if pid is None:
        raise ProcessLookupError("the collector does not run")
    return read_resident_bytes(pid) / KIBIBYTE**2
