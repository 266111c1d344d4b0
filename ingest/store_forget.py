"""Forget a device: what the store remembers of it leaves; the caller has the transaction, and nobody else the store.

What is packed by batch, shard or hour is written anew without it. The ledger does not change: how many readings were
accepted tells of nobody. Of messages that told of several incidents the others' stay. What people asked for, and
maintenance, is a record of what they did, and goes by age.

Errors:
    StoreError    see ``ingest.store_file``
"""

import sqlite3
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import Mark
from ingest.memory import PACKET_MARK
from ingest.quarantine_filter import Filter
from ingest.shard import CELLS, Shard, find_shard
from ingest.store_file import DamagedEntryError, StoreError
from ingest.store_marks import pack_marks, pack_shard, unpack_marks, unpack_shard
from ingest.store_outbox import unpack_lines
from ingest.store_quarantine import discard_entries
from ingest.store_rows import find_device

PIECE = 500


class Forgotten(NamedTuple):
    """What left the store.

    Attributes:
        incidents: With their steps.
        messages: To people, that told of nothing else.
        quarantined: Entries of the quarantine.
        rows: Of what is packed, that were written anew without it.
    """

    incidents: int
    messages: int
    quarantined: int
    rows: int


def forget_device(connection: sqlite3.Connection, device: str) -> Forgotten:
    """Remove what the store remembers of a device.

    Args:
        connection: To the store, within a transaction.
        device: Id in the inventory; of what was in none, what stands for it in the quarantine, ``SOURCE:ADDRESS``. The
            sessions of LoRaWAN devices are known by that alone. Of an address capitals count as little as elsewhere.

    Raises:
        StoreError: Lines of it wait for InfluxDB, and would be written there after all.
    """
    _require_written(connection, device)
    for table in ("alerts", "unpublished"):
        connection.execute(f"DELETE FROM {table} WHERE device = ?", (device,))  # noqa: S608 - one of two names
    incidents = connection.execute("DELETE FROM incidents WHERE device = ? RETURNING id", (device,)).fetchall()
    connection.executemany("DELETE FROM steps WHERE incident = ?", incidents)
    messages = _forget_messages(connection, incidents)
    quarantined = 0
    for name in _list_senders(connection, device):
        while gone := discard_entries(connection, Filter(device=name), PIECE):
            quarantined += gone
    rows = _forget_marks(connection, device) + _forget_hours(connection, device)
    rows += _forget_rows(connection, "alert_states", (1,), (device,)) + _forget_rows(
        connection, "doubts", (0,), (device,)
    )
    source, _, address = device.partition(":")
    for written in {address, address.upper(), address.lower()}:
        rows += _forget_rows(connection, "uplink_sessions", (0, 1), (source, written))
    rows += connection.execute(
        "DELETE FROM counts WHERE kind LIKE 'uplinks!_%' ESCAPE '!' AND name = ?", (device,)
    ).rowcount
    return Forgotten(len(incidents), messages, quarantined, rows)


def _list_senders(connection: sqlite3.Connection, device: str) -> list[str]:
    """Return the names under which quarantine has a device."""
    if ":" not in device:
        return [device]
    found = connection.execute("SELECT DISTINCT sender FROM quarantine WHERE lower(sender) = lower(?)", (device,))
    return [name for (name,) in found.fetchall()]


def wipe(connection: sqlite3.Connection) -> None:
    """Write the file anew, outside of a transaction, so that what was removed is in none of its bytes."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _require_written(connection: sqlite3.Connection, device: str) -> None:
    for (body,) in connection.execute("SELECT body FROM outbox ORDER BY id"):
        try:
            lines = unpack_lines(body)
        except DamagedEntryError:
            continue  # a writer sets it aside, and it goes by age
        if any(find_device(line) == device for line in lines):
            raise StoreError(
                f"Lines of {device} wait for InfluxDB, which would have them after all; start the collector, stop it "
                "when `gjovik status` says that none wait, and ask again."
            )


def _forget_messages(connection: sqlite3.Connection, incidents: list[tuple[int]]) -> int:
    """Remove what messages tell of incidents, and those that tell of nothing else; return how many these are."""
    told = {
        delivery
        for incident in incidents
        for (delivery,) in connection.execute("DELETE FROM tellings WHERE incident = ? RETURNING delivery", incident)
    }
    gone = [
        delivery
        for delivery in told
        if connection.execute("SELECT 1 FROM tellings WHERE delivery = ?", (delivery,)).fetchone() is None
    ]
    connection.executemany("DELETE FROM deliveries WHERE id = ?", [(one,) for one in gone])
    return len(gone)


def _inflate(connection: sqlite3.Connection, statement: str) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield id, number of the shard, and content of a table's rows; damaged ones are passed over, as by all others."""
    for row, shard, body in connection.execute(statement).fetchall():
        try:
            zlib.decompress(body)
        except zlib.error:
            continue
        yield row, shard, body


def _forget_marks(connection: sqlite3.Connection, device: str) -> int:
    number, changed = find_shard(device), 0
    for row, shard, body in _inflate(connection, "SELECT id, shard, body FROM marks"):
        if shard not in {None, number}:
            continue
        told = unpack_marks(body) if shard is None else unpack_shard(number, body)
        left = [one for part in told for one in _leave_out(part, device)]
        if left == told:
            continue
        if left and isinstance(left[0], Shard):
            packed, count = pack_shard(left[0]), sum(left[0].lengths)
        else:  # nothing is left where the device was alone and no packet is remembered, as after a reprocessing
            packed, count = pack_marks(left), len(left)  # type: ignore[arg-type]
        connection.execute("UPDATE marks SET body = ?, count = ? WHERE id = ?", (packed, count, row))
        changed += 1
    return changed


def _leave_out(told: Mark | Shard, device: str) -> Iterator[Mark | Shard]:
    """Yield what is left of something remembered: of a message its packet identifier, which has nobody's name."""
    if isinstance(told, Shard):
        yield _shorten(told, device)
    elif told.device != device:
        yield told
    elif told.packet_id:
        yield Mark(PACKET_MARK, told.packet_id, told.digest)


def _shorten(shard: Shard, device: str) -> Shard:
    """Return a shard without a device."""
    if device not in shard.devices:
        return shard
    place = list(shard.devices).index(device)
    begin = CELLS * sum(shard.lengths[:place])
    end = begin + CELLS * shard.lengths[place]
    return shard._replace(
        devices=[*shard.devices[:place], *shard.devices[place + 1 :]],
        lengths=[*shard.lengths[:place], *shard.lengths[place + 1 :]],
        cells=array("q", shard.cells[:begin]) + array("q", shard.cells[end:]),
    )


def _forget_hours(connection: sqlite3.Connection, device: str) -> int:
    changed = 0
    for row, _, body in _inflate(connection, "SELECT id, NULL, body FROM hours"):
        columns = orjson.loads(zlib.decompress(body))
        left = [{name: count for name, count in column.items() if name != device} for column in columns]
        if left != columns:
            packed = isal_zlib.compress(orjson.dumps(left), 1)
            connection.execute("UPDATE hours SET body = ? WHERE id = ?", (packed, row))
            changed += 1
    return changed


def _forget_rows(connection: sqlite3.Connection, table: str, places: Sequence[int], name: Sequence[str]) -> int:
    """Write rows of a table anew that are lists of entries which have a name in parts at these places; return how many.

    Where a row has a count, it stays: it says when a shard is due, and one entry less changes nothing in that.
    """
    key, changed = ("shard", 0) if table == "doubts" else ("id", 0)
    for row, _, body in _inflate(connection, f"SELECT {key}, NULL, body FROM {table}"):  # noqa: S608 - one of three names
        told = orjson.loads(zlib.decompress(body))
        left = [one for one in told if any(one[place] != part for place, part in zip(places, name, strict=True))]
        if len(left) < len(told):
            packed = isal_zlib.compress(orjson.dumps(left), 1)
            connection.execute(f"UPDATE {table} SET body = ? WHERE {key} = ?", (packed, row))  # noqa: S608 - likewise
            changed += 1
    return changed
