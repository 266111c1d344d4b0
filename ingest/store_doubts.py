"""By what values of devices are believed, on disk: a row for each shard of the devices, in JSON, deflated.

A shard is written anew from time to time with a commit, and all are when the collector stops. What is on disk is never
newer than the readings that are; an older value that was believed, with its time, is as good to compare with. A row
whose bytes were damaged is passed over: its devices begin anew.
"""

import sqlite3
from collections.abc import Iterable, Iterator

from ingest.doubt import DoubtRow, DoubtsOfShard
from ingest.store_shards import pack_rows, read_rows

TABLE = """
CREATE TABLE doubts (           -- see ingest.store_doubts
    shard INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
"""


def put_doubts(connection: sqlite3.Connection, shards: Iterable[DoubtsOfShard]) -> None:
    """Put shards in the place of what is on disk of them; within the caller's transaction."""
    connection.executemany(
        "INSERT OR REPLACE INTO doubts (shard, body) VALUES (?, ?)",
        [(one.number, pack_rows(one.rows).body) for one in shards],
    )


def read_doubts(connection: sqlite3.Connection) -> Iterator[DoubtRow]:
    """Yield what is known of each device."""
    yield from (DoubtRow(*one) for one in read_rows(connection, "doubts"))
