"""Units by their UCUM code, and conversion between units of one dimension.

The codes are those of the Unified Code for Units of Measure (https://ucum.org/ucum), case-sensitive form.
``[NTU]`` is there since version 2.2; ``var`` is not, and has its name of IEC 80000-6. Factors of customary units are
those of its table: the foot, the US gallon and the pound-force are exact by definition, a metre of mercury column is
133.3220 kPa.
A table of factors serves: pint and its kind do not read UCUM, and the platform converts only at its edges.
"""

from dataclasses import dataclass


class UnitError(ValueError):
    """A unit is not known here, or two units do not measure the same thing."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit.

    Attributes:
        ucum: Code in UCUM, case-sensitive form.
        display: How people read it, after a number and a space.
        base: UCUM code of the unit that this dimension is converted through.
        factor: ``value_in_base = value * factor + offset``.
        offset: See ``factor``.
    """

    ucum: str
    display: str
    base: str
    factor: float = 1.0
    offset: float = 0.0


UNITS: dict[str, Unit] = {
    unit.ucum: unit
    for unit in (
        # ratios
        Unit("1", "", "1"),
        Unit("%", "%", "1", factor=0.01),
        Unit("[ppm]", "ppm", "1", factor=1e-6),
        Unit("[ppb]", "ppb", "1", factor=1e-9),
        # temperature
        Unit("Cel", "°C", "Cel"),
        Unit("[degF]", "°F", "Cel", factor=5 / 9, offset=-160 / 9),
        Unit("K", "K", "Cel", offset=-273.15),
        Unit("Cel/h", "°C/h", "Cel/h"),
        # energy and electricity
        Unit("W", "W", "W"),
        Unit("kW", "kW", "W", factor=1000.0),
        Unit("MW", "MW", "W", factor=1e6),
        Unit("kW.h", "kWh", "kW.h"),
        Unit("mW.h", "mWh", "kW.h", factor=1e-6),
        Unit("W.h", "Wh", "kW.h", factor=0.001),
        Unit("MW.h", "MWh", "kW.h", factor=1000.0),
        Unit("J", "J", "kW.h", factor=1 / 3.6e6),
        Unit("MJ", "MJ", "kW.h", factor=1 / 3.6),
        Unit("GJ", "GJ", "kW.h", factor=1000 / 3.6),
        Unit("var", "var", "var"),
        Unit("kvar", "kvar", "var", factor=1000.0),
        Unit("kvar.h", "kvarh", "kvar.h"),
        Unit("var.h", "varh", "kvar.h", factor=0.001),
        Unit("V", "V", "V"),
        Unit("mV", "mV", "V", factor=0.001),
        Unit("A", "A", "A"),
        Unit("mA", "mA", "A", factor=0.001),
        Unit("Hz", "Hz", "Hz"),
        # volume and flow
        Unit("m3", "m³", "m3"),
        Unit("L", "l", "m3", factor=0.001),
        Unit("[gal_us]", "gal", "m3", factor=0.003785411784),  # 231 cubic inches
        Unit("m3/h", "m³/h", "m3/h"),
        Unit("m3/s", "m³/s", "m3/h", factor=3600.0),
        Unit("L/s", "l/s", "m3/h", factor=3.6),
        Unit("L/min", "l/min", "m3/h", factor=0.06),
        Unit("L/h", "l/h", "m3/h", factor=0.001),
        # speed and length
        Unit("m/s", "m/s", "m/s"),
        Unit("km/h", "km/h", "m/s", factor=1 / 3.6),
        Unit("[mi_i]/h", "mph", "m/s", factor=0.44704),
        Unit("[kn_i]", "kn", "m/s", factor=1852 / 3600),
        Unit("m/h", "m/h", "m/h"),
        Unit("mm/h", "mm/h", "m/h", factor=0.001),
        Unit("m", "m", "m"),
        Unit("km", "km", "m", factor=1000.0),
        Unit("cm", "cm", "m", factor=0.01),
        Unit("mm", "mm", "m", factor=0.001),
        Unit("um", "µm", "m", factor=1e-6),
        Unit("[ft_i]", "ft", "m", factor=0.3048),
        # pressure
        Unit("hPa", "hPa", "hPa"),
        Unit("Pa", "Pa", "hPa", factor=0.01),
        Unit("kPa", "kPa", "hPa", factor=10.0),
        Unit("bar", "bar", "hPa", factor=1000.0),
        Unit("mbar", "mbar", "hPa"),
        Unit("mm[Hg]", "mmHg", "hPa", factor=1.33322),
        Unit("[in_i'Hg]", "inHg", "hPa", factor=33.863788),  # 0.0254 m of mercury column
        Unit("[psi]", "psi", "hPa", factor=0.45359237 * 9.80665 / 0.0254**2 / 100),  # pound-force a square inch
        # light, sound and radiation
        Unit("lx", "lux", "lx"),
        Unit("W/m2", "W/m²", "W/m2"),
        Unit("dB", "dB", "dB"),
        Unit("Bq/m3", "Bq/m³", "Bq/m3"),
        Unit("pCi/L", "pCi/l", "Bq/m3", factor=37.0),
        # time
        Unit("s", "s", "s"),
        Unit("ms", "ms", "s", factor=0.001),
        Unit("min", "min", "s", factor=60.0),
        Unit("h", "h", "s", factor=3600.0),
        Unit("d", "d", "s", factor=86_400.0),
        # air, water and soil
        Unit("ug/m3", "µg/m³", "ug/m3"),
        Unit("mg/m3", "mg/m³", "ug/m3", factor=1000.0),
        Unit("kg/m3", "kg/m³", "ug/m3", factor=1e9),
        Unit("[pH]", "pH", "[pH]"),
        Unit("[NTU]", "NTU", "[NTU]"),
        Unit("uS/cm", "µS/cm", "uS/cm"),
        Unit("mS/cm", "mS/cm", "uS/cm", factor=1000.0),
        Unit("dS/m", "dS/m", "uS/cm", factor=1000.0),
        Unit("S/m", "S/m", "uS/cm", factor=10_000.0),
        # angles
        Unit("deg", "°", "deg"),
    )
}


def find_unit(ucum: str) -> Unit:
    """Return the unit with this UCUM code.

    Raises:
        UnitError: The code is not in the table.
    """
    try:
        return UNITS[ucum]
    except KeyError:
        raise UnitError(f"unit {ucum!r} is not known; known units: {', '.join(sorted(UNITS))}") from None


def convert(value: float, source: str, target: str) -> float:
    """Convert a value from one unit to another of the same dimension.

    Args:
        value: In ``source``.
        source: UCUM code.
        target: UCUM code.

    Raises:
        UnitError: A code is not known, or the two do not measure the same thing.
    """
    if source == target:
        return value
    start, end = find_unit(source), find_unit(target)
    if start.base != end.base:
        raise UnitError(f"{source} cannot be converted to {target}: they do not measure the same thing")
    return (value * start.factor + start.offset - end.offset) / end.factor
