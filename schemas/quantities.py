"""Quantities that sensors measure: unit, plausible range and kind.

A range is what could be true anywhere the platform is used; a field of a DeviceType may narrow it. Outside it
a value is a fault of the sensor or of a unit, not weather.

Sentinels are values that sensors send in place of none. They are all ones, or the greatest or least number with a sign,
in eight or sixteen bits, as the usual factor makes them: 0xFF is 255 or 127.5, 0xFFFF is 65535, 655.35 or 65.535,
0x7FFF is 327.67 or 3276.7. A DS18B20 that is not connected says -127 degrees.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a quantity's values do over time."""

    MEASUREMENT = "measurement"  # goes up and down; means and extremes make sense
    TOTAL = "total"  # a register: grows until it is swapped or rolls over; differences make sense
    STATE = "state"  # on or off; stored as a boolean


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a field measures.

    Attributes:
        key: Name in code and in JSON Schema.
        unit: UCUM code; see ``schemas.units``.
        kind: Measurement, total or state.
        low: Lowest plausible value in ``unit``; without meaning for a state.
        high: Highest plausible value in ``unit``; without meaning for a state.
        sentinels: Values outside the range by which sensors say that they have none, in ``unit``.
    """

    key: str
    unit: str
    kind: Kind
    low: float = 0.0
    high: float = 1.0
    sentinels: tuple[float, ...] = ()


_MEASURED = Kind.MEASUREMENT
_TOTAL = Kind.TOTAL
_STATE = Kind.STATE

QUANTITIES: dict[str, Quantity] = {
    quantity.key: quantity
    for quantity in (
        # climate
        Quantity("temperature", "Cel", _MEASURED, -60.0, 160.0, (-127.0, 327.67, -327.68, 655.35, 3276.7, -3276.8)),
        Quantity("relative_humidity", "%", _MEASURED, 0.0, 100.0, (127.5, 255.0, 327.67, 655.35, 6553.5)),
        Quantity("co2", "[ppm]", _MEASURED, 250.0, 10_000.0, (65_535.0,)),
        Quantity("pressure", "hPa", _MEASURED, 850.0, 1_100.0, (3276.7, 6553.5)),
        Quantity("illuminance", "lx", _MEASURED, 0.0, 200_000.0),
        Quantity("sound_level", "dB", _MEASURED, 0.0, 150.0, (6553.5,)),
        Quantity("mass_concentration", "ug/m3", _MEASURED, 0.0, 10_000.0, (65_535.0,)),
        Quantity("index", "1", _MEASURED, 0.0, 500.0, (65_535.0,)),
        Quantity("radon", "Bq/m3", _MEASURED, 0.0, 50_000.0, (65_535.0,)),
        # energy
        Quantity("power", "W", _MEASURED, -10_000_000.0, 10_000_000.0),
        Quantity("energy", "kW.h", _TOTAL, 0.0, 1e10),
        Quantity("interval_energy", "kW.h", _MEASURED, 0.0, 100_000.0),
        Quantity("reactive_power", "var", _MEASURED, -10_000_000.0, 10_000_000.0),
        Quantity("reactive_energy", "kvar.h", _TOTAL, 0.0, 1e10),
        Quantity("voltage", "V", _MEASURED, 0.0, 1_000.0),
        Quantity("current", "A", _MEASURED, -5_000.0, 5_000.0),
        Quantity("power_factor", "1", _MEASURED, -1.0, 1.0),
        Quantity("frequency", "Hz", _MEASURED, 40.0, 70.0),
        # water, heat and air in pipes and ducts
        Quantity("volume", "m3", _TOTAL, 0.0, 1e10),
        Quantity("flow", "m3/h", _MEASURED, 0.0, 100_000.0),
        Quantity("level", "m", _MEASURED, -100.0, 1_000.0),
        Quantity("distance", "m", _MEASURED, 0.0, 60.0, (65.535,)),
        Quantity("water_pressure", "bar", _MEASURED, -1.0, 100.0),
        Quantity("differential_pressure", "Pa", _MEASURED, -10_000.0, 10_000.0, (32_767.0, -32_768.0)),
        Quantity("position", "%", _MEASURED, 0.0, 100.0, (255.0,)),
        Quantity("ph", "[pH]", _MEASURED, 0.0, 14.0),
        Quantity("turbidity", "[NTU]", _MEASURED, 0.0, 10_000.0),
        # weather, soil and roads
        Quantity("wind_speed", "m/s", _MEASURED, 0.0, 90.0),
        Quantity("wind_direction", "deg", _MEASURED, 0.0, 360.0),
        Quantity("precipitation", "mm", _MEASURED, 0.0, 500.0),
        Quantity("precipitation_total", "mm", _TOTAL, 0.0, 1e6),
        Quantity("precipitation_intensity", "mm/h", _MEASURED, 0.0, 1_000.0),
        Quantity("irradiance", "W/m2", _MEASURED, 0.0, 2_000.0),
        Quantity("uv_index", "1", _MEASURED, 0.0, 25.0, (255.0,)),
        Quantity("snow_depth", "cm", _MEASURED, 0.0, 1_000.0, (6553.5,)),
        Quantity("film_thickness", "um", _MEASURED, 0.0, 20_000.0),
        Quantity("friction", "1", _MEASURED, 0.0, 1.0),
        Quantity("soil_moisture", "%", _MEASURED, 0.0, 100.0, (327.67, 655.35)),
        Quantity("conductivity", "uS/cm", _MEASURED, 0.0, 50_000.0, (65_535.0,)),
        Quantity("tilt", "deg", _MEASURED, -180.0, 180.0),
        # traffic
        Quantity("speed", "km/h", _MEASURED, 0.0, 250.0),
        Quantity("count", "1", _MEASURED, 0.0, 100_000.0),
        Quantity("counter", "1", _TOTAL, 0.0, 1e10),
        Quantity("occupancy", "%", _MEASURED, 0.0, 100.0),
        Quantity("travel_time", "s", _MEASURED, 0.0, 86_400.0),
        Quantity("latitude", "deg", _MEASURED, -90.0, 90.0),
        Quantity("longitude", "deg", _MEASURED, -180.0, 180.0),
        Quantity("heading", "deg", _MEASURED, 0.0, 360.0),
        # waste and sewage
        Quantity("fill", "%", _MEASURED, 0.0, 100.0, (255.0,)),
        Quantity("overflow", "1", _STATE),
        # the device itself
        Quantity("battery", "%", _MEASURED, 0.0, 100.0, (255.0,)),
        Quantity("signal", "dB", _MEASURED, -200.0, 50.0),
        Quantity("dimming", "%", _MEASURED, 0.0, 100.0, (255.0,)),
        Quantity("duration", "h", _TOTAL, 0.0, 1e7),
        Quantity("uptime", "s", _MEASURED, 0.0, 1e10),
        Quantity("switch", "1", _STATE),
        Quantity("presence", "1", _STATE),
        Quantity("opening", "1", _STATE),
        Quantity("fault", "1", _STATE),
    )
}
