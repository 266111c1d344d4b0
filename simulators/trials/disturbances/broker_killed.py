"""Mosquitto is killed; devices with a memory publish again what its last save may not hold."""

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.stage import Layout, Stage

AUTOSAVE_S = 10.0
"""As in the configuration that ships."""
MEMORY_S = AUTOSAVE_S + 2.0
"""Mosquitto looks at its clock once a second, and saving takes a moment."""


async def strike(stage: Stage, _blow: Blow) -> None:
    """Kill it and start it with what it saved last."""
    stage.traffic.expect_again()
    await stage.broker.kill()
    stage.calm()
    await stage.broker.start()


DISTURBANCE = Disturbance(
    title="Mosquitto killed (-9), devices publish the last 12 s again",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=3_000, rate=1_500),
    full=Size(messages=20_000, rate=1_000, blows=3),
    memory_s=MEMORY_S,
    layout=Layout(has_saved=True),
    tolerance=Tolerance(heard_again=True, accepted_again=True),
)
