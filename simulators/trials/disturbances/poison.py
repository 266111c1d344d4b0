"""One message in every hundred is bad input of some kind, and the collector is killed in the middle of it."""

from simulators.trials.disturbance import Disturbance, Size, Tolerance, draw_blows
from simulators.trials.disturbances.collector_killed import strike
from simulators.trials.load import Traits

DISTURBANCE = Disturbance(
    title="One poison message in every hundred, collector killed (-9)",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000),
    full=Size(messages=20_000, rate=2_000, blows=3),
    traits=Traits(faults=0.01),
    mixes=False,
    tolerance=Tolerance(heard_again=True),
)
