"""RuleTrial: rules run over the readings that InfluxDB has. Its result is a pure function of these."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ingest.alerts.backtest import Backtest, Outcome
from ingest.alerts.rules import read_rule
from ingest.alerts.subjects import Period, Subject, list_needed
from ingest.alerts.trace import Point, Trace
from ingest.history import Excerpt, iterate_history
from ingest.influx import InfluxClient
from ingest.inventory import Inventory
from ingest.near_names import offer_near
from ingest.toml_file import ConfigurationError, Mistake, read_toml
from schemas.device_type import DOUBTFUL, DeviceType
from schemas.reading import Reading
from schemas.rule import Rule

WORST = 4
"""Subjects of which the picture has the values."""
MOST_NAMED = 100
"""Devices that are asked for one by one; for more, all of the type are read and the others passed over."""

Advance = Callable[[str, float], object]
"""Is told what is done, and the share of it that is."""


class Trial(NamedTuple):
    """What is to be tried.

    Attributes:
        rules: The rule, and another version of it where they are to be compared.
        inventory: What is installed.
        types: DeviceTypes by key.
        period: Over which time.
        subjects: Of each rule, of whom it is asked.
        simulated: Whether simulated readings count.
    """

    rules: tuple[Rule, ...]
    inventory: Inventory
    types: Mapping[str, DeviceType]
    period: Period
    subjects: tuple[Sequence[Subject], ...]
    simulated: bool

    def choose_excerpt(self, names: Sequence[str] | None = None) -> Excerpt:
        """Return the readings that it takes; those of some subjects of the first rule where they are named."""
        needed: frozenset[str] = frozenset()
        for rule, subjects in zip(self.rules, self.subjects, strict=True):
            needed |= list_needed(rule, subjects if names is None else [one for one in subjects if one.name in names])
        watching = [rule for rule in self.rules if rule.field]
        fields = tuple(dict.fromkeys(rule.field for rule in watching))
        fields += tuple(dict.fromkeys(rule.field + DOUBTFUL for rule in watching if rule.doubtful))
        devices = tuple(sorted(needed)) if len(needed) <= MOST_NAMED else ()
        return Excerpt(self.rules[0].device_type, fields, *self.period, devices, self.simulated)


class Found(NamedTuple):
    """What came of a trial.

    Attributes:
        outcomes: Of each rule.
        traces: Values of the worst subjects; none where no picture is wanted.
    """

    outcomes: tuple[Outcome, ...]
    traces: Mapping[str, Sequence[Point]]


def find_rule(text: str, folder: Path, types: Mapping[str, DeviceType], inventory: Inventory) -> Rule:
    """Return the rule of a file, or the one with a key.

    Args:
        text: Name of a file, or a key.
        folder: Of the rules that keys mean.
        types: DeviceTypes by key.
        inventory: Its time zone is that of schedules.

    Raises:
        ConfigurationError: There is none, or it is wrong; it carries every mistake.
    """
    path = Path(text)
    if path.suffix != ".toml" and "/" not in text:
        path = folder / f"{text}.toml"
        if not path.exists():
            near = offer_near(text, (one.stem for one in folder.glob("*.toml")), 3)
            meant = near or "name one that is there, or a file"
            raise ConfigurationError([Mistake(folder, 0, "", f"has no rule {text}; {meant}")])
    file = read_toml(path)
    found = read_rule(file, types, inventory.zone_info, inventory)
    if isinstance(found, Rule):
        return found
    raise ConfigurationError(found)


async def try_rules(influx: InfluxClient, trial: Trial, on_progress: Advance, *, with_traces: bool) -> Found:
    """Run the rules over history, and the first once more over its worst subjects where a picture is wanted.

    Raises:
        InfluxError: The database could not be asked, or refused.
    """
    tests = [
        Backtest(rule, trial.inventory, trial.types, trial.period, subjects)
        for rule, subjects in zip(trial.rules, trial.subjects, strict=True)
    ]
    await _feed(
        influx, trial.choose_excerpt(), [one.hear for one in tests], lambda share: on_progress("judging", share)
    )
    outcomes = tuple(one.finish() for one in tests)
    rule = trial.rules[0]
    if not with_traces or (not rule.field and rule.group is not None):
        return Found(outcomes, {})  # of a share of silent devices there are no values
    names = outcomes[0].list_worst(WORST)
    trace = Trace(rule, trial.inventory, trial.types, trial.period, names)
    if names:
        excerpt = trial.choose_excerpt(names)
        await _feed(influx, excerpt, [trace.hear], lambda share: on_progress("drawing", share))
    points = {name: trace.list_points(name) for name in names}
    return Found(outcomes, {name: some for name, some in points.items() if some})


async def _feed(
    influx: InfluxClient,
    excerpt: Excerpt,
    hearers: Sequence[Callable[[Sequence[Reading]], None]],
    on_progress: Callable[[float], object],
) -> None:
    """Give readings to those who want them."""
    async for span, readings in iterate_history(influx, excerpt):
        for hear in hearers:
            hear(readings)
        on_progress((span.to_ms - excerpt.from_ms) / (excerpt.to_ms - excerpt.from_ms))
