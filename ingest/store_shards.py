"""Rows of batches, and of shards that take their place: how what is remembered stays of a bounded size on disk.

A batch adds one row with what it changed. So that a start reads a bounded number of them, what is remembered of a shard
of the devices (``ingest.shard``) is written anew from time to time, with a commit, never all at once. Rows of batches
that are older than every shard's row say nothing that those do not say, and are removed.

What is in a row is its table's own affair: ``ingest.store_marks``, ``ingest.store_states``,
``ingest.store_uplinks``.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import orjson
from isal import isal_zlib

from ingest.shard import SHARDS

LOOSE_RATIO = 1
"""A shard is due when so many times its entries came since the last one: each entry is written again once on average,
and a start reads no more entries of batches than of shards."""


TableName = Literal["marks", "alert_states", "uplink_sessions"]


class ShardTable(NamedTuple):
    """A table with the columns ``id``, ``shard`` (NULL in rows of batches), ``count`` (entries) and ``body``.

    Attributes:
        name: In the store's schema.
        loose_floor: Entries of batches between two shards at least.
        removed_at_once: Rows of batches that are removed with a shard, beside twice as many as came since the last one,
            so that they do not become more and more.
    """

    name: TableName
    loose_floor: int
    removed_at_once: int


class Packed(NamedTuple):
    """What goes into a row.

    Attributes:
        entries: How many.
        body: They, as their table packs them.
    """

    entries: int
    body: bytes


class ShardChange(NamedTuple):
    """What a commit did to the rows of a table.

    Attributes:
        entries: That a batch added.
        row: Id of their row; None where there are none.
        shard: Number of the shard that came with it; None where none did.
        shard_row: Id of its row.
        shard_entries: That it has.
    """

    entries: int = 0
    row: int | None = None
    shard: int | None = None
    shard_row: int = 0
    shard_entries: int = 0


class ShardRows:
    """The rows of one table of one store: which shard is due, and which rows nothing needs any more.

    ``write`` and ``remove`` write within the caller's transaction and change nothing here; ``note`` follows when it is
    on disk.
    """

    def __init__(self, connection: sqlite3.Connection, table: ShardTable) -> None:
        self._table = table
        rows = connection.execute(f"SELECT shard, id, count FROM {table.name} WHERE shard IS NOT NULL")  # noqa: S608 - one of three names
        self._shards: dict[int, tuple[int, int]] = {shard: (row, count) for shard, row, count in rows}
        newest = max((row for row, _ in self._shards.values()), default=0)
        self._loose, self._loose_rows = connection.execute(
            f"SELECT coalesce(sum(count), 0), count(*) FROM {table.name} WHERE id > ?",  # noqa: S608 - likewise
            (newest,),
        ).fetchone()

    def find_due(self) -> int | None:
        """Return the number of the shard that should come with the next commit; None while none is due."""
        if self._loose < self._table.loose_floor:
            return None
        if len(self._shards) < SHARDS:
            return next(number for number in range(SHARDS) if number not in self._shards)
        number = min(self._shards, key=self._shards.__getitem__)
        return number if self._loose >= LOOSE_RATIO * self._shards[number][1] else None

    def write(
        self, connection: sqlite3.Connection, batch: Packed | None, shard: tuple[int, Packed] | None
    ) -> ShardChange:
        """Add what a batch changed, and put a shard, given with its number, in the place of what is on disk of it."""
        change = ShardChange() if batch is None else ShardChange(batch.entries, self._insert(connection, None, batch))
        if shard is None:
            return change
        number, packed = shard
        if number in self._shards:
            self.remove(connection, (self._shards[number][0],))
        row = self._insert(connection, number, packed)
        return change._replace(shard=number, shard_row=row, shard_entries=packed.entries)

    def exchange(
        self, connection: sqlite3.Connection, batch: Packed | None, shard: tuple[int, Packed] | None
    ) -> ShardChange:
        """Do as ``write``, and with a shard remove what nothing needs any more."""
        change = self.write(connection, batch, shard)
        if shard is not None:
            self.remove(connection, self.find_needless(connection))
        return change

    def note(self, change: ShardChange) -> None:
        """Take note of what is on disk now."""
        if change.row is not None:
            self._loose += change.entries
            self._loose_rows += 1
        if change.shard is not None:
            self._shards[change.shard] = (change.shard_row, change.shard_entries)
            self._loose = self._loose_rows = 0

    def find_needless(self, connection: sqlite3.Connection) -> list[int]:
        """Return rows of batches that are older than every shard's row: the oldest, a bounded number."""
        if len(self._shards) < SHARDS:
            return []
        oldest = min(row for row, _ in self._shards.values())
        rows = connection.execute(
            f"SELECT id FROM {self._table.name} WHERE id < ? AND shard IS NULL ORDER BY id LIMIT ?",  # noqa: S608 - one of three names
            (oldest, self._table.removed_at_once + 2 * self._loose_rows),
        )
        return [row for (row,) in rows]

    def remove(self, connection: sqlite3.Connection, rows: Iterable[int]) -> None:
        """Remove rows."""
        connection.executemany(f"DELETE FROM {self._table.name} WHERE id = ?", [(row,) for row in rows])  # noqa: S608 - one of three names

    def _insert(self, connection: sqlite3.Connection, shard: int | None, packed: Packed) -> int:
        row: int = connection.execute(
            f"INSERT INTO {self._table.name} (shard, count, body) VALUES (?, ?, ?) RETURNING id",  # noqa: S608 - one of three names
            (shard, packed.entries, packed.body),
        ).fetchall()[0][0]
        return row


def pack_rows(rows: Sequence[Sequence[object]]) -> Packed:
    """Return entries in JSON, deflated."""
    # As tuples: orjson knows no named ones.
    return Packed(len(rows), isal_zlib.compress(orjson.dumps([tuple(row) for row in rows]), 1))


def read_rows(connection: sqlite3.Connection, name: TableName | Literal["doubts"]) -> Iterator[list[Any]]:
    """Yield what ``pack_rows`` put in a table, in order; a row whose bytes were damaged is passed over."""
    for (body,) in connection.execute(f"SELECT body FROM {name} ORDER BY rowid"):  # noqa: S608 - one of four names
        try:
            yield from orjson.loads(zlib.decompress(body))
        except (zlib.error, orjson.JSONDecodeError):
            continue
