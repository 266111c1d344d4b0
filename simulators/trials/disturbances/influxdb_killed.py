"""InfluxDB is killed while it is written to."""

from simulators.trials.disturbance import Blow, Disturbance, Size, draw_blows
from simulators.trials.stage import Stage


async def strike(stage: Stage, _blow: Blow) -> None:
    """Kill it and start it."""
    await stage.influxd.kill()
    stage.calm()
    await stage.influxd.start()


DISTURBANCE = Disturbance(
    title="InfluxDB killed (-9) while it is written to",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000),
    full=Size(messages=20_000, rate=2_000, blows=5),
)
