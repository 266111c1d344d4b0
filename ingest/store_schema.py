"""Tables of the store, and how a file of an earlier version comes up to date.

The version is SQLite's ``user_version``: the number of migrations that made the file. A migration is SQL that runs in
one transaction with the new number, so a kill in the middle leaves the old version.
"""

import sqlite3
from collections.abc import Sequence

_FIRST = """
CREATE TABLE outbox (           -- committed line protocol that is not in InfluxDB yet, a batch a row
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    created_ms INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL, -- of the lines, each with its newline
    body BLOB NOT NULL          -- the lines as one gzip member
) STRICT;

CREATE TABLE quarantine (       -- see ingest.batch.Quarantined
    id INTEGER PRIMARY KEY,
    received_ms INTEGER NOT NULL,
    level TEXT NOT NULL,
    reason TEXT NOT NULL,
    topic TEXT NOT NULL,
    device TEXT NOT NULL,
    detail TEXT NOT NULL,
    payload BLOB NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL
) STRICT;

CREATE TABLE alerts (           -- see ingest.batch.AlertRecord
    device TEXT NOT NULL,
    rule TEXT NOT NULL,
    phase TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    value REAL NOT NULL,
    site TEXT NOT NULL,
    zone TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    PRIMARY KEY (device, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE unpublished (      -- see schemas.rule.Transition; a row leaves when the broker has it
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    site TEXT NOT NULL,
    zone TEXT NOT NULL,
    rule TEXT NOT NULL,
    phase TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    value REAL NOT NULL,
    simulated INTEGER NOT NULL
) STRICT;

CREATE TABLE marks (            -- see ingest.store_marks; a batch or a snapshot a row, in order
    id INTEGER PRIMARY KEY,
    snapshot INTEGER NOT NULL,
    count INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE counts (           -- the ledger, its reasons, what the quarantine holds, and the moves after a commit
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
"""Each brings a file from the version that is its index to the next. Never change one that was released: add one."""


def read_version(connection: sqlite3.Connection) -> int:
    """Return the version of a file; 0 for a new one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring a file up to date; one of a later version is left as it is.

    Raises:
        sqlite3.Error: A migration failed; the file is as that migration found it.
    """
    for version in range(read_version(connection), len(migrations)):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {migrations[version]}; PRAGMA user_version = {version + 1}; COMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
