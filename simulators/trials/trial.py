"""Trial: one Disturbance with one seed, from servers that start to a verdict."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from ingest.store_file import StoreError
from schemas.rule import Rule
from simulators.errors import PublishError
from simulators.evidence import list_published
from simulators.publisher import find_cause
from simulators.testbed.influxd import QueryError
from simulators.testbed.process import ProgramError
from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance
from simulators.trials.load import STEP_MS, find_begin_ms, make_sensors, make_steps
from simulators.trials.stage import PATIENCE_S, Stage, empty_folder, set_stage, wait_until
from simulators.trials.traffic import Traffic
from simulators.trials.verdict import Findings, find, list_problems, list_stale_retained, list_unreported, prove

SETTLE_S = 60.0
"""How long the collectors may take for what the devices published last."""
SETTLE_LOST_S = 10.0
"""Likewise where something may be lost: all that is there comes at once."""
LOOK_AGAIN_S = 0.3

Tell = Callable[[str], None]
"""Is told what happens, for whoever watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be tried.

    Attributes:
        key: Of the Disturbance.
        disturbance: What goes wrong.
        seed: Decides load and blows.
        size: How much.
    """

    key: str
    disturbance: Disturbance
    seed: int
    size: Size

    def plan(self) -> list[Blow]:
        """Return the blows in order; the same for the same seed."""
        random = Random(f"{self.key} {self.seed}")  # noqa: S311 - a plan, not a secret
        return sorted(self.disturbance.plan(random, self.size), key=lambda blow: blow.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a trial, in figures.

    Attributes:
        key: Of the Disturbance.
        title: Of it.
        seed: Of the trial.
        messages: Published and taken by the broker.
        blows: How often something went wrong.
        stored: Of the messages, found in InfluxDB.
        quarantined: Of them, in quarantine.
        lost: Of them, in neither.
        duplicated: In InfluxDB twice, though published once.
        accepted_again: Accepted again by a collector, and the same point in InfluxDB.
        transitions: Of alerts, each exactly once.
        notified_again: Notifications beyond the first of each transition.
        recovery_s: From the end of the last blow until everything that the broker had taken by then was stored or in
            quarantine; None without a blow, and where something may be lost.
        seconds: Of the whole trial.
        problems: What is wrong; nothing when it succeeded.
    """

    key: str
    title: str
    seed: int
    messages: int
    blows: int
    stored: int
    quarantined: int
    lost: int
    duplicated: int
    accepted_again: int
    transitions: int
    notified_again: int
    recovery_s: float | None
    seconds: float
    problems: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return not self.problems

    def to_json(self) -> str:
        """Return one JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False)


async def run_trial(trial: Trial, folder: Path, tell: Tell = lambda _: None) -> Result:
    """Run a trial to its end and return the verdict, also where a server fails on the way.

    Args:
        trial: What.
        folder: Is emptied; gets logs, settings and stores.
        tell: Is told what happens.

    Raises:
        ProgramError: A server is missing or does not start before there is a load.
    """
    begun_s = time.monotonic()
    empty_folder(folder)
    size, traits = trial.size, trial.disturbance.traits
    sensors = make_sensors(size.devices)
    each = -(-size.messages // size.devices)
    begin_ms = find_begin_ms(time.time_ns() // 1_000_000, each, traits)

    def make_traffic(rules: Mapping[str, Rule]) -> Traffic:
        plans = {one: make_steps(one, trial.seed, each, begin_ms, traits) for one in sensors}
        return Traffic(plans, rules, size.rate, trial.disturbance.memory_s)

    span_ms = (begin_ms, begin_ms + each * STEP_MS)
    random = Random(f"{trial.key} {trial.seed} on the way")  # noqa: S311 - see Trial.plan
    blows = trial.plan()

    async def deal(stage: Stage) -> None:
        for number, blow in enumerate(blows, start=1):
            await stage.wait_acknowledged(int(blow.at * each * size.devices))
            tell(f"blow {number} of {len(blows)} {blow.how} after {stage.traffic.acknowledged} messages")
            struck_s = asyncio.get_running_loop().time()
            await trial.disturbance.strike(stage, blow)
            if stage.calm_s is None or stage.calm_s < struck_s:
                stage.calm()

    async with set_stage(folder, trial.disturbance.layout, make_traffic, sensors, span_ms, random) as stage:
        ending = await play(stage, deal, trial.disturbance.tolerance, tell)
    return make_result(trial, ending, len(blows), time.monotonic() - begun_s)


Deal = Callable[[Stage], Awaitable[None]]
"""Deals all blows of a trial."""


@dataclass(slots=True)
class Ending:
    """How a trial ended.

    Attributes:
        findings: At the end; None where nobody could be asked.
        recovery_s: See ``Result``.
        problems: What is wrong.
    """

    findings: Findings | None = None
    recovery_s: float | None = None
    problems: list[str] = field(default_factory=list)


async def play(stage: Stage, deal: Deal, tolerance: Tolerance, tell: Tell) -> Ending:
    """Let the devices publish while blows fall; settle, stop the collectors in order, and look what became of it.

    Args:
        stage: The servers and the devices.
        deal: Deals all blows, one after another.
        tolerance: What they may cost.
        tell: Is told what happens.
    """
    ending = Ending()
    try:
        async with stage.listener.listening():
            ending.recovery_s = await _load(stage, deal, tolerance)
            tell(f"published {stage.traffic.acknowledged} messages in {stage.traffic.seconds:.0f} s; settling")
            ending.findings = await _settle(stage, tolerance)
            await _stop_collectors(stage)
        ending.findings = await find(stage)
        ending.problems += list_problems(ending.findings, tolerance, stage.most_lost)
        if tolerance.lost:
            ending.problems += await list_unreported(stage, ending.findings.lost)
        if stage.judges_alerts and not ending.findings.lost:
            ending.problems += await list_stale_retained(stage)
    except (ProgramError, PublishError, QueryError, StoreError, aiohttp.ClientError, TimeoutError) as error:
        ending.problems.append(str(error) or repr(error))
    except ExceptionGroup as errors:
        ending.problems.append(str(find_cause(errors)))
    ending.problems += stage.problems
    return ending


async def _load(stage: Stage, deal: Deal, tolerance: Tolerance) -> float | None:
    """Return how long recovery took from the last blow; None without one, and where what is lost never comes."""
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.traffic.run(stage.broker), name="traffic")
        try:
            await deal(stage)
        finally:
            stage.traffic.resume()
        return None if stage.calm_s is None or tolerance.lost else await _measure_recovery(stage, stage.calm_s)


async def _measure_recovery(stage: Stage, since_s: float) -> float:
    """Return the seconds from a moment until everything that the broker has taken by now is stored or in quarantine."""
    expected, published = stage.traffic.acknowledged, list_published(stage.traffic.tally)
    # Cheap to ask, and never too late; what came again and was accepted again may make it too early.
    await wait_until(lambda: stage.count_collected() >= expected, "the collectors caught up")
    async with asyncio.timeout(PATIENCE_S):
        while (await prove(stage, published)).missing:  # noqa: ASYNC110 - other processes give no event
            await asyncio.sleep(LOOK_AGAIN_S)
    return asyncio.get_running_loop().time() - since_s


async def _settle(stage: Stage, tolerance: Tolerance) -> Findings:
    """Wait until nothing is missing any more, and return what was found; what is then missing is lost."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + (SETTLE_LOST_S if tolerance.lost else SETTLE_S)
    while True:
        with contextlib.suppress(ProgramError):
            await stage.wait_collected(deadline_s=min(10.0, max(0.0, deadline_s - loop.time())))
        findings = await find(stage)
        if findings.is_complete or loop.time() > deadline_s:
            return findings
        await asyncio.sleep(LOOK_AGAIN_S)


async def _stop_collectors(stage: Stage) -> None:
    for collector in stage.collectors:
        if collector.pid is None:
            stage.problems.append(f"a collector ended by itself, with exit code {collector.exit_code}; {collector.log}")
            continue
        await collector.stop()
        if collector.exit_code != 0:
            stage.problems.append(f"a collector that was told to stop ended with exit code {collector.exit_code}")


def make_result(trial: Trial, ending: Ending, blows: int, seconds: float) -> Result:
    """Return a trial in figures.

    Args:
        trial: What was tried.
        ending: How it ended.
        blows: How many fell.
        seconds: Of the whole.
    """
    findings = ending.findings
    return Result(
        key=trial.key,
        title=trial.disturbance.title,
        seed=trial.seed,
        messages=findings.proof.published if findings else 0,
        blows=blows,
        stored=findings.proof.stored if findings else 0,
        quarantined=findings.proof.quarantined if findings else 0,
        lost=findings.lost if findings else 0,
        duplicated=findings.repeated if findings else 0,
        accepted_again=findings.accepted_again if findings else 0,
        transitions=findings.expected if findings else 0,
        notified_again=findings.heard_again if findings else 0,
        recovery_s=None if ending.recovery_s is None else round(ending.recovery_s, 1),
        seconds=round(seconds, 1),
        problems=ending.problems,
    )
