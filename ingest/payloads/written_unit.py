"""Units as devices and people write them (°C, kWh, µg/m³), as UCUM codes."""

from schemas.units import UNITS
from schemas.validation import shorten

_OTHERS = {
    "C": "Cel",
    "℃": "Cel",
    "F": "[degF]",
    "#": "1",
    "lx": "lx",
    "dBA": "dB",
    "dB(A)": "dB",
    "l": "L",
    "L": "L",
    "m3": "m3",
    "m^3": "m3",
    "L/min": "L/min",
    "L/h": "L/h",
    "L/s": "L/s",
    "m3/h": "m3/h",
    "kt": "[kn_i]",
    "W/m2": "W/m2",
    "ug/m3": "ug/m3",
    "mg/m3": "mg/m3",
    "uS/cm": "uS/cm",
    "pCi/L": "pCi/L",
    "Bq/m3": "Bq/m3",
}
_WRITTEN = {unit.display: unit.ucum for unit in UNITS.values() if unit.display} | _OTHERS
_GREEK_MU = "μ"


def read_unit(text: str) -> str:
    """Return the UCUM code of a unit that is written for people.

    What is not known stays as it is, so that a value in it is refused and not taken for one in another unit.
    """
    written = text.strip().replace(_GREEK_MU, "µ")
    return _WRITTEN.get(written) or shorten(written)
