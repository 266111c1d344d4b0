"""Weather: one for the whole town, inland and northern, that follows from the seed and the time alone.

Made up: seasons, fronts of a few days, warm afternoons. It claims no likeness to what was measured anywhere.
"""

import functools
import math
from dataclasses import dataclass

from simulators.days import DAY_MS, HOUR_MS, LocalDay
from simulators.noise import derive_key, drift

YEAR_DAYS = 365.2425
FIRST_JANUARY_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, where the first simulated year begins."""


@dataclass(frozen=True)
class Weather:
    """The town's weather at any moment.

    Attributes:
        seed: The fleet's seed; another gives other weather.
    """

    seed: int

    def temperature(self, time_ms: int) -> float:
        """Return the air temperature in degrees Celsius."""
        solar_hour = (time_ms % DAY_MS) / HOUR_MS + 1.0
        swing = (2.0 + 3.0 * (1.0 - _winter(time_ms)) / 2.0) * (1.2 - self.cloud(time_ms))
        return self._slow_temperature(time_ms) + swing * math.cos(math.tau * (solar_hour - 15.0) / 24.0)

    def mean_temperature(self, day: LocalDay) -> float:
        """Return about the mean of a day in degrees Celsius, which is what heating follows."""
        return _mean_temperature(self, day.start_ms)

    def cloud(self, time_ms: int) -> float:
        """Return the share of the sky that is covered, 0 to 1."""
        return min(1.0, max(0.0, 0.55 + 0.7 * self._front(time_ms)))

    def precipitation(self, time_ms: int) -> float:
        """Return the rain or melted snow of the last hour in millimetres."""
        shower = drift(self._keys["shower"], time_ms, 2 * HOUR_MS)
        return max(0.0, 0.9 * (self._front(time_ms) - 0.35) * (1.0 + shower))

    def humidity(self, time_ms: int) -> float:
        """Return the relative humidity in percent."""
        night = math.cos(math.tau * ((time_ms % DAY_MS) / HOUR_MS - 3.0) / 24.0)
        return min(100.0, max(20.0, 72.0 + 20.0 * self._front(time_ms) + 8.0 * night))

    def wind_speed(self, time_ms: int) -> float:
        """Return the mean wind in metres a second."""
        gust = drift(self._keys["gust"], time_ms, HOUR_MS)
        return max(0.0, 2.6 + 2.2 * drift(self._keys["wind"], time_ms, DAY_MS) + 0.8 * gust)

    def wind_direction(self, time_ms: int) -> float:
        """Return where the wind comes from in degrees, below 360."""
        return (190.0 + 150.0 * drift(self._keys["direction"], time_ms, 2 * DAY_MS)) % 360.0

    def snow_depth(self, time_ms: int) -> float:
        """Return the snow on the ground in centimetres."""
        late_winter = max(0.0, _winter(time_ms - 25 * DAY_MS) - 0.25) / 0.75
        return late_winter * (42.0 + 14.0 * drift(self._keys["snow"], time_ms, 12 * DAY_MS))

    def _slow_temperature(self, time_ms: int) -> float:
        winter, mass = _winter(time_ms), drift(self._keys["mass"], time_ms, 4 * DAY_MS)
        # Cold air lies in an inland valley in winter: it grows colder than summers grow hot.
        lake = 8.0 * max(0.0, winter) * max(0.0, -mass) ** 2
        return 5.5 - 11.5 * winter + 6.0 * mass - lake - 1.5 * self._front(time_ms)

    def _front(self, time_ms: int) -> float:
        return drift(self._keys["front"], time_ms, 30 * HOUR_MS)

    @functools.cached_property
    def _keys(self) -> dict[str, int]:
        names = ("mass", "front", "shower", "gust", "wind", "direction", "snow")
        return {name: derive_key(self.seed, "weather", name) for name in names}


@functools.lru_cache(maxsize=8192)
def _mean_temperature(weather: Weather, start_ms: int) -> float:
    return sum(weather._slow_temperature(start_ms + hour * HOUR_MS) for hour in (3, 9, 15, 21)) / 4.0  # noqa: SLF001  same file


def _winter(time_ms: int) -> float:
    """Return 1 in the coldest days of late January, -1 half a year later."""
    return math.cos(math.tau * ((time_ms - FIRST_JANUARY_MS) / DAY_MS - 22.0) / YEAR_DAYS)
