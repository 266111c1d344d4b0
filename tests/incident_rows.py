"""Incidents on disk for tests: transitions as the engine gives them, and a connection with the tables."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ingest.incidents.incident import Incident, begin_incident
from ingest.store_file import FILE, transaction
from ingest.store_incidents import TABLES, add_transitions
from ingest.store_maintenance import TABLE
from ingest.store_schema import MIGRATIONS
from schemas.rule import AlertPhase, Change, Severity, Transition

NOW_MS = 1_768_478_402_000  # 2026-01-15T12:00:02Z
DAY_MS = 86_400_000
PHASES = {Change.CLEARED: AlertPhase.OK, Change.WITHDRAWN: AlertPhase.OK, Change.SILENT: AlertPhase.SILENT}


def make_transition(
    change: Change = Change.FIRED,
    device: str = "climate-1",
    rule: str = "room-too-cold",
    time_ms: int = NOW_MS,
    severity: Severity = Severity.WARNING,
) -> Transition:
    """Return a change of an alert at 14.5 degrees."""
    phase = PHASES.get(change, AlertPhase.FIRING)
    return Transition(
        *(device, "hall", "first", rule, phase, time_ms, time_ms - 60_000, 14.5),
        simulated=False,
        severity=severity,
        change=change,
    )


def make_incident(now_ms: int = NOW_MS) -> Incident:
    """Return an Incident that fires."""
    return begin_incident(7, make_transition(), now_ms)


@contextmanager
def open_tables(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a store's file; one without tables gets them all."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "counts" not in tables:
            connection.executescript(";".join(MIGRATIONS))
        if "incidents" not in tables and "incidents" not in "".join(MIGRATIONS):
            connection.executescript(TABLES + TABLE)
        yield connection


def note(folder: Path, transitions: Sequence[Transition], now_ms: int = NOW_MS) -> list[int]:
    """Have a store in a folder learn of changes of alerts; return the ids of their incidents."""
    with open_tables(folder / FILE) as connection, transaction(connection):
        return add_transitions(connection, transitions, now_ms)
