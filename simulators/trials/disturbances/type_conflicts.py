"""One reading in every thousand has a field that InfluxDB holds as another type: it refuses that line alone."""

from simulators.trials.disturbance import Disturbance, Size, draw_blows
from simulators.trials.disturbances.influxdb_killed import strike
from simulators.trials.load import Traits

DISTURBANCE = Disturbance(
    title="One type-conflicting line in every thousand, InfluxDB killed (-9)",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000),
    full=Size(messages=20_000, rate=2_000, blows=2),
    traits=Traits(conflicts=0.001),
    mixes=False,
)
