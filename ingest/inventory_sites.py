"""A ``[[site]]`` of the inventory by itself: what its numbers and times say, and the Site that it becomes. Pure.

What other tables of the inventory say of it, whether its key is taken for example, is for ``ingest.inventory_files``.
"""

from collections.abc import Iterator

from ingest.inventory import Category, OpeningHours, Site, Zone
from ingest.inventory_tables import HoursTable, SiteTable
from ingest.toml_file import Mistake, TomlFile, TomlPath
from ingest.written_time import DAYS, to_minutes, to_weekdays

_NORWAY = (57.0, 81.5, 2.0, 33.5)  # degrees: south, north, west, east; with Svalbard, without Jan Mayen


def find_wrong_site(file: TomlFile, path: TomlPath, table: SiteTable) -> Iterator[Mistake]:
    """Yield what is wrong with a site.

    Args:
        file: Where it stands.
        path: Where in the file.
        table: As it was written.
    """
    for key, message in (*_find_wrong_position(table), *_find_wrong_area(table)):
        yield file.mistake((*path, key), message)
    first: dict[str, TomlPath] = {}
    for index, zone in enumerate(table.zone):
        here = (*path, "zone", index, "key")
        if zone.key in first:
            place = f"{file.path}:{file.line(first[zone.key])}"
            yield file.mistake(here, f'zone "{zone.key}" is defined before, at {place}')
        first.setdefault(zone.key, here)
    for where, message in _find_wrong_hours(table):
        yield file.mistake((*path, "opening_hours", *where), message)


def make_site(table: SiteTable) -> Site:
    """Return the Site of a table; opening hours that make no sense are left out."""
    hours = (one for row in table.opening_hours for one in _list_hours(row))
    return Site(
        key=table.key,
        title=table.title,
        category=table.category,
        latitude=table.latitude,
        longitude=table.longitude,
        area_m2=table.area_m2,
        zones={zone.key: Zone(zone.key, zone.title) for zone in table.zone},
        opening_hours=tuple(sorted(hours, key=lambda one: (one.weekday, one.opens_min))),
        part_of=table.part_of or "",
    )


def _find_wrong_position(table: SiteTable) -> Iterator[tuple[str, str]]:
    """Refuse a position outside Norway, except for recordings, which were made anywhere."""
    if table.category is Category.RECORDINGS or _is_in_norway(table.latitude, table.longitude):
        return
    hint = "is not in Norway"
    if _is_in_norway(table.longitude, table.latitude):
        hint += "; latitude and longitude have changed places"
    yield "latitude", f"{table.latitude:g} north, {table.longitude:g} east {hint}"


def _is_in_norway(latitude: float, longitude: float) -> bool:
    south, north, west, east = _NORWAY
    return south <= latitude <= north and west <= longitude <= east


def _find_wrong_area(table: SiteTable) -> Iterator[tuple[str, str]]:
    """Refuse a building without a floor area, and a place with one."""
    if table.category.is_building and table.area_m2 is None:
        yield "area_m2", f"is missing: a building ({table.category}) has a heated floor area in m2"
    elif not table.category.is_building and table.area_m2 is not None:
        yield "area_m2", f"must be left out: a {table.category} is not a building with a heated floor area"


def _find_wrong_hours(table: SiteTable) -> Iterator[tuple[TomlPath, str]]:
    """Refuse opening hours that make no sense, or overlap."""
    found: list[OpeningHours] = []
    for index, row in enumerate(table.opening_hours):
        if to_minutes(row.closes) <= to_minutes(row.opens):
            yield (index, "closes"), "must be after opens; hours past midnight are two entries"
        try:
            to_weekdays(row.days)
        except ValueError as error:
            yield (index, "days"), str(error)
        for hours in _list_hours(row):
            if any(_overlap(hours, other) for other in found):
                yield (index,), f"overlaps other opening hours on {DAYS[hours.weekday]}"
            found.append(hours)


def _list_hours(row: HoursTable) -> Iterator[OpeningHours]:
    """Yield the opening hours of each day that a row names; none where it names no days."""
    try:
        weekdays = to_weekdays(row.days)
    except ValueError:
        return
    for weekday in weekdays:
        yield OpeningHours(weekday, to_minutes(row.opens), to_minutes(row.closes))


def _overlap(one: OpeningHours, other: OpeningHours) -> bool:
    return one.weekday == other.weekday and other.opens_min < one.closes_min and one.opens_min < other.closes_min
