"""Rows of the table ``maintenance``: whiles in which nobody is told of some incidents; the caller has the transaction.

A row whose matcher cannot be read any more covers nothing: better one call too many than one too few.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingest.incidents.maintenance import Maintenance

TABLE = """
CREATE TABLE maintenance (      -- see ingest.incidents.maintenance.Maintenance
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    sites TEXT NOT NULL,        -- JSON list of names, as the next two
    devices TEXT NOT NULL,
    rules TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    ended_by TEXT NOT NULL
) STRICT;
CREATE INDEX maintenance_by_end ON maintenance (to_ms);
"""
"""What makes the table; part of a migration."""

PIECE = 500
"""Most rows that one call removes."""
DAY_MS = 86_400_000

_NAMES = TypeAdapter(frozenset[str])
_SELECT = "SELECT id, sites, devices, rules, reason, author, from_ms, to_ms, ended_ms, ended_by FROM maintenance"

log = logging.getLogger(__name__)


def insert_maintenance(connection: sqlite3.Connection, planned: Maintenance) -> Maintenance:
    """Add a Maintenance, whatever its ``id`` is; return it with the one that it got."""
    row_id: int = connection.execute(
        "INSERT INTO maintenance (sites, devices, rules, reason, author, from_ms, to_ms, ended_ms, ended_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (*map(_pack, (planned.sites, planned.devices, planned.rules)), *planned[4:]),
    ).fetchall()[0][0]
    return planned._replace(id=row_id)


def note_end(connection: sqlite3.Connection, ended: Maintenance) -> None:
    """Write down that a person ended a Maintenance; nothing else of it ever changes."""
    connection.execute(
        "UPDATE maintenance SET ended_ms = ?, ended_by = ? WHERE id = ?", (ended.ended_ms, ended.ended_by, ended.id)
    )


def find_maintenance(connection: sqlite3.Connection, maintenance_id: int) -> Maintenance | None:
    """Return a Maintenance; None where there is none with this id."""
    return next(_read(connection.execute(f"{_SELECT} WHERE id = ?", (maintenance_id,))), None)


def read_maintenance(connection: sqlite3.Connection, now_ms: int) -> list[Maintenance]:
    """Return those that are planned or active at a moment, milliseconds since 1970 in UTC, in order of their ids."""
    rows = connection.execute(
        f"{_SELECT} WHERE to_ms > ? AND (ended_ms IS NULL OR ended_ms > ?) ORDER BY id", (now_ms,) * 2
    )
    return list(_read(rows))


def read_past_maintenance(connection: sqlite3.Connection, limit: int) -> list[Maintenance]:
    """Return the last ones, whether they ended or not, the newest first."""
    return list(_read(connection.execute(f"{_SELECT} ORDER BY id DESC LIMIT ?", (limit,))))


def expire_maintenance(connection: sqlite3.Connection, now_ms: int, days: int) -> int:
    """Remove those whose planned end was so many days ago, a bounded piece; return how many."""
    return connection.execute(
        "DELETE FROM maintenance WHERE id IN (SELECT id FROM maintenance WHERE to_ms < ? LIMIT ?)",
        (now_ms - days * DAY_MS, PIECE),
    ).rowcount


def _pack(names: frozenset[str]) -> str:
    return _NAMES.dump_json(frozenset(names)).decode()


def _read(rows: Iterable[tuple[Any, ...]]) -> Iterator[Maintenance]:
    for row_id, sites, devices, rules, *rest in rows:
        try:
            matcher = _NAMES.validate_json(sites), _NAMES.validate_json(devices), _NAMES.validate_json(rules)
        except ValidationError:
            log.warning("maintenance %d is damaged on disk and covers nothing; begin it again", row_id)
            continue
        yield Maintenance(row_id, *matcher, *rest)
