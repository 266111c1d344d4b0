"""Soak: all disturbances that mix, one after another at random from a seed, for as long as one is told."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from schemas.rule import Rule
from simulators.errors import SoakFolderError
from simulators.testbed.clock import explain_no_clock
from simulators.testbed.disk import explain_no_disk
from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, plan_nothing, strike_nothing
from simulators.trials.disturbances import load_disturbances
from simulators.trials.disturbances.broker_killed import MEMORY_S
from simulators.trials.disturbances.influxdb_ill import TIMEOUT_S
from simulators.trials.disturbances.network_cut import KEEP_ALIVE_S
from simulators.trials.load import STEP_MS, Traits, find_begin_ms, make_sensors, make_steps
from simulators.trials.stage import Layout, Stage, empty_folder, set_stage
from simulators.trials.traffic import Traffic
from simulators.trials.trial import Result, Tell, Trial, make_result, play

MARKER = "gjovik-soak"
"""File that says that a folder is a soak's, to be emptied by the next."""
DEVICES = 13
RATE = 300.0
MOST_PAUSE_S = 6.0
MOST_BLOW_S = 12.0
TRAITS = Traits(faults=0.003, conflicts=0.001, copies=0.02, swaps=0.02, retained=0.02, jumps=0.0002, is_recent=False)
DISK_BYTES = 96 * 1024**2
DISK_BYTES_A_SECOND = 40_000
"""Quarantine keeps bad input, so a longer soak needs a larger small disk."""
TOLERANCE = Tolerance(heard_again=True, accepted_again=True)
"""As a broker that is killed costs; nothing is lost."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a soak is told.

    Attributes:
        folder: New, empty or an earlier soak's.
        seconds: How long blows fall.
        seed: Decides load and blows.
    """

    folder: Path
    seconds: float
    seed: int


def draw_forever(seed: int) -> Iterator[tuple[str, Disturbance, Blow, float]]:
    """Yield key, Disturbance and blow, and the seconds of calm before it; the same for the same seed and machine."""
    random = Random(f"soak {seed}")  # noqa: S311 - a plan, not a secret
    mixing = {key: one for key, one in load_disturbances().items() if one.mixes and not one.explain_unavailable()}
    while True:
        key = random.choice(sorted(mixing))
        one = mixing[key]
        blow = random.choice(one.plan(random, one.full))
        short = Blow(blow.at, blow.how, min(MOST_BLOW_S, blow.seconds))
        yield key, one, short, random.uniform(0.0, MOST_PAUSE_S)


async def run_soak(options: Options, tell: Tell) -> Result:
    """Run it, and return the verdict.

    Args:
        options: What.
        tell: Is told what happens.

    Raises:
        SoakFolderError: The folder holds something else than a soak.
        ProgramError: A server is missing or does not start.
    """
    _take_folder(options.folder)
    size = Size(round(RATE * options.seconds), RATE, DEVICES)
    soak = Disturbance(
        title="All of them at random", plan=plan_nothing, strike=strike_nothing, short=None, full=size, traits=TRAITS
    )
    sensors, each = make_sensors(DEVICES), -(-size.messages // DEVICES)
    begin_ms = find_begin_ms(time.time_ns() // 1_000_000, each, TRAITS)
    struck = 0

    def make_traffic(rules: Mapping[str, Rule]) -> Traffic:
        plans = {one: make_steps(one, options.seed, each, begin_ms, TRAITS) for one in sensors}
        return Traffic(plans, rules, RATE, MEMORY_S)

    async def deal(stage: Stage) -> None:
        nonlocal struck
        struck = await _deal(stage, options, tell)

    span_ms = (begin_ms, begin_ms + each * STEP_MS)
    random = Random(f"soak {options.seed} on the way")  # noqa: S311 - see draw_forever
    begun_s = time.monotonic()
    folder = options.folder / "servers"
    empty_folder(folder)
    async with set_stage(folder, _lay_out(options), make_traffic, sensors, span_ms, random) as stage:
        ending = await play(stage, deal, TOLERANCE, tell)
    trial = Trial(key="soak", disturbance=soak, seed=options.seed, size=size)
    return make_result(trial, ending, struck, time.monotonic() - begun_s)


async def _deal(stage: Stage, options: Options, tell: Tell) -> int:
    """Deal blows until the time is up, and return how many."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + options.seconds
    struck = 0
    for key, disturbance, blow, pause_s in draw_forever(options.seed):
        await asyncio.sleep(min(pause_s, max(0.0, end_s - loop.time())))
        if loop.time() >= end_s:
            break
        tell(" ".join(filter(None, (key.replace("_", " "), blow.how))))
        await disturbance.strike(stage, blow)
        stage.calm()
        struck += 1
    stage.traffic.stop()
    return struck


def _lay_out(options: Options) -> Layout:
    has_disk, has_clock = not explain_no_disk(), not explain_no_clock()
    return Layout(
        collectors=({"keep_alive_s": KEEP_ALIVE_S},),
        has_cable=True,
        has_influx_proxy=True,
        has_saved=True,
        has_clock=has_clock,
        disk_bytes=DISK_BYTES + round(DISK_BYTES_A_SECOND * options.seconds) if has_disk else 0,
        settings={"influx": {"timeout_s": TIMEOUT_S}, "store": {"reserve_bytes": 4 * 1024**2}},
    )


def _take_folder(folder: Path) -> None:
    """Mark a folder as a soak's.

    Raises:
        SoakFolderError: It holds something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise SoakFolderError(
                f"{folder} holds something that no soak left behind, and a soak empties its folder; "
                "give --folder a new or empty one"
            )
        (folder / MARKER).touch()
    except OSError as error:
        raise SoakFolderError(f"{folder} cannot be used: {error.strerror}; give another --folder") from None
