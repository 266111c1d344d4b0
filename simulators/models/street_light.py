"""Street-light controller of a circuit: on while the sun is down, dimmed in the small hours."""

import functools

from simulators.days import DAY_MS, MINUTE_MS, SLOTS_PER_HOUR, LocalDay, find_day
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import normal, uniform
from simulators.register import Register
from simulators.sun import is_dark

DIMMED_FROM, DIMMED_TO = 23.0, 5.0
"""Hours on the wall clock between which lights burn at ``DIMMED``."""
DIMMED = 50.0
LOSSES = 0.04
"""Share of the full power that drivers use beside the light, whatever the level."""
FAULT_SHARE = 0.02
"""Share of days on which a circuit reports a lamp that failed."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the controller's Sensor."""
    latitude, longitude = round(surroundings.site.latitude, 1), round(surroundings.site.longitude, 1)
    watts = float(round(surroundings.choose("watts", 600.0, 3_200.0), -1))
    noise, fault = surroundings.key("power"), surroundings.key("fault")

    def plan(day: LocalDay) -> tuple[float, ...]:
        return plan_levels(latitude, longitude, day)

    energy = Register(
        round(surroundings.choose("energy", 2_000.0, 30_000.0)),
        lambda day: watts / 1000.0 * sum(_load(level) for level in plan(day)) / SLOTS_PER_HOUR,
        lambda day: [_load(level) for level in plan(day)],
    )
    hours = Register(
        round(surroundings.choose("hours", 1_000.0, 20_000.0)),
        lambda day: sum(level > 0.0 for level in plan(day)) / SLOTS_PER_HOUR,
        lambda day: [float(level > 0.0) for level in plan(day)],
    )

    def sense(time_ms: int) -> Values:
        day = find_day(time_ms)
        level = plan(day)[(time_ms - day.start_ms) * len(day.slots) // (day.end_ms - day.start_ms)]
        return {
            "on": level > 0.0,
            "dimming": level,
            "power": round(watts * _load(level) * (1.0 + 0.01 * normal(noise, time_ms // MINUTE_MS)), 1),
            "energy": round(energy.total(time_ms), 3),
            "burning_hours": round(hours.total(time_ms), 2),
            "fault": uniform(fault, time_ms // DAY_MS) < FAULT_SHARE,
        }

    return sense


@functools.lru_cache(maxsize=16_384)
def plan_levels(latitude: float, longitude: float, day: LocalDay) -> tuple[float, ...]:
    """Return the level of light in percent in each quarter-hour of a day; 0 is off."""
    return tuple(
        (DIMMED if hour >= DIMMED_FROM or hour < DIMMED_TO else 100.0) if is_dark(latitude, longitude, slot) else 0.0
        for slot, hour in zip(day.slots, day.slot_hours, strict=True)
    )


def _load(level: float) -> float:
    """Return the share of full power that a level takes."""
    return LOSSES + (1.0 - LOSSES) * level / 100.0 if level > 0.0 else 0.0


MODEL = Model(prepare)
