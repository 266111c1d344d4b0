"""Road-weather station: the town's weather at its own height, and what it does to the road."""

from simulators.days import HOUR_MS, MINUTE_MS
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import drift, normal
from simulators.sun import find_elevation

LAPSE = 0.0065
"""Air cools by this much for each metre of height, in degrees (the international standard atmosphere)."""
DRYING = ((0, 1.0), (1, 0.6), (2, 0.4), (4, 0.2), (6, 0.1))
"""A road stays wet or white: hours back, and the share of what fell then that still lies."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the station's Sensor."""
    weather, site = surroundings.weather, surroundings.site
    colder = LAPSE * surroundings.choose("height over the town", 0.0, 380.0)
    noise, local = surroundings.key("noise"), surroundings.key("local")

    def sense(time_ms: int) -> Values:
        wobble = normal(noise, time_ms // MINUTE_MS)
        air = weather.temperature(time_ms) - colder + 0.8 * drift(local, time_ms, 6 * HOUR_MS) + 0.1 * wobble
        sunshine = max(0.0, find_elevation(site.latitude, site.longitude, time_ms) / 53.0) * (
            1.0 - 0.8 * weather.cloud(time_ms)
        )
        surface = air - 1.5 * (1.0 - weather.cloud(time_ms)) + 22.0 * sunshine
        rain = weather.precipitation(time_ms)
        lying = max(share * weather.precipitation(time_ms - back * HOUR_MS) for back, share in DRYING)
        film = min(2_000.0, 350.0 * lying + 60.0 * max(0.0, weather.humidity(time_ms) / 100.0 - 0.8))
        return {
            "air_temperature": round(air, 1),
            "surface_temperature": round(surface, 1),
            "humidity": round(min(100.0, max(5.0, weather.humidity(time_ms) + 2.0 * wobble))),
            "wind_speed": round(max(0.0, weather.wind_speed(time_ms) + 0.3 * wobble), 1),
            "wind_direction": round(weather.wind_direction(time_ms)),
            "precipitation": round(rain, 1),
            "film_thickness": round(film),
            "friction": round(_find_friction(surface, film), 2),
            "snow_depth": round(weather.snow_depth(time_ms) * (1.0 + 0.1 * colder)),
        }

    return sense


def _find_friction(surface: float, film: float) -> float:
    """Return a plausible friction: about 0.8 on dry road, 0.6 on wet, down to 0.15 on wet ice."""
    wet = min(1.0, film / 400.0)
    frozen = min(1.0, max(0.0, 0.5 - surface))
    return max(0.15, 0.82 - 0.22 * wet - 0.4 * frozen * min(1.0, film / 40.0))


MODEL = Model(prepare)
