"""InfluxDB is stopped in order under load, and comes back."""

import asyncio
from collections.abc import Sequence
from random import Random

from simulators.trials.disturbance import Blow, Disturbance, Size
from simulators.trials.stage import Stage


def plan(random: Random, size: Size) -> Sequence[Blow]:
    """Stop it early in the load: the rest of it comes while it is away."""
    return [Blow(random.uniform(0.05, 0.25), seconds=size.seconds)]


async def strike(stage: Stage, blow: Blow) -> None:
    """Stop it, wait, start it."""
    await stage.influxd.stop()
    await asyncio.sleep(blow.seconds)
    stage.calm()
    await stage.influxd.start()


DISTURBANCE = Disturbance(
    title="InfluxDB stopped under load, then back",
    plan=plan,
    strike=strike,
    short=None,
    full=Size(messages=20_000, rate=400, seconds=60.0),
)
