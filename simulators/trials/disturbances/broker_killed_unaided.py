"""Mosquitto is killed while the collector is away, and devices remember nothing: what is lost is bounded and seen."""

import asyncio

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.disturbances.broker_killed import MEMORY_S
from simulators.trials.stage import Layout, Stage


async def strike(stage: Stage, blow: Blow) -> None:
    """Kill the collector, let messages wait at the broker, kill that, and start both."""
    await stage.collectors[0].kill()
    await asyncio.sleep(blow.seconds)
    stage.most_lost += stage.traffic.count_answered(MEMORY_S)
    await stage.broker.kill()
    stage.calm()
    await stage.broker.start()
    await stage.collectors[0].start()


DISTURBANCE = Disturbance(
    title="Mosquitto killed (-9) while the collector is away, devices publish nothing again",
    plan=draw_blows,
    strike=strike,
    short=None,
    full=Size(messages=20_000, rate=1_000, seconds=15.0),
    layout=Layout(has_saved=True),
    tolerance=Tolerance(lost=True, unheard=True, heard_again=True),
    mixes=False,
)
