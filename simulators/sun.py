"""Sun: its height, and when street lights are needed, at a place on a date."""

import functools
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import astral
import astral.sun

from simulators.days import SLOT_MS

LIGHTING_ELEVATION = -3.0
"""Street lights burn while the sun is lower, in degrees."""


class Twilight(NamedTuple):
    """When it becomes light and dark on a date, milliseconds since 1970 in UTC.

    Both are None where the sun does not cross ``LIGHTING_ELEVATION``: the date is all dark or all light.
    """

    light_ms: int | None
    dark_ms: int | None


def is_dark(latitude: float, longitude: float, time_ms: int) -> bool:
    """Whether street lights burn; they switch at whole quarter-hours, as time switches do."""
    slot_ms = time_ms - time_ms % SLOT_MS
    day = (datetime.fromtimestamp(slot_ms / 1000, UTC) + timedelta(hours=longitude / 15.0)).date()
    light_ms, dark_ms = find_twilight(round(latitude, 1), round(longitude, 1), day)
    if light_ms is None or dark_ms is None:
        return find_elevation(latitude, longitude, slot_ms) < LIGHTING_ELEVATION
    return not light_ms <= slot_ms < dark_ms


@functools.lru_cache(maxsize=65_536)
def find_twilight(latitude: float, longitude: float, day: date) -> Twilight:
    """Return when it becomes light and dark.

    Args:
        latitude: Degrees north.
        longitude: Degrees east.
        day: Date in the place's own solar time.
    """
    observer = astral.Observer(latitude, longitude)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15.0)
    try:
        light, dark = (
            _nearest(
                noon,
                astral.sun.time_at_elevation(observer, LIGHTING_ELEVATION, day, direction, with_refraction=False),
            )
            for direction in (astral.SunDirection.RISING, astral.SunDirection.SETTING)
        )
    except ValueError:  # astral's way to say that the sun never gets there
        return Twilight(None, None)
    return Twilight(light, dark)


def find_elevation(latitude: float, longitude: float, time_ms: int) -> float:
    """Return the sun's height over the horizon in degrees, without refraction, to the nearest ten minutes."""
    return _find_elevation(round(latitude, 1), round(longitude, 1), time_ms // 600_000)


@functools.lru_cache(maxsize=65_536)
def _find_elevation(latitude: float, longitude: float, slot: int) -> float:
    moment = datetime.fromtimestamp(slot * 600, UTC)
    return astral.sun.elevation(astral.Observer(latitude, longitude), moment, with_refraction=False)


def _nearest(noon: datetime, moment: datetime) -> int:
    """Return a crossing in milliseconds, moved by whole days to within half a day of noon.

    Astral answers with the crossing on the UTC date, which far from Greenwich is another solar day's.
    """
    days = round((moment - noon) / timedelta(days=1))
    return round((moment - timedelta(days=days)).timestamp() * 1000)
