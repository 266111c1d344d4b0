"""InfluxDB is stopped in order under load, and comes back."""

import asyncio

from simulators.trials.disturbance import Blow, Disturbance, Size, draw_blows
from simulators.trials.stage import Stage


async def strike(stage: Stage, blow: Blow) -> None:
    """Stop it, wait, start it."""
    await stage.influxd.stop()
    await asyncio.sleep(blow.seconds)
    stage.calm()
    await stage.influxd.start()


DISTURBANCE = Disturbance(
    title="InfluxDB stopped under load, then back",
    plan=draw_blows,
    strike=strike,
    short=None,
    full=Size(messages=20_000, rate=400, seconds=60.0),
)
