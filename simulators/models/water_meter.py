"""Water meter of a supply zone or a building.

In a zone people use water in the morning and the evening, and what the network leaks runs at night as well; in a
building water is used while the building is.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from simulators.attendance import Attendance
from simulators.days import DAY_MS, LocalDay, is_weekend, read_profile
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.noise import derive_key, drift, normal, uniform
from simulators.register import Register
from simulators.stories import Story
from simulators.weather import FIRST_JANUARY_MS, YEAR_DAYS

LITRES_A_DAY = 150.0
"""What one person uses."""
LEAK_M3H = 6.5
"""A leak of this kind is found at night, when little else runs."""
LEAKAGE = 0.3
"""Share of what flows into a zone that its network leaks all the time: about the mean of Norwegian water works."""
BUILDING_LITRES = {"nursing_home": 0.16, "swimming_hall": 0.8, "sports_hall": 0.12, "kindergarten": 0.12}
OTHER_LITRES = 0.07
"""Litres that a square metre uses in each hour of a full house."""
CLOSED = 0.3
"""Hours of a full house that a day without people uses: dripping taps, tanks that fill."""
WORKDAY = (9, 6, 5, 5, 8, 30, 85, 100, 75, 58, 50, 50, 54, 50, 48, 55, 72, 85, 80, 75, 72, 64, 42, 20)
WEEKEND = (14, 9, 6, 5, 6, 10, 20, 42, 75, 100, 100, 90, 80, 72, 66, 66, 72, 82, 80, 74, 70, 62, 46, 26)
"""Use in each hour of the wall clock, of any scale."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the meter's Sensor."""
    register = _make_register(surroundings)
    battery, temperature = surroundings.key("battery"), surroundings.key("temperature")

    def sense(time_ms: int) -> Values:
        season = math.cos(math.tau * ((time_ms - FIRST_JANUARY_MS) / DAY_MS - 50.0) / YEAR_DAYS)
        water = 7.0 - 3.2 * season + 0.6 * drift(temperature, time_ms, DAY_MS)
        return {
            "volume": round(register.total(time_ms), 3),
            "flow": round(register.rate(time_ms), 3),
            "water_temperature": round(water, 1),
            "battery": discharge(battery, time_ms),
        }

    return sense


def _make_register(surroundings: Surroundings) -> Register:
    leak = LEAK_M3H if surroundings.story is Story.LEAK else 0.0
    used = _use_in_building(surroundings) if surroundings.site.area_m2 else _use_in_zone(surroundings)
    within = surroundings.key("within")

    def amount(day: LocalDay) -> float:
        return used.amount(day) + leak * day.hours

    def weights(day: LocalDay) -> list[float]:
        shape = used.shape(day)
        scale, still = used.amount(day) / sum(shape), leak * day.hours / len(shape)
        uneven = derive_key(within, str(day.number))
        return [scale * part * uniform(uneven, slot, 0.85, 1.15) + still for slot, part in enumerate(shape)]

    return Register(round(used.start), amount, weights)


class _Use(NamedTuple):
    """What is used.

    Attributes:
        start: What the register showed on the first day, in m3.
        amount: Use of a day, in m3.
        shape: Its spread over the quarter-hours, of any scale.
    """

    start: float
    amount: Callable[[LocalDay], float]
    shape: Callable[[LocalDay], list[float]]


def _use_in_zone(surroundings: Surroundings) -> _Use:
    cubic_metres = surroundings.choose("people", 400.0, 1_400.0) * LITRES_A_DAY / 1000.0
    daily, leakage = surroundings.key("daily"), cubic_metres * LEAKAGE / (1.0 - LEAKAGE)

    def amount(day: LocalDay) -> float:
        return cubic_metres * (1.0 + 0.05 * normal(daily, day.number)) + leakage

    def shape(day: LocalDay) -> list[float]:
        profile = WEEKEND if is_weekend(day.date) else WORKDAY
        used = [read_profile(profile, hour) for hour in day.slot_hours]
        still = sum(used) / len(used) * LEAKAGE / (1.0 - LEAKAGE)
        return [part + still for part in used]

    return _Use(surroundings.choose("start", 50_000.0, 900_000.0), amount, shape)


def _use_in_building(surroundings: Surroundings) -> _Use:
    site, attendance, daily = surroundings.site, Attendance(surroundings.site), surroundings.key("daily")
    cubic_metres = (site.area_m2 or 0.0) * BUILDING_LITRES.get(site.category, OTHER_LITRES) / 1000.0

    def amount(day: LocalDay) -> float:
        return cubic_metres * (CLOSED + attendance.count_hours(day)) * (1.0 + 0.08 * normal(daily, day.number))

    def shape(day: LocalDay) -> list[float]:
        return [CLOSED / day.hours + share for share in attendance.list_shares(day)]

    return _Use(surroundings.choose("start", 1_000.0, 40_000.0), amount, shape)


MODEL = Model(prepare)
