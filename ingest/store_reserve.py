"""Room for the store: its bound, and a reserve on the disk that is given up when the disk is full.

SQLite needs room even to remove rows. So a file of stated size is kept beside the store; when the disk is full it is
truncated, and readings can leave the outbox in what it frees. Until the reserve could be made again, or so many pages
of the database have become free that it can do without, no batch is taken: the room is for what empties the outbox.
"""

import errno
import logging
import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ingest.settings import Store as StoreSettings
from ingest.store_file import FILE, OutboxFullError, StoreError, StoreFullError, open_file

RESERVE = "store.reserve"
RESUMED_SHARE = 0.95
"""A store that reached its bound takes batches again below this share of it."""
MEASURED_SHARE = 64
"""The store is measured each time that such a part of its bound may have been written."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
COMMIT_BYTES = 64 * 1024
"""What a commit writes beside its batch, at most, to the write-ahead log."""

log = logging.getLogger(__name__)


class Usage(NamedTuple):
    """What the store takes of the disk.

    Attributes:
        database_bytes: Pages of the database that hold something.
        wal_bytes: Size of the write-ahead log.
        most_bytes: What both may take together.
        has_reserve: Whether the reserve is on the disk.
        disk_free_bytes: Free space of the disk, for this user.
        is_held: Whether batches are refused for want of room.
    """

    database_bytes: int
    wal_bytes: int
    most_bytes: int
    has_reserve: bool
    disk_free_bytes: int
    is_held: bool

    @property
    def store_bytes(self) -> int:
        """What counts against ``most_bytes``."""
        return self.database_bytes + self.wal_bytes

    @property
    def share(self) -> float:
        """The part of ``most_bytes`` that is used; 1 is full."""
        return self.store_bytes / self.most_bytes


class Pages(NamedTuple):
    """Pages of a database file, in bytes.

    Attributes:
        used: Those that hold something.
        free: Those that are to be used again.
    """

    used: int
    free: int


def measure_pages(connection: sqlite3.Connection) -> Pages:
    """Return how many bytes of the file are used and free."""
    size, total, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
    )
    return Pages((total - free) * size, free * size)


def measure_file(path: Path) -> int:
    """Return a file's size in bytes; 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class Reserve:
    """A file that keeps room on the disk.

    Args:
        folder: Of the store.
        size: In bytes; 0 for none.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._path = folder / RESERVE
        self.size = size

    @property
    def is_kept(self) -> bool:
        """Whether the file has its size."""
        return measure_file(self._path) >= self.size

    def make(self) -> bool:
        """Make the file if there is room for it and a quarter of it beside; return whether it is there.

        Raises:
            StoreError: The file cannot be made for another reason than want of room.
        """
        if self.is_kept:
            return True
        held = measure_file(self._path)
        if shutil.disk_usage(self._path.parent).free + held < self.size + self.size // 4:
            return False
        try:
            _allocate(self._path, self.size)
        except OSError as error:
            if error.errno in NO_ROOM:
                return False
            raise StoreError(
                f"The store's reserve {self._path} cannot be made ({error.strerror}); correct its owner, or set "
                "store.reserve_bytes to 0 to do without."
            ) from error
        return True

    def give_up(self) -> bool:
        """Free its room; return whether it had any."""
        if not measure_file(self._path):
            return False
        os.truncate(self._path, 0)
        return True


def _allocate(path: Path, size: int) -> None:
    """Give a file its size on the disk, or, raising OSError, nothing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)


class Opened(NamedTuple):
    """A store's file that was opened.

    Attributes:
        connection: To it.
        set_aside: Where a damaged file was moved; None when it was sound.
        gave_up_reserve: Whether the disk was so full that the reserve was given up to open it.
    """

    connection: sqlite3.Connection
    set_aside: Path | None
    gave_up_reserve: bool


def open_with_reserve(settings: StoreSettings) -> Opened:
    """Open a store's file; on a full disk the reserve is given up for it.

    Raises:
        StoreVersionError: The file is of a later version.
        StoreFullError: The disk is full and there was no reserve.
        StoreError: The file cannot be opened.
    """
    path = settings.folder / FILE
    try:
        return Opened(*open_file(path), gave_up_reserve=False)
    except StoreFullError:
        if not Reserve(settings.folder, settings.reserve_bytes).give_up():
            raise
    log.error("the disk that holds %s is full: the reserve was given up to open it", path)
    return Opened(*open_file(path), gave_up_reserve=True)


class Room:
    """Whether there is room for another batch.

    Args:
        folder: Of the store.
        settings: Bound and reserve.
    """

    def __init__(self, folder: Path, settings: StoreSettings) -> None:
        self._file = folder / FILE
        self._wal = folder / f"{FILE}-wal"
        self._most_bytes = settings.most_bytes
        self._reserve = Reserve(folder, settings.reserve_bytes)
        self._is_starved = False
        self._is_over = False
        self._has_reserve = False
        self._unmeasured = settings.most_bytes  # so that the first batch finds out whether the store is full already

    @property
    def is_held(self) -> bool:
        """Whether batches are refused."""
        return self._is_starved or self._is_over

    def measure(self, connection: sqlite3.Connection) -> Usage:
        """Return what the store takes of the disk."""
        return Usage(
            database_bytes=measure_pages(connection).used,
            wal_bytes=measure_file(self._wal),
            most_bytes=self._most_bytes,
            has_reserve=self._reserve.is_kept,
            disk_free_bytes=shutil.disk_usage(self._file.parent).free,
            is_held=self.is_held,
        )

    def keep_reserve(self) -> None:
        """Make the reserve at the start; without it no batch is taken."""
        self._has_reserve = self._reserve.make()
        self._is_starved = not self._has_reserve
        if self._is_starved:
            log.error("%s", self._explain_full())

    def give_up_reserve(self) -> bool:
        """Take note that the disk is full; return whether the reserve freed some of it."""
        self._has_reserve = self._reserve.size == 0
        self._is_starved = not self._has_reserve
        if not self._reserve.give_up():
            return False
        log.error(
            "the disk that holds %s is full: the reserve is given up, so that the outbox can be emptied", self._file
        )
        return True

    def look(self, connection: sqlite3.Connection, size: int) -> bool:
        """Find out whether there is room for a batch; return whether the bound was reached just now.

        Args:
            connection: To the store.
            size: Bytes that the batch needs, about.
        """
        self._unmeasured += size + COMMIT_BYTES
        if self._unmeasured < self._most_bytes // MEASURED_SHARE and not self.is_held and self._has_reserve:
            return False
        self._unmeasured = 0
        pages = measure_pages(connection)
        self._judge_disk(pages)
        was_over = self._is_over
        self._judge_bound(connection, pages)
        return self._is_over and not was_over

    def refuse(self, connection: sqlite3.Connection) -> None:
        """Raise the error for a batch while there is no room."""
        if self._is_starved:
            raise StoreFullError(self._explain_full())
        if self._is_over:
            used = measure_pages(connection).used + measure_file(self._wal)
            raise OutboxFullError(
                f"The store {self._file} holds {used:,} bytes and may hold {self._most_bytes:,} (store.most_bytes); "
                "nothing is lost and nothing more is taken until InfluxDB has taken readings from the outbox."
            )

    def empty_wal(self, connection: sqlite3.Connection) -> int:
        """Cut the write-ahead log back, unless a reader needs it or the disk is too full; return its size."""
        timeout = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {timeout}")
        return measure_file(self._wal)

    def _judge_disk(self, pages: Pages) -> None:
        self._has_reserve = self._reserve.make()
        if self._has_reserve:
            if self._is_starved:
                log.warning("the disk that holds %s has room again: the reserve is made", self._file)
            self._is_starved = False
            return
        # Free pages of the database serve as well as free space on the disk.
        enough = self._reserve.size * (2 if self._is_starved else 1)
        self._is_starved = pages.free < enough

    def _judge_bound(self, connection: sqlite3.Connection, pages: Pages) -> None:
        limit = int(self._most_bytes * RESUMED_SHARE) if self._is_over else self._most_bytes
        used = pages.used + measure_file(self._wal)
        if used >= limit:
            used = pages.used + self.empty_wal(connection)
        self._is_over = used >= limit

    def _explain_full(self) -> str:
        return (
            f"The disk that holds {self._file} is full, or has no room for the reserve of {self._reserve.size:,} bytes "
            "(store.reserve_bytes); nothing is lost and nothing more is taken until there is room: free space on it."
        )
