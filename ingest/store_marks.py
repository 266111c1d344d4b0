"""Marks on disk: what deduplication remembers, packed per batch, never one row a reading.

A batch adds one row: columns of its marks in JSON, deflated, each combination of names once. So that a start reads a
bounded number of marks, what is remembered of all devices is written again from time to time, a shard of the devices
with a commit (``ingest.shard``), never all at once. Rows of batches that are older than every shard's row are removed.
At a start the marks of a device are its shard's row, then all rows of batches behind it.

A row whose bytes were damaged is passed over: what it would have told is not known, and nothing stops for it.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import Mark
from ingest.memory import ANY_FIELD, PACKET_MARK
from ingest.shard import PACKET_SHARD, SHARDS, Shard, find_shard

LOOSE_RATIO = 2
"""A shard is due when so many times its marks came since the last one: each mark is written again a bounded share."""
LOOSE_FLOOR = 500
"""Marks between two shards at least."""
REMOVED_AT_ONCE = 64
"""Rows of batches that are removed with a shard, beside twice as many as came since the last one."""


class MarkRow(NamedTuple):
    """A row of marks.

    Attributes:
        id: Grows with time.
        shard: Number of the shard; None for what a batch added.
        body: Packed marks.
    """

    id: int
    shard: int | None
    body: bytes

    def is_sound(self) -> bool:
        """Whether the bytes are what was written."""
        try:
            zlib.decompress(self.body)
        except zlib.error:
            return False
        return True


class StoredMarks:
    """What was remembered, of each device and of the messages the oldest first; unpacked as it is asked for.

    Args:
        rows: Sound ones, in order.
    """

    def __init__(self, rows: Sequence[MarkRow]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Mark]:
        """Yield a device's marks from its shard's row, and from the rows of batches behind it."""
        shards = {row.shard: row.id for row in self._rows if row.shard is not None}
        packets_begin = shards.get(PACKET_SHARD, 0)
        begins: dict[str, int] = {}
        for row in self._rows:
            marks = unpack_marks(row.body)
            if row.shard is not None:
                yield from marks
                continue
            for mark in marks:
                begin = begins.get(mark.device)
                if begin is None:
                    begin = begins[mark.device] = shards.get(find_shard(mark.device), 0)
                if row.id > begin:
                    yield mark if row.id > packets_begin or not mark.packet_id else mark._replace(packet_id=0)
                elif mark.packet_id and row.id > packets_begin:
                    yield Mark(PACKET_MARK, mark.packet_id, mark.digest)


class MarkChange(NamedTuple):
    """What a commit did to the rows of marks.

    Attributes:
        marks: How many a batch added.
        row: Id of their row; None where there are none.
        shard: Number of the shard that came with it; None where none did.
        shard_marks: How many it has.
        shard_row: Id of its row.
    """

    marks: int
    row: int | None
    shard: int | None = None
    shard_marks: int = 0
    shard_row: int = 0


class MarkRows:
    """The rows of marks of one store: which shard is due, and which rows nothing needs any more.

    ``add`` writes within the caller's transaction and changes nothing here; ``note`` follows when it is on disk.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT shard, id, count FROM marks WHERE shard IS NOT NULL")
        self._shards: dict[int, tuple[int, int]] = {shard: (row, count) for shard, row, count in rows}
        newest = max((row for row, _ in self._shards.values()), default=0)
        self._loose, self._loose_rows = connection.execute(
            "SELECT coalesce(sum(count), 0), count(*) FROM marks WHERE id > ?", (newest,)
        ).fetchone()

    def find_due(self) -> int | None:
        """Return the number of the shard that should come with the next commit; None while none is due."""
        if len(self._shards) < SHARDS:
            number, count = next(number for number in range(SHARDS) if number not in self._shards), 0
        else:
            number = min(self._shards, key=self._shards.__getitem__)
            count = self._shards[number][1]
        return number if self._loose >= max(LOOSE_FLOOR, LOOSE_RATIO * count) else None

    def add(self, connection: sqlite3.Connection, marks: Sequence[Mark], shard: Shard | None) -> MarkChange:
        """Add a batch's marks, and put a shard in the place of what is on disk of it."""
        row = _insert(connection, None, marks) if marks else None
        if shard is None:
            return MarkChange(len(marks), row)
        if shard.number in self._shards:
            connection.execute("DELETE FROM marks WHERE id = ?", (self._shards[shard.number][0],))
        shard_row = _insert(connection, shard.number, shard.marks)
        return MarkChange(len(marks), row, shard.number, len(shard.marks), shard_row)

    def note(self, change: MarkChange) -> None:
        """Take note of what is on disk now."""
        if change.row is not None:
            self._loose += change.marks
            self._loose_rows += 1
        if change.shard is not None:
            self._shards[change.shard] = (change.shard_row, change.shard_marks)
            self._loose = self._loose_rows = 0

    def find_needless(self, connection: sqlite3.Connection) -> list[int]:
        """Return rows of batches that are older than every shard's row: the oldest, a bounded number."""
        if len(self._shards) < SHARDS:
            return []
        oldest = min(row for row, _ in self._shards.values())
        rows = connection.execute(
            "SELECT id FROM marks WHERE id < ? AND shard IS NULL ORDER BY id LIMIT ?",
            (oldest, REMOVED_AT_ONCE + 2 * self._loose_rows),
        )
        return [row for (row,) in rows]


def _insert(connection: sqlite3.Connection, shard: int | None, marks: Sequence[Mark]) -> int:
    row: int = connection.execute(
        "INSERT INTO marks (shard, count, body) VALUES (?, ?, ?) RETURNING id", (shard, len(marks), pack_marks(marks))
    ).fetchall()[0][0]
    return row


def read_rows(connection: sqlite3.Connection, after_id: int = 0) -> Iterator[MarkRow]:
    """Yield the rows behind an id in order."""
    rows = connection.execute("SELECT id, shard, body FROM marks WHERE id > ? ORDER BY id", (after_id,))
    return map(MarkRow._make, rows)


def read_batch_marks(connection: sqlite3.Connection, after_id: int) -> Iterator[tuple[int, list[Mark]]]:
    """Yield id and marks of each sound row of a batch behind an id."""
    for row in read_rows(connection, after_id):
        if row.shard is None and row.is_sound():
            yield row.id, unpack_marks(row.body)


def pack_marks(marks: Sequence[Mark]) -> bytes:
    """Return marks as columns in JSON, deflated: device, key, digest, index of the names, point; all names; packets."""
    if not marks:
        return zlib.compress(b"[[],[],[],[],[],[],[]]", 1)
    devices, keys, digests, names, points, packets = zip(*marks, strict=True)
    places = {one: place for place, one in enumerate(dict.fromkeys(names))}
    # Points as plain numbers: each member of an enumeration would cost half a microsecond.
    columns = (devices, keys, digests, [*map(places.__getitem__, names)], [*bytes(points)], list(places), packets)
    return isal_zlib.compress(orjson.dumps(columns), 1)


def unpack_marks(body: bytes) -> list[Mark]:
    """Return what ``pack_marks`` packed, or an earlier version of it.

    The first, of stores of version 1, knew no names and counted no points; the second had a mark for each message
    instead of packet identifiers.

    Raises:
        ValueError: The bytes are not what was packed.
        zlib.error: Likewise.
    """
    columns = orjson.loads(zlib.decompress(body))
    if len(columns) == 4:  # noqa: PLR2004 - version 1: device, key, time, digest
        devices, keys, _, digests = columns
        return [
            Mark(device, key, digest, (ANY_FIELD,) if device else ())
            for device, key, digest in zip(devices, keys, digests, strict=True)
        ]
    devices, keys, digests, places, points, tables, *packets = columns
    names = [tuple(one) for one in tables]
    told = packets[0] if packets else [0] * len(devices)
    return [*map(Mark._make, zip(devices, keys, digests, map(names.__getitem__, places), points, told, strict=True))]
