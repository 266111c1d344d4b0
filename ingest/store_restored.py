"""What a collector knows again when it starts."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ingest.batch import AlertRecord, Ledger, RuleState
from ingest.doubt import DoubtRow
from ingest.memory import Memory
from ingest.source import KnownSession
from ingest.store_doubts import read_doubts
from ingest.store_hours import note_incomplete
from ingest.store_marks import DamagedRow, StoredMarks
from ingest.store_rows import Moves, add_counts, read_alerts, read_counts, read_ledger, read_moves
from ingest.store_sessions import read_sessions
from ingest.store_states import read_states
from ingest.store_uplinks import read_known_sessions


class Restored(NamedTuple):
    """What a collector knows again when it starts.

    Attributes:
        memory: Of deduplication.
        alerts: State of each alert.
        states: What derivations of rules remember, the last word last.
        doubts: By what values of devices are believed.
        sessions: Of LoRaWAN devices, the last word last.
        ledger: Totals since the store was made.
        moves: Likewise.
        events: Likewise, how often each happened.
        had_session: Whether a session was ever made at the broker.
        session_lost_ms: When the broker last lost one, milliseconds since 1970 in UTC; None when it never did.
    """

    memory: Memory
    alerts: list[AlertRecord]
    states: list[RuleState]
    doubts: list[DoubtRow]
    sessions: list[KnownSession]
    ledger: Ledger
    moves: Moves
    events: Counter[str]
    had_session: bool
    session_lost_ms: int | None


def restore_memory(connection: sqlite3.Connection) -> tuple[Memory, list[DamagedRow]]:
    """Return what deduplication knew, and the rows of marks that were passed over."""
    memory, marks = Memory(), StoredMarks(connection)
    memory.restore(marks)
    return memory, marks.damaged


def remove_damaged(connection: sqlite3.Connection, damaged: Sequence[DamagedRow], packed_row: int, now_ms: int) -> None:
    """Remove rows of marks that were passed over, and count them.

    Args:
        connection: To the store.
        damaged: The rows.
        packed_row: Up to this row the points of batches are packed in the hours.
        now_ms: Milliseconds since 1970 in UTC.
    """
    connection.executemany("DELETE FROM marks WHERE id = ?", [(row.id,) for row in damaged])
    if any(row.shard is None and row.id > packed_row for row in damaged):
        # Points of before this moment were in them, nobody knows of which devices and hours.
        note_incomplete(connection, now_ms)
    add_counts(connection, "event", [("marks_damaged", len(damaged))])


def restore(connection: sqlite3.Connection, memory: Memory, events: Counter[str]) -> Restored:
    """Return what is on disk.

    Args:
        connection: To the store.
        memory: Of deduplication, from ``restore_memory``.
        events: Those that are not on disk yet.
    """
    sessions = read_sessions(connection)
    return Restored(
        memory=memory,
        alerts=read_alerts(connection),
        states=list(read_states(connection)),
        doubts=list(read_doubts(connection)),
        sessions=list(read_known_sessions(connection)),
        ledger=read_ledger(connection),
        moves=read_moves(connection),
        events=Counter(read_counts(connection, "event")) + events,
        had_session=sessions.had_session,
        session_lost_ms=sessions.lost_ms,
    )
