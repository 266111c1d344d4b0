"""The network between broker and collector is cut: no FIN, no RST, only silence."""

import asyncio

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.stage import Layout, Stage

KEEP_ALIVE_S = 5
"""The smallest that a collector may be told."""


async def strike(stage: Stage, blow: Blow) -> None:
    """Cut, wait, mend."""
    if stage.cable is None:
        return
    stage.cable.cut()
    await asyncio.sleep(blow.seconds)
    stage.calm()
    stage.cable.mend()


DISTURBANCE = Disturbance(
    title="Network cut without FIN between Mosquitto and collector",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000, seconds=1.0),
    full=Size(messages=20_000, rate=1_000, blows=2, seconds=3.5 * KEEP_ALIVE_S),
    layout=Layout(has_cable=True, collectors=({"keep_alive_s": KEEP_ALIVE_S},)),
    tolerance=Tolerance(heard_again=True),
)
