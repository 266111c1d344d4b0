"""The local night in UTC, on usual days and on those when the clocks change."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.night import read_night
from ingest.event_time import parse_time
from ingest.local_time import parse_local

LOCAL = ZoneInfo("Europe/Oslo")
HOUR_MS = 3_600_000
MARCH, OCTOBER = parse_local("2026-03-28"), parse_local("2026-10-24")
"""The days before those on which the clocks change."""


@pytest.mark.parametrize(
    ("day", "begins", "ends", "begin", "end"),
    [
        ("2026-01-15", "01:00", "04:00", "2026-01-15T01:00+01:00", "2026-01-15T04:00+01:00"),
        ("2026-01-15", "23:00", "06:00", "2026-01-14T23:00+01:00", "2026-01-15T06:00+01:00"),
        ("2026-01-15", "00:00", "24:00", "2026-01-15T00:00+01:00", "2026-01-16T00:00+01:00"),
        ("2026-01-15", "22:00", "00:00", "2026-01-15T22:00+01:00", "2026-01-16T00:00+01:00"),
        # spring: 02:00 to 03:00 does not exist
        ("2026-03-29", "01:00", "04:00", "2026-03-29T01:00+01:00", "2026-03-29T04:00+02:00"),
        ("2026-03-29", "01:30", "02:30", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        ("2026-03-29", "02:30", "04:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"),
        ("2026-03-29", "02:10", "02:50", "2026-03-30T02:10+02:00", "2026-03-30T02:50+02:00"),
        # autumn: it comes twice
        ("2026-10-25", "01:00", "04:00", "2026-10-25T01:00+02:00", "2026-10-25T04:00+01:00"),
        ("2026-10-25", "02:15", "02:45", "2026-10-25T02:15+02:00", "2026-10-25T02:45+01:00"),
    ],
)
def test_a_night_is_that_of_the_clock_on_the_wall(day: str, begins: str, ends: str, begin: str, end: str) -> None:
    found = read_night(begins, ends, LOCAL).find(parse_local(day))
    assert found == tuple(parse_time(text.replace("+", ":00+")) for text in (begin, end))


@given(st.integers(0, 1439), st.integers(0, 1440), st.sampled_from([MARCH, OCTOBER, 0]), st.integers(0, 72 * HOUR_MS))
def test_the_night_found_is_the_first_to_end(from_min: int, to_min: int, day_ms: int, after_ms: int) -> None:
    if from_min == to_min:
        return
    night = read_night(f"{from_min // 60:02}:{from_min % 60:02}", f"{to_min // 60:02}:{to_min % 60:02}", LOCAL)
    begin_ms, end_ms = night.find(day_ms + after_ms)
    assert begin_ms < end_ms > day_ms + after_ms
    assert night.find(begin_ms) == (begin_ms, end_ms) or from_min > to_min
    assert night.find(end_ms)[1] > end_ms
