"""Air-quality station: smoke on cold evenings, dust of studded tyres on dry roads in spring, and exhaust at rush hours.

What is let out is mixed with clean air by the wind; in an inversion, cold and still, it stays where it is.
"""

import math

from simulators.days import DAY_MS, HOUR_MS, MINUTE_MS, find_day, is_free_day, read_clock, read_profile
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.models.traffic_counter import FREE_DAY, WORKDAY
from simulators.noise import drift, normal
from simulators.weather import FIRST_JANUARY_MS, YEAR_DAYS, Weather

BURNING = (45, 32, 22, 14, 10, 10, 14, 22, 26, 24, 22, 22, 22, 24, 28, 36, 52, 72, 90, 98, 100, 96, 82, 62)
"""Wood burnt in each hour of the wall clock in percent of the busiest."""
BURNT_BELOW = 12.0
"""People light their stoves on days that are colder, in degrees Celsius."""
DUST_DAY, DUST_DAYS = 92.0, 24.0
"""Day of the year on which most dust of the winter lies on bare roads, and how wide the season is."""
DRIED = ((0, 1.0), (2, 0.7), (5, 0.4), (9, 0.2))
"""Rain binds dust: hours back, and the share of what fell then that is still wet."""
WET_MM = 0.15
"""With so much of it no dust is raised."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the station's Sensor."""
    weather, noise, local = surroundings.weather, surroundings.key("noise"), surroundings.key("local")
    busy, stoves = surroundings.choose("busy", 0.6, 1.2), surroundings.choose("stoves", 0.6, 1.2)
    background = surroundings.key("background")

    def sense(time_ms: int) -> Values:
        hour, wobble = read_clock(time_ms), normal(noise, time_ms // MINUTE_MS)
        profile = FREE_DAY if is_free_day(find_day(time_ms).date) else WORKDAY
        traffic = busy * read_profile(profile, hour) / 100.0
        cold = min(1.6, max(0.0, BURNT_BELOW - weather.temperature(time_ms)) / 16.0)
        smoke = stoves * cold * read_profile(BURNING, hour) / 100.0
        held = find_stagnation(weather, time_ms) * (1.0 + 0.2 * drift(local, time_ms, 3 * HOUR_MS))
        carried = 4.0 + 2.5 * drift(background, time_ms, 2 * DAY_MS)
        fine = carried + held * (13.0 * smoke + 1.6 * traffic)
        coarse = 2.0 + held * traffic * (3.0 + 75.0 * find_dust(weather, time_ms))
        noisy = 1.0 + 0.05 * wobble
        return {
            "pm10": round((fine + coarse) * noisy, 1),
            "pm2_5": round(fine * noisy, 1),
            "no2": round(max(0.5, (4.0 + 26.0 * held * traffic) * noisy), 1),
            "temperature": round(weather.temperature(time_ms) + 0.1 * wobble, 1),
            "humidity": round(min(100.0, max(5.0, weather.humidity(time_ms) + wobble))),
        }

    return sense


def find_stagnation(weather: Weather, time_ms: int) -> float:
    """Return how much of what is let out stays: 1 in a light wind, 4 in a cold still night, 0.4 in a gale."""
    frost = min(1.0, max(0.0, -weather.temperature(time_ms)) / 15.0)
    return (1.0 + 1.2 * frost) / (0.45 + 0.25 * weather.wind_speed(time_ms))


def find_dust(weather: Weather, time_ms: int) -> float:
    """Return the share of the dust of a dry spring day that traffic raises, 0 to 1."""
    day = (time_ms - FIRST_JANUARY_MS) / DAY_MS % YEAR_DAYS
    season = math.exp(-(((day - DUST_DAY) / DUST_DAYS) ** 2))
    wet = max(share * weather.precipitation(time_ms - back * HOUR_MS) for back, share in DRIED)
    return season * max(0.0, 1.0 - wet / WET_MM)


MODEL = Model(prepare)
