"""Traffic counter of a lane: two peaks on working days, slower when it is crowded or slippery."""

import math
from collections.abc import Callable, Sequence

from simulators.days import MINUTE_MS, LocalDay, is_free_day, read_profile
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register

INTERVAL_MS = 5 * MINUTE_MS
"""Speed and occupancy are means over the time before the message."""
INTERVALS_PER_HOUR = 12
WORKDAY = (6, 4, 3, 4, 9, 30, 72, 100, 84, 58, 54, 56, 60, 62, 74, 100, 98, 76, 56, 46, 38, 30, 20, 11)
FREE_DAY = (14, 9, 6, 5, 5, 8, 14, 22, 36, 52, 66, 74, 78, 80, 80, 78, 74, 66, 56, 48, 40, 30, 22, 16)
"""Cars in each hour of the wall clock in percent of the busiest hour."""
HEAVY_WORKDAY = (20, 20, 22, 26, 40, 62, 84, 96, 100, 100, 98, 96, 96, 96, 94, 86, 70, 52, 40, 34, 30, 28, 24, 22)
HEAVY_FREE_DAY = (14, 12, 12, 12, 14, 16, 20, 22, 24, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 30, 30, 28, 24, 18)
"""Lorries and buses likewise: they drive all day, and at night."""
ROAD_LIMIT, STREET_LIMIT = 80.0, 40.0
FROST, WET = 0.5, 0.1
"""Drivers slow down below this temperature, in degrees Celsius, when more falls than this, in millimetres an hour."""
LANE_CAPACITY = 1_700.0
"""Vehicles an hour that a lane carries before it stands."""
VEHICLE_M, HEAVY_M, LOOP_M = 4.6, 13.0, 2.0
"""Lengths in metres: of a car, of a lorry, and of the loop that both occupy."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the counter's Sensor."""
    road = surroundings.site.category == "road"
    limit = ROAD_LIMIT if road else STREET_LIMIT
    busiest = surroundings.choose("busiest hour", 350.0, 1_050.0)
    heavy_share = surroundings.choose("heavy", 0.09, 0.16) if road else surroundings.choose("heavy", 0.03, 0.07)
    cars = _make_register(surroundings, "cars", busiest, (WORKDAY, FREE_DAY))
    lorries = _make_register(surroundings, "lorries", busiest * heavy_share, (HEAVY_WORKDAY, HEAVY_FREE_DAY))
    pace, weather = surroundings.key("pace"), surroundings.weather

    def sense(time_ms: int) -> Values:
        light, heavy = cars(time_ms), lorries(time_ms)
        lately_light, lately_heavy = light - cars(time_ms - INTERVAL_MS), heavy - lorries(time_ms - INTERVAL_MS)
        vehicles = lately_light + lately_heavy
        icy = weather.temperature(time_ms) < FROST and weather.precipitation(time_ms) > WET
        crowded = 1.0 - 0.45 * min(1.0, vehicles * INTERVALS_PER_HOUR / LANE_CAPACITY) ** 2
        wobble = 1.0 + 0.03 * normal(pace, time_ms // INTERVAL_MS)
        speed = max(8.0, limit * (0.88 if icy else 1.0) * crowded * wobble)
        values: Values = {"vehicles": light + heavy, "heavy_vehicles": heavy}
        if vehicles:  # nobody drove: there is no mean speed
            values["speed"] = round(speed, 1)
        metres = lately_light * VEHICLE_M + lately_heavy * HEAVY_M + vehicles * LOOP_M
        values["occupancy"] = round(min(100.0, 100.0 * metres / (speed / 3.6) / (INTERVAL_MS / 1000)), 2)
        return values

    return sense


def _make_register(
    surroundings: Surroundings, name: str, busiest: float, profiles: tuple[Sequence[float], Sequence[float]]
) -> Callable[[int], int]:
    """Return the count since the first day at a moment.

    Args:
        surroundings: Of the counter.
        name: Of what is counted.
        busiest: Vehicles in the busiest hour of a working day.
        profiles: Hours of a working day and of a free one, in percent of that.
    """
    daily, uneven = surroundings.key(name), surroundings.key(f"{name} uneven")

    def find_profile(day: LocalDay) -> Sequence[float]:
        return profiles[is_free_day(day.date)]

    def amount(day: LocalDay) -> float:
        return busiest * sum(find_profile(day)) / 100.0 * (1.0 + 0.04 * normal(daily, day.number))

    def weights(day: LocalDay) -> list[float]:
        profile, key = find_profile(day), derive_key(uneven, str(day.number))
        return [read_profile(profile, hour) * uniform(key, slot, 0.8, 1.2) for slot, hour in enumerate(day.slot_hours)]

    register = Register(0.0, amount, weights)
    return lambda time_ms: math.floor(register.total(time_ms))


MODEL = Model(prepare, counted=("vehicles", "heavy_vehicles"))
