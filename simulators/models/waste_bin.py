"""Waste bin in a street or park: it fills while people are about, more on fine days; it is emptied on weekdays."""

import math
from datetime import date, timedelta

from simulators.days import DAY_MS, FIRST_DATE, HOUR_MS, LocalDay, find_day, is_free_day, make_day, read_profile
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register
from simulators.stories import Story
from simulators.sun import find_elevation

ABOUT = (4, 3, 2, 1, 1, 2, 6, 16, 26, 34, 50, 70, 88, 90, 92, 100, 96, 80, 66, 54, 44, 32, 20, 10)
"""What is thrown away in each hour of the wall clock, of any scale."""
ROUNDS = ((0, 2, 4), (1, 3, 5), (0, 1, 2, 3, 4))
"""Weekdays on which a bin is emptied; 0 is Monday."""
ONCE_A_WEEK = (0,)
MISSED = 0.04
"""Share of rounds that pass a bin by."""
EMPTIED_H = (6.5, 10.5)
"""A round comes between these hours after midnight."""
LEFT = 2.0
"""What sticks to an empty bin, in percent."""
FIRE_SHARE = 1 / 300
"""Share of days on which something glows in a bin."""
FIRE_C, FIRE_H = 75.0, 0.6
"""What that adds to its temperature, and the time constant with which it cools."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the bin's Sensor."""
    weather, site, battery = surroundings.weather, surroundings.site, surroundings.key("battery")
    thrown, rounds = _make_register(surroundings), _Rounds(surroundings)
    noise, fire = surroundings.key("noise"), surroundings.key("fire")

    def sense(time_ms: int) -> Values:
        wobble = normal(noise, time_ms // HOUR_MS)
        fill = LEFT + thrown.total(time_ms) - thrown.total(rounds.find_last(time_ms)) + 0.6 * wobble
        sunshine = max(0.0, find_elevation(site.latitude, site.longitude, time_ms) / 53.0)
        shone = 9.0 * sunshine * (1.0 - 0.8 * weather.cloud(time_ms))
        temperature = weather.temperature(time_ms) + shone + 0.3 * wobble + find_fire(fire, time_ms)
        return {
            "fill": round(min(100.0, max(0.0, fill))),
            "temperature": round(temperature, 1),
            "battery": discharge(battery, time_ms),
        }

    return sense


class _Rounds:
    """When a bin was emptied."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._key = surroundings.key("rounds")
        chosen = ROUNDS[math.floor(surroundings.choose("round", 0.0, len(ROUNDS)))]
        self._weekdays = ONCE_A_WEEK if surroundings.story is Story.RARELY_EMPTIED else chosen
        self._hour = surroundings.choose("emptied", *EMPTIED_H)

    def find_last(self, time_ms: int) -> int:
        """Return when it was emptied last, milliseconds since 1970 in UTC; the first day began with an empty bin."""
        day = find_day(time_ms)
        while day.date > FIRST_DATE:
            emptied_ms = day.start_ms + round(self._hour * HOUR_MS)
            if emptied_ms <= time_ms and self._is_emptied(day.date):
                return emptied_ms
            day = make_day(day.date - timedelta(days=1))
        return day.start_ms

    def _is_emptied(self, day: date) -> bool:
        return day.weekday() in self._weekdays and uniform(self._key, day.toordinal()) >= MISSED


def _make_register(surroundings: Surroundings) -> Register:
    """Return what was ever thrown into it, in percent of its volume."""
    weather, daily = surroundings.weather, surroundings.key("daily")
    usual = surroundings.choose("usual", 12.0, 26.0)

    def amount(day: LocalDay) -> float:
        fine = min(1.5, max(0.5, (weather.mean_temperature(day) + 14.0) / 24.0))
        return usual * fine * (1.3 if is_free_day(day.date) else 1.0) * max(0.3, 1.0 + 0.25 * normal(daily, day.number))

    def weights(day: LocalDay) -> list[float]:
        uneven = derive_key(daily, str(day.number))
        return [read_profile(ABOUT, hour) * uniform(uneven, slot, 0.0, 2.0) for slot, hour in enumerate(day.slot_hours)]

    return Register(0.0, amount, weights)


def find_fire(key: int, time_ms: int) -> float:
    """Return what a fire of this day adds to the temperature, in degrees."""
    day, rest = divmod(time_ms, DAY_MS)
    since_h = rest / HOUR_MS - uniform(key, 2 * day + 1, 8.0, 20.0)
    if since_h < 0.0 or uniform(key, 2 * day) >= FIRE_SHARE:
        return 0.0
    return FIRE_C * min(1.0, since_h / 0.1) * math.exp(-since_h / FIRE_H)


MODEL = Model(prepare)
