"""Rows of the tables ``incidents`` and ``steps``; the caller has the transaction.

Invariants:
    - Of each device and rule at most one row has no ``cleared_ms``; an index sees to it.
    - Every change of an Incident comes with its Step, in the same transaction.
    - Ids are never used again. Steps leave with their Incident, and never before.
    - A word on disk that is not known, because it was damaged there or came later, hides nothing: it is read as what
      people look at first.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

from ingest.incidents.incident import (
    Incident,
    IncidentState,
    Step,
    StepKind,
    begin_incident,
    follow_transition,
    make_step,
)
from schemas.rule import AlertPhase, Change, Severity, Transition

TABLES = """
CREATE TABLE incidents (        -- see ingest.incidents.incident.Incident
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: people speak of an incident by its id
    device TEXT NOT NULL,
    rule TEXT NOT NULL,
    site TEXT NOT NULL,
    zone TEXT NOT NULL,
    severity TEXT NOT NULL,
    phase TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    fired_ms INTEGER NOT NULL,
    noted_ms INTEGER NOT NULL,
    value REAL NOT NULL,
    simulated INTEGER NOT NULL,
    flapping INTEGER NOT NULL,
    cleared_ms INTEGER,
    closed_ms INTEGER,
    acknowledged_ms INTEGER,
    acknowledged_by TEXT NOT NULL,
    assigned TEXT NOT NULL,
    snoozed_until_ms INTEGER NOT NULL,
    fired_value REAL
) STRICT;
CREATE UNIQUE INDEX incidents_by_subject ON incidents (device, rule) WHERE cleared_ms IS NULL;
CREATE INDEX incidents_by_end ON incidents (closed_ms, cleared_ms);

CREATE TABLE steps (            -- see ingest.incidents.incident.Step; the audit trail
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX steps_by_incident ON steps (incident);
"""
"""What makes the tables; part of a migration."""

ADOPTION = """
INSERT INTO incidents (
    device, rule, site, zone, severity, phase, since_ms, fired_ms, noted_ms, value, simulated, flapping,
    acknowledged_by, assigned, snoozed_until_ms, fired_value
)
    SELECT device, rule, site, zone, 'warning', phase, since_ms, time_ms, time_ms, value, simulated, 0, '', '', 0, value
    FROM alerts WHERE phase = 'firing' ORDER BY time_ms;
INSERT INTO steps (incident, time_ms, kind, author, text)
    SELECT id, noted_ms, 'fired', '', 'before there were incidents' FROM incidents ORDER BY id;
"""
"""What gives alerts that fire already an Incident, in the migration that makes the tables."""

PIECE = 500
"""Most Incidents that one call of ``expire`` closes, and most that it removes: commits of readings wait for it."""
MOST_INCIDENTS = 200_000
"""Those that are closed leave when there are so many newer ones, whatever their age."""
DAY_MS = 86_400_000
UNSEEN_DAYS = 7
"""So long after it cleared an Incident that nobody acknowledged closes by itself."""
SEEN_DAYS = 30
"""So long one that somebody acknowledged: it waits for them to close it."""

_E = TypeVar("_E", bound=StrEnum)
_NAMES = Incident._fields[1:]
_COLUMNS = ", ".join(Incident._fields)
_INSERT = f"INSERT INTO incidents ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) RETURNING id"  # noqa: S608 - the names are ours
_UPDATE = f"UPDATE incidents SET {', '.join(f'{name} = ?' for name in _NAMES)} WHERE id = ?"  # noqa: S608 - likewise
_SELECT = f"SELECT {_COLUMNS} FROM incidents"  # noqa: S608 - likewise
_STATES = {
    IncidentState.OPEN: "closed_ms IS NULL AND cleared_ms IS NULL",
    IncidentState.CLEARED: "closed_ms IS NULL AND cleared_ms IS NOT NULL",
    IncidentState.CLOSED: "closed_ms IS NOT NULL",
}


class IncidentFilter(NamedTuple):
    """Which Incidents are meant; what is not given does not restrict.

    Attributes:
        states: How far they are, any of these; empty for any.
        site: Key of the Site.
        rule: Key of the Rule.
        device: Id.
        severity: As severe or more.
        from_ms: They fired then or later, by the time of the reading, milliseconds since 1970 in UTC.
        to_ms: They fired before then.
    """

    states: frozenset[IncidentState] = frozenset()
    site: str | None = None
    rule: str | None = None
    device: str | None = None
    severity: Severity | None = None
    from_ms: int | None = None
    to_ms: int | None = None


class Tidied(NamedTuple):
    """What one call of ``expire`` did.

    Attributes:
        closed: Incidents that had cleared and of which nothing more was heard.
        removed: Closed Incidents that were old.
    """

    closed: int
    removed: int


def add_transitions(connection: sqlite3.Connection, transitions: Iterable[Transition], now_ms: int) -> list[int]:
    """Begin and go on with the Incidents that changes of alerts belong to; return their ids, one for each Step.

    A change without an Incident, of an alert that fired before there were any, is passed over.

    Args:
        connection: To the store.
        transitions: In order.
        now_ms: By the collector's clock, milliseconds since 1970 in UTC.
    """
    steps: list[Step] = []
    for transition in transitions:
        if transition.change is Change.REPEATED:
            continue  # nothing happened
        incident = _find_uncleared(connection, transition.device, transition.rule)
        if incident is not None:
            # Also where it fires anew: whatever became of the clearing, there is one that is not cleared.
            put_incident(connection, follow_transition(incident, transition))
        elif transition.change is Change.FIRED:
            incident = _insert(connection, begin_incident(0, transition, now_ms))
        else:
            continue
        steps.append(make_step(incident.id, transition, now_ms))
    add_steps(connection, steps)
    return [step.incident for step in steps]


def put_incident(connection: sqlite3.Connection, incident: Incident) -> None:
    """Set all of an Incident but its id; one that has left stays away."""
    connection.execute(_UPDATE, (*incident[1:], incident.id))


def add_steps(connection: sqlite3.Connection, steps: Iterable[Step]) -> None:
    """Add to the audit trail, in order."""
    connection.executemany("INSERT INTO steps (incident, time_ms, kind, author, text) VALUES (?, ?, ?, ?, ?)", steps)


def find_incident(connection: sqlite3.Connection, incident_id: int) -> Incident | None:
    """Return an Incident; None where there is none with this id, any more or yet."""
    return next(_read(connection.execute(f"{_SELECT} WHERE id = ?", (incident_id,))), None)


def read_open(connection: sqlite3.Connection) -> list[Incident]:
    """Return the Incidents that are not closed, those that have cleared included, in order of their ids."""
    return list(_read(connection.execute(f"{_SELECT} WHERE closed_ms IS NULL ORDER BY id")))


def read_incidents(
    connection: sqlite3.Connection, where: IncidentFilter, limit: int, *, after_id: int | None = None
) -> list[Incident]:
    """Return Incidents, the newest first.

    Args:
        connection: To the store.
        where: Which are meant.
        limit: Most of them.
        after_id: Only older ones than this, for the next page.
    """
    terms = list(_list_terms(where))
    if after_id is not None:
        terms.append(("id < ?", (after_id,)))
    condition = " AND ".join(term for term, _ in terms) or "1"
    values = [value for _, some in terms for value in some]
    return list(_read(connection.execute(f"{_SELECT} WHERE {condition} ORDER BY id DESC LIMIT ?", (*values, limit))))


def count_incidents(connection: sqlite3.Connection, where: IncidentFilter) -> int:
    """Return how many Incidents are meant."""
    terms = list(_list_terms(where))
    condition = " AND ".join(term for term, _ in terms) or "1"
    values = [value for _, some in terms for value in some]
    count: int = connection.execute(f"SELECT count(*) FROM incidents WHERE {condition}", values).fetchone()[0]  # noqa: S608 - the values are parameters
    return count


def count_open(connection: sqlite3.Connection) -> int:
    """Return how many Incidents are not closed."""
    count: int = connection.execute("SELECT count(*) FROM incidents WHERE closed_ms IS NULL").fetchone()[0]
    return count


def read_steps(connection: sqlite3.Connection, incident_id: int) -> list[Step]:
    """Return the life of an Incident, in order."""
    rows = connection.execute(
        "SELECT incident, time_ms, kind, author, text FROM steps WHERE incident = ? ORDER BY id", (incident_id,)
    )
    return [_make_step(*row) for row in rows]


def expire(connection: sqlite3.Connection, now_ms: int, days: int) -> Tidied:
    """Close what has cleared and was left alone, and remove what was closed long ago, a bounded piece of each.

    Args:
        connection: To the store.
        now_ms: By the collector's clock, milliseconds since 1970 in UTC.
        days: How long a closed Incident is kept.
    """
    closed = _close_quiet(connection, now_ms, "acknowledged_ms IS NULL", UNSEEN_DAYS, "never acknowledged")
    closed += _close_quiet(
        connection, now_ms, "acknowledged_ms IS NOT NULL", SEEN_DAYS, "nothing was heard of it since"
    )
    gone = connection.execute(
        "SELECT id FROM incidents WHERE closed_ms < ? AND cleared_ms IS NOT NULL LIMIT ?",
        (now_ms - days * DAY_MS, PIECE),
    ).fetchall()
    newest: int | None = connection.execute("SELECT max(id) FROM incidents").fetchone()[0]
    gone += connection.execute(
        "SELECT id FROM incidents WHERE id <= ? AND closed_ms IS NOT NULL AND cleared_ms IS NOT NULL LIMIT ?",
        ((newest or 0) - MOST_INCIDENTS, PIECE - len(gone)),
    ).fetchall()
    connection.executemany("DELETE FROM steps WHERE incident = ?", gone)
    connection.executemany("DELETE FROM incidents WHERE id = ?", gone)
    return Tidied(closed, len(set(gone)))


def _close_quiet(connection: sqlite3.Connection, now_ms: int, condition: str, days: int, why: str) -> int:
    """Close Incidents that have cleared and whose last Step is so many days old; return how many."""
    before_ms = now_ms - days * DAY_MS
    # ``cleared_ms`` is the sensor's time: of a backlog it may be old on the day on which people first hear of it.
    rows = connection.execute(
        f"SELECT id FROM incidents WHERE closed_ms IS NULL AND cleared_ms < ? AND {condition} AND NOT EXISTS "  # noqa: S608 - the values are parameters
        "(SELECT 1 FROM steps WHERE incident = incidents.id AND time_ms >= ?) LIMIT ?",
        (before_ms, before_ms, PIECE),
    )
    ids = [incident_id for (incident_id,) in rows.fetchall()]
    connection.executemany("UPDATE incidents SET closed_ms = ? WHERE id = ?", [(now_ms, one) for one in ids])
    text = f"by itself: it cleared more than {days} days ago; {why}"
    add_steps(connection, [Step(one, now_ms, StepKind.CLOSED, "", text) for one in ids])
    return len(ids)


def _insert(connection: sqlite3.Connection, incident: Incident) -> Incident:
    """Add an Incident, whatever its ``id`` is; return it with the one that it got."""
    return incident._replace(id=connection.execute(_INSERT, incident[1:]).fetchall()[0][0])


def _find_uncleared(connection: sqlite3.Connection, device: str, rule: str) -> Incident | None:
    rows = connection.execute(f"{_SELECT} WHERE device = ? AND rule = ? AND cleared_ms IS NULL", (device, rule))
    return next(_read(rows), None)


def _list_terms(where: IncidentFilter) -> Iterator[tuple[str, tuple[int | str, ...]]]:
    if where.states:
        yield f"({' OR '.join(_STATES[state] for state in sorted(where.states))})", ()
    for column, value in (("site", where.site), ("rule", where.rule), ("device", where.device)):
        if value is not None:
            yield f"{column} = ?", (value,)
    if where.severity is not None:
        # What is not known counts as the worst: see ``_find_member``.
        milder = [one for one in Severity if one.rank < where.severity.rank]
        yield f"severity NOT IN ({', '.join('?' * len(milder))})", tuple(milder)
    if where.from_ms is not None:
        yield "fired_ms >= ?", (where.from_ms,)
    if where.to_ms is not None:
        yield "fired_ms < ?", (where.to_ms,)


def _read(rows: Iterable[Sequence[object]]) -> Iterator[Incident]:
    for row in rows:
        incident = Incident._make(row)
        phase = AlertPhase.FIRING if incident.cleared_ms is None else AlertPhase.OK
        yield incident._replace(
            severity=_find_member(Severity, incident.severity, Severity.CRITICAL),
            phase=_find_member(AlertPhase, incident.phase, phase),
            simulated=bool(incident.simulated),
            flapping=bool(incident.flapping),
        )


def _make_step(incident: int, time_ms: int, kind: str, author: str, text: str) -> Step:
    found = _find_member(StepKind, kind, StepKind.COMMENTED)
    return Step(incident, time_ms, found, author, text if found == kind else f"{kind}: {text}")


def _find_member(members: type[_E], name: str, other: _E) -> _E:
    """Return the member of a name on disk; another for one that was damaged there, or that came later."""
    try:
        return members(name)
    except ValueError:
        return other
