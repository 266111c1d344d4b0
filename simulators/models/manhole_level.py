"""Level in a manhole: sewage follows the use of water, and heavy rain on streets fills the sewer within the hour."""

from simulators.days import MINUTE_MS, find_day, is_weekend, read_clock, read_profile
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.models.water_meter import WEEKEND, WORKDAY
from simulators.noise import normal
from simulators.runoff import Runoff

DELAY_H = 1
"""Gutters and pipes hold rain back for about this long, twice."""
SNOW = 0.3
"""Share of the snow that is left in streets."""
SEWER_MS = 40 * MINUTE_MS
"""Sewage passes the manhole so long after water was used."""
OVERFLOW_M = 1.2
"""Above this level it runs into the emergency outlet."""
OUTLET = 0.25
"""Share of what the level would rise above the outlet that it still rises."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the manhole's Sensor."""
    runoff = Runoff(surroundings.weather, DELAY_H, SNOW)
    sewage, rain = surroundings.choose("sewage", 0.1, 0.22), surroundings.choose("rain", 0.7, 1.7)
    noise, battery = surroundings.key("noise"), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        used_ms = time_ms - SEWER_MS
        profile = WEEKEND if is_weekend(find_day(time_ms).date) else WORKDAY
        flowing = 0.35 + 0.65 * read_profile(profile, read_clock(used_ms)) / 100.0
        ripple = 1.0 + 0.04 * normal(noise, time_ms // MINUTE_MS)
        level = sewage * flowing * ripple + rain * runoff.rate(time_ms)
        level -= (1.0 - OUTLET) * max(0.0, level - OVERFLOW_M)
        return {
            "level": round(level, 3),
            "overflow": round(level, 3) > OVERFLOW_M,
            "battery": discharge(battery, time_ms),
        }

    return sense


MODEL = Model(prepare)
