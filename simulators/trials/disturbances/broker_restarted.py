"""Mosquitto is stopped in order, and started with what it saved."""

from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.stage import Stage


async def strike(stage: Stage, _blow: Blow) -> None:
    """Stop it (SIGTERM) and start it."""
    await stage.broker.stop()
    stage.calm()
    await stage.broker.start()


DISTURBANCE = Disturbance(
    title="Mosquitto stopped in order and started",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=3_000, rate=1_500),
    full=Size(messages=20_000, rate=2_000, blows=5),
    tolerance=Tolerance(heard_again=True),
)
