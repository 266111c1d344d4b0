"""Trace: what the limits of a Rule were held against over time, for a picture. Pure.

Of each part of the time only the lowest and the highest value are kept, so a year takes as much memory as a day.
"""

from collections.abc import Iterable, Mapping
from math import inf

from ingest.alerts.hearing import hear
from ingest.alerts.standing import Standing
from ingest.alerts.subjects import Period
from ingest.alerts.watch_table import WatchTable
from ingest.inventory import Inventory
from schemas.device_type import DeviceType
from schemas.reading import Reading
from schemas.rule import Rule

PARTS = 1_500
"""Of the time: more than a picture has columns."""

Point = tuple[int, float]
"""Event time in milliseconds since 1970 in UTC, and value."""


class Trace:
    """Gathers the values of some subjects.

    Args:
        rule: What is made of the readings is its derivation's.
        inventory: What is installed.
        types: DeviceTypes by key.
        period: From when to when.
        names: Of the subjects.
    """

    def __init__(
        self,
        rule: Rule,
        inventory: Inventory,
        types: Mapping[str, DeviceType],
        period: Period,
        names: Iterable[str],
    ) -> None:
        self._rule, self._period = rule, period
        self._interval_ms = types[rule.device_type].interval.total_seconds() * 1000
        self._standing = Standing()
        self._table = WatchTable({rule.key: rule}, {rule.key: self._standing}, inventory)
        self._parts: dict[str, dict[int, tuple[Point, Point]]] = {name: {} for name in names}
        self._heard: dict[str, int] = {}

    def hear(self, readings: Iterable[Reading]) -> None:
        """Add the next readings, in order of event time."""
        for reading in readings:
            for watch in self._table.find(reading.type_key, reading.device).all:
                if not self._rule.field:
                    self._add_gap(reading.device, reading.time_ms)
                    continue
                value = reading.values.get(self._rule.field)
                if value is None:
                    continue
                place = (reading.site, reading.zone)
                subject, told = hear(watch, reading.device, place, reading.time_ms, float(value))
                if told is not None:
                    self._add(subject, reading.time_ms, told)
        self._standing.take_states(self._rule.key)  # no store wants them

    def list_points(self, name: str) -> list[Point]:
        """Return the values of a subject, in order of time."""
        points = {point for pair in self._parts[name].values() for point in pair}
        return sorted(points)

    def _add_gap(self, device: str, time_ms: int) -> None:
        """Add for how many intervals a device was silent, which its reading ends."""
        before_ms = self._heard.get(device, self._period.from_ms)
        self._heard[device] = time_ms
        self._add(device, time_ms - 1, (time_ms - before_ms) / self._interval_ms)
        self._add(device, time_ms, 0.0)

    def _add(self, name: str, time_ms: int, value: float) -> None:
        parts = self._parts.get(name)
        if parts is None or not -inf < value < inf:
            return
        part = (time_ms - self._period.from_ms) * PARTS // max(1, self._period.length_ms)
        point = (time_ms, value)
        low, high = parts.get(part, (point, point))
        parts[part] = (point if value < low[1] else low, point if value > high[1] else high)
