"""Tables of the store, and how a file of an earlier version comes up to date.

The version is SQLite's ``user_version``: the number of migrations that made the file. A migration is SQL that runs in
one transaction with the new number, so a kill in the middle leaves the old version.
"""

import sqlite3
from collections.abc import Sequence

from ingest.store_deliveries import TABLE as DELIVERIES
from ingest.store_doubts import TABLE as DOUBTS
from ingest.store_incidents import ADOPTION
from ingest.store_incidents import TABLES as INCIDENTS
from ingest.store_maintenance import TABLE as MAINTENANCE
from ingest.store_states import TABLE as STATES
from ingest.store_uplinks import TABLE as UPLINKS

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

_SECOND = """
CREATE TABLE quarantine_of_ids ( -- see ingest.batch.Quarantined
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: what is asked for by id must be what was seen under it
    received_ms INTEGER NOT NULL,
    level TEXT NOT NULL,
    reason TEXT NOT NULL,
    topic TEXT NOT NULL,
    device TEXT NOT NULL,
    sender TEXT NOT NULL,       -- see ingest.store_quarantine.find_sender
    detail TEXT NOT NULL,
    payload BLOB NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    retain INTEGER NOT NULL,
    part INTEGER,
    given_ms INTEGER,
    fields TEXT NOT NULL,       -- JSON list of names; empty for none
    bytes INTEGER NOT NULL      -- what counts against the quotas
) STRICT;
INSERT INTO quarantine_of_ids
    SELECT id, received_ms, level, reason, topic, device,
        iif(device != '' OR instr(topic, '/') = 0, iif(device != '', device, topic), (
            WITH upper AS (SELECT substr(topic, 1, length(rtrim(topic, replace(topic, '/', ''))) - 1) AS path)
            SELECT substr(path, length(rtrim(path, replace(path, '/', ''))) + 1) FROM upper
        )),
        detail, payload, length, sha256, 0, NULL, NULL, '',
        256 + length(topic) + length(detail) + length(payload)
    FROM quarantine ORDER BY id;
DROP TABLE quarantine;
ALTER TABLE quarantine_of_ids RENAME TO quarantine;
CREATE INDEX quarantine_by_group ON quarantine (sender, reason, id);
CREATE INDEX quarantine_by_age ON quarantine (received_ms);

CREATE TABLE quarantine_groups ( -- what the quarantine holds, by whom it is from and why it was refused
    sender TEXT NOT NULL,
    reason TEXT NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (sender, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_groups_by_bytes ON quarantine_groups (bytes);
CREATE INDEX quarantine_groups_by_entries ON quarantine_groups (entries);
INSERT INTO quarantine_groups SELECT sender, reason, count(*), sum(bytes) FROM quarantine GROUP BY sender, reason;
INSERT INTO counts SELECT 'quarantine_bytes', 'held', total(bytes) FROM quarantine;
INSERT INTO counts SELECT 'move', 'quarantined', count(*) FROM quarantine;

CREATE TABLE marks_of_batches ( -- see ingest.store_marks; in order
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: what is known up to an id must stay so
    shard INTEGER,              -- of a snapshot of what is remembered of these devices; NULL: what a batch added
    count INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
INSERT INTO marks_of_batches (id, count, body) SELECT id, count, body FROM marks;
DROP TABLE marks;
ALTER TABLE marks_of_batches RENAME TO marks;

CREATE TABLE hours (            -- see ingest.store_hours; an hour's rows are added up
    id INTEGER PRIMARY KEY,
    hour INTEGER NOT NULL,      -- since 1970 in UTC
    body BLOB NOT NULL
) STRICT;
CREATE INDEX hours_by_hour ON hours (hour);

CREATE TABLE requests (         -- see ingest.store_requests
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    begun_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    author TEXT NOT NULL,
    login TEXT NOT NULL,
    meant TEXT NOT NULL,
    outcome TEXT NOT NULL       -- empty until it ended
) STRICT;

ALTER TABLE unpublished ADD COLUMN tries INTEGER NOT NULL DEFAULT 0; -- how often it was begun to be published
ALTER TABLE unpublished ADD COLUMN published INTEGER NOT NULL DEFAULT 0; -- 0, or the seal behind which it is
"""

# The tables stay as they are, but rows of marks gained a column, and those of shards are windows: see store_marks. An
# earlier program could not read them, and is to say so.
_THIRD = ""

_FOURTH = """
ALTER TABLE alerts ADD COLUMN severity TEXT NOT NULL DEFAULT 'info';
ALTER TABLE alerts ADD COLUMN rest TEXT NOT NULL DEFAULT ''; -- JSON; see ingest.store_rows
ALTER TABLE unpublished ADD COLUMN severity TEXT NOT NULL DEFAULT 'info';
ALTER TABLE unpublished ADD COLUMN change TEXT NOT NULL DEFAULT 'fired';
UPDATE unpublished SET change = 'cleared' WHERE phase = 'ok';
"""

# Messages to people are counted by state each second.
_FIFTH = """
DROP INDEX deliveries_waiting;
CREATE INDEX deliveries_by_state ON deliveries (state, contact);
"""

# By which version of its device type an entry was judged; of those that are there it is not known. The target is the
# database that lines are for (ingest.target): each writer reads its own entries, and there may be many of the other's.
_SIXTH = """
ALTER TABLE quarantine ADD COLUMN schema TEXT NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN target INTEGER NOT NULL DEFAULT 0; -- of a line
ALTER TABLE outbox ADD COLUMN target INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_by_target ON outbox (target);
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH + STATES + INCIDENTS + ADOPTION + MAINTENANCE + DELIVERIES,
    _FIFTH,
    _SIXTH + DOUBTS,
    UPLINKS,
)
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
