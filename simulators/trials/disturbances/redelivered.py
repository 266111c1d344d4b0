"""Readings come twice, out of order and retained; and the broker forgets the session when nothing waits in it."""

from ingest.accounts import COLLECTOR
from simulators.trials.disturbance import Blow, Disturbance, Size, Tolerance, draw_blows
from simulators.trials.link import Login, reach
from simulators.trials.load import Traits
from simulators.trials.stage import Stage


async def strike(stage: Stage, _blow: Blow) -> None:
    """Take the session away while nothing waits: the collector subscribes anew, and gets what is retained once more."""
    stage.traffic.pause()
    await stage.wait_collected()
    await stage.collectors[0].stop()
    login = Login(stage.broker.host, stage.broker.port, COLLECTOR, stage.broker.accounts[COLLECTOR])
    async with reach(login):
        pass
    stage.calm()
    await stage.collectors[0].start()
    stage.traffic.resume()


DISTURBANCE = Disturbance(
    title="Readings twice, out of order, retained; session forgotten",
    plan=draw_blows,
    strike=strike,
    short=Size(messages=2_000, rate=1_500),
    full=Size(messages=20_000, rate=3_000, blows=2),
    # A broker that is killed just then knows no session at all: a soak would lose by it what a trial of its own bounds.
    mixes=False,
    # A broker that forgot the session is taken to have forgotten what it retained, too: what fires is told again.
    tolerance=Tolerance(accepted_again=True, heard_again=True),
    traits=Traits(copies=0.05, swaps=0.05, retained=0.05),
)
