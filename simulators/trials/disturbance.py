"""Disturbance: what goes wrong in a trial, how often, under which load, and what may be lost by it.

The plan of a Disturbance is drawn from the seed before anything runs: moments are shares of the load, not of the
clock, so the same seed strikes at the same messages on a slow machine.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from simulators.trials.load import Traits
from simulators.trials.stage import Layout, Stage


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong.

    Attributes:
        at: When, as the share of the load that the broker has acknowledged.
        how: Which way, where a Disturbance has several.
        seconds: For how long, or how long after its beginning.
    """

    at: float
    how: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large a trial is.

    Attributes:
        messages: How many are published.
        rate: Messages a second.
        devices: How many publish; an odd number.
        blows: How often something goes wrong.
        seconds: How long each time, where that is for us to say.
    """

    messages: int
    rate: float
    devices: int = 7
    blows: int = 1
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What a Disturbance may cost.

    Attributes:
        lost: Whether readings may be lost that the broker took within ``AUTOSAVE_S`` before it was killed.
        unheard: Whether notifications of alerts may be missed, because the broker forgets.
        heard_again: Whether notifications may be repeated, because a connection or a collector ended on the way.
        accepted_again: Whether a reading that comes again may be accepted again, beyond what deduplication remembers;
            InfluxDB stores it once.
    """

    lost: bool = False
    unheard: bool = False
    heard_again: bool = False
    accepted_again: bool = False


Strike = Callable[[Stage, Blow], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One file of ``simulators/trials/disturbances``; the file's name is its key.

    Attributes:
        title: What goes wrong, for the table of results.
        plan: Draws the blows of a trial.
        strike: Deals one blow, and returns when it is over.
        short: Size in the fast tests; None where these leave it out.
        full: Size in the whole run.
        layout: How the servers are set up.
        traits: What is peculiar about the load.
        memory_s: How long devices remember what was answered, to send it again after a lost connection.
        tolerance: What it may cost.
        mixes: Whether a soak can deal its blows among all others.
        explain_unavailable: Says why it cannot be run here; nothing when it can.
    """

    title: str
    plan: Callable[[Random, Size], Sequence[Blow]]
    strike: Strike
    short: Size | None
    full: Size
    layout: Layout = field(default_factory=Layout)
    traits: Traits = field(default_factory=Traits)
    memory_s: float = 0.0
    tolerance: Tolerance = field(default_factory=Tolerance)
    mixes: bool = True
    explain_unavailable: Callable[[], str] = str


def draw_blows(random: Random, size: Size, hows: Sequence[str] = ("",), seconds: float | None = None) -> list[Blow]:
    """Return blows at random moments between the first and the last tenth of a load, in order.

    Args:
        random: Of the trial.
        size: Says how many.
        hows: Each way as often as chance wants it.
        seconds: Of each; the size's when left out.
    """
    moments = sorted(random.uniform(0.1, 0.9) for _ in range(size.blows))
    return [Blow(moment, random.choice(hows), size.seconds if seconds is None else seconds) for moment in moments]


def plan_nothing(_random: Random, _size: Size) -> Sequence[Blow]:
    """Plan no blow: the load itself is the disturbance."""
    return ()


async def strike_nothing(_stage: Stage, _blow: Blow) -> None:
    """Deal no blow."""
