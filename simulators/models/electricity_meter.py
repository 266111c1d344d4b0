"""Electricity meter of a building: a base load, what people and fans use, and heat where no district heat is."""

import math
from typing import NamedTuple

from simulators.attendance import Attendance
from simulators.building import HEATED_BELOW, find_area
from simulators.days import MINUTE_MS, LocalDay
from simulators.model import Model, Sensor, Surroundings, Values
from simulators.noise import derive_key, normal, uniform
from simulators.register import Register
from simulators.stories import Story


class Load(NamedTuple):
    """What a square metre uses.

    Attributes:
        base: At any time, in W/m2.
        active: More in a full house, in W/m2.
        heat: Electric heat for each degree below ``HEATED_BELOW``, in W/m2.
        early_h: How long before people it starts, in hours.
    """

    base: float
    active: float
    heat: float = 0.0
    early_h: float = 0.0


LOADS = {
    "office": Load(2.8, 10.0),
    "school": Load(1.6, 9.0),
    "kindergarten": Load(1.8, 9.0, heat=1.3),
    "nursing_home": Load(4.0, 8.0),
    "sports_hall": Load(2.5, 14.0),
    "swimming_hall": Load(9.0, 14.0),
    "library": Load(2.0, 11.0),
    "fire_station": Load(3.5, 5.0, heat=1.0),
    "workshop": Load(2.0, 9.0, heat=0.9),
}
OTHER_LOAD = Load(2.5, 9.0)
VENTILATION = Load(0.4, 5.5, early_h=2.0)
"""Fans have a meter of their own, in the zone ``ventilasjon``."""


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the meter's Sensor."""
    register = _make_register(surroundings)
    noise = surroundings.key("power")
    phases = [surroundings.choose(f"phase {number}", 0.9, 1.1) for number in (1, 2, 3)]
    power_factor = surroundings.choose("power factor", 0.91, 0.985)

    def sense(time_ms: int) -> Values:
        minute = time_ms // MINUTE_MS
        power = 1000.0 * register.rate(time_ms) * (1.0 + 0.02 * normal(noise, minute))
        values: Values = {"power": round(power, 1), "energy": round(register.total(time_ms), 3)}
        voltages = [229.5 + 1.2 * normal(noise + phase, minute) for phase in (1, 2, 3)]
        for phase, voltage in enumerate(voltages, start=1):
            current = power / 3.0 * phases[phase - 1] * 3.0 / sum(phases) / voltage / power_factor
            values[f"voltage_l{phase}"] = round(voltage, 1)
            values[f"current_l{phase}"] = round(current, 2)
        return values | {"power_factor": round(power_factor, 3)}

    return sense


def _make_register(surroundings: Surroundings) -> Register:
    site, weather = surroundings.site, surroundings.weather
    load = VENTILATION if surroundings.zone == "ventilasjon" else LOADS.get(site.category, OTHER_LOAD)
    always = surroundings.story is Story.VENTILATION_AT_NIGHT
    kilowatts = find_area(site) * surroundings.choose("size", 0.9, 1.1) / 1000.0
    attendance = Attendance(site)
    daily, within = surroundings.key("daily"), surroundings.key("within")

    def heat(day: LocalDay) -> float:
        return load.heat * max(0.0, HEATED_BELOW - weather.mean_temperature(day))

    def amount(day: LocalDay) -> float:
        used = day.hours if always else attendance.count_hours(day)
        watt_hours = (load.base + heat(day)) * day.hours + load.active * used
        return kilowatts * watt_hours * (1.0 + 0.04 * normal(daily, day.number))

    def weights(day: LocalDay) -> list[float]:
        floor = load.base + heat(day)
        shares = [1.0] * len(day.slots) if always else attendance.list_shares(day, load.early_h)
        uneven = derive_key(within, str(day.number))
        return [(floor + load.active * share) * uniform(uneven, slot, 0.93, 1.07) for slot, share in enumerate(shares)]

    return Register(math.floor(surroundings.choose("start", 20_000.0, 400_000.0)), amount, weights)


MODEL = Model(prepare)
