"""Driver: runs one measurement of a Subject, and gives its Result.

First the warm-up: every device publishes, and everything is stored. Then the measurement: so many seconds, and until
everything is stored. What the publisher counted is checked against what the database counts.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiohttp
import numpy as np
from numpy.typing import NDArray

from simulators.bench.load import FIRST_SEQ, PAYLOAD
from simulators.bench.machine import describe_machine, find_commit
from simulators.bench.order import Publish, Published
from simulators.bench.plan import Plan, Tell
from simulators.bench.result import Result
from simulators.bench.rig import DATABASE, Cpu, Rig, find_pid, run_rig
from simulators.bench.subject import Subject
from simulators.bench.trace import NS_PER_MS, NS_PER_S, find_share, find_times_ns, load_trace, measure_waits_ms
from simulators.bench.witness import Witness, count_stored
from simulators.errors import RunError, UsageError
from simulators.publisher import find_cause
from simulators.testbed.influxd import QueryError
from simulators.testbed.usage import read_peak_mb

WARM_UP = 5_000
"""Readings before the measurement, at least."""
POLL_S = 0.05
STALLED_S = 20.0
"""When so long nothing has come to the database, nothing will."""
PATIENCE_S = 120.0
"""Beyond what a phase takes, for everything to be acknowledged."""

Waits = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was noted while the load ran.

    Attributes:
        warm: Readings of the warm-up.
        published: What the publisher said in the end.
        stored: Readings in the database.
        stored_ns: When the question was asked that found them, monotonic.
        cpu: Spent on the measured readings.
        seen_ns: When readings of the first device were first in an answer, by sequence number.
        peak_rss_mb: Of the Subject that took most.
    """

    warm: int
    published: Published
    stored: int
    stored_ns: int
    cpu: Cpu
    seen_ns: Mapping[int, int]
    peak_rss_mb: float


class Noted(NamedTuple):
    """What the traces say of the measured readings.

    Attributes:
        ack_ms: From send to PUBACK, of each; of none where PUBACKs cannot be told apart.
        queryable_ms: From send to queryable, of each of the first device.
        acknowledged_ns: When a Subject acknowledged last, monotonic.
    """

    ack_ms: Waits
    queryable_ms: Waits
    acknowledged_ns: int


async def measure(subject: Subject, plan: Plan, folder: Path, tell: Tell) -> Result:
    """Measure a Subject.

    Args:
        subject: What.
        plan: How.
        folder: On the disk that is to be measured; made when it is missing. What runs gets a folder of its own in it,
            which is removed unless something goes wrong.
        tell: Is told what happens.

    Raises:
        ProgramError: A server is missing, does not start, or ends.
        RunError: The load cannot be published, or InfluxDB does not answer.
    """
    own = await asyncio.to_thread(_make_folder, folder, subject.name)
    try:
        async with run_rig(subject, plan, own, tell) as rig:
            run = await _run_load(rig, plan, tell)
            await rig.publisher.finish()
    except (QueryError, aiohttp.ClientError) as error:
        raise RunError(f"InfluxDB failed: {error}; see {own}") from error
    result = await _judge(subject, plan, rig, run)
    if result.balances:
        await asyncio.to_thread(shutil.rmtree, own)
    return result


def _make_folder(parent: Path, name: str) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent)).absolute()
    except OSError as error:
        raise UsageError(f"{parent} cannot be used: {error.strerror}; give another --folder") from None


async def _run_load(rig: Rig, plan: Plan, tell: Tell) -> Run:
    """Run warm-up and measurement."""
    tell("warm-up")
    warm = await rig.publisher.publish(Publish(count=max(plan.devices, WARM_UP)), PATIENCE_S)
    await _wait_stored(rig, warm.total)
    before, witness = rig.read_cpu(), Witness(rig.influxd, DATABASE)
    async with _watching(witness):
        tell("measuring")
        order = Publish(rate=plan.rate, seconds=plan.seconds)
        published = await rig.publisher.publish(order, plan.seconds + PATIENCE_S)
        tell("waiting until all is stored")
        await witness.wait_seen(FIRST_SEQ + (published.total - 1) // plan.devices, STALLED_S)
        stored, stored_ns = await _wait_stored(rig, published.total)
    return Run(
        warm=warm.total,
        published=published,
        stored=stored,
        stored_ns=stored_ns,
        cpu=rig.read_cpu().since(before),
        seen_ns=witness.seen_ns,
        peak_rss_mb=max(read_peak_mb(find_pid(each)) for each in rig.subjects),
    )


@asynccontextmanager
async def _watching(witness: Witness) -> AsyncIterator[None]:
    """Have a Witness watch until the block ends; what fails is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(witness.watch(), name="witness")
            yield
            watching.cancel()
    except ExceptionGroup as errors:
        raise find_cause(errors) from None


async def _wait_stored(rig: Rig, total: int) -> tuple[int, int]:
    """Return how many readings are stored, and when the question was asked that said so: all, or no more come."""
    stored, since_ns = -1, 0
    while True:
        asked_ns = time.monotonic_ns()
        now = await count_stored(rig.influxd, DATABASE)
        if now != stored:
            stored, since_ns = now, asked_ns
        if stored >= total or asked_ns - since_ns > STALLED_S * NS_PER_S:
            return stored, since_ns
        for each in rig.subjects:
            find_pid(each)
        # To count is work for the database, which has other work: at most half of the time.
        await asyncio.sleep(max(POLL_S, (time.monotonic_ns() - asked_ns) / NS_PER_S))


async def _judge(subject: Subject, plan: Plan, rig: Rig, run: Run) -> Result:
    """Return the figures of a run."""
    total = run.published.total
    measured = total - run.warm
    us = 1e6 / max(1, measured)
    noted = await asyncio.to_thread(_read_noted, plan, rig.folder, run)
    return Result(
        subject=subject.name,
        subjects=len(plan.divisions),
        division=next(iter(plan.divisions[0]), "none"),
        rate=plan.rate,
        devices=plan.devices,
        rules=plan.rules,
        seconds=plan.seconds,
        payload_bytes=len(PAYLOAD),
        published=total,
        stored=run.stored,
        measured=measured,
        cpu_us_per_reading=run.cpu.subjects * us,
        broker_cpu_us_per_reading=run.cpu.broker * us,
        database_cpu_us_per_reading=run.cpu.database * us,
        publisher_cpu_us_per_reading=run.cpu.publisher * us,
        elsewhere_share=run.cpu.elsewhere,
        readings_per_second=measured * NS_PER_S / (run.stored_ns - run.published.begun_ns),
        acknowledged_per_second=measured * NS_PER_S / (noted.acknowledged_ns - run.published.begun_ns),
        p50_ack_ms=find_share(noted.ack_ms, 50),
        p99_ack_ms=find_share(noted.ack_ms, 99),
        p50_queryable_ms=find_share(noted.queryable_ms, 50),
        p99_queryable_ms=find_share(noted.queryable_ms, 99),
        queryable_samples=len(noted.queryable_ms),
        peak_rss_mb=run.peak_rss_mb,
        start_s=rig.start_s,
        machine=await describe_machine(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=await find_commit(),
    )


def _read_noted(plan: Plan, folder: Path, run: Run) -> Noted:
    """Return what the traces say of the measured readings."""
    sent = load_trace(folder / "sent.npy")
    taps = [load_trace(folder / f"acknowledged-{number}.npy") for number in range(len(plan.divisions))]
    seen = {(seq - FIRST_SEQ) * plan.devices: seen_ns for seq, seen_ns in run.seen_ns.items()}
    sampled = np.array([number for number in sorted(seen) if number >= run.warm], dtype=np.int64)
    seen_ns = np.array([seen[number] for number in sampled], dtype=np.int64)
    # Of several Subjects, and of one that connected again, the n-th PUBACK need not be that of the n-th reading.
    in_order = list(run.published.connections) == [1] and len(taps[0]) > 0
    measured = np.arange(run.warm, min(run.published.total, taps[0][-1, 1]) if in_order else run.warm)
    return Noted(
        ack_ms=measure_waits_ms(sent, taps[0], measured),
        queryable_ms=(seen_ns - find_times_ns(sent, sampled)) / NS_PER_MS,
        acknowledged_ns=max((int(tap[-1, 0]) for tap in taps if len(tap)), default=run.stored_ns),
    )
