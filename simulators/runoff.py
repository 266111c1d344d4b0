"""Runoff: water that rain and melting snow send into brooks and sewers, hours or days after they fell."""

import functools
import math

from simulators.days import HOUR_MS
from simulators.weather import Weather

FROST = 0.5
"""Below this temperature in degrees Celsius what falls stays where it is, as snow."""
MELT_MM = 3.5
"""Snow that melts in a day for each degree above zero, in millimetres of water (degree-day method: usual is 2 to 6)."""
THIN_CM = 8.0
"""Less snow than this does not cover everything, and melts in proportion."""
FELT = 5
"""Water of so many delays ago has passed."""


class Runoff:
    """What runs off the land around one gauge.

    Two reservoirs in a row, each of which empties with the same time constant, make of what fell what runs off (the
    cascade of Nash, 1957, with two reservoirs).

    Args:
        weather: The town's.
        delay_h: Time constant of a reservoir in whole hours: one for paved streets, tens for a river's woods.
        snow: Share of the snow that is left lying; streets are cleared.
    """

    def __init__(self, weather: Weather, delay_h: int, snow: float = 1.0) -> None:
        self._weather = weather
        self._snow = snow
        weights = [(back + 0.5) * math.exp(-(back + 0.5) / delay_h) for back in range(FELT * delay_h + 2)]
        self._weights = [weight / sum(weights) for weight in weights]
        self._hourly = functools.lru_cache(maxsize=64)(self._sum_hour)

    def rate(self, time_ms: int) -> float:
        """Return what runs off, in millimetres an hour."""
        hour, rest = divmod(time_ms, HOUR_MS)
        before, after = self._hourly(hour), self._hourly(hour + 1)
        return before + (after - before) * rest / HOUR_MS

    def _sum_hour(self, hour: int) -> float:
        return sum(weight * self._find_inflow(hour - back) for back, weight in enumerate(self._weights))

    def _find_inflow(self, hour: int) -> float:
        rain, melted = find_inflow(self._weather, hour)
        return rain + self._snow * melted


@functools.lru_cache(maxsize=16_384)
def find_inflow(weather: Weather, hour: int) -> tuple[float, float]:
    """Return the rain and the melted snow of an hour since 1970, both in millimetres of water."""
    time_ms = hour * HOUR_MS
    temperature = weather.temperature(time_ms)
    rain = weather.precipitation(time_ms) if temperature >= FROST else 0.0
    cover = min(1.0, weather.snow_depth(time_ms) / THIN_CM)
    return rain, cover * MELT_MM / 24.0 * max(0.0, temperature)
