"""Local days in Europe/Oslo: their quarter-hours (92, 96 or 100), public holidays, and the days that schools teach."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
"""A day of UTC; local days are ``LocalDay``."""
SLOT_MS = 900_000
"""A quarter of an hour: the step of every simulated register."""
FRIDAY = 4
"""As ``date.weekday`` counts."""
SLOTS_PER_HOUR = HOUR_MS // SLOT_MS
FIRST_DATE = date(2024, 1, 1)
"""Simulated registers begin here."""


class TooEarlyError(ValueError):
    """A moment is before the first simulated day."""


@dataclass(frozen=True)
class LocalDay:
    """One day as people in Gjøvik live it.

    Attributes:
        date: The local date.
        number: Days since ``FIRST_DATE``.
        start_ms: Local midnight, milliseconds since 1970 in UTC.
        end_ms: The next local midnight, likewise.
    """

    date: date
    number: int
    start_ms: int
    end_ms: int

    @functools.cached_property
    def slots(self) -> range:
        """Start of each quarter-hour, milliseconds since 1970 in UTC."""
        return range(self.start_ms, self.end_ms, SLOT_MS)

    @property
    def hours(self) -> float:
        """How many hours the day has: 23, 24 or 25."""
        return (self.end_ms - self.start_ms) / HOUR_MS

    @functools.cached_property
    def slot_hours(self) -> tuple[float, ...]:
        """What the clock on the wall shows in the middle of each quarter-hour, in hours."""
        return tuple(read_clock(slot + SLOT_MS // 2) for slot in self.slots)


def find_day(time_ms: int) -> LocalDay:
    """Return the local day of a moment.

    Raises:
        TooEarlyError: It is before ``FIRST_DATE``.
    """
    return make_day(datetime.fromtimestamp(time_ms / 1000, OSLO).date())


@functools.lru_cache(maxsize=8192)
def make_day(day: date) -> LocalDay:
    """Return the local day of a date.

    Raises:
        TooEarlyError: It is before ``FIRST_DATE``.
    """
    if day < FIRST_DATE:
        raise TooEarlyError(f"{day} cannot be simulated: the simulated town begins on {FIRST_DATE}")
    return LocalDay(day, (day - FIRST_DATE).days, _midnight_ms(day), _midnight_ms(day + timedelta(days=1)))


def read_clock(time_ms: int) -> float:
    """Return the hours and parts of an hour since midnight on the wall clock."""
    moment = datetime.fromtimestamp(time_ms / 1000, OSLO)
    return moment.hour + moment.minute / 60 + moment.second / 3600


def read_profile(profile: Sequence[float], hour: float) -> float:
    """Return the value of a day's profile, which has one for each hour, at a time on the wall clock."""
    before = math.floor(hour)
    return profile[before] + (profile[(before + 1) % 24] - profile[before]) * (hour - before)


@functools.cache
def list_public_holidays(year: int) -> frozenset[date]:
    """Return the Norwegian public holidays of a year, Sundays left out unless they move with Easter."""
    easter = find_easter(year)
    moving = (-3, -2, 0, 1, 39, 49, 50)  # Maundy Thursday, Good Friday, Easter, its Monday, Ascension, Whitsun
    fixed = ((1, 1), (5, 1), (5, 17), (12, 25), (12, 26))
    return frozenset(
        [easter + timedelta(days=days) for days in moving] + [date(year, month, day) for month, day in fixed]
    )


def is_weekend(day: date) -> bool:
    """Whether it is Saturday or Sunday."""
    return day.weekday() > FRIDAY


@functools.lru_cache(maxsize=4096)
def is_free_day(day: date) -> bool:
    """Whether people in general are off work: weekends and public holidays."""
    return is_weekend(day) or day in list_public_holidays(day.year)


@functools.lru_cache(maxsize=4096)
def is_school_day(day: date) -> bool:
    """Whether schools teach: a working day outside the usual holidays of schools in eastern Norway."""
    if is_free_day(day):
        return False
    to_easter = (find_easter(day.year) - day).days
    week = day.isocalendar().week
    summer = date(day.year, 6, 20) <= day <= date(day.year, 8, 17)
    christmas = day >= date(day.year, 12, 21) or day <= date(day.year, 1, 2)
    autumn_or_winter = week in (8, 41)
    return not (summer or christmas or autumn_or_winter or 0 < to_easter <= 6)  # noqa: PLR2004  the week before Easter


@functools.cache
def find_easter(year: int) -> date:
    """Return Easter Sunday.

    Source: the anonymous Gregorian computus (Meeus, "Astronomical Algorithms", chapter 8).
    """
    century, of_century = divmod(year, 100)
    moon_shift = (8 * century + 13) // 25
    epact = (19 * (year % 19) + century - century // 4 - moon_shift + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    correction = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def _midnight_ms(day: date) -> int:
    return round(datetime.combine(day, time(), OSLO).astimezone(UTC).timestamp() * 1000)
