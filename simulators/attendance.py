"""Attendance: how much a Site is in use at a moment, from its category, its opening hours and the calendar."""

from datetime import date

from ingest.inventory import Site
from simulators.days import LocalDay, find_day, is_school_day, list_public_holidays, read_clock

ROUND_THE_CLOCK = frozenset({"nursing_home", "fire_station"})
SCHOOL_CALENDAR = frozenset({"school"})
ARRIVAL_H = 0.75
"""People arrive within this much of opening, and leave within it of closing."""
NIGHT_SHARE = 0.45
"""What stays in use at night where people live."""


class Attendance:
    """How much one Site is in use.

    Args:
        site: Without opening hours it is never in use, unless its category is round the clock.
    """

    def __init__(self, site: Site) -> None:
        self._round_the_clock = site.category in ROUND_THE_CLOCK
        self._school_calendar = site.category in SCHOOL_CALENDAR
        self._hours = {
            weekday: tuple((h.opens_min / 60, h.closes_min / 60) for h in site.opening_hours if h.weekday == weekday)
            for weekday in range(7)
        }

    def list_hours(self, day: date) -> tuple[tuple[float, float], ...]:
        """Return when the Site opens and closes on a date, in hours on the wall clock; empty when it stays closed."""
        if self._round_the_clock:
            return ((7.0, 21.0),)
        if day in list_public_holidays(day.year) or (self._school_calendar and not is_school_day(day)):
            return ()
        return self._hours[day.weekday()]

    def share(self, time_ms: int) -> float:
        """Return the share of a full house at a moment, 0 to 1."""
        return self._share_at(self.list_hours(find_day(time_ms).date), read_clock(time_ms))

    def list_shares(self, day: LocalDay, early_h: float = 0.0) -> list[float]:
        """Return the share in the middle of each quarter-hour of a day.

        Args:
            day: Which.
            early_h: How many hours before people it starts, as ventilation does.
        """
        hours = tuple((opens - early_h, closes) for opens, closes in self.list_hours(day.date))
        return [self._share_at(hours, hour) for hour in day.slot_hours]

    def count_hours(self, day: LocalDay) -> float:
        """Return about how many hours of a full house the day holds."""
        used = sum(max(0.0, closes - opens - ARRIVAL_H) for opens, closes in self.list_hours(day.date))
        return used + (day.hours - used) * (NIGHT_SHARE if self._round_the_clock else 0.0)

    def _share_at(self, hours: tuple[tuple[float, float], ...], hour: float) -> float:
        floor = NIGHT_SHARE if self._round_the_clock else 0.0
        return max((floor, *(_ramp(hour, opens, closes) for opens, closes in hours)))


def _ramp(hour: float, opens: float, closes: float) -> float:
    return min(1.0, max(0.0, min(hour - opens, closes - hour) / ARRIVAL_H))
