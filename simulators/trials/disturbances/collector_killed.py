"""The collector is killed again and again, while it works and while it starts."""

import asyncio
import contextlib

from simulators.testbed.process import ProgramError
from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.stage import Stage

AT_WORK, AT_START = "at work", "at its start"
LONGEST_START_S = 2.0


async def strike(stage: Stage, blow: Blow) -> None:
    """Kill it, some time after the blow before, and start it again; perhaps kill it once more before it is ready."""
    collector = stage.collectors[0]
    await asyncio.sleep(stage.random.uniform(0.0, 0.5))
    await collector.kill()
    if blow.how == AT_START:
        starting = asyncio.create_task(collector.start(), name="start")
        await asyncio.sleep(stage.random.uniform(0.1, LONGEST_START_S))
        await collector.kill()
        with contextlib.suppress(ProgramError):  # it ended before it was ready: we killed it
            await starting
    stage.calm()
    await collector.start()


DISTURBANCE = Disturbance(
    title="Collector killed (-9) at random moments",
    plan=lambda random, size: draw_blows(random, size, (AT_WORK, AT_WORK, AT_WORK, AT_START)),
    strike=strike,
    short=Size(messages=3_000, rate=800, blows=2),
    full=Size(messages=20_000, rate=400, blows=20),
    tolerance=Tolerance(heard_again=True),
)
