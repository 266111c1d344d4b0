"""What a collector knows again when it starts."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ingest.batch import AlertRecord, Ledger, RuleState
from ingest.store_marks import MarkRow, StoredMarks
from ingest.store_rows import Moves, read_alerts, read_counts, read_ledger, read_moves
from ingest.store_states import read_states


class Restored(NamedTuple):
    """What a collector knows again when it starts.

    Attributes:
        marks: For deduplication; to be gone through in order.
        alerts: State of each alert.
        states: What derivations of rules remember, the last word last.
        ledger: Totals since the store was made.
        moves: Likewise.
        events: Likewise, how often each happened.
        had_session: Whether a session was ever made at the broker.
        session_lost_ms: When the broker last lost one, milliseconds since 1970 in UTC; None when it never did.
    """

    marks: StoredMarks
    alerts: list[AlertRecord]
    states: list[RuleState]
    ledger: Ledger
    moves: Moves
    events: Counter[str]
    had_session: bool
    session_lost_ms: int | None


def restore(connection: sqlite3.Connection, marks: Sequence[MarkRow], events: Counter[str]) -> Restored:
    """Return what is on disk.

    Args:
        connection: To the store.
        marks: Rows of marks that are sound.
        events: Those that are not on disk yet.
    """
    session = read_counts(connection, "session")
    return Restored(
        marks=StoredMarks(marks),
        alerts=read_alerts(connection),
        states=list(read_states(connection)),
        ledger=read_ledger(connection),
        moves=read_moves(connection),
        events=Counter(read_counts(connection, "event")) + events,
        had_session=bool(session),
        session_lost_ms=session.get("lost_ms"),
    )
