"""What a store knows of the uplinks of LoRaWAN devices: sessions, and how many were lost, duplicates or not decoded.

A batch adds one row of the sessions that changed with it, in JSON, deflated. Shards of the devices take the place of
batches, see ``ingest.store_shards``. They are on disk with what was said under them: a batch that was lost in a crash
left none behind, so its uplinks are either delivered again and new, or lost and missed, and counted once.

A row whose bytes were damaged is passed over: the sessions in it begin anew, or where they were before.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from ingest.batch import SessionsOfShard, UplinkFault
from ingest.source import KnownSession, Session
from ingest.store_rows import add_counts
from ingest.store_shards import Packed, ShardChange, ShardRows, ShardTable, pack_rows, read_rows

LOOSE_FLOOR = 1_000
"""See ``ingest.store_shards.ShardTable``."""
REMOVED_AT_ONCE = 256
"""Likewise: devices send seldom, so batches are many rows."""

TABLE = """
CREATE TABLE uplink_sessions (  -- see ingest.store_uplinks; a batch or a shard a row, in order
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shard INTEGER,              -- NULL: what a batch changed
    count INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""


class SessionRows(ShardRows):
    """The rows of sessions of one store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, ShardTable("uplink_sessions", LOOSE_FLOOR, REMOVED_AT_ONCE))

    def add(
        self, connection: sqlite3.Connection, sessions: Sequence[KnownSession], shard: SessionsOfShard | None
    ) -> ShardChange:
        """Add what a batch changed, and put a shard in the place of what is on disk of it; what nothing needs goes."""
        due = None if shard is None else (shard.number, _pack_sessions(shard.sessions))
        return self.exchange(connection, _pack_sessions(sessions) if sessions else None, due)


def read_known_sessions(connection: sqlite3.Connection) -> Iterator[KnownSession]:
    """Yield the session of each device, in order; the last word counts."""
    for source, address, *session in read_rows(connection, "uplink_sessions"):
        yield KnownSession(source, address, Session._make(session))


def _pack_sessions(sessions: Sequence[KnownSession]) -> Packed:
    return pack_rows([(source, address, *session) for source, address, session in sessions])


def add_uplinks(connection: sqlite3.Connection, counted: Mapping[tuple[str, UplinkFault], int]) -> None:
    """Add what a batch counted of the uplinks of devices."""
    for (device, fault), count in counted.items():
        add_counts(connection, f"uplinks_{fault}", [(device, count)])


def read_uplinks(connection: sqlite3.Connection, device: str) -> dict[UplinkFault, int]:
    """Return what was counted of the uplinks of a device since the store was made."""
    found = dict(
        connection.execute("SELECT kind, count FROM counts WHERE name = ? AND kind LIKE 'uplinks_%'", (device,))
    )
    return {fault: found.get(f"uplinks_{fault}", 0) for fault in UplinkFault}
