"""The disk of the store is full for a while."""

import asyncio

from simulators.testbed.disk import explain_no_disk
from simulators.trials.disturbance import Blow, Disturbance, Size, draw_blows
from simulators.trials.stage import Layout, Stage, wait_until

MEBIBYTE = 1024**2


async def strike(stage: Stage, blow: Blow) -> None:
    """Fill it until the collector says so, wait, and free it."""
    disk = stage.disk
    if disk is None:
        return
    await asyncio.to_thread(disk.fill)
    try:
        await asyncio.sleep(blow.seconds)
    finally:
        await asyncio.to_thread(disk.free)
    stage.calm()
    await wait_until(lambda: not stage.read(0, "store_error"), "the collector wrote to its disk again")


DISTURBANCE = Disturbance(
    title="Disk of the store full, then freed",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_000, seconds=1.5),
    full=Size(messages=20_000, rate=1_000, blows=3, seconds=8.0),
    layout=Layout(disk_bytes=48 * MEBIBYTE, settings={"store": {"reserve_bytes": 2 * MEBIBYTE}}),
    explain_unavailable=explain_no_disk,
)
