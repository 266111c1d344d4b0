"""What derivations of rules remember, on disk: packed per batch, never one row a reading.

A batch adds one row: the states that changed with it, in JSON, deflated. So that a start reads a bounded number of
them, the states of a shard of the subjects (``ingest.shard``) are written again from time to time, with a commit; rows
of batches that are older than every shard's row are removed. Whoever reads takes the rows in order: the last word
counts.

It is the way of ``ingest.store_marks``. A row whose bytes were damaged is passed over: its derivations begin anew.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import RuleState
from ingest.shard import SHARDS

LOOSE_FLOOR = 1_000
"""States between two shards at least; and at least as many as the shard has, so each is written twice on average."""
REMOVED_AT_ONCE = 256
"""And twice as many rows as batches have added since the shard before, so that they do not become more and more."""

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


class StateChange(NamedTuple):
    """What a commit did to the rows of states.

    Attributes:
        states: How many a batch added.
        shard: Number of the shard that came with it; None where none did.
        shard_row: Id of its row.
        shard_states: How many it has.
    """

    states: int = 0
    shard: int | None = None
    shard_row: int = 0
    shard_states: int = 0


class StateRows:
    """The rows of states of one store: which shard is due, and which rows nothing needs any more.

    ``add`` writes within the caller's transaction and changes nothing here; ``note`` follows when it is on disk.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT shard, id, count FROM alert_states WHERE shard IS NOT NULL")
        self._shards: dict[int, tuple[int, int]] = {shard: (row, count) for shard, row, count in rows}
        newest = max((row for row, _ in self._shards.values()), default=0)
        self._loose, self._loose_rows = connection.execute(
            "SELECT coalesce(sum(count), 0), count(*) FROM alert_states WHERE id > ?", (newest,)
        ).fetchone()

    def find_due(self) -> int | None:
        """Return the number of the shard that should come with the next commit; None while none is due."""
        if self._loose < LOOSE_FLOOR:
            return None
        missing = next((number for number in range(SHARDS) if number not in self._shards), None)
        if missing is not None:
            return missing
        number = min(self._shards, key=self._shards.__getitem__)
        return number if self._loose >= self._shards[number][1] else None

    def add(
        self, connection: sqlite3.Connection, states: Sequence[RuleState], shard: StatesOfShard | None
    ) -> StateChange:
        """Add what a batch changed, and put a shard in the place of what is on disk of it."""
        if states:
            _insert(connection, None, states)
        if shard is None:
            return StateChange(len(states))
        if shard.number in self._shards:
            connection.execute("DELETE FROM alert_states WHERE id = ?", (self._shards[shard.number][0],))
        row = _insert(connection, shard.number, shard.states)
        rows = {**self._shards, shard.number: (row, 0)}
        if len(rows) == SHARDS:
            oldest = min(row for row, _ in rows.values())
            connection.execute(
                "DELETE FROM alert_states WHERE id IN "
                "(SELECT id FROM alert_states WHERE id < ? AND shard IS NULL ORDER BY id LIMIT ?)",
                (oldest, REMOVED_AT_ONCE + 2 * self._loose_rows),
            )
        return StateChange(len(states), shard.number, row, len(shard.states))

    def note(self, change: StateChange) -> None:
        """Take note of what is on disk now."""
        if change.states:
            self._loose += change.states
            self._loose_rows += 1
        if change.shard is not None:
            self._shards[change.shard] = (change.shard_row, change.shard_states)
            self._loose = self._loose_rows = 0


def read_states(connection: sqlite3.Connection) -> Iterator[RuleState]:
    """Yield what derivations remember, in order; the last word counts."""
    for (body,) in connection.execute("SELECT body FROM alert_states ORDER BY id"):
        try:
            packed = orjson.loads(zlib.decompress(body))
        except (zlib.error, orjson.JSONDecodeError):
            continue
        yield from map(RuleState._make, packed)


def _insert(connection: sqlite3.Connection, shard: int | None, states: Sequence[RuleState]) -> int:
    # As tuples: orjson knows no named ones.
    body = isal_zlib.compress(orjson.dumps([tuple(one) for one in states]), 1)
    row: int = connection.execute(
        "INSERT INTO alert_states (shard, count, body) VALUES (?, ?, ?) RETURNING id", (shard, len(states), body)
    ).fetchall()[0][0]
    return row
