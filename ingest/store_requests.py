"""Rows of the table ``requests``: what people asked for, and what came of it; the caller has the transaction.

A row is written before the first entry is touched. One without an outcome is under way, or its process was killed: what
it had done is done, and counted in the moves.
"""

import sqlite3
from typing import NamedTuple

MOST_REQUESTS = 1_000
"""The last so many are kept."""


class PastRequest(NamedTuple):
    """A request of a person.

    Attributes:
        id: Grows with time.
        begun_ms: When it was begun, milliseconds since 1970 in UTC.
        kind: What was to be done; a ``RequestKind``.
        author: Who asked, as it was told.
        login: Who asked, as the system knows it.
        meant: Which entries of the quarantine were meant, in words.
        outcome: What became of them, in words; empty where it did not end.
    """

    id: int
    begun_ms: int
    kind: str
    author: str
    login: str
    meant: str
    outcome: str


def insert_request(connection: sqlite3.Connection, asked: PastRequest) -> int:
    """Add a request, whatever its ``id`` is, and remove the oldest beyond ``MOST_REQUESTS``; return its id."""
    request_id: int = connection.execute(
        "INSERT INTO requests (begun_ms, kind, author, login, meant, outcome) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        asked[1:],
    ).fetchall()[0][0]
    connection.execute("DELETE FROM requests WHERE id <= ?", (request_id - MOST_REQUESTS,))
    return request_id


def end_request(connection: sqlite3.Connection, request_id: int, outcome: str) -> None:
    """Write down what became of a request."""
    connection.execute("UPDATE requests SET outcome = ? WHERE id = ?", (outcome, request_id))


def read_requests(connection: sqlite3.Connection, limit: int) -> list[PastRequest]:
    """Return the last requests, the newest first."""
    rows = connection.execute(
        "SELECT id, begun_ms, kind, author, login, meant, outcome FROM requests ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [PastRequest._make(row) for row in rows.fetchall()]
