"""Gauge of a river: it rises within a day after rain, stays high while snow melts, and falls for days."""

from simulators.days import DAY_MS, MINUTE_MS
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.noise import normal
from simulators.runoff import Runoff
from simulators.weather import Weather

DELAY_H = 14
"""Woods and lakes hold water back for about this long, twice."""
LOWEST = 0.03
"""What runs in the longest drought, in millimetres an hour from the whole catchment."""
RATING_EXPONENT = 0.6
"""Depth grows with flow to this power in a wide bed (Manning's equation)."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the gauge's Sensor."""
    weather, runoff = surroundings.weather, Runoff(surroundings.weather, DELAY_H)
    depth, zero = surroundings.choose("depth", 1.7, 2.6), surroundings.choose("zero", -0.15, 0.1)
    noise, battery = surroundings.key("noise"), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        ripple = 0.004 * normal(noise, time_ms // MINUTE_MS)
        level = zero + depth * (LOWEST + runoff.rate(time_ms)) ** RATING_EXPONENT + ripple
        return {
            "level": round(level, 3),
            "water_temperature": round(_find_water_temperature(weather, time_ms), 1),
            "battery": discharge(battery, time_ms),
        }

    return sense


def _find_water_temperature(weather: Weather, time_ms: int) -> float:
    """Return about the mean of the air over three days; flowing water does not get colder than it freezes."""
    air = sum(weather.temperature(time_ms - back * DAY_MS // 4) for back in range(12)) / 12.0
    return max(0.0, 1.0 + 0.85 * air)


MODEL = Model(prepare)
