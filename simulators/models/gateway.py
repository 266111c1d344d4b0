"""LoRaWAN gateway: packets all day and night, and a restart every few weeks."""

import math

from simulators.days import DAY_MS, MINUTE_MS, LocalDay
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register

RESTART_MS = 25 * DAY_MS
"""Once in each such time it starts anew: updates, and cuts of the power."""
CABINET_WARMTH = 9.0
"""What its electronics warm its cabinet, in degrees."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the gateway's Sensor."""
    weather, restarts, noise = surroundings.weather, surroundings.key("restarts"), surroundings.key("noise")
    packets = _make_register(surroundings)

    def sense(time_ms: int) -> Values:
        wobble = normal(noise, time_ms // MINUTE_MS)
        return {
            "uptime": (time_ms - _find_start(restarts, time_ms)) // 1000,
            "packets": math.floor(packets.total(time_ms)),
            "temperature": round(weather.temperature(time_ms) + CABINET_WARMTH + 0.4 * wobble, 1),
        }

    return sense


def _find_start(key: int, time_ms: int) -> int:
    """Return when it started last, milliseconds since 1970 in UTC."""
    period = time_ms // RESTART_MS
    starts = (
        number * RESTART_MS + math.floor(uniform(key, number, 0.0, RESTART_MS)) for number in (period, period - 1)
    )
    return next(start for start in starts if start <= time_ms)


def _make_register(surroundings: Surroundings) -> Register:
    """Return how many packets it ever heard: those of the municipality's sensors, and of everybody else's."""
    usual, daily = surroundings.choose("packets", 4_000.0, 16_000.0), surroundings.key("daily")

    def amount(day: LocalDay) -> float:
        return usual * (1.0 + 0.05 * normal(daily, day.number))

    def weights(day: LocalDay) -> list[float]:
        uneven = derive_key(daily, str(day.number))
        return [uniform(uneven, slot, 0.8, 1.2) for slot in range(len(day.slots))]

    return Register(0.0, amount, weights)


MODEL = Model(prepare, counted=("packets",))
