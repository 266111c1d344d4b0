"""Units in Grafana: its identifiers by UCUM code. Every panel names its unit in UCUM; this is the one table."""

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
    "m2": "suffix:m²",
    "m3": "m3",
    "m3/h": "suffix:m³/h",
    "km/h": "velocitykmh",
    "mm": "lengthmm",
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
