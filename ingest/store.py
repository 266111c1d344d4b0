"""The store: batches on disk in one transaction each, until InfluxDB has them.

Invariants:
    - What ``commit`` returned is on disk (WAL, ``synchronous=FULL``); a crash leaves a batch whole or not at all.
    - A batch costs a handful of rows however many readings it has: its lines are one row, its marks another.
    - Rows leave the outbox only with their count: ``committed = stored + refused_by_database + what it holds``.
    - A call that raises has changed nothing and may be tried again.
    - One thread uses a Store; ``ingest.store_thread`` gives it one. Other processes read, by ``ingest.store_reader``.

Errors: see ``ingest.store_file``.
"""

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from ingest.batch import AlertRecord, Batch, Ledger, Mark, Quarantined
from ingest.store_file import FILE, explain_errors, lock_folder, open_file, transaction
from ingest.store_marks import append_marks, read_marks
from ingest.store_rows import (
    Moves,
    Unpublished,
    add_counts,
    add_ledger,
    add_quarantined,
    add_unpublished,
    count_quarantined,
    find_device,
    put_alerts,
    read_alerts,
    read_ledger,
    read_moves,
    read_unpublished,
)
from schemas.reason import Level, Reason

GZIP_LEVEL = 1
_GZIP_WBITS = 31  # zlib's largest window, in a gzip wrapper
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
    """

    id: int
    created_ms: int
    lines: int
    raw_bytes: int
    body: bytes


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


class Restored(NamedTuple):
    """What a collector knows again when it starts.

    Attributes:
        marks: For deduplication, per device the oldest first.
        alerts: State of each alert.
        ledger: Totals since the store was made.
        moves: Likewise.
    """

    marks: list[Mark]
    alerts: list[AlertRecord]
    ledger: Ledger
    moves: Moves


def pack_lines(lines: Iterable[bytes]) -> bytes:
    """Return lines as one gzip member, each with a newline."""
    return zlib.compress(b"".join(line + b"\n" for line in lines), GZIP_LEVEL, wbits=_GZIP_WBITS)


def unpack_lines(body: bytes) -> list[bytes]:
    """Return the lines of one gzip member, without newlines."""
    return zlib.decompress(body, wbits=_GZIP_WBITS).split(b"\n")[:-1]


class Store:
    """The collector's own disk. Open it with ``open``, close it with ``close``.

    Attributes:
        set_aside: Where a damaged file was moved when the store was opened; None when it was sound.
    """

    def __init__(self, path: Path, lock: int, connection: sqlite3.Connection, set_aside: Path | None) -> None:
        self.set_aside = set_aside
        self._path = path
        self._lock = lock
        self._connection = connection
        self._batches, self._lines, self._disk_bytes = connection.execute(
            "SELECT count(*), coalesce(sum(lines), 0), coalesce(sum(length(body)), 0) FROM outbox"
        ).fetchone()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take a folder, made when it is missing, and open the store in it.

        Raises:
            StoreInUseError: Another collector has the folder.
            StoreVersionError: A later version of the collector made the file.
            StoreError: The folder or file cannot be used.
        """
        lock = lock_folder(folder)
        path = folder / FILE
        try:
            connection, set_aside = open_file(path)
            with explain_errors(path):
                return cls(path, lock, connection, set_aside)
        except BaseException:
            os.close(lock)
            raise

    def close(self) -> None:
        """Close the file and let the folder go."""
        self._connection.close()
        os.close(self._lock)

    def load(self) -> Restored:
        """Return what was remembered when the store was last used."""
        with self._reading() as connection:
            return Restored(
                read_marks(connection), read_alerts(connection), read_ledger(connection), read_moves(connection)
            )

    def commit(self, batch: Batch, now_ms: int) -> OutboxEntry | None:
        """Put a batch on disk, as a whole or not at all.

        Args:
            batch: What ``process`` made.
            now_ms: Milliseconds since 1970 in UTC.

        Returns:
            The entry that waits for InfluxDB; None for a batch without lines.

        Raises:
            StoreFullError: The disk is full; try again with the same batch.
            StoreError: The file cannot be written.
        """
        body = pack_lines(batch.lines) if batch.lines else b""
        with self._writing() as connection:
            entry = self._insert_lines(batch.lines, body, now_ms) if batch.lines else None
            add_quarantined(connection, batch.quarantined)
            put_alerts(connection, batch.alerts)
            add_unpublished(connection, batch.transitions)
            append_marks(connection, batch.marks)
            add_ledger(connection, batch.ledger)
        if entry is not None:
            self._count(batches=1, lines=entry.lines, disk=len(body))
        return entry

    def oldest(self, limit_bytes: int) -> list[OutboxEntry]:
        """Return the oldest entries of the outbox that fit in so many bytes of lines, at least one if any waits."""
        entries: list[OutboxEntry] = []
        room = limit_bytes
        with self._reading() as connection:
            cursor = connection.execute("SELECT id, created_ms, lines, raw_bytes, body FROM outbox ORDER BY id")
            for entry in map(OutboxEntry._make, cursor):
                room -= entry.raw_bytes
                if entries and room < 0:
                    break
                entries.append(entry)
            cursor.close()
        return entries

    def remove(self, ids: Sequence[int]) -> None:
        """Take entries that InfluxDB has out of the outbox, and count their lines as stored.

        One that is not there any longer is passed over.
        """
        with self._writing() as connection:
            gone = [
                row
                for entry_id in ids
                for row in connection.execute(
                    "DELETE FROM outbox WHERE id = ? RETURNING lines, length(body)", (entry_id,)
                ).fetchall()
            ]
            lines = sum(lines for lines, _ in gone)
            add_counts(connection, "move", [("stored", lines)])
        self._count(batches=-len(gone), lines=-lines, disk=-sum(disk for _, disk in gone))

    def refuse_lines(
        self, entry_id: int, remaining: Sequence[bytes], refused: Sequence[RefusedLine], now_ms: int
    ) -> None:
        """Move lines that InfluxDB refused from an entry to the quarantine; what else left it counts as stored.

        Args:
            entry_id: Of the entry.
            remaining: Its lines that are still to be written, without newlines; the entry leaves when there are none.
            refused: Its lines that were refused.
            now_ms: Milliseconds since 1970 in UTC.

        Raises:
            LookupError: The outbox has no such entry.
            StoreFullError: The disk is full; try again.
            StoreError: The file cannot be written.
        """
        body = pack_lines(remaining) if remaining else b""
        with self._writing() as connection:
            row = connection.execute("SELECT lines, length(body) FROM outbox WHERE id = ?", (entry_id,)).fetchone()
            if row is None:
                raise LookupError(f"the outbox has no entry {entry_id}")
            lines, disk = row
            if remaining:
                connection.execute(
                    "UPDATE outbox SET lines = ?, raw_bytes = ?, body = ? WHERE id = ?",
                    (len(remaining), sum(map(len, remaining)) + len(remaining), body, entry_id),
                )
            else:
                connection.execute("DELETE FROM outbox WHERE id = ?", (entry_id,))
            add_quarantined(connection, (_quarantine_line(one, now_ms) for one in refused))
            stored = lines - len(remaining) - len(refused)
            add_counts(connection, "move", [("stored", stored), ("refused_by_database", len(refused))])
        self._count(batches=0 if remaining else -1, lines=len(remaining) - lines, disk=len(body) - disk)

    def depth(self) -> Depth:
        """Return how much waits in the outbox; quick at any depth."""
        with self._reading() as connection:
            row = connection.execute("SELECT created_ms FROM outbox ORDER BY id LIMIT 1").fetchone()
        return Depth(self._batches, self._lines, self._disk_bytes, None if row is None else row[0])

    def moves(self) -> Moves:
        """Return what became of lines after their commit, since the store was made."""
        with self._reading() as connection:
            return read_moves(connection)

    def quarantine(self) -> dict[Reason, int]:
        """Return how many entries the quarantine holds, by Reason."""
        with self._reading() as connection:
            return count_quarantined(connection)

    def unpublished(self) -> list[Unpublished]:
        """Return the transitions that the broker does not have yet, in order."""
        with self._reading() as connection:
            return read_unpublished(connection)

    def mark_published(self, ids: Sequence[int]) -> None:
        """Take note that the broker has these transitions."""
        with self._writing() as connection:
            connection.executemany("DELETE FROM unpublished WHERE id = ?", [(one,) for one in ids])

    def _insert_lines(self, lines: Sequence[bytes], body: bytes, now_ms: int) -> OutboxEntry:
        size = sum(map(len, lines)) + len(lines)
        cursor = self._connection.execute(
            "INSERT INTO outbox (created_ms, lines, raw_bytes, body) VALUES (?, ?, ?, ?) RETURNING id",
            (now_ms, len(lines), size, body),
        )
        entry_id = cursor.fetchone()[0]
        cursor.close()
        add_counts(self._connection, "move", [("committed", len(lines))])
        return OutboxEntry(entry_id, now_ms, len(lines), size, body)

    def _count(self, *, batches: int, lines: int, disk: int) -> None:
        self._batches += batches
        self._lines += lines
        self._disk_bytes += disk

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with explain_errors(self._path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with explain_errors(self._path), transaction(self._connection) as connection:
            yield connection


def _quarantine_line(refused: RefusedLine, now_ms: int) -> Quarantined:
    return Quarantined(
        received_ms=now_ms,
        level=Level.LINE,
        reason=Reason.REFUSED_BY_DATABASE,
        topic="",
        device=find_device(refused.line),
        detail=refused.answer[:ANSWER_KEPT],
        payload=refused.line,
        length=len(refused.line),
        sha256=hashlib.sha256(refused.line).digest(),
    )
