"""What alerts must come of a load: computed from the publishers' own log alone, and never from what a collector said.

The readings of a device in the order in which it published them go through the pure alert rules. A transition is known
by device, rule, event time and phase.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest.alerts.book import AlertBook
from schemas.reading import Reading
from schemas.rule import Change as What
from schemas.rule import Rule
from simulators.trials.load import Item, Sensor


class Change(NamedTuple):
    """A transition of an alert, as everybody can name it.

    Attributes:
        device: Id in the inventory.
        rule: Key of the Rule.
        time_ms: Event time of the reading that decided it.
        firing: Whether it fired; else it cleared.
    """

    device: str
    rule: str
    time_ms: int
    firing: bool


class Judge:
    """Judges what is published, message by message.

    Args:
        rules: By key.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._book = AlertBook(rules)
        self._newest: dict[str, int] = {}
        self._judged: dict[str, set[int]] = {}
        self.changes: list[Change] = []

    def take(self, sensor: Sensor, items: Iterable[Item]) -> None:
        """Judge messages of a device in the order of publishing; copies say nothing new."""
        for item in items:
            judged = self._judged.setdefault(sensor.id, set())
            if item.time_ms is None or item.temperature is None or item.time_ms in judged:
                continue
            judged.add(item.time_ms)
            if item.time_ms < self._newest.get(sensor.id, item.time_ms):
                continue  # late
            self._newest[sensor.id] = item.time_ms
            values: dict[str, float | bool] = {"temperature": item.temperature}
            reading = Reading(sensor.id, sensor.type_key, sensor.site, "first", item.time_ms, 0.0, values)
            for one in self._book.judge_reading(reading):
                if one.change in {What.FIRED, What.CLEARED}:
                    self.changes.append(Change(one.device, one.rule, one.time_ms, one.phase.is_active))


def find_last(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    """Return the latest transition by device and rule."""
    last: dict[tuple[str, str], Change] = {}
    for change in changes:
        known = last.get((change.device, change.rule))
        if known is None or change.time_ms >= known.time_ms:
            last[change.device, change.rule] = change
    return last
