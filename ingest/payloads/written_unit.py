"""Units as people, devices and building automation write them (°C, kWh, degrees-celsius), as UCUM codes.

What is not known here stays as it is, so that a number in it is refused and never taken for one in another unit.

Sources: UCUM's own codes; how ``schemas.units`` displays them; the names of ASHRAE 135 (BACnet),
``BACnetEngineeringUnits``; what Homie, Home Assistant, Sparkplug gateways and makers' decoders write besides.
"""

from collections.abc import Mapping

from schemas.units import UNITS
from schemas.validation import shorten

_GREEK_MU = "μ"

# Exactly as written, for the case of a letter tells units apart.
_WRITTEN: Mapping[str, str] = {
    **{unit.display: unit.ucum for unit in UNITS.values() if unit.display},
    **{code: code for code in UNITS},
    "#": "1",
    "dBA": "dB",
    "dB(A)": "dB",
    "kt": "[kn_i]",
    "m^3": "m3",
}
# In lower case, however it is written. Of units that only the case of a letter tells apart, such as mW and MW, there
# is none.
_SPELLED: Mapping[str, str] = {
    "bars": "bar",
    "c": "Cel",
    "celsius": "Cel",
    "cubic-meters": "m3",
    "cubic-meters-per-hour": "m3/h",
    "cubic-meters-per-second": "m3/s",
    "deg c": "Cel",
    "deg f": "[degF]",
    "degc": "Cel",
    "degf": "[degF]",
    "degrees-celsius": "Cel",
    "degrees-fahrenheit": "[degF]",
    "degrees-kelvin": "K",
    "f": "[degF]",
    "fahrenheit": "[degF]",
    "feet": "[ft_i]",
    "hectopascals": "hPa",
    "hertz": "Hz",
    "hours": "h",
    "hpa": "hPa",
    "hz": "Hz",
    "inches-of-mercury": "[in_i'Hg]",
    "inhg": "[in_i'Hg]",
    "joules": "J",
    "kilograms-per-cubic-meter": "kg/m3",
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
    "pounds-force-per-square-inch": "[psi]",
    "ppb": "[ppb]",
    "ppm": "[ppm]",
    "psi": "[psi]",
    "seconds": "s",
    "siemens-per-meter": "S/m",
    "us-gallons": "[gal_us]",
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
    """Return the UCUM code of a unit; what is not known as it is, of at most 80 characters."""
    written = text.strip().replace(_GREEK_MU, "µ")
    return _WRITTEN.get(written) or _SPELLED.get(written.lower()) or shorten(written)
