"""Bicycle and pedestrian counter: commuters on working days, walkers on fine weekends, few cyclists in snow."""

import math
from collections.abc import Callable

from simulators.days import LocalDay, is_free_day
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register
from simulators.weather import Weather

COMMUTE = (1, 1, 0, 0, 1, 5, 28, 100, 62, 22, 20, 24, 28, 26, 38, 92, 78, 40, 30, 26, 20, 14, 8, 3)
LEISURE = (3, 2, 1, 1, 1, 2, 5, 10, 22, 42, 66, 84, 98, 100, 96, 84, 68, 52, 40, 32, 24, 16, 10, 6)
"""Passages in each hour of the wall clock, of any scale."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the counter's Sensor."""
    weather, battery = surroundings.weather, surroundings.key("battery")
    cyclists = surroundings.choose("cyclists", 250.0, 1_400.0)
    walkers = surroundings.choose("walkers", 500.0, 3_500.0)
    bicycles = _make_register(surroundings, "bicycles", lambda day: cyclists * _like_cycling(weather, day))
    pedestrians = _make_register(surroundings, "pedestrians", lambda day: walkers * _like_walking(weather, day))

    def sense(time_ms: int) -> Values:
        ridden, walked = math.floor(bicycles.total(time_ms)), math.floor(pedestrians.total(time_ms))
        return {
            "bicycles": ridden,
            "pedestrians": walked,
            "bicycles_total": ridden,
            "pedestrians_total": walked,
            "battery": discharge(battery, time_ms),
        }

    return sense


def _make_register(surroundings: Surroundings, name: str, people: Callable[[LocalDay], float]) -> Register:
    daily = surroundings.key(name)

    def amount(day: LocalDay) -> float:
        return people(day) * (0.55 if is_free_day(day.date) else 1.0) * (1.0 + 0.12 * normal(daily, day.number))

    def weights(day: LocalDay) -> list[float]:
        profile = LEISURE if is_free_day(day.date) else COMMUTE
        uneven = derive_key(daily, str(day.number))
        return [
            (0.3 + profile[math.floor(hour)]) * uniform(uneven, slot, 0.4, 1.6)
            for slot, hour in enumerate(day.slot_hours)
        ]

    return Register(math.floor(surroundings.choose(f"{name} start", 20_000.0, 900_000.0)), amount, weights)


def _like_cycling(weather: Weather, day: LocalDay) -> float:
    """Return the share of cyclists that the weather of a day leaves: by warmth, rain and snow."""
    noon = (day.start_ms + day.end_ms) // 2
    warmth = min(1.0, max(0.06, (weather.mean_temperature(day) + 9.0) / 24.0))
    return warmth * _stay_dry(weather, noon, 0.5) * (1.0 - 0.5 * min(1.0, weather.snow_depth(noon) / 40.0))


def _like_walking(weather: Weather, day: LocalDay) -> float:
    """Return the share of walkers that the weather of a day leaves."""
    noon = (day.start_ms + day.end_ms) // 2
    warmth = min(1.0, max(0.45, (weather.mean_temperature(day) + 20.0) / 34.0))
    return warmth * _stay_dry(weather, noon, 0.3)


def _stay_dry(weather: Weather, time_ms: int, most: float) -> float:
    return 1.0 - most * min(1.0, weather.precipitation(time_ms))


MODEL = Model(prepare, counted=("bicycles", "pedestrians"))
