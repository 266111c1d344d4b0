"""Marks on disk: what deduplication remembers, packed per batch, never one row a reading.

A batch adds one row: columns of its marks in JSON, deflated, each combination of names once. Shards of the devices
take the place of batches, see ``ingest.store_shards``: at a start the marks of a device are its shard's row, then all
rows of batches behind it. Each row is inflated once then, and they are never in memory together.

A shard's row holds the windows of its devices as they are in memory, numbers of eight bytes: 100,000 devices of sixteen
payloads each are known again in half a second, where a mark each took 10.

A row whose bytes were damaged is passed over: what it would have told is not known, and nothing stops for it.
"""

import sqlite3
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import Mark
from ingest.memory import ANY_FIELD, PACKET_MARK
from ingest.shard import CELLS, PACKET_SHARD, SHARDS, Shard, find_shard
from ingest.store_shards import Packed, ShardChange, ShardRows, ShardTable

LOOSE_FLOOR = 500
"""See ``ingest.store_shards.ShardTable``."""
REMOVED_AT_ONCE = 64
"""Likewise."""
HEAD_BYTES = 4
"""Of the length of a shard's head, the highest first; no head is so long that it would begin like JSON."""


class DamagedRow(NamedTuple):
    """A row of marks whose bytes are not what was written.

    Attributes:
        id: Grows with time.
        shard: Number of the shard; None for what a batch added.
    """

    id: int
    shard: int | None


class StoredMarks:
    """What was remembered, of each device and of the messages the oldest first; for ``Memory.restore``.

    Attributes:
        damaged: Rows that were passed over, in no order; every one of them when all was gone through.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.damaged: list[DamagedRow] = []
        self._connection = connection

    def __iter__(self) -> Iterator[Mark | Shard]:
        """Yield each shard, and then the marks of the rows of batches that the shards do not have.

        Shards first: which batches are needed depends on which shards are sound.
        """
        shards: dict[int, int] = {}
        for row, shard, data in self._inflate("shard IS NOT NULL"):
            shards[shard] = row
            yield from _read_shard(shard, data)
        newest = max(shards.values(), default=0)
        oldest = min(shards.values()) if len(shards) == SHARDS else 0
        begins: dict[str, int] = {}
        for row, _, data in self._inflate("shard IS NULL"):
            if row > newest:
                yield from _read_columns(data)
            elif row > oldest:
                yield from _leave_known(row, _read_columns(data), shards, begins)
            # Nothing needs the others, but that the disk damaged one must be known.

    def _inflate(self, where: str) -> Iterator[tuple[int, int, bytes]]:
        """Yield id, number of the shard, and content of sound rows, in order; take note of the others."""
        rows = self._connection.execute(f"SELECT id, shard, body FROM marks WHERE {where} ORDER BY id")  # noqa: S608 - one of two conditions, above
        for row, shard, body in rows:
            data = _inflate(body)
            if data is None:
                self.damaged.append(DamagedRow(row, shard))
            else:
                yield row, shard, data


def _leave_known(row: int, marks: Iterable[Mark], shards: Mapping[int, int], begins: dict[str, int]) -> Iterator[Mark]:
    """Yield what a batch's row says that the shards' rows behind it do not say.

    Args:
        row: Id of the batch's row.
        marks: In it.
        shards: Id of each shard's row.
        begins: Of each device met so far, the row of its shard.
    """
    is_packet_new = row > shards.get(PACKET_SHARD, 0)
    for mark in marks:
        begin = begins.get(mark.device)
        if begin is None:
            begin = begins[mark.device] = shards.get(find_shard(mark.device), 0)
        if row > begin:
            yield mark if is_packet_new or not mark.packet_id else mark._replace(packet_id=0)
        elif mark.packet_id and is_packet_new:
            yield Mark(PACKET_MARK, mark.packet_id, mark.digest)


class MarkRows(ShardRows):
    """The rows of marks of one store. The caller removes what nothing needs: points may have to be packed before."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, ShardTable("marks", LOOSE_FLOOR, REMOVED_AT_ONCE))

    def add(self, connection: sqlite3.Connection, marks: Sequence[Mark], shard: Shard | None) -> ShardChange:
        """Add a batch's marks, and put a shard in the place of what is on disk of it."""
        batch = Packed(len(marks), pack_marks(marks)) if marks else None
        if shard is None:
            return self.write(connection, batch, None)
        return self.write(connection, batch, (shard.number, Packed(sum(shard.lengths), pack_shard(shard))))


def read_batch_marks(connection: sqlite3.Connection, after_id: int) -> Iterator[tuple[int, list[Mark]]]:
    """Yield id and marks of each sound row of a batch behind an id."""
    rows = connection.execute("SELECT id, body FROM marks WHERE shard IS NULL AND id > ? ORDER BY id", (after_id,))
    for row, body in rows:
        data = _inflate(body)
        if data is not None:
            yield row, _read_columns(data)


def pack_marks(marks: Sequence[Mark]) -> bytes:
    """Return marks as columns in JSON, deflated: device, key, digest, index of the names, point; all names; packets."""
    if not marks:
        return isal_zlib.compress(b"[[],[],[],[],[],[],[]]", 1)
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


def _inflate(body: bytes) -> bytes | None:
    """Return what was deflated; None where the bytes are damaged, which their checksum tells."""
    try:
        return zlib.decompress(body)
    except zlib.error:
        return None


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
    return _read_shard(number, zlib.decompress(body))


def _read_shard(number: int, data: bytes) -> list[Shard] | list[Mark]:
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
