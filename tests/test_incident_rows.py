"""Incidents and their steps on disk: what the engine says begins, continues and ends them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.incidents.incident import Incident, IncidentState, Step, StepKind
from ingest.store_file import transaction
from ingest.store_incidents import (
    ADOPTION,
    PIECE,
    SEEN_DAYS,
    TABLES,
    UNSEEN_DAYS,
    IncidentFilter,
    Tidied,
    add_steps,
    add_transitions,
    count_incidents,
    expire,
    find_incident,
    put_incident,
    read_incidents,
    read_open,
    read_steps,
)
from ingest.store_schema import MIGRATIONS
from schemas.rule import AlertPhase, Change, Severity
from tests.incident_rows import DAY_MS, NOW_MS, make_transition

ALL = IncidentFilter()
BETWEEN = [Change.ESCALATED, Change.EASED, Change.SILENT, Change.HEARD, Change.FLAPPING]
ENDS = [Change.CLEARED, Change.WITHDRAWN]
FIRINGS = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.lists(st.sampled_from(BETWEEN), max_size=3), st.sampled_from(ENDS)
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.executescript(TABLES)
        yield made


def note(connection: sqlite3.Connection, *changes: Change, device: str = "a", now_ms: int = NOW_MS) -> list[int]:
    """Have changes of one device noted."""
    return add_transitions(connection, [make_transition(change, device, time_ms=now_ms) for change in changes], now_ms)


def get(connection: sqlite3.Connection, incident_id: int) -> Incident:
    """Return an incident that must be there."""
    found = find_incident(connection, incident_id)
    assert found is not None
    return found


def test_a_firing_begins_an_incident_and_its_changes_are_its_life(connection: sqlite3.Connection) -> None:
    assert note(connection, Change.FIRED, Change.SILENT) == [1, 1]
    silent = get(connection, 1)
    assert (silent.phase, silent.state, silent.noted_ms) == (AlertPhase.SILENT, IncidentState.OPEN, NOW_MS)
    assert note(connection, Change.HEARD, Change.CLEARED, now_ms=NOW_MS + 5) == [1, 1]
    cleared = get(connection, 1)
    assert (cleared.phase, cleared.state, cleared.cleared_ms) == (AlertPhase.OK, IncidentState.CLEARED, NOW_MS + 5)
    assert cleared.fired_ms == NOW_MS
    kinds = [step.kind for step in read_steps(connection, 1)]
    assert kinds == [StepKind.FIRED, StepKind.SILENT, StepKind.HEARD, StepKind.CLEARED]
    assert note(connection, Change.FIRED) == [2]


def test_a_change_without_an_incident_is_passed_over(connection: sqlite3.Connection) -> None:
    assert note(connection, *(change for change in Change if change is not Change.FIRED)) == []
    assert read_incidents(connection, ALL, 10) == []


def test_what_is_only_told_again_is_no_step_and_every_other_change_is_one(connection: sqlite3.Connection) -> None:
    assert note(connection, Change.FIRED, Change.REPEATED, Change.REPEATED) == [1]
    assert {change.value for change in Change} - {kind.value for kind in StepKind} == {Change.REPEATED.value}


def test_what_fires_anew_without_a_clearing_is_the_same_incident_and_told_again(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED)
    put_incident(connection, get(connection, 1)._replace(acknowledged_ms=NOW_MS, acknowledged_by="Kari"))
    assert note(connection, Change.FIRED) == [1]
    assert (get(connection, 1).acknowledged_ms, get(connection, 1).cleared_ms) == (None, None)


def test_one_that_was_closed_while_it_fires_follows_its_alert(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED)
    put_incident(connection, get(connection, 1)._replace(closed_ms=NOW_MS))
    assert read_open(connection) == []
    assert note(connection, Change.SILENT, Change.CLEARED) == [1, 1]
    assert get(connection, 1).cleared_ms == NOW_MS
    assert note(connection, Change.FIRED) == [2]


@given(st.lists(FIRINGS, max_size=12), st.lists(FIRINGS, max_size=4))
def test_whatever_the_engine_says_at_most_one_incident_of_a_subject_is_not_cleared(
    firings: list[tuple[str, list[Change], Change]], unended: list[tuple[str, list[Change], Change]]
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(TABLES)
        now_ms = NOW_MS
        still = {device: between for device, between, _ in unended}
        lives = [(device, [Change.FIRED, *between, end]) for device, between, end in firings]
        lives += [(device, [Change.FIRED, *between]) for device, between in still.items()]
        for begun, (device, life) in enumerate(lives, 1):
            newest = max((one.id for one in read_incidents(connection, ALL, 1)), default=0)
            for change in life:
                now_ms += 1
                note(connection, change, device=device, now_ms=now_ms)
            ids = [one.id for one in read_incidents(connection, ALL, 100)]
            assert len(ids) == begun
            assert ids[0] > newest
            steps = read_steps(connection, ids[0])
            assert [step.kind.value for step in steps] == [change.value for change in life]
            assert [step.time_ms for step in steps] == sorted(step.time_ms for step in steps)
        open_of = [one.device for one in read_incidents(connection, ALL, 100) if one.cleared_ms is None]
        assert sorted(open_of) == sorted(still)


def test_an_id_is_never_used_again(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED, Change.CLEARED)
    put_incident(connection, get(connection, 1)._replace(closed_ms=NOW_MS))
    assert expire(connection, NOW_MS + 11 * DAY_MS, 10) == Tidied(0, 1)
    assert (find_incident(connection, 1), read_steps(connection, 1)) == (None, [])
    assert note(connection, Change.FIRED) == [2]


def test_a_failing_statement_changes_nothing(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED)
    before = list(connection.iterdump())
    broken = make_transition(Change.FIRED, "c")._replace(value=float("nan"))  # SQLite has none: it is NULL
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        add_transitions(connection, [make_transition(Change.CLEARED, "a"), make_transition(device="b"), broken], NOW_MS)
    assert list(connection.iterdump()) == before


def test_two_uncleared_incidents_of_a_subject_are_impossible_on_disk(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED, Change.CLEARED, Change.FIRED)
    with pytest.raises(sqlite3.IntegrityError):
        put_incident(connection, get(connection, 1)._replace(cleared_ms=None))


def test_words_that_nobody_knows_are_read_as_what_people_look_at(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED, Change.SILENT)
    connection.execute("UPDATE incidents SET severity = 'dire', phase = 'smouldering'")
    connection.execute("UPDATE steps SET kind = 'sung', text = 'a song' WHERE id = 2")
    (found,) = read_open(connection)
    assert (found.severity, found.phase) == (Severity.CRITICAL, AlertPhase.FIRING)
    assert read_incidents(connection, IncidentFilter(severity=Severity.CRITICAL), 9) == [found]
    assert read_steps(connection, 1)[1][2:] == (StepKind.COMMENTED, "", "sung: a song")
    assert note(connection, Change.CLEARED) == [1]
    assert get(connection, 1).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (ALL, [4, 3, 2, 1]),
        (IncidentFilter(frozenset({IncidentState.OPEN})), [4, 3]),
        (IncidentFilter(frozenset({IncidentState.CLEARED})), [1]),
        (IncidentFilter(frozenset({IncidentState.CLOSED, IncidentState.CLEARED})), [2, 1]),
        (IncidentFilter(device="c"), [3]),
        (IncidentFilter(rule="room-too-cold", site="hall"), [4, 3, 2, 1]),
        (IncidentFilter(site="annex"), []),
        (IncidentFilter(severity=Severity.CRITICAL), [4]),
        (IncidentFilter(severity=Severity.INFO), [4, 3, 2, 1]),
        (IncidentFilter(from_ms=NOW_MS + 3), [4, 3]),
        (IncidentFilter(from_ms=NOW_MS + 2, to_ms=NOW_MS + 4), [3, 2]),
    ],
)
def test_incidents_are_found(connection: sqlite3.Connection, where: IncidentFilter, ids: list[int]) -> None:
    for number, (device, severity) in enumerate([("a", "info"), ("b", "info"), ("c", "warning"), ("d", "critical")]):
        fired = make_transition(Change.FIRED, device, time_ms=NOW_MS + number + 1, severity=Severity(severity))
        add_transitions(connection, [fired], NOW_MS)
        if number < 2:
            note(connection, Change.CLEARED, device=device)
    put_incident(connection, get(connection, 2)._replace(closed_ms=NOW_MS))
    assert [one.id for one in read_incidents(connection, where, 10)] == ids
    assert count_incidents(connection, where) == len(ids)
    assert [one.id for one in read_incidents(connection, where, 1)] == ids[:1]
    pages = read_incidents(connection, where, 10, after_id=ids[0]) if ids else []
    assert [one.id for one in pages] == ids[1:]


def test_what_cleared_and_nobody_acknowledged_closes_by_itself_with_a_step(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED, Change.CLEARED)
    note(connection, Change.FIRED, device="b")
    end_ms = NOW_MS + UNSEEN_DAYS * DAY_MS
    assert expire(connection, end_ms, 400) == Tidied(0, 0)
    assert expire(connection, end_ms + 1, 400) == Tidied(1, 0)
    assert get(connection, 1).closed_ms == end_ms + 1
    last = read_steps(connection, 1)[-1]
    assert (last.kind, last.author) == (StepKind.CLOSED, "")
    assert "7 days" in last.text
    assert get(connection, 2).closed_ms is None
    assert expire(connection, end_ms + 2, 400) == Tidied(0, 0)


def test_what_somebody_acknowledged_waits_longer_for_them(connection: sqlite3.Connection) -> None:
    note(connection, Change.FIRED, Change.CLEARED)
    put_incident(connection, get(connection, 1)._replace(acknowledged_ms=NOW_MS, acknowledged_by="Kari"))
    assert expire(connection, NOW_MS + (UNSEEN_DAYS + 1) * DAY_MS, 400) == Tidied(0, 0)
    assert expire(connection, NOW_MS + (SEEN_DAYS + 1) * DAY_MS, 400) == Tidied(1, 0)


def test_what_people_hear_of_late_or_speak_of_still_is_not_closed(connection: sqlite3.Connection) -> None:
    old = [make_transition(change, time_ms=NOW_MS - 30 * DAY_MS) for change in (Change.FIRED, Change.CLEARED)]
    add_transitions(connection, old, NOW_MS)
    assert expire(connection, NOW_MS + DAY_MS, 400) == Tidied(0, 0)
    add_steps(connection, [Step(1, NOW_MS + 6 * DAY_MS, StepKind.COMMENTED, "Kari", "ser på det")])
    assert expire(connection, NOW_MS + 12 * DAY_MS, 400) == Tidied(0, 0)
    assert expire(connection, NOW_MS + 14 * DAY_MS, 400) == Tidied(1, 0)


def test_what_still_fires_is_never_removed_and_the_rest_in_pieces(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store_incidents.PIECE", 2)
    assert PIECE > 2
    for device in "abcde":
        note(connection, Change.FIRED, Change.CLEARED, device=device)
    note(connection, Change.FIRED, device="f")
    for one in read_incidents(connection, ALL, 10):
        put_incident(connection, one._replace(closed_ms=NOW_MS))
    later_ms = NOW_MS + 400 * DAY_MS
    assert [expire(connection, later_ms, 10).removed for _ in range(4)] == [2, 2, 1, 0]
    assert [one.device for one in read_incidents(connection, ALL, 10)] == ["f"]


def test_closed_incidents_make_room_for_newer_ones(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store_incidents.MOST_INCIDENTS", 3)
    for device in "abcde":
        note(connection, Change.FIRED, Change.CLEARED, device=device)
    for one in read_incidents(connection, ALL, 10)[1:]:
        put_incident(connection, one._replace(closed_ms=NOW_MS))
    assert expire(connection, NOW_MS, 400) == Tidied(0, 2)
    assert [one.id for one in read_incidents(connection, ALL, 10)] == [5, 4, 3]


def test_what_fired_before_there_were_incidents_gets_one_and_clears(connection: sqlite3.Connection) -> None:
    connection.executescript(MIGRATIONS[0])
    connection.executemany(
        "INSERT INTO alerts VALUES (?, 'room-too-cold', ?, 1, ?, 14.5, 'hall', 'first', 0)",
        [("a", "firing", NOW_MS), ("b", "ok", NOW_MS), ("c", "firing", NOW_MS - 5)],
    )
    connection.executescript(ADOPTION)
    assert [(one.id, one.device, one.noted_ms) for one in read_open(connection)] == [
        (1, "c", NOW_MS - 5),
        (2, "a", NOW_MS),
    ]
    assert note(connection, Change.CLEARED, device="a", now_ms=NOW_MS + 1) == [2]
    assert [step.kind for step in read_steps(connection, 2)] == [StepKind.FIRED, StepKind.CLEARED]
    assert get(connection, 2).state is IncidentState.CLEARED


def test_a_thousand_alerts_at_once_are_noted_in_one_short_transaction(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)) as connection:
        connection.executescript(TABLES)
        with transaction(connection):
            ids = add_transitions(connection, [make_transition(device=f"d{one}") for one in range(1000)], NOW_MS)
        assert ids == list(range(1, 1001))
        plan = " ".join(
            row[3]
            for row in connection.execute(
                "EXPLAIN QUERY PLAN SELECT id FROM incidents WHERE device = ? AND rule = ? AND cleared_ms IS NULL",
                ("", ""),
            )
        )
        assert "incidents_by_subject" in plan
