"""The collector is told to stop under full load: it drains, and ends with exit code 0 within its deadline."""

import asyncio

from simulators.trials.disturbance import Blow, Disturbance, Size, draw_blows
from simulators.trials.stage import Layout, Stage

DRAIN_S = 10.0
MORE_S = 3.0
"""For what ends after the drain: the last status, the interpreter."""


async def strike(stage: Stage, _blow: Blow) -> None:
    """Stop it (SIGTERM), look at its exit code and its outbox, and start it."""
    collector, loop = stage.collectors[0], asyncio.get_running_loop()
    begun_s = loop.time()
    await collector.stop()
    took_s = loop.time() - begun_s
    if collector.exit_code != 0:
        stage.problems.append(f"told to stop under load, the collector ended with exit code {collector.exit_code}")
    if took_s > DRAIN_S + MORE_S:
        stage.problems.append(f"told to stop under load, the collector took {took_s:.1f} s; the deadline is {DRAIN_S}")
    if left := stage.read(0, "outbox_lines"):
        stage.problems.append(f"told to stop while InfluxDB is well, the collector left {left} lines in its outbox")
    stage.calm()
    await collector.start()


DISTURBANCE = Disturbance(
    title="Collector told to stop (SIGTERM) under full load",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=4_000, rate=3_000),
    full=Size(messages=40_000, rate=4_000, blows=3),
    layout=Layout(settings={"ingest": {"drain_s": DRAIN_S}}),
)
