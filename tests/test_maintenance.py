"""Maintenance: what is meant, and that it always ends."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from ingest.incidents.act import Refused
from ingest.incidents.maintenance import (
    MOST_AHEAD_MS,
    MOST_MS,
    Maintenance,
    MaintenanceState,
    begin,
    describe_matcher,
    end,
)
from ingest.store_maintenance import (
    TABLE,
    expire_maintenance,
    find_maintenance,
    insert_maintenance,
    note_end,
    read_maintenance,
    read_past_maintenance,
)
from tests.incident_rows import DAY_MS, NOW_MS, make_incident

NONE = frozenset[str]()
HALL = frozenset({"hall"})
HOUR_MS = 3_600_000
PLANNED = Maintenance(0, HALL, NONE, NONE, "ny ventilasjon", "Kari", NOW_MS, NOW_MS + HOUR_MS)
INCIDENT = make_incident()


@pytest.mark.parametrize(
    ("sites", "devices", "rules", "is_meant"),
    [
        ({"hall"}, set(), set(), True),
        (set(), {"climate-1", "other"}, set(), True),
        (set(), set(), {"room-too-cold"}, True),
        ({"hall"}, {"climate-1"}, {"room-too-cold"}, True),
        ({"hall"}, {"other"}, set(), False),
        ({"annex"}, {"climate-1"}, set(), False),
        (set(), set(), set(), False),
    ],
)
def test_an_incident_is_meant_if_it_fits_each_set_that_is_given(
    sites: set[str], devices: set[str], rules: set[str], *, is_meant: bool
) -> None:
    one = PLANNED._replace(sites=frozenset(sites), devices=frozenset(devices), rules=frozenset(rules))
    assert one.covers(INCIDENT, NOW_MS) is is_meant


def test_it_covers_from_its_beginning_to_its_end_and_no_longer() -> None:
    assert [PLANNED.covers(INCIDENT, NOW_MS + ms) for ms in (-1, 0, HOUR_MS - 1, HOUR_MS)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("planned", "why"),
    [
        (PLANNED._replace(sites=NONE), "for which sites, devices or rules"),
        (PLANNED._replace(reason=" "), "reason"),
        (PLANNED._replace(reason="x" * 3000), "2000 are the most"),
        (PLANNED._replace(to_ms=NOW_MS), "before it begins"),
        (PLANNED._replace(from_ms=NOW_MS - 2, to_ms=NOW_MS), "a time to come"),
        (PLANNED._replace(to_ms=NOW_MS + MOST_MS + 1), "30 d is the most"),
        (PLANNED._replace(from_ms=NOW_MS + MOST_AHEAD_MS + 1, to_ms=NOW_MS + MOST_AHEAD_MS + 2), "more than a year"),
    ],
)
def test_what_would_not_end_or_says_too_little_is_refused(planned: Maintenance, why: str) -> None:
    refused = begin(planned, NOW_MS)
    assert isinstance(refused, Refused)
    assert why in refused.why


def test_the_longest_is_taken() -> None:
    assert isinstance(begin(PLANNED._replace(to_ms=NOW_MS + MOST_MS), NOW_MS), Maintenance)


def test_who_ends_it_early_is_remembered_and_nobody_ends_it_twice() -> None:
    ended = end(PLANNED, "Ola", NOW_MS + 60_000)
    assert isinstance(ended, Maintenance)
    assert (ended.until_ms, ended.to_ms, ended.ended_by) == (NOW_MS + 60_000, PLANNED.to_ms, "Ola")
    assert not ended.covers(INCIDENT, NOW_MS + 60_000)
    assert end(ended, "Per", NOW_MS + 60_001) == Refused("it ended at 2026-01-15 13:01:02, by Ola")
    assert end(PLANNED, "Per", PLANNED.to_ms) == Refused("it ended at 2026-01-15 14:00:02")


def test_one_that_is_ended_before_it_begins_never_does() -> None:
    ended = end(PLANNED, "Ola", NOW_MS - 1)
    assert isinstance(ended, Maintenance)
    states = [ended.find_state(NOW_MS + ms) for ms in (-1, 0, 60_000, HOUR_MS)]
    assert states == [MaintenanceState.ENDED] * 4


def test_what_is_meant_is_told_in_words() -> None:
    one = PLANNED._replace(devices=frozenset({"b", "a"}), rules=frozenset({"r"}))
    assert describe_matcher(one) == "site hall, devices a, b, rule r"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.executescript(TABLE)
        yield made


def test_it_is_read_as_it_was_written_while_it_is_planned_or_active(connection: sqlite3.Connection) -> None:
    active = insert_maintenance(connection, PLANNED._replace(devices=frozenset({"a", "b"})))
    planned = insert_maintenance(connection, PLANNED._replace(from_ms=NOW_MS + 1))
    assert (active.id, planned.id) == (1, 2)
    assert read_maintenance(connection, NOW_MS) == [active, planned]
    assert find_maintenance(connection, 1) == active
    assert read_maintenance(connection, PLANNED.to_ms) == []


def test_what_a_person_ended_keeps_its_row_until_it_is_old(connection: sqlite3.Connection) -> None:
    inserted = insert_maintenance(connection, PLANNED)
    ended = end(inserted, "Ola", NOW_MS + 1)
    assert isinstance(ended, Maintenance)
    note_end(connection, ended)
    assert read_maintenance(connection, NOW_MS + 1) == []
    assert read_past_maintenance(connection, 9) == [ended]
    assert expire_maintenance(connection, PLANNED.to_ms + 10 * DAY_MS, 10) == 0
    assert expire_maintenance(connection, PLANNED.to_ms + 10 * DAY_MS + 1, 10) == 1
    assert insert_maintenance(connection, PLANNED).id == 2


def test_a_damaged_row_covers_nothing_and_hides_no_other(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    insert_maintenance(connection, PLANNED)
    sound = insert_maintenance(connection, PLANNED)
    connection.execute("UPDATE maintenance SET rules = '[1' WHERE id = 1")
    assert read_maintenance(connection, NOW_MS) == [sound]
    assert "maintenance 1 is damaged" in caplog.text
