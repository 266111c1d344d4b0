"""Building: what the models of meters in buildings agree on."""

from ingest.inventory import Site

HEATED_BELOW = 17.0
"""Buildings need heat on days that are colder, in degrees Celsius (the base of Norwegian degree days)."""
DEFAULT_AREA_M2 = 1_000.0
"""Heated floor area of a site whose area is not known."""


def find_area(site: Site) -> float:
    """Return the heated floor area of a site in square metres."""
    return site.area_m2 or DEFAULT_AREA_M2
