"""District-heat meter of a building: heat follows the outdoor temperature, hot water follows people."""

from simulators.attendance import Attendance
from simulators.building import HEATED_BELOW, find_area
from simulators.days import MINUTE_MS, LocalDay
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register

LOSS = 1.05
"""Heat that a square metre loses for each degree, in W/(m2 K)."""
HOT_WATER = {"nursing_home": 4.5, "swimming_hall": 28.0, "sports_hall": 3.0}
OTHER_HOT_WATER = 0.6
"""Mean heat for hot water, in W/m2."""
WATER_HEAT = 1.163
"""Heat that a cubic metre of water holds for each degree, in kWh/(m3 K): 4.187 kJ/(kg K) and 1,000 kg/m3."""
MORNING = (5.0, 8.0)
"""Hours in which buildings are heated up after the night."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the meter's Sensor."""
    heat = _Heat(surroundings)
    weather, noise = surroundings.weather, surroundings.key("noise")

    def sense(time_ms: int) -> Values:
        wobble = normal(noise, time_ms // MINUTE_MS)
        supply = min(93.0, max(66.0, 77.0 - 0.7 * weather.temperature(time_ms))) + 0.3 * wobble
        factor = 1.0 + 0.02 * wobble
        return {
            "energy": round(heat.energy.total(time_ms), 2),
            "volume": round(heat.volume.total(time_ms), 3),
            "power": round(1000.0 * heat.energy.rate(time_ms) * factor),
            "flow": round(heat.volume.rate(time_ms) * factor, 3),
            "supply_temperature": round(supply, 1),
            "return_temperature": round(supply - heat.cooling, 1),
        }

    return sense


class _Heat:
    """Two registers of one meter: the volume carries the energy at the meter's own cooling."""

    def __init__(self, surroundings: Surroundings) -> None:
        site = surroundings.site
        self._weather = surroundings.weather
        self._kilowatts = find_area(site) * surroundings.choose("size", 0.85, 1.15) / 1000.0
        self._hot_water = HOT_WATER.get(site.category, OTHER_HOT_WATER)
        self._attendance = Attendance(site)
        self._daily = surroundings.key("daily")
        self.cooling = round(surroundings.choose("cooling", 29.0, 44.0), 1)
        start = float(round(surroundings.choose("start", 10_000.0, 90_000.0)))
        self.energy = Register(start, self._amount, self._weights)
        per_kwh = 1.0 / (WATER_HEAT * self.cooling)
        self.volume = Register(start * per_kwh, lambda day: self._amount(day) * per_kwh, self._weights)

    def _amount(self, day: LocalDay) -> float:
        watts = self._space_heat(day) + self._hot_water
        return self._kilowatts * watts * day.hours * (1.0 + 0.05 * normal(self._daily, day.number))

    def _weights(self, day: LocalDay) -> list[float]:
        space, uneven = self._space_heat(day), derive_key(self._daily, str(day.number))
        return [
            (space * (0.85 + 0.15 * share + (0.35 if MORNING[0] <= hour < MORNING[1] else 0.0)))
            + self._hot_water * (0.3 + 1.4 * share) * uniform(uneven, slot, 0.6, 1.4)
            for slot, (hour, share) in enumerate(zip(day.slot_hours, self._attendance.list_shares(day), strict=True))
        ]

    def _space_heat(self, day: LocalDay) -> float:
        lowered = 1.0 if self._attendance.list_hours(day.date) else 0.85
        return LOSS * lowered * max(0.0, HEATED_BELOW - self._weather.mean_temperature(day))


MODEL = Model(prepare)
