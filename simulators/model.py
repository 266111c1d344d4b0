"""Model: how readings of one DeviceType are made up, and what a simulated device knows of its surroundings."""

from collections.abc import Callable
from dataclasses import dataclass

from ingest.inventory import Site
from simulators.days import DAY_MS
from simulators.noise import derive_key, uniform
from simulators.stories import Story, find_story
from simulators.weather import Weather

Values = dict[str, float | bool]
"""Values by field name, each in the unit of its field."""

Sensor = Callable[[int], Values]
"""Milliseconds since 1970 in UTC to the values then. The same moment always gives the same values.

Fields that their Model says are ``counted`` are totals here.
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one simulated device knows.

    Attributes:
        device: Its id.
        site: Where it is placed.
        zone: Key of the Zone in it.
        seed: The fleet's seed.
        weather: The town's.
    """

    device: str
    site: Site
    zone: str
    seed: int
    weather: Weather

    @property
    def story(self) -> Story | None:
        """What is out of the ordinary here."""
        return find_story(self.site.key, self.zone)

    def key(self, name: str) -> int:
        """Return the key of one of the device's own streams of noise."""
        return derive_key(self.seed, self.device, name)

    def choose(self, name: str, low: float, high: float) -> float:
        """Return a number between two that is the device's own for ever."""
        return uniform(self.key(name), 0, low, high)


@dataclass(frozen=True, slots=True)
class Model:
    """How readings of one DeviceType are made up.

    Attributes:
        prepare: Surroundings of one device to its Sensor; may cache, must not depend on the order of its calls.
        counted: Fields that a message gives as what passed since the message before it, so that their sum over any
            messages is right, however often a device reports.
    """

    prepare: Callable[[Surroundings], Sensor]
    counted: tuple[str, ...] = ()

    def observe(self, sensor: Sensor, since_ms: int, time_ms: int) -> Values:
        """Return the values of a message.

        Args:
            sensor: Of one device, from ``prepare``.
            since_ms: When its message before this was of, milliseconds since 1970 in UTC.
            time_ms: When this one is of, likewise.

        Raises:
            TooEarlyError: One of them is before the first simulated day.
        """
        values = sensor(time_ms)
        if self.counted:
            before = sensor(since_ms)
            values |= {name: values[name] - before[name] for name in self.counted}
        return values


def discharge(key: int, time_ms: int) -> float:
    """Return a battery's charge in percent: it falls slowly from 100 for six to nine years and is then replaced."""
    life_days = uniform(key, 0, 2_200.0, 3_300.0)
    age_days = time_ms / DAY_MS + uniform(key, 1, 0.0, life_days)
    return float(round(100.0 - 88.0 * (age_days % life_days) / life_days))
