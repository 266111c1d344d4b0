"""Two alerting collectors divide the sites; one is killed, and comes back before its session expires."""

import asyncio

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.load import SITES
from simulators.trials.stage import Layout, Stage


async def strike(stage: Stage, blow: Blow) -> None:
    """Kill one of them, wait, start it."""
    collector = stage.random.choice(stage.collectors)
    await collector.kill()
    await asyncio.sleep(blow.seconds)
    stage.calm()
    await collector.start()


DISTURBANCE = Disturbance(
    title="Two alerting collectors divide the sites, one killed (-9)",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000, seconds=0.5),
    full=Size(messages=20_000, rate=1_500, blows=4, seconds=3.0),
    layout=Layout(collectors=tuple({"sites": [site]} for site in SITES)),
    mixes=False,
    tolerance=Tolerance(heard_again=True),
)
