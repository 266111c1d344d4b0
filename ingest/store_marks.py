"""Marks on disk: what deduplication remembers, packed per batch, never one row a reading.

A batch adds one row: columns of its marks in JSON, deflated, each combination of names once. So that a start reads a
bounded number of marks, what is remembered of all devices is written again from time to time, a shard of the devices
with a commit (``ingest.shard``), never all at once. Rows of batches that are older than every shard's row are removed.
At a start the marks of a device are its shard's row, then all rows of batches behind it.

A shard's row holds the windows of its devices as they are in memory, numbers of eight bytes: 100,000 devices of sixteen
payloads each are known again in half a second, where a mark each took 10.

A row whose bytes were damaged is passed over: what it would have told is not known, and nothing stops for it.
"""

import sqlite3
import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import Mark
from ingest.memory import ANY_FIELD, PACKET_MARK
from ingest.shard import CELLS, PACKET_SHARD, SHARDS, Shard, find_shard

LOOSE_RATIO = 1
"""A shard is due when so many times its marks came since the last one: each mark is written again once on average, for
0.3 us, and a start reads no more marks of batches than of shards."""
LOOSE_FLOOR = 500
"""Marks between two shards at least."""
HEAD_BYTES = 4
"""Of the length of a shard's head, the highest first; no head is so long that it would begin like JSON."""
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

    For ``Memory.restore``.

    Args:
        rows: Sound ones, in order.
    """

    def __init__(self, rows: Sequence[MarkRow]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Mark | Shard]:
        """Yield each shard, and the marks of the rows of batches behind it; what nothing needs is not unpacked."""
        shards = {row.shard: row.id for row in self._rows if row.shard is not None}
        begins: dict[str, int] = {}
        newest = max(shards.values(), default=0)
        oldest = min(shards.values()) if len(shards) == SHARDS else 0
        for row in self._rows:
            if row.shard is not None:
                yield from unpack_shard(row.shard, row.body)
            elif row.id > newest:
                yield from unpack_marks(row.body)
            elif row.id > oldest:
                yield from _leave_known(row, shards, begins)


def _leave_known(row: MarkRow, shards: Mapping[int, int], begins: dict[str, int]) -> Iterator[Mark]:
    """Yield what a batch's row says that the shards' rows behind it do not say.

    Args:
        row: Of the batch.
        shards: Id of each shard's row.
        begins: Of each device met so far, the row of its shard.
    """
    is_packet_new = row.id > shards.get(PACKET_SHARD, 0)
    for mark in unpack_marks(row.body):
        begin = begins.get(mark.device)
        if begin is None:
            begin = begins[mark.device] = shards.get(find_shard(mark.device), 0)
        if row.id > begin:
            yield mark if is_packet_new or not mark.packet_id else mark._replace(packet_id=0)
        elif mark.packet_id and is_packet_new:
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
        row = _insert(connection, None, len(marks), pack_marks(marks)) if marks else None
        if shard is None:
            return MarkChange(len(marks), row)
        if shard.number in self._shards:
            connection.execute("DELETE FROM marks WHERE id = ?", (self._shards[shard.number][0],))
        shard_marks = sum(shard.lengths)
        shard_row = _insert(connection, shard.number, shard_marks, pack_shard(shard))
        return MarkChange(len(marks), row, shard.number, shard_marks, shard_row)

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


def _insert(connection: sqlite3.Connection, shard: int | None, count: int, body: bytes) -> int:
    row: int = connection.execute(
        "INSERT INTO marks (shard, count, body) VALUES (?, ?, ?) RETURNING id", (shard, count, body)
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
    return _read_columns(zlib.decompress(body))


def _read_columns(data: bytes) -> list[Mark]:
    columns = orjson.loads(data)
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


def pack_shard(shard: Shard) -> bytes:
    """Return a shard, deflated: length of the head, head in JSON (devices, lengths, names), then columns of the cells.

    Numbers are of eight bytes, the lowest first.
    """
    head = orjson.dumps((shard.devices, shard.lengths, shard.names))
    columns = [_order(shard.cells[column::CELLS]).tobytes() for column in range(CELLS)]
    return isal_zlib.compress(b"".join((len(head).to_bytes(HEAD_BYTES), head, *columns)), 1)


def unpack_shard(number: int, body: bytes) -> list[Shard] | list[Mark]:
    """Return what ``pack_shard`` packed; marks, where an earlier version packed marks.

    Raises:
        ValueError: The bytes are not what was packed.
        zlib.error: Likewise.
    """
    data = zlib.decompress(body)
    if data.startswith(b"["):
        return _read_columns(data)
    end = HEAD_BYTES + int.from_bytes(data[:HEAD_BYTES])
    devices, lengths, names = orjson.loads(data[HEAD_BYTES:end])
    cells = array("q", bytes(len(data) - end))
    size = (len(data) - end) // CELLS
    for column in range(CELLS):
        cells[column::CELLS] = _order(array("q", data[end + column * size : end + (column + 1) * size]))
    return [Shard(number, devices, lengths, [*map(tuple, names)], cells)]


def _order(numbers: "array[int]") -> "array[int]":
    """Return numbers with their lowest byte first."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
