"""What a store knows of sessions at the broker: whether there ever was one, how many were lost, and the last when."""

import sqlite3
from typing import NamedTuple

from ingest.store_rows import add_counts, read_counts, set_count

SESSION_LOST = "session_lost"
"""Name of the event in the store's counts."""


class PastSessions(NamedTuple):
    """The sessions of a store's collector so far.

    Attributes:
        had_session: Whether one was ever made at the broker.
        lost_ms: When the broker last lost one, milliseconds since 1970 in UTC; None when it never did.
    """

    had_session: bool
    lost_ms: int | None


def note_session(connection: sqlite3.Connection) -> None:
    """Write down that a session was made."""
    set_count(connection, "session", "made", 1)


def note_lost_sessions(connection: sqlite3.Connection, count: int, now_ms: int) -> None:
    """Count sessions that the broker lost, and write down when that was found."""
    add_counts(connection, "event", [(SESSION_LOST, count)])
    set_count(connection, "session", "lost_ms", now_ms)


def read_sessions(connection: sqlite3.Connection) -> PastSessions:
    """Return what was written down."""
    found = read_counts(connection, "session")
    return PastSessions(bool(found), found.get("lost_ms"))
