"""Traffic counter of a lane: two peaks on working days, slower when it is crowded or slippery."""

import math

from simulators.days import find_day, list_public_holidays, read_clock
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import normal

INTERVAL_MS = 5 * 60_000
WORKDAY = (6, 4, 3, 4, 9, 30, 72, 100, 84, 58, 54, 56, 60, 62, 74, 100, 98, 76, 56, 46, 38, 30, 20, 11)
FREE_DAY = (14, 9, 6, 5, 5, 8, 14, 22, 36, 52, 66, 74, 78, 80, 80, 78, 74, 66, 56, 48, 40, 30, 22, 16)
"""Vehicles in each hour of the wall clock in percent of the busiest hour."""
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
    count, lorries, pace = surroundings.key("count"), surroundings.key("lorries"), surroundings.key("pace")
    weather = surroundings.weather

    def sense(time_ms: int) -> Values:
        slot = time_ms // INTERVAL_MS
        middle_ms = (slot - 1) * INTERVAL_MS + INTERVAL_MS // 2
        hourly = busiest * _share(middle_ms)
        vehicles = _scatter(hourly / 12.0, normal(count, slot))
        heavy = min(vehicles, _scatter(vehicles * heavy_share, normal(lorries, slot)))
        icy = weather.temperature(middle_ms) < FROST and weather.precipitation(middle_ms) > WET
        crowded = 1.0 - 0.45 * min(1.0, hourly / LANE_CAPACITY) ** 2
        speed = max(8.0, limit * (0.88 if icy else 1.0) * crowded * (1.0 + 0.03 * normal(pace, slot)))
        values: Values = {"vehicles": vehicles, "heavy_vehicles": heavy}
        if vehicles:  # nobody drove: there is no mean speed
            values["speed"] = round(speed, 1)
        metres = (vehicles - heavy) * VEHICLE_M + heavy * HEAVY_M + vehicles * LOOP_M
        values["occupancy"] = round(min(100.0, 100.0 * metres / (speed / 3.6) / (INTERVAL_MS / 1000)), 2)
        return values

    return sense


def _share(time_ms: int) -> float:
    day = find_day(time_ms).date
    free = day.weekday() > 4 or day in list_public_holidays(day.year)  # noqa: PLR2004  4 is Friday
    profile, hour = FREE_DAY if free else WORKDAY, read_clock(time_ms)
    before = math.floor(hour)
    return (profile[before] + (profile[(before + 1) % 24] - profile[before]) * (hour - before)) / 100.0


def _scatter(mean: float, deviation: float) -> int:
    """Return a count scattered as independent arrivals are: its variance is its mean."""
    return max(0, round(mean + math.sqrt(mean) * deviation))


MODEL = Model(prepare)
