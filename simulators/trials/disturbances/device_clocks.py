"""Devices' clocks jump back and forward by an hour, and back again."""

from simulators.trials.disturbance import Disturbance, Size, plan_nothing, strike_nothing
from simulators.trials.load import Traits

DISTURBANCE = Disturbance(
    title="Devices' clocks jump back and forward by an hour",
    plan=plan_nothing,
    strike=strike_nothing,
    short=None,
    full=Size(messages=20_000, rate=3_000),
    traits=Traits(jumps=0.01),
    mixes=False,
)
