"""Rows of the store's tables to values and back; the caller has the transaction."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingest.batch import SUMS, AlertRecord, Ledger, Quarantined
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase, Transition

CHUNK = 1_000
"""Rows read at a time: a long read would keep SQLite from emptying its write-ahead log."""

_DEVICE_TAG = re.compile(rb",device=((?:\\.|[^\\, ])+)")
_ESCAPED = re.compile(rb"\\(.)")


class Moves(NamedTuple):
    """What became of lines after their commit: ``committed = stored + refused_by_database + those in the outbox``.

    Attributes:
        committed: Lines that came into the outbox.
        stored: Lines that InfluxDB said it has.
        refused_by_database: Lines that it refused; they are in the quarantine.
    """

    committed: int = 0
    stored: int = 0
    refused_by_database: int = 0


class QuarantineRow(NamedTuple):
    """An entry of the quarantine.

    Attributes:
        id: Grows with time.
        quarantined: What is kept.
    """

    id: int
    quarantined: Quarantined


class Unpublished(NamedTuple):
    """A transition that the broker does not have yet.

    Attributes:
        id: Names it for ``mark_published``; grows with time.
        transition: What to publish.
    """

    id: int
    transition: Transition


def add_counts(connection: sqlite3.Connection, kind: str, counts: Iterable[tuple[str, int]]) -> None:
    """Add to the counts of a kind, by name; nothing is written for a zero."""
    connection.executemany(
        "INSERT INTO counts (kind, name, count) VALUES (?, ?, ?) "
        "ON CONFLICT (kind, name) DO UPDATE SET count = count + excluded.count",
        [(kind, name, count) for name, count in counts if count],
    )


def read_counts(connection: sqlite3.Connection, kind: str) -> dict[str, int]:
    """Return the counts of a kind by name."""
    return dict(connection.execute("SELECT name, count FROM counts WHERE kind = ?", (kind,)))


def add_ledger(connection: sqlite3.Connection, ledger: Ledger) -> None:
    """Add a batch's ledger to the totals."""
    add_counts(connection, "ledger", ((name, getattr(ledger, name)) for name in SUMS))
    add_counts(connection, "reason", ledger.reasons.items())


def read_ledger(connection: sqlite3.Connection) -> Ledger:
    """Return the totals since the store was made."""
    reasons = Counter({Reason(name): count for name, count in read_counts(connection, "reason").items()})
    return Ledger(**read_counts(connection, "ledger"), reasons=reasons)


def read_moves(connection: sqlite3.Connection) -> Moves:
    """Return the moves since the store was made."""
    return Moves(**read_counts(connection, "move"))


def add_quarantined(connection: sqlite3.Connection, quarantined: Iterable[Quarantined]) -> None:
    """Put refused payloads or lines in the quarantine."""
    rows = list(quarantined)
    if not rows:
        return
    connection.executemany(
        "INSERT INTO quarantine (received_ms, level, reason, topic, device, detail, payload, length, sha256) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    add_counts(connection, "quarantine", Counter(row.reason for row in rows).items())


def count_quarantined(connection: sqlite3.Connection) -> Counter[Reason]:
    """Return how many entries the quarantine holds, by Reason."""
    return Counter({Reason(name): count for name, count in read_counts(connection, "quarantine").items()})


def read_quarantine(connection: sqlite3.Connection, after_id: int = 0) -> Iterator[QuarantineRow]:
    """Yield the quarantine's entries in order, those that come while reading included.

    Args:
        connection: To the store.
        after_id: Entries up to this one are left out.
    """
    statement = (
        "SELECT id, received_ms, level, reason, topic, device, detail, payload, length, sha256 "
        "FROM quarantine WHERE id > ? ORDER BY id LIMIT ?"
    )
    while rows := connection.execute(statement, (after_id, CHUNK)).fetchall():
        for row_id, received_ms, level, reason, *rest in rows:
            yield QuarantineRow(row_id, Quarantined(received_ms, Level(level), Reason(reason), *rest))
        after_id = rows[-1][0]


def put_alerts(connection: sqlite3.Connection, alerts: Iterable[AlertRecord]) -> None:
    """Set the state of alerts."""
    connection.executemany("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", alerts)


def read_alerts(connection: sqlite3.Connection) -> list[AlertRecord]:
    """Return the state of every alert that ever was in another than OK."""
    rows = connection.execute("SELECT * FROM alerts ORDER BY device, rule")
    return [
        AlertRecord._make((device, rule, AlertPhase(phase), *rest, bool(simulated)))
        for device, rule, phase, *rest, simulated in rows
    ]


def add_unpublished(connection: sqlite3.Connection, transitions: Iterable[Transition]) -> None:
    """Remember transitions until they are published."""
    connection.executemany(
        "INSERT INTO unpublished (device, site, zone, rule, phase, time_ms, since_ms, value, simulated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        transitions,
    )


def read_unpublished(connection: sqlite3.Connection) -> list[Unpublished]:
    """Return the transitions that are not published, in order."""
    rows = connection.execute("SELECT * FROM unpublished ORDER BY id")
    return [
        Unpublished(row_id, Transition._make((*placed, AlertPhase(phase), time_ms, since_ms, value, bool(simulated))))
        for row_id, *placed, phase, time_ms, since_ms, value, simulated in rows
    ]


def find_device(line: bytes) -> str:
    """Return the value of a line's tag ``device``, unescaped; empty where it has none."""
    found = _DEVICE_TAG.search(line)
    return "" if found is None else _ESCAPED.sub(rb"\1", found[1]).decode("utf-8", "replace")
