"""Rows of the outbox: lines on their way to InfluxDB, a batch a row. The caller has the transaction.

Lines leave only with their count: ``committed = stored + refused_by_database + damaged + those in the outbox``.
"""

import hashlib
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from isal import isal_zlib

from devices import load_device_types
from ingest.batch import Quarantined
from ingest.store_file import DamagedEntryError
from ingest.store_hours import HOUR_MS, find_point
from ingest.store_rows import add_counts, find_device
from ingest.target import Target
from schemas.reason import Level, Reason

GZIP_LEVEL = 1
"""Of ISA-L, which takes 0.16 us a line of 200 bytes and leaves 35 of them; zlib's own level 1 takes 0.83 us."""
_GZIP_WBITS = 31  # zlib's largest window, in a gzip wrapper
_GZIP_HEADER_BYTES = 10  # RFC 1952, without name and comment
_SALVAGED_AT_ONCE = 64  # what is unpacked of the piece in which the damage is met is lost
ANSWER_KEPT = 500
"""Characters of the database's answer that are kept with a refused line."""


class OutboxEntry(NamedTuple):
    """The lines of one batch on their way to InfluxDB.

    Attributes:
        id: Grows with time, never used again.
        created_ms: When the batch was committed, milliseconds since 1970 in UTC.
        lines: How many.
        raw_bytes: Of the lines, each with its newline.
        body: The lines as one gzip member; members may be joined to one body.
        target: The database that they are for; a request has entries of one.
    """

    id: int
    created_ms: int
    lines: int
    raw_bytes: int
    body: bytes
    target: Target = Target.SHARED


class RefusedLine(NamedTuple):
    """A line that InfluxDB refused.

    Attributes:
        line: Without its newline.
        answer: What the server said.
    """

    line: bytes
    answer: str


class Depth(NamedTuple):
    """How much waits in the outbox.

    Attributes:
        batches: Entries.
        lines: Lines in them.
        disk_bytes: What they take on disk, compressed.
        oldest_ms: When the oldest was committed; None when nothing waits.
    """

    batches: int
    lines: int
    disk_bytes: int
    oldest_ms: int | None


class Amount(NamedTuple):
    """How much came into the outbox, or, below zero, left it.

    Attributes:
        batches: Entries.
        lines: Lines in them.
        disk_bytes: What they take on disk, compressed.
    """

    batches: int = 0
    lines: int = 0
    disk_bytes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum of two."""
        return Amount(self.batches + other.batches, self.lines + other.lines, self.disk_bytes + other.disk_bytes)


class Packed(NamedTuple):
    """Lines of a batch for one database.

    Attributes:
        lines: Without newlines, at least one.
        body: The same as one gzip member.
    """

    lines: Sequence[bytes]
    body: bytes


def pack_lines(lines: Iterable[bytes]) -> bytes:
    """Return lines as one gzip member, each with a newline."""
    return isal_zlib.compress(b"\n".join((*lines, b"")), GZIP_LEVEL, _GZIP_WBITS)


def unpack_lines(body: bytes) -> list[bytes]:
    """Return the lines of one gzip member, without newlines.

    Raises:
        DamagedEntryError: The bytes are not what was packed.
    """
    try:
        return zlib.decompress(body, wbits=_GZIP_WBITS).split(b"\n")[:-1]
    except zlib.error as error:
        raise DamagedEntryError(f"an entry of the outbox cannot be read ({error}); look at the disk") from error


def salvage_lines(body: bytes) -> list[bytes]:
    """Return the lines of a damaged gzip member up to where it cannot be unpacked; some may not be what was packed."""
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS)  # without the header and the checksum of all
    text = bytearray()
    with suppress(zlib.error):
        for start in range(_GZIP_HEADER_BYTES, len(body), _SALVAGED_AT_ONCE):
            text += unpacking.decompress(body[start : start + _SALVAGED_AT_ONCE])
    return bytes(text).split(b"\n")[:-1]


def list_unstored(kept: Quarantined) -> list[bytes]:
    """Return the lines that an entry of the quarantine stands for: none of them is in InfluxDB.

    Of a damaged entry those before the damage, which is as many as can be known.
    """
    if kept.level is not Level.LINE:
        return []
    return salvage_lines(kept.payload) if kept.reason is Reason.DAMAGED_ENTRY else [kept.payload]


def measure_outbox(connection: sqlite3.Connection, target: Target) -> Amount:
    """Return how much is in the outbox for a database; reads each of its rows."""
    return Amount._make(
        connection.execute(
            "SELECT count(*), coalesce(sum(lines), 0), coalesce(sum(length(body)), 0) FROM outbox WHERE target = ?",
            (target,),
        ).fetchone()
    )


def read_depth(connection: sqlite3.Connection, amount: Amount, target: Target) -> Depth:
    """Return how much waits for a database, with the time of the oldest."""
    row = connection.execute("SELECT created_ms FROM outbox WHERE target = ? ORDER BY id LIMIT 1", (target,)).fetchone()
    return Depth(*amount, None if row is None else row[0])


def join_depths(depths: Iterable[Depth]) -> Depth:
    """Return how much waits for several databases together."""
    found = list(depths)
    return Depth(
        sum(one.batches for one in found),
        sum(one.lines for one in found),
        sum(one.disk_bytes for one in found),
        min((one.oldest_ms for one in found if one.oldest_ms is not None), default=None),
    )


def insert_entry(connection: sqlite3.Connection, target: Target, packed: Packed, now_ms: int) -> OutboxEntry:
    """Add the lines of a batch for one database."""
    lines, body = packed
    size = sum(map(len, lines)) + len(lines)
    entry_id = connection.execute(
        "INSERT INTO outbox (created_ms, lines, raw_bytes, body, target) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (now_ms, len(lines), size, body, target),
    ).fetchall()[0][0]
    add_counts(connection, "move", [("committed", len(lines))])
    return OutboxEntry(entry_id, now_ms, len(lines), size, body, target)


def read_oldest(
    connection: sqlite3.Connection, limit_bytes: int, after_id: int = 0, target: Target = Target.SHARED
) -> list[OutboxEntry]:
    """Return the oldest entries for a database behind an id that fit in so many bytes of lines, at least one."""
    entries: list[OutboxEntry] = []
    cursor = connection.execute(
        "SELECT id, created_ms, lines, raw_bytes, body FROM outbox WHERE target = ? AND id > ? ORDER BY id",
        (target, after_id),
    )
    for row in cursor:
        entry = OutboxEntry._make((*row, target))
        limit_bytes -= entry.raw_bytes
        if entries and limit_bytes < 0:
            break
        entries.append(entry)
    cursor.close()
    return entries


def remove_entries(connection: sqlite3.Connection, ids: Iterable[int]) -> Mapping[Target, Amount]:
    """Take entries out whose lines are stored; one that is not there any longer is passed over."""
    gone = [
        row
        for entry_id in ids
        for row in connection.execute(
            "DELETE FROM outbox WHERE id = ? RETURNING target, lines, length(body)", (entry_id,)
        ).fetchall()
    ]
    changes: dict[Target, Amount] = {}
    for number, lines, disk in gone:
        target = Target(number)
        changes[target] = changes.get(target, Amount()).plus(Amount(-1, -lines, -disk))
    add_counts(connection, "move", [("stored", sum(lines for _, lines, _ in gone))])
    return changes


def replace_lines(
    connection: sqlite3.Connection, entry_id: int, remaining: Sequence[bytes], refused: int
) -> tuple[Target, Amount]:
    """Leave only some lines in an entry, none of them: not the entry; the others are stored, but for those refused.

    Returns:
        The database that they are for, and what left.

    Raises:
        LookupError: There is no such entry.
    """
    body = pack_lines(remaining) if remaining else b""
    target, lines, disk = _find_entry(connection, entry_id)
    if remaining:
        connection.execute(
            "UPDATE outbox SET lines = ?, raw_bytes = ?, body = ? WHERE id = ?",
            (len(remaining), sum(map(len, remaining)) + len(remaining), body, entry_id),
        )
    else:
        connection.execute("DELETE FROM outbox WHERE id = ?", (entry_id,))
    stored = lines - len(remaining) - refused
    add_counts(connection, "move", [("stored", stored), ("refused_by_database", refused)])
    return target, Amount(0 if remaining else -1, len(remaining) - lines, len(body) - disk)


def take_damaged(connection: sqlite3.Connection, entry_id: int, now_ms: int, why: str) -> tuple[Quarantined, Amount]:
    """Take out an entry that cannot be read; return it for the quarantine.

    Raises:
        LookupError: There is no such entry.
    """
    target, lines, disk = _find_entry(connection, entry_id)
    body = connection.execute("DELETE FROM outbox WHERE id = ? RETURNING body", (entry_id,)).fetchall()[0][0]
    add_counts(connection, "move", [("damaged", lines)])
    detail = f"{lines} lines: {why}"
    kept = _quarantine(body, Reason.DAMAGED_ENTRY, detail, now_ms)
    return kept._replace(target=target), Amount(-1, -lines, -disk)


def quarantine_line(refused: RefusedLine, target: Target, now_ms: int) -> Quarantined:
    """Return a refused line as it is kept."""
    kept = _quarantine(refused.line, Reason.REFUSED_BY_DATABASE, refused.answer, now_ms, find_device(refused.line))
    return kept._replace(target=target, schema=_find_schema(refused.line))


def _find_schema(line: bytes) -> str:
    """Return by which DeviceType a reading was judged that became a line; empty for a line of our own."""
    device_type = load_device_types().get(re.split(rb"[, ]", line, maxsplit=1)[0].decode(errors="replace"))
    return "" if device_type is None else device_type.schema


def count_points(
    connection: sqlite3.Connection, from_ms: int, to_ms: int, device: str | None = None
) -> Counter[tuple[str, int]]:
    """Return how many lines of readings wait, by device and hour, of all hours that overlap a time.

    Args:
        connection: To the store.
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        device: Only this one.
    """
    first, last = from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS
    counts: Counter[tuple[str, int]] = Counter()
    for (body,) in connection.execute("SELECT body FROM outbox ORDER BY id"):
        try:
            lines = unpack_lines(body)
        except DamagedEntryError:
            continue  # the writer meets it, and sets it aside
        points = (point for point in map(find_point, lines) if point is not None)
        counts.update(at for at in points if first <= at[1] <= last and (device is None or at[0] == device))
    return counts


def iterate_lines(connection: sqlite3.Connection, after_id: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Yield id and lines, without newlines, of each entry behind an id: a long look holds no snapshot of the file."""
    while rows := connection.execute(
        "SELECT id, body FROM outbox WHERE id > ? ORDER BY id LIMIT 1", (after_id,)
    ).fetchall():
        after_id, body = rows[0]
        try:
            yield after_id, unpack_lines(body)
        except DamagedEntryError:
            continue  # the writer meets it, and sets it aside


def _find_entry(connection: sqlite3.Connection, entry_id: int) -> tuple[Target, int, int]:
    row = connection.execute("SELECT target, lines, length(body) FROM outbox WHERE id = ?", (entry_id,)).fetchone()
    if row is None:
        raise LookupError(f"the outbox has no entry {entry_id}")
    target, lines, disk = row
    return Target(target), lines, disk


def _quarantine(payload: bytes, reason: Reason, detail: str, now_ms: int, device: str = "") -> Quarantined:
    return Quarantined(
        received_ms=now_ms,
        level=Level.LINE,
        reason=reason,
        topic="",
        device=device,
        detail=detail[:ANSWER_KEPT],
        payload=payload,
        length=len(payload),
        sha256=hashlib.sha256(payload).digest(),
    )
