"""Whether a Rule is watched at a moment, and the table of its file that says so: ``[when]``.

::

    [when]
    use = "open"
    months = [10, 11, 12, 1, 2, 3]
    days = "mon-fri"
    from = "22:00"
    to = "06:00"
    holidays = false
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from ingest.inventory import OpeningHours
from ingest.inventory_tables import Clock
from ingest.toml_table import CHOICE, Table
from ingest.written_time import to_minutes, to_weekdays
from schemas.schedule import ALWAYS, Schedule, Use

_MINUTE_MS = 60_000
_QUARTER_MS = 15 * _MINUTE_MS  # clocks have only ever been changed at a quarter of an hour
_DAY_MS = 24 * 60 * _MINUTE_MS
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = date(1970, 1, 1).weekday()


def is_watched(schedule: Schedule, hours: Iterable[OpeningHours], time_ms: int, zone_info: ZoneInfo) -> bool:
    """Return whether a Rule is watched at a moment.

    Days, times and months are those of the clock on the wall: an hour that autumn has twice counts twice, one that
    spring leaves out never. Of a window over midnight, month, weekday and holiday are those of the day on which it
    begins; opening hours are those of the day itself.

    Args:
        schedule: When.
        hours: When the site is in use; a site without any is always open, on holidays too.
        time_ms: Milliseconds since 1970 in UTC.
        zone_info: The municipality's time zone.
    """
    if schedule is ALWAYS:
        return True
    day, rest_ms = divmod(time_ms + _find_offset(zone_info, time_ms // _QUARTER_MS), _DAY_MS)
    minute = rest_ms // _MINUTE_MS
    if schedule.use is not Use.ALWAYS and _is_open(hours, day, minute) is not (schedule.use is Use.OPEN):
        return False
    if schedule.from_min <= schedule.to_min:
        begun = day if schedule.from_min <= minute < schedule.to_min else None
    elif minute >= schedule.from_min:
        begun = day
    else:
        begun = day - 1 if minute < schedule.to_min else None
    if begun is None or (schedule.weekdays and _find_weekday(begun) not in schedule.weekdays):
        return False
    if not schedule.months and schedule.holidays:
        return True
    found = _read_calendar(begun)
    return (not schedule.months or found.month in schedule.months) and (schedule.holidays or not found.is_holiday)


def _is_open(hours: Iterable[OpeningHours], day: int, minute: int) -> bool:
    """Return whether a site is in use at a minute of a local day."""
    is_without, weekday = True, _find_weekday(day)
    for one in hours:
        if one.weekday == weekday and one.opens_min <= minute < one.closes_min:
            return not _read_calendar(day).is_holiday
        is_without = False
    return is_without


def _find_weekday(day: int) -> int:
    """Return 0 for a Monday, of a day since 1970."""
    return (day + _EPOCH_WEEKDAY) % 7


class _CalendarDay(NamedTuple):
    """What the calendar says of a day.

    Attributes:
        month: 1 to 12.
        is_holiday: Whether it is a public holiday.
    """

    month: int
    is_holiday: bool


@lru_cache(maxsize=1024)
def _read_calendar(day: int) -> _CalendarDay:
    """Return what the calendar says of a day since 1970."""
    found = date.fromordinal(_EPOCH_ORDINAL + day)
    return _CalendarDay(found.month, found in list_holidays(found.year))


@lru_cache(maxsize=64)
def list_holidays(year: int) -> frozenset[date]:
    """Return Norway's public holidays of a year: the twelve by law, some of which are Sundays.

    Other Sundays are days of the week. Christmas Eve, New Year's Eve and the Saturday before Easter are none by law.
    Those of Easter are computed until 2100; later years have none.
    """
    from holidays.countries.norway import Norway  # noqa: PLC0415 - 0.1 s and 17 MB that only such rules need

    return frozenset(Norway(years=year, expand=False))


@lru_cache(maxsize=1024)
def _find_offset(zone_info: ZoneInfo, quarter: int) -> int:
    """Return how far the clock on the wall is ahead of UTC in a quarter of an hour since 1970, in milliseconds."""
    moment = datetime.fromtimestamp(quarter * (_QUARTER_MS // 1000), UTC).astimezone(zone_info)
    return int((moment.replace(tzinfo=UTC) - moment).total_seconds()) * 1000


class ScheduleTable(Table):
    """``[when]``: every key that is there must allow it.

    Attributes:
        use: ``open`` or ``closed`` by the opening hours of the site.
        months: 1 to 12.
        days: Such as ``mon-fri`` or ``sat,sun``.
        begins: Time of the local day.
        ends: Likewise; before ``begins`` where the window is over midnight.
        holidays: Whether it is watched on public holidays.
    """

    use: Annotated[Use, Field(strict=False)] = Use.ALWAYS
    months: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(default_factory=list), CHOICE]
    days: str | None = None
    begins: Annotated[Clock, Field(alias="from")] = "00:00"
    ends: Annotated[Clock, Field(alias="to")] = "24:00"
    holidays: bool = True

    @field_validator("days")
    @classmethod
    def _check_days(cls, days: str | None) -> str | None:
        if days is not None:
            to_weekdays(days)
        return days

    @field_validator("begins")
    @classmethod
    def _check_begin(cls, begins: str) -> str:
        if to_minutes(begins) == ALWAYS.to_min:
            raise ValueError('must be before "24:00"; write "00:00"')
        return begins

    @field_validator("ends")
    @classmethod
    def _check_end(cls, ends: str, others: ValidationInfo) -> str:
        if ends == others.data.get("begins"):
            raise ValueError("must not be the same as from; leave both out for the whole day")
        return ends

    def build(self) -> Schedule:
        """Return the Schedule; ``ALWAYS`` itself where nothing restricts it."""
        from_min, to_min = to_minutes(self.begins), to_minutes(self.ends)
        weekdays = frozenset[int]() if self.days is None else frozenset(to_weekdays(self.days))
        schedule = Schedule(self.use, frozenset(self.months), weekdays, from_min, to_min, self.holidays)
        return ALWAYS if schedule == ALWAYS else schedule
