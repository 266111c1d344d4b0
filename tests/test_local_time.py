"""Time as people write and read it, in Oslo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.event_time import parse_time
from ingest.local_time import format_local, format_span, parse_local


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15", "2026-01-14T23:00:00Z"),
        ("2026-01-15 12:00", "2026-01-15T11:00:00Z"),
        ("2026-07-15T12:00:30", "2026-07-15T10:00:30Z"),
        ("2026-07-15T12:00:30Z", "2026-07-15T12:00:30Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 02:30:00+01:00", "2026-10-25T01:30:00Z"),
    ],
)
def test_a_time_is_in_oslo_unless_it_says_otherwise(text: str, utc: str) -> None:
    assert parse_local(text) == parse_time(utc)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "2026-03-29T02:30", "0001-01-01", "2026-01-15T12"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|calendar|summer"):
        parse_local(text)


@given(st.integers(-62_000_000_000, 250_000_000_000))
def test_what_is_shown_is_read_as_the_same_second(seconds: int) -> None:
    # Before 1895 Oslo's offset had seconds, which RFC 3339 cannot write.
    if seconds > -2_000_000_000:
        assert parse_local(format_local(seconds * 1000)) == seconds * 1000


def test_a_moment_beyond_the_calendar_is_shown_as_its_number() -> None:
    assert format_local(10**18) == f"{10**18} ms"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (3605, "1 h"), (3661, "1 h 1 min"), (97_200, "1 d 3 h")],
)
def test_a_length_of_time_has_two_units(seconds: float, text: str) -> None:
    assert format_span(seconds) == text
