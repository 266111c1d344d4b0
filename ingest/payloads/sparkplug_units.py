"""Units as building automation spells them: what stands in a metric's ``engUnit``, as a UCUM code.

What is not known here stays as it is, so that a number in it is refused and never taken for one in another unit.

Sources: the names of ASHRAE 135 (BACnet), ``BACnetEngineeringUnits``; UCUM; how units are written for people.
"""

from collections.abc import Mapping

from schemas.units import UNITS

MOST_CHARACTERS = 40

_DISPLAYED = {unit.display: unit.ucum for unit in UNITS.values() if unit.display}
# In lower case. Of units that only the case of a letter tells apart, such as mW and MW, there is none.
_SPELLED: Mapping[str, str] = {
    "bars": "bar",
    "c": "Cel",
    "celsius": "Cel",
    "cubic-meters": "m3",
    "cubic-meters-per-hour": "m3/h",
    "deg c": "Cel",
    "deg f": "[degF]",
    "degc": "Cel",
    "degf": "[degF]",
    "degrees-celsius": "Cel",
    "degrees-fahrenheit": "[degF]",
    "degrees-kelvin": "K",
    "f": "[degF]",
    "fahrenheit": "[degF]",
    "hectopascals": "hPa",
    "hertz": "Hz",
    "hours": "h",
    "hpa": "hPa",
    "hz": "Hz",
    "joules": "J",
    "kilopascals": "kPa",
    "kilowatt-hours": "kW.h",
    "kilowatts": "kW",
    "kpa": "kPa",
    "kw": "kW",
    "kwh": "kW.h",
    "l/h": "L/h",
    "l/min": "L/min",
    "l/s": "L/s",
    "liters": "L",
    "liters-per-hour": "L/h",
    "liters-per-minute": "L/min",
    "liters-per-second": "L/s",
    "luxes": "lx",
    "m3/h": "m3/h",
    "megawatt-hours": "MW.h",
    "megawatts": "MW",
    "millibars": "mbar",
    "minutes": "min",
    "pa": "Pa",
    "parts-per-billion": "[ppb]",
    "parts-per-million": "[ppm]",
    "pascals": "Pa",
    "percent": "%",
    "percent-relative-humidity": "%",
    "%rh": "%",
    "ppb": "[ppb]",
    "ppm": "[ppm]",
    "seconds": "s",
    "volts": "V",
    "watt-hours": "W.h",
    "watts": "W",
    "wh": "W.h",
    "℃": "Cel",
    "℉": "[degF]",
    "°c": "Cel",
    "°f": "[degF]",
}


def read_unit(text: str) -> str:
    """Return the UCUM code of a unit; the text as it is where the unit is not known."""
    written = text.strip()[:MOST_CHARACTERS]
    if written in UNITS:
        return written
    return _DISPLAYED.get(written) or _SPELLED.get(written.lower(), written)
