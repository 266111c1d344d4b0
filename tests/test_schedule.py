"""Schedules: when a rule is watched, on usual days, public holidays and those on which the clocks change."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.alerts.schedule import ScheduleTable, is_watched, list_holidays
from ingest.inventory import OpeningHours
from ingest.local_time import parse_local
from schemas.schedule import ALWAYS, Schedule, Use

LOCAL = ZoneInfo("Europe/Oslo")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
OFFICE = tuple(OpeningHours(weekday, 7 * 60 + 30, 16 * 60) for weekday in range(5))


def build(**keys: object) -> Schedule:
    return ScheduleTable.model_validate(keys).build()


def is_watched_at(text: str, schedule: Schedule, hours: tuple[OpeningHours, ...] = OFFICE) -> bool:
    return is_watched(schedule, hours, parse_local(text), LOCAL)


def count_hours(schedule: Schedule, begin: str, end: str) -> float:
    """Return how many hours of a time it is watched, in steps of a quarter."""
    times = range(parse_local(begin), parse_local(end), 15 * MINUTE_MS)
    return sum(is_watched(schedule, OFFICE, time_ms, LOCAL) for time_ms in times) / 4


@pytest.mark.parametrize(
    ("time", "is_open"),
    [
        ("2026-01-14 07:29:59", False),
        ("2026-01-14 07:30", True),
        ("2026-01-14 15:59:59", True),
        ("2026-01-14 16:00", False),
        ("2026-07-15 07:30", True),  # in summer time
        ("2026-01-17 12:00", False),  # Saturday
        ("2026-05-14 12:00", False),  # Ascension Day, a Thursday
        ("2026-12-24 12:00", True),  # Christmas Eve, no holiday by law
    ],
)
def test_open_and_closed_are_by_the_opening_hours_and_public_holidays(time: str, *, is_open: bool) -> None:
    assert is_watched_at(time, build(use="open")) is is_open
    assert is_watched_at(time, build(use="closed")) is not is_open
    assert is_watched_at(time, build())


@pytest.mark.parametrize("time", ["2026-01-14 03:00", "2026-05-17 12:00"])
def test_a_site_without_opening_hours_is_always_open(time: str) -> None:
    assert is_watched_at(time, build(use="open"), ())
    assert not is_watched_at(time, build(use="closed"), ())


def test_the_public_holidays_are_the_twelve_by_law() -> None:
    assert list_holidays(2026) == {
        date(2026, 1, 1),
        date(2026, 4, 2),  # Maundy Thursday
        date(2026, 4, 3),
        date(2026, 4, 5),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 17),
        date(2026, 5, 14),  # Ascension Day
        date(2026, 5, 24),
        date(2026, 5, 25),
        date(2026, 12, 25),
        date(2026, 12, 26),
    }


@pytest.mark.parametrize("year", [1970, 2024, 2025, 2027, 2099])
def test_every_year_has_its_holidays(year: int) -> None:
    found = list_holidays(year)
    assert {date(year, 5, 17), date(year, 12, 25)} <= found
    assert 10 <= len(found) <= 12
    assert not {date(year, 12, 24), date(year, 12, 31)} & found


def test_a_rule_may_rest_on_public_holidays() -> None:
    schedule = build(holidays=False)
    assert not is_watched_at("2026-05-01 12:00", schedule)
    assert is_watched_at("2026-05-03 12:00", schedule)  # a Sunday like others
    assert is_watched_at("2026-12-24 18:00", schedule)


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    schedule = build(days="fri", **{"from": "22:00", "to": "06:00"})
    watched = [
        hour for hour in range(72) if is_watched(schedule, (), parse_local("2026-01-16") + hour * HOUR_MS, LOCAL)
    ]
    assert watched == list(range(22, 30))
    before_a_holiday = build(holidays=False, **{"from": "22:00", "to": "06:00"})
    assert is_watched_at("2026-05-01 05:59", before_a_holiday)  # the night of 30 April
    assert not is_watched_at("2026-05-01 22:00", before_a_holiday)
    assert not is_watched_at("2026-05-02 05:59", before_a_holiday)
    october = build(months=[10], **{"from": "22:00", "to": "06:00"})
    assert is_watched_at("2026-11-01 05:00", october)
    assert not is_watched_at("2026-10-01 05:00", october)


@pytest.mark.parametrize(
    ("day", "length"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_days_on_which_the_clocks_change(day: str, length: int) -> None:
    next_day = str(date.fromisoformat(day) + timedelta(days=1))
    only = build(days="sun" if length != 24 else "sat")
    assert count_hours(only, day, next_day) == length
    assert count_hours(build(**{"from": "01:00", "to": "04:00"}), day, next_day) == length - 21
    assert count_hours(build(use="open"), day, next_day) == 0


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-27", 8), ("2026-03-28", 7), ("2026-10-24", 9)])
def test_nights_in_which_the_clocks_change(evening: str, hours: int) -> None:
    begin = f"{evening} 12:00"
    end = f"{date.fromisoformat(evening) + timedelta(days=1)} 12:00"
    assert count_hours(build(**{"from": "22:00", "to": "06:00"}), begin, end) == hours


def test_the_hour_that_comes_twice_is_watched_twice() -> None:
    schedule = build(**{"from": "02:00", "to": "03:00"})
    assert count_hours(schedule, "2026-10-25", "2026-10-26") == 2
    assert count_hours(schedule, "2026-03-29", "2026-03-30") == 0


SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(Use),
    st.frozensets(st.integers(1, 12)),
    st.frozensets(st.integers(0, 6)),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.booleans(),
)


def find_watched(schedule: Schedule, time_ms: int) -> bool:
    """Return the same by the calendar of the standard library, minute by minute."""
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(LOCAL)
    minute, today = moment.hour * 60 + moment.minute, moment.date()
    is_open = any(
        one.weekday == today.weekday() and one.opens_min <= minute < one.closes_min for one in OFFICE
    ) and today not in list_holidays(today.year)
    if schedule.use is not Use.ALWAYS and is_open != (schedule.use is Use.OPEN):
        return False
    for begun, shown in itertools.chain([(today, minute), (today - timedelta(days=1), minute + 1440)]):
        end = schedule.to_min + (1440 if schedule.to_min < schedule.from_min else 0)
        if schedule.from_min <= shown < end:
            return (
                (not schedule.months or begun.month in schedule.months)
                and (not schedule.weekdays or begun.weekday() in schedule.weekdays)
                and (schedule.holidays or begun not in list_holidays(begun.year))
            )
    return False


@given(SCHEDULES, st.integers(parse_local("2020-01-01"), parse_local("2030-01-01")))
def test_law_it_is_watched_when_the_calendar_says_so(schedule: Schedule, time_ms: int) -> None:
    assert is_watched(schedule, OFFICE, time_ms, LOCAL) == find_watched(schedule, time_ms)


def test_a_table_without_restrictions_is_always() -> None:
    assert build() is ALWAYS
    assert build(days="mon-sun", **{"from": "00:00", "to": "24:00"}).weekdays == frozenset(range(7))


def test_a_table_is_read() -> None:
    keys = {"use": "open", "months": [10, 11], "days": "mon-fri", "from": "22:00", "to": "06:00", "holidays": False}
    assert build(**keys) == Schedule(
        Use.OPEN, frozenset({10, 11}), frozenset(range(5)), 22 * 60, 6 * 60, holidays=False
    )


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"days": "fri-mon"}, "runs backwards"),
        ({"days": "man-fre"}, "must be days such as"),
        ({"from": "08:00", "to": "08:00"}, "must not be the same as from"),
        ({"from": "24:00", "to": "08:00"}, "before"),
        ({"months": []}, "at least one"),
        ({"months": [1, 1]}, "must not name 1 twice"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**keys)


@pytest.mark.parametrize(
    "keys", [{"months": [0]}, {"months": [13]}, {"use": "sometimes"}, {"from": "8"}, {"day": "mon"}]
)
def test_a_table_that_cannot_be_read_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        build(**keys)
