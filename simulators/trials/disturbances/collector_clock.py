"""The collector's wall clock is set forward and back by an hour while it works."""

import asyncio
import time
from collections.abc import Sequence
from random import Random

from simulators.testbed.clock import explain_no_clock
from simulators.trials.disturbance import Blow, Disturbance, Size
from simulators.trials.load import HOUR_MS, Traits
from simulators.trials.stage import Layout, Stage, wait_until

HOUR_S = HOUR_MS // 1000
FORWARD, BACK = "forward", "back"


def plan(random: Random, size: Size) -> Sequence[Blow]:
    """Set it forward, right, back, right, in an order that the seed decides."""
    hows = [random.choice((FORWARD, BACK)) for _ in range(size.blows)]
    return [Blow((number + 1) / (len(hows) + 1), how, size.seconds) for number, how in enumerate(hows)]


async def strike(stage: Stage, blow: Blow) -> None:
    """Set it wrong, wait, set it right."""
    if stage.clock is None:
        return
    stage.clock.shift(HOUR_S if blow.how == FORWARD else -HOUR_S)
    await asyncio.sleep(blow.seconds)
    stage.clock.shift(0)
    await wait_until(lambda: abs(stage.read(0, "time_ms") - time.time() * 1000) < HOUR_MS / 2, "its clock was right")


DISTURBANCE = Disturbance(
    title="Collector's clock set forward and back by an hour",
    plan=plan,
    strike=strike,
    short=Size(messages=2_000, rate=800, blows=2, seconds=0.5),
    full=Size(messages=20_000, rate=2_000, blows=6, seconds=2.0),
    layout=Layout(has_clock=True),
    traits=Traits(is_recent=False),
    explain_unavailable=explain_no_clock,
)
