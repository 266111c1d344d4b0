"""Two stateless collectors share a subscription; one is killed, and comes back before its session expires."""

from simulators.trials.disturbance import Disturbance, Size, draw_blows
from simulators.trials.disturbances.divided_sites import strike
from simulators.trials.stage import Layout

GROUP = {"share": "collectors"}

DISTURBANCE = Disturbance(
    title="Two stateless collectors share a subscription, one killed (-9)",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000, seconds=0.5),
    full=Size(messages=20_000, rate=1_500, blows=4, seconds=3.0),
    layout=Layout(collectors=(GROUP, GROUP)),
    mixes=False,
)
