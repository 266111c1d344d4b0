"""By what values of devices are believed, on disk: a row for each shard of the devices, in JSON, deflated.

A shard is written anew from time to time with a commit, and all are when the collector stops. What is on disk is never
newer than the readings that are; an older value that was believed, with its time, is as good to compare with. A row
whose bytes were damaged is passed over: its devices begin anew.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator

import orjson
from isal import isal_zlib

from ingest.doubt import DoubtRow, DoubtsOfShard

TABLE = """
CREATE TABLE doubts (           -- see ingest.store_doubts
    shard INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
"""


def put_doubts(connection: sqlite3.Connection, shards: Iterable[DoubtsOfShard]) -> None:
    """Put shards in the place of what is on disk of them; within the caller's transaction."""
    # As tuples: orjson knows no named ones.
    connection.executemany(
        "INSERT OR REPLACE INTO doubts (shard, body) VALUES (?, ?)",
        [(one.number, isal_zlib.compress(orjson.dumps([tuple(row) for row in one.rows]), 1)) for one in shards],
    )


def read_doubts(connection: sqlite3.Connection) -> Iterator[DoubtRow]:
    """Yield what is known of each device."""
    for (body,) in connection.execute("SELECT body FROM doubts ORDER BY shard"):
        try:
            packed = orjson.loads(zlib.decompress(body))
        except (zlib.error, orjson.JSONDecodeError):
            continue
        yield from (DoubtRow(*one) for one in packed)
