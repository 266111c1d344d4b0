"""Points per device and hour, so that what was accepted can be held against what InfluxDB has.

Nothing is written for them with a batch: they are in its marks. They are added up in memory and packed from time to
time, a row for each hour that they touch; then the rows of marks that they came from may go. ``packed`` in the counts
says up to which row of marks they are packed, and is set in the same transaction, so a crash loses nothing and nothing
is counted twice: whoever reads adds the packed rows and the marks behind ``packed``, in one snapshot of the file.

An hour has several rows that are added up; when they are many, they are made one.
"""

import logging
import re
import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ingest.batch import Mark, Point
from ingest.store_marks import read_batch_marks
from ingest.store_rows import add_counts, find_device, read_counts, set_count

HOUR_MS = 3_600_000
MOST_PENDING = 1_000
"""Hours that are gathered in memory before they are packed."""
MOST_MARKS = 100_000
"""Marks that are gathered before they are packed: so many are read at a start, and by each reader."""
MOST_PARTS = 4
"""Rows of one hour before they are made one."""
JOINED_BYTES = 256 * 1024
"""About what is made one in a single transaction: packed bytes, a few ms."""
REMOVED_AT_ONCE = 100
"""Hours that are removed in one transaction because they are too old."""
REFUSED = 3
"""Beside the values of ``Point``: a line of the device that the database refused."""

_POINT = re.compile(rb"[ ,]delay=[^ ,]+(?:,[^ ]*)? (-?\d{1,19})$")
"""What is left of a damaged line may have more digits than any time, and than a row's number may have."""

Key = tuple[str, int, int]
"""Device, hour since 1970 in UTC, and a ``Point`` or ``REFUSED``."""

Columns = tuple[dict[str, int], dict[str, int], dict[str, int]]
"""New, late and refused, by device: three flat maps are packed several times faster than a map of triples."""
NO_COLUMNS: Columns = ({}, {}, {})
Counts = Counter[tuple[str, int]]

log = logging.getLogger(__name__)


class HourCount(NamedTuple):
    """Points of one device in one hour. InfluxDB should have between ``new - refused`` and ``new + late - refused``.

    Attributes:
        new: Readings that were newer than all before them.
        late: Readings of the past, beyond what is remembered: a point each, unless the same came long ago.
        refused: Lines that the database refused and that were not stored since.
    """

    new: int = 0
    late: int = 0
    refused: int = 0


class PointHours:
    """Counts of one store that are not packed yet.

    ``begin`` and ``pack`` write within the caller's transaction and change nothing here; ``note_written`` follows when
    that is on disk.
    """

    def __init__(self, connection: sqlite3.Connection, days: int) -> None:
        self._days = days
        self._pending: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        self._marks = 0
        self._last_row = read_counts(connection, "hours").get("packed", 0)
        self.packed_row = self._last_row
        self._has_begun = "since_ms" in read_counts(connection, "hours")
        for row, marks in read_batch_marks(connection, self._last_row):
            self.add(marks, row)

    @property
    def is_due(self) -> bool:
        """Whether so much is pending that it should be packed."""
        return len(self._pending) >= MOST_PENDING or self._marks >= MOST_MARKS

    def add(self, marks: Sequence[Mark], row: int) -> None:
        """Count marks whose row is on disk."""
        self._last_row = row
        self._marks += len(marks)
        if not marks:
            return
        devices, keys, _, _, points, _ = zip(*marks, strict=True)
        hour, point = keys[0] // HOUR_MS, points[0]
        if min(keys) // HOUR_MS == hour == max(keys) // HOUR_MS and points.count(point) == len(points):
            self._pending[hour, point].update(devices)  # nearly always; a third of what one by one takes
            return
        for device, key, one in zip(devices, keys, points, strict=True):
            self._pending[key // HOUR_MS, one][device] += 1

    def begin(self, connection: sqlite3.Connection, now_ms: int) -> None:
        """Write down since when points are counted."""
        if not self._has_begun:
            connection.execute("INSERT OR IGNORE INTO counts VALUES ('hours', 'since_ms', ?)", (now_ms,))

    def pack(self, connection: sqlite3.Connection, now_ms: int) -> None:
        """Write what is pending, make hours of many rows one, and remove hours that are too old."""
        first_hour = now_ms // HOUR_MS - self._days * 24
        hours: defaultdict[int, list[Mapping[str, int]]] = defaultdict(lambda: [{}, {}, {}])
        for (hour, point), counts in self._pending.items():
            if hour >= first_hour and point != Point.JOINED:
                counts.pop("", None)  # a mark of a message
                hours[hour][point - 1] = counts
        _write_hours(connection, hours)
        set_count(connection, "hours", "packed", self._last_row)
        _join_parts(connection)
        connection.execute(
            "DELETE FROM hours WHERE id IN (SELECT id FROM hours WHERE hour < ? ORDER BY hour LIMIT ?)",
            (first_hour, REMOVED_AT_ONCE),
        )
        note_incomplete(connection, first_hour * HOUR_MS)
        # A clock that was far ahead, and was put right, said that nothing is complete until then.
        connection.execute(
            "UPDATE counts SET count = ? WHERE kind = 'hours' AND name = 'since_ms' AND count > ?",
            (now_ms, now_ms + HOUR_MS),
        )

    def note_written(self, *, is_packed: bool) -> None:
        """Take note that what ``begin`` and, if it was called, ``pack`` wrote is on disk."""
        self._has_begun = True
        if is_packed:
            self._pending.clear()
            self._marks = 0
            self.packed_row = self._last_row


def note_incomplete(connection: sqlite3.Connection, until_ms: int) -> None:
    """Write down that points of before a time, milliseconds since 1970 in UTC, are not all counted."""
    connection.execute(
        "UPDATE counts SET count = max(count, ?) WHERE kind = 'hours' AND name = 'since_ms'", (until_ms,)
    )


def insert_hours(connection: sqlite3.Connection, counts: Mapping[Key, int]) -> None:
    """Add counts to their hours, a row for each."""
    hours: defaultdict[int, Columns] = defaultdict(_make_columns)
    for (device, hour, point), count in counts.items():
        if point != Point.JOINED and device:
            hours[hour][point - 1][device] = count
    _write_hours(connection, hours)


def _make_columns() -> Columns:
    return {}, {}, {}


def _write_hours(connection: sqlite3.Connection, hours: Mapping[int, Sequence[Mapping[str, int]]]) -> None:
    connection.executemany(
        "INSERT INTO hours (hour, body) VALUES (?, ?)", [(hour, _pack(columns)) for hour, columns in hours.items()]
    )


def count_refused(lines: Iterable[bytes], sign: int) -> Counter[Key]:
    """Return how the refused lines of readings change their hours.

    Args:
        lines: Line protocol.
        sign: 1 when they were refused, -1 when they are taken back.
    """
    counts: Counter[Key] = Counter()
    for line in lines:
        point = find_point(line)
        if point is not None:
            device, hour = point
            counts[device, hour, REFUSED] += sign
    return counts


def find_point(line: bytes) -> tuple[str, int] | None:
    """Return device and hour of a line of a reading, which has a field ``delay``; None of another line."""
    found = _POINT.search(line)
    device = find_device(line) if found is not None else ""
    return (device, int(found[1]) // HOUR_MS) if found is not None and device else None


def read_hours(
    connection: sqlite3.Connection, from_ms: int, to_ms: int, device: str | None = None
) -> tuple[dict[tuple[str, int], HourCount], int]:
    """Return the counts of all hours that overlap a time, by device and hour; the caller holds one snapshot.

    Beside them the end of the last hour of which a row is damaged, milliseconds since 1970 in UTC; 0 where none is.

    Args:
        connection: To the store.
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        device: Only this one.
    """
    first, last = from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS
    sums: tuple[Counts, Counts, Counts] = Counter(), Counter(), Counter()
    rows = connection.execute("SELECT id, hour, body FROM hours WHERE hour BETWEEN ? AND ?", (first, last))
    damaged_to_ms = 0
    for row, hour, body in rows:
        columns = _unpack(row, body)
        if columns is None:
            damaged_to_ms = max(damaged_to_ms, (hour + 1) * HOUR_MS)
        for total, column in zip(sums, columns or NO_COLUMNS, strict=True):
            for name, count in column.items():
                total[name, hour] += count
    for _, marks in read_batch_marks(connection, read_counts(connection, "hours").get("packed", 0)):
        for mark in marks:
            if mark.point != Point.JOINED and mark.device and first <= mark.key // HOUR_MS <= last:
                sums[mark.point - 1][mark.device, mark.key // HOUR_MS] += 1
    found = {at for total in sums for at, count in total.items() if count and (device is None or at[0] == device)}
    return {at: HourCount(*(total[at] for total in sums)) for at in found}, damaged_to_ms


def _join_parts(connection: sqlite3.Connection) -> None:
    hours = connection.execute(
        "SELECT hour, sum(length(body)) FROM hours WHERE hour IN "
        "(SELECT hour FROM hours GROUP BY hour HAVING count(*) >= ?) GROUP BY hour ORDER BY count(*) DESC LIMIT 100",
        (MOST_PARTS,),
    ).fetchall()
    joined = 0
    for hour, size in hours:
        if joined and joined + size > JOINED_BYTES:
            return
        joined += size
        _join_hour(connection, hour)


def _join_hour(connection: sqlite3.Connection, hour: int) -> None:
    sums: tuple[Counter[str], Counter[str], Counter[str]] = Counter(), Counter(), Counter()
    for row, body in connection.execute("DELETE FROM hours WHERE hour = ? RETURNING id, body", (hour,)).fetchall():
        columns = _unpack(row, body)
        if columns is None:
            note_incomplete(connection, (hour + 1) * HOUR_MS)
            add_counts(connection, "event", [("hours_damaged", 1)])
            continue
        for total, column in zip(sums, columns, strict=True):
            total.update(column)
    connection.execute("INSERT INTO hours (hour, body) VALUES (?, ?)", (hour, _pack(sums)))


def _pack(columns: Sequence[Mapping[str, int]]) -> bytes:
    return isal_zlib.compress(orjson.dumps(columns), 1)


def _unpack(row: int, body: bytes) -> Columns | None:
    """Return what was packed; None where the bytes are damaged."""
    try:
        new, late, refused = orjson.loads(zlib.decompress(body))
    except (ValueError, zlib.error) as error:
        log.critical("row %d of the store's hours is damaged (%s) and passed over; look at the disk", row, error)
        return None
    return new, late, refused
