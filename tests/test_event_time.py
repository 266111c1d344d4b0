"""Event time: RFC 3339 and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.event_time import format_time, parse_time

LAST_MS = 253_402_300_799_999


@pytest.mark.hazard("time-form", "native")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-15T12:00:00Z", 1_768_478_400_000),
        ("2026-01-15T13:00:00+01:00", 1_768_478_400_000),
        ("2026-01-15t12:00:00z", 1_768_478_400_000),
        ("2026-01-15T12:00:00.25Z", 1_768_478_400_250),
        ("2026-01-15T12:00:00.123999999Z", 1_768_478_400_123),
        ("1969-12-31T23:59:59.500Z", -500),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2026-10-25T02:30:00+02:00", 1_792_888_200_000),
        ("2026-10-25T02:30:00+01:00", 1_792_891_800_000),
    ],
)
def test_parse(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.hazard("time-form", "native")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-15",
        "2026-01-15T12:00:00",
        "2026-01-15 12:00:00Z",
        "20260115T120000Z",
        "2026-W03-4T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-15T24:30:00Z",
        "2026-01-15T12:00:61Z",
        "2026-01-15T12:00Z",
        "2026-01-15T12:00:00+0100",
        "2026-01-15T12:00:00,5Z",
        "२०२६-01-15T12:00:00Z",
        "1768478400",
        "2026-01-15T12:00:00Z\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the wording comes partly from the standard library
        parse_time(text)


@given(st.integers(min_value=-62_135_596_800_000, max_value=LAST_MS))
def test_a_time_survives_the_way_out_and_back(time_ms: int) -> None:
    assert parse_time(format_time(time_ms)) == time_ms


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds and adds the zone
def test_parse_agrees_with_the_standard_library(moment: datetime) -> None:
    expected = round((moment.replace(microsecond=moment.microsecond // 1000 * 1000).timestamp()) * 1000)
    assert parse_time(moment.isoformat()) == expected
