"""Mosquitto is killed while the collector is away, and devices remember nothing: what is lost is bounded and seen."""

import asyncio
from collections.abc import Sequence
from random import Random

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance
from simulators.trials.disturbances.broker_killed import MEMORY_S
from simulators.trials.stage import Layout, Stage


def plan(random: Random, size: Size) -> Sequence[Blow]:
    """Plan kills in the first half: only where a device goes on, its numbers show what is missing."""
    return [Blow(random.uniform(0.1, 0.3), seconds=random.uniform(0.5, 1.0) * size.seconds) for _ in range(size.blows)]


async def strike(stage: Stage, blow: Blow) -> None:
    """Kill the collector, let messages wait at the broker, kill that, and start both."""
    await stage.collectors[0].kill()
    await asyncio.sleep(blow.seconds)
    stage.most_lost += stage.traffic.count_answered(MEMORY_S)
    stage.traffic.expect_again()
    await stage.broker.kill()
    stage.calm()
    await stage.broker.start()
    await stage.collectors[0].start()


DISTURBANCE = Disturbance(
    title="Mosquitto killed (-9) while the collector is away, devices publish nothing again",
    plan=plan,
    strike=strike,
    short=None,
    full=Size(messages=40_000, rate=1_000, seconds=24.0),
    layout=Layout(has_saved=True),
    tolerance=Tolerance(lost=True, unheard=True, heard_again=True),
    mixes=False,
)
