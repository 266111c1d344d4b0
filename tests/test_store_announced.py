"""Nothing expires by age that people were not told of a week before, whatever the clock does."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from ingest.batch import Quarantined
from ingest.settings import Quarantine
from ingest.store_announced import DAY_MS, EVERY_MS, find_first_expiry, read_announced
from ingest.store_quarantine import add_quarantined, expire_entries
from ingest.store_schema import migrate
from schemas.reason import Level, Reason

NOW_MS = 1_768_478_400_000  # 2026-01-15T12:00:00Z
QUOTAS = Quarantine(days=90)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Yield a store of its own, in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as rows:
        migrate(rows)
        yield rows


def keep(connection: sqlite3.Connection, *received_ms: int) -> None:
    entries = [
        Quarantined(
            received_ms=one,
            level=Level.READING,
            reason=Reason.FUTURE_TIME,
            topic="gjovik/hall/meter-1/reading",
            device="meter-1",
            detail="",
            payload=b"{}",
            length=2,
            sha256=hashlib.sha256(b"{}").digest(),
        )
        for one in received_ms
    ]
    add_quarantined(connection, entries, QUOTAS)


def expire(connection: sqlite3.Connection, now_ms: int) -> int:
    """Look once, as the collector does each minute, and return how many entries expired."""
    return expire_entries(connection, now_ms, QUOTAS).by_age


def look_daily(connection: sqlite3.Connection, from_ms: int, days: int) -> dict[int, int]:
    """Look each day, and return how many entries expired by the number of the day, the first being 0."""
    gone = {day: expire(connection, from_ms + day * DAY_MS) for day in range(days)}
    return {day: count for day, count in gone.items() if count}


def test_while_the_collector_runs_an_entry_expires_at_its_age(connection: sqlite3.Connection) -> None:
    keep(connection, NOW_MS - 1, NOW_MS + 5 * DAY_MS)
    assert look_daily(connection, NOW_MS, 120) == {90: 1, 96: 1}


@pytest.mark.parametrize("wrong_ms", [1_000_000, NOW_MS - 200 * DAY_MS])
def test_what_came_by_a_clock_far_behind_does_not_expire_when_it_is_put_right(
    connection: sqlite3.Connection, wrong_ms: int
) -> None:
    look_daily(connection, NOW_MS - 30 * DAY_MS, 30)
    keep(connection, wrong_ms)
    assert expire(connection, wrong_ms) == 0
    assert look_daily(connection, NOW_MS, 30) == {7: 1}


def test_what_came_by_a_clock_far_behind_to_a_new_store_does_not_expire_either(connection: sqlite3.Connection) -> None:
    wrong_ms = NOW_MS - 200 * DAY_MS
    assert expire(connection, wrong_ms) == 0
    keep(connection, wrong_ms + 1)
    assert expire(connection, wrong_ms + 2 * EVERY_MS) == 0
    assert look_daily(connection, NOW_MS, 30) == {7: 1}


def test_after_a_long_absence_what_grew_old_meanwhile_is_announced_first(connection: sqlite3.Connection) -> None:
    keep(connection, NOW_MS - 1)
    look_daily(connection, NOW_MS, 60)
    assert look_daily(connection, NOW_MS + 200 * DAY_MS, 30) == {7: 1}


def test_an_announcement_by_a_clock_that_was_ahead_is_void(connection: sqlite3.Connection) -> None:
    keep(connection, NOW_MS - 1)
    look_daily(connection, NOW_MS, 10)
    assert expire(connection, NOW_MS + 5_000 * DAY_MS) == 0
    assert look_daily(connection, NOW_MS + 10 * DAY_MS, 100) == {80: 1}


def test_when_the_first_entry_expires_is_never_sooner_than_it_does(connection: sqlite3.Connection) -> None:
    assert find_first_expiry(connection, 90) is None
    keep(connection, NOW_MS - 200 * DAY_MS)
    expire(connection, NOW_MS)
    first_ms = find_first_expiry(connection, 90)
    assert first_ms == NOW_MS + 7 * DAY_MS
    assert expire(connection, first_ms - 1) == 0
    assert expire(connection, first_ms) == 1


def test_announcements_do_not_pile_up(connection: sqlite3.Connection) -> None:
    for hour in range(24 * 30):
        expire(connection, NOW_MS + hour * EVERY_MS)
    assert len(read_announced(connection)) <= 7 * 24 + 2


def test_less_days_than_a_week_are_announced_for_as_long(connection: sqlite3.Connection) -> None:
    keep(connection, NOW_MS - 1)
    short = Quarantine(days=1)
    assert expire_entries(connection, NOW_MS, short).by_age == 0
    assert find_first_expiry(connection, 1) == NOW_MS + DAY_MS
    assert expire_entries(connection, NOW_MS + DAY_MS, short).by_age == 1
