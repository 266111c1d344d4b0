"""Units in Grafana: its identifiers by UCUM code. Every panel names its unit in UCUM; this is the one table.

Every unit of a quantity is in it, so that whatever a device type measures can be shown.
"""

from schemas.units import UnitError

GRAFANA_UNITS: dict[str, str] = {
    "1": "locale",  # a plain number, thousands apart
    "%": "percent",
    "[ppm]": "ppm",
    "Cel": "celsius",
    "K": "suffix:K",
    "W": "watt",
    "kW.h": "kwatth",
    "kW.h/m2": "suffix:kWh/m²",
    "W/m2": "suffix:W/m²",
    "var": "suffix:var",
    "kvar.h": "suffix:kvarh",
    "V": "volt",
    "A": "amp",
    "Hz": "hertz",
    "lx": "suffix:lux",
    "dB": "dB",
    "hPa": "pressurehpa",
    "Pa": "suffix:Pa",
    "bar": "pressurebar",
    "ug/m3": "suffix:µg/m³",
    "Bq/m3": "suffix:Bq/m³",
    "[pH]": "prefix:pH ",
    "[NTU]": "suffix:NTU",
    "uS/cm": "suffix:µS/cm",
    "m2": "suffix:m²",
    "m3": "m3",
    "m3/h": "suffix:m³/h",
    "m/s": "velocityms",
    "km/h": "velocitykmh",
    "m": "lengthm",
    "cm": "suffix:cm",
    "mm": "lengthmm",
    "mm/h": "suffix:mm/h",
    "um": "suffix:µm",
    "deg": "degree",
    "s": "s",
    "h": "suffix:timer",
    "By": "bytes",
    "{message}/s": "suffix:per sekund",
    "{line}/s": "suffix:linjer per sekund",
    "{device}": "suffix:sensorer",
}


def grafana_unit(ucum: str) -> str:
    """Return Grafana's identifier of a unit.

    Raises:
        UnitError: The code is not in the table.
    """
    try:
        return GRAFANA_UNITS[ucum]
    except KeyError:
        raise UnitError(f"unit {ucum!r} has no Grafana unit; add it to dashboards/units.py") from None
