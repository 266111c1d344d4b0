"""What derivations of rules remember, on disk: packed per batch, never one row a reading.

A batch adds one row: the states that changed with it, in JSON, deflated. Shards of the subjects take the place of
batches, see ``ingest.store_shards``. Whoever reads takes the rows in order: the last word counts. A row whose bytes
were damaged is passed over: its derivations begin anew.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingest.batch import RuleState
from ingest.store_shards import ShardChange, ShardRows, ShardTable, pack_rows, read_rows

LOOSE_FLOOR = 1_000
"""See ``ingest.store_shards.ShardTable``."""
REMOVED_AT_ONCE = 256
"""Likewise: batches change few states, so they are many rows."""

TABLE = """
CREATE TABLE alert_states (     -- see ingest.store_states; a batch or a shard a row, in order
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shard INTEGER,              -- NULL: what a batch changed
    count INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""


class StatesOfShard(NamedTuple):
    """What derivations remember of the subjects of a shard.

    Attributes:
        number: See ``ingest.shard``.
        states: All of them.
    """

    number: int
    states: Sequence[RuleState]


class StateRows(ShardRows):
    """The rows of states of one store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, ShardTable("alert_states", LOOSE_FLOOR, REMOVED_AT_ONCE))

    def add(
        self, connection: sqlite3.Connection, states: Sequence[RuleState], shard: StatesOfShard | None
    ) -> ShardChange:
        """Add what a batch changed, and put a shard in the place of what is on disk of it; what nothing needs goes."""
        due = None if shard is None else (shard.number, pack_rows(shard.states))
        return self.exchange(connection, pack_rows(states) if states else None, due)


def read_states(connection: sqlite3.Connection) -> Iterator[RuleState]:
    """Yield what derivations remember, in order; the last word counts."""
    yield from map(RuleState._make, read_rows(connection, "alert_states"))
