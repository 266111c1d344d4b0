"""Rows of the store's tables to values and back; the caller has the transaction."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ingest.batch import SUMS, AlertRecord, Ledger
from schemas.reason import Reason
from schemas.rule import AlertPhase, Severity

_DEVICE_TAG = re.compile(rb",device=((?:\\.|[^\\, ])+)")
_SIMPLE = 9
"""Members of an AlertRecord that have columns of the same kind; then its severity, and the rest as JSON."""
_ESCAPED = re.compile(rb"\\(.)")


class Moves(NamedTuple):
    """What became of lines and of quarantined entries after their commit, since the store was made.

    Lines: ``committed = stored + refused_by_database + damaged + those in the outbox``.
    Quarantine: ``quarantined = reprocessed + discarded + expired + those that it holds``.

    Attributes:
        committed: Lines that came into the outbox.
        stored: Lines that InfluxDB said it has.
        refused_by_database: Lines that it refused; each is an entry of the quarantine.
        damaged: Lines of entries of the outbox that could not be read; each such entry is one of the quarantine.
        quarantined: Entries that came into the quarantine.
        reprocessed: Entries that left it because they were repaired.
        discarded: Entries that a person gave up.
        expired: Entries that were older or more than the settings keep.
    """

    committed: int = 0
    stored: int = 0
    refused_by_database: int = 0
    damaged: int = 0
    quarantined: int = 0
    reprocessed: int = 0
    discarded: int = 0
    expired: int = 0


def add_counts(connection: sqlite3.Connection, kind: str, counts: Iterable[tuple[str, int]]) -> None:
    """Add to the counts of a kind, by name; nothing is written for a zero."""
    connection.executemany(
        "INSERT INTO counts (kind, name, count) VALUES (?, ?, ?) "
        "ON CONFLICT (kind, name) DO UPDATE SET count = count + excluded.count",
        [(kind, name, count) for name, count in counts if count],
    )


def set_count(connection: sqlite3.Connection, kind: str, name: str, count: int) -> None:
    """Set one count of a kind."""
    connection.execute("INSERT OR REPLACE INTO counts (kind, name, count) VALUES (?, ?, ?)", (kind, name, count))


def read_counts(connection: sqlite3.Connection, kind: str) -> dict[str, int]:
    """Return the counts of a kind by name."""
    return dict(connection.execute("SELECT name, count FROM counts WHERE kind = ?", (kind,)))


def add_ledger(connection: sqlite3.Connection, ledger: Ledger) -> None:
    """Add a batch's ledger to the totals."""
    add_counts(connection, "ledger", ((name, getattr(ledger, name)) for name in SUMS))
    add_counts(connection, "reason", ledger.reasons.items())


def find_reason(name: str) -> Reason:
    """Return the Reason of a name on disk; ``COLLECTOR_FAULT`` for one that was damaged there, or that came later."""
    try:
        return Reason(name)
    except ValueError:
        return Reason.COLLECTOR_FAULT


def read_reasons(connection: sqlite3.Connection, kind: str) -> Counter[Reason]:
    """Return the counts of a kind by Reason, those that are not zero."""
    reasons = Counter[Reason]()
    for name, count in read_counts(connection, kind).items():
        if count:
            reasons[find_reason(name)] += count
    return reasons


def read_ledger(connection: sqlite3.Connection) -> Ledger:
    """Return the totals since the store was made."""
    sums = read_counts(connection, "ledger")
    return Ledger(**{name: sums.get(name, 0) for name in SUMS}, reasons=read_reasons(connection, "reason"))


def read_moves(connection: sqlite3.Connection) -> Moves:
    """Return the moves since the store was made."""
    moves = read_counts(connection, "move")
    return Moves(*(moves.get(name, 0) for name in Moves._fields))


def put_alerts(connection: sqlite3.Connection, alerts: Iterable[AlertRecord]) -> None:
    """Set the state of alerts."""
    connection.executemany(
        "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *one[:_SIMPLE],
                one.severity,
                json.dumps(
                    (one.begun_ms, one.beyond, one.good_ms, one.firings_ms, one.worst, one.last_good, one.is_apart)
                ),
            )
            for one in alerts
        ],
    )


def read_alerts(connection: sqlite3.Connection) -> list[AlertRecord]:
    """Return the state of every alert that ever was in another than OK; one that cannot be read never was."""
    records = []
    for row in connection.execute("SELECT * FROM alerts ORDER BY device, rule"):
        try:
            records.append(_make_record(row))
        except (ValueError, TypeError):
            continue
    return records


def read_alert(connection: sqlite3.Connection, device: str, rule: str) -> AlertRecord | None:
    """Return the state of one alert; None where it is not known."""
    row = connection.execute("SELECT * FROM alerts WHERE device = ? AND rule = ?", (device, rule)).fetchone()
    try:
        return None if row is None else _make_record(row)
    except (ValueError, TypeError):
        return None


def _make_record(row: Sequence[Any]) -> AlertRecord:
    """Return the record of a row.

    Raises:
        ValueError: It was damaged, or comes from a later version.
        TypeError: Likewise.
    """
    device, rule, phase, since_ms, time_ms, value, site, zone, simulated, severity, rest = row
    # An earlier program had no Levels: what held began when the condition did.
    begun_ms, beyond, good_ms, firings_ms, worst, last_good, *apart = (
        json.loads(rest) if rest else ([since_ms], 0, None, (), severity, None)
    )
    return AlertRecord(
        device,
        rule,
        AlertPhase(phase),
        since_ms,
        time_ms,
        value,
        site,
        zone,
        bool(simulated),
        Severity(severity),
        tuple(None if one is None else int(one) for one in begun_ms),
        int(beyond),
        None if good_ms is None else int(good_ms),
        tuple(map(int, firings_ms)),
        Severity(worst),
        None if last_good is None else (int(last_good[0]), float(last_good[1])),
        any(apart),  # before version 6 there was nothing that is kept apart
    )


def find_device(line: bytes) -> str:
    """Return the value of a line's tag ``device``, unescaped; empty where it has none."""
    found = _DEVICE_TAG.search(line)
    return "" if found is None else _ESCAPED.sub(rb"\1", found[1]).decode("utf-8", "replace")
