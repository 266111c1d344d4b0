"""The store's file on disk: one owner, sound when it is opened, and errors in our own words.

Errors:
    StoreError                the folder or file cannot be used; the message says why and what to do
    ├── StoreInUseError       another collector, or a command that changes the store, has the folder
    ├── StoreVersionError     the file was made by another version of the collector
    ├── StoreFullError        there is no room: nothing was changed, and the same call may be tried again
    │   └── OutboxFullError   the store has reached its bound; there is room when InfluxDB has taken lines
    └── DamagedEntryError     an entry of the outbox cannot be read
"""

import fcntl
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ingest.store_schema import MIGRATIONS, migrate, read_version

FILE = "store.sqlite"
LOCK = "store.lock"
DAMAGED_FILES = "store.damaged-*.sqlite"
WAL_KEPT_BYTES = 64 * 1024 * 1024
"""A write-ahead log that grew beyond this in a busy hour is cut back when it is next emptied."""
FULL_BYTES = 64 * 1024
"""A disk with less free space is full: SQLite's shared memory is of 32 KiB."""
BUSY_S = 10.0
"""How long a command that reads waits for the file."""
WRITER_BUSY_S = 0.5
"""How long the one writer waits where another program has the file locked. It tries again anyway, and until it answers
nobody can be told how it stands."""

log = logging.getLogger(__name__)


class StoreError(Exception):
    """The store cannot be used."""


class StoreInUseError(StoreError):
    """Another collector, or a command that changes the store, has the folder."""


class StoreVersionError(StoreError):
    """The file was made by another version of the collector."""


class StoreFullError(StoreError):
    """There is no room on the disk; nothing was changed."""


class OutboxFullError(StoreFullError):
    """The store has reached its bound; nothing was changed."""


class DamagedEntryError(StoreError):
    """An entry of the outbox cannot be read."""


class _DamagedError(Exception):
    """SQLite cannot read the file, or found it inconsistent."""


def lock_folder(folder: Path) -> int:
    """Make the folder and take it for this process; return the lock, which ends when it is closed or the process ends.

    Raises:
        StoreInUseError: Another collector has it.
        StoreError: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise StoreError(
            f"The store's folder {folder} cannot be used ({error.strerror}); correct store.folder or its owner."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(lock, 32).decode("ascii", "replace").strip()
        os.close(lock)
        raise StoreInUseError(
            f"The store {folder} is in use by another collector or a command, process {owner}; stop that collector, "
            "wait for that command, or give this collector a store.folder of its own."
        ) from error
    except OSError as error:
        os.close(lock)
        raise StoreError(
            f"The store's folder {folder} cannot be locked ({error.strerror}); put it on a local disk."
        ) from error
    # Who has it is only for a message: on a full disk it may be missing.
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode("ascii"))
    return lock


def list_set_aside(folder: Path) -> list[Path]:
    """Return the damaged files that were set aside in a store's folder and are still there, the oldest first."""
    return sorted(folder.glob(DAMAGED_FILES))


def open_file(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Return a connection to a sound file of the present version, and where a damaged one was set aside.

    A damaged file is never repaired or overwritten: it keeps all that it has under a new name, and an empty one
    takes its place so that readings go on being taken.

    Raises:
        StoreVersionError: The file is of a later version.
        StoreError: The file cannot be opened.
    """
    try:
        return _connect(path), None
    except _DamagedError as error:
        aside = _set_aside(path)
        log.critical(
            "the store %s is damaged (%s) and was set aside as %s; the collector goes on with an empty one. "
            "Lines that were not in InfluxDB yet and the quarantine are in the damaged file: keep it, and recover "
            "them with the sqlite3 program (.recover)",
            *(path, error, aside),
        )
        return _connect(path), aside


def open_readonly(path: Path) -> sqlite3.Connection:
    """Return a connection that reads while a collector writes.

    Raises:
        StoreVersionError: The file is of another version.
        StoreError: There is no file, or it cannot be read.
    """
    _require_readable(path)
    with explain_errors(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S
        )
        try:
            _check_version(connection, path)
            _require_present_version(connection, path)
        except BaseException:
            connection.close()
            raise
        connection.text_factory = _read_text
    return connection


def _require_readable(path: Path) -> None:
    # Asked, not opened: to close a file ends all locks that this process has on it, SQLite's among them.
    try:
        path.stat()
        may_read = os.access(path, os.R_OK)
    except FileNotFoundError:
        raise StoreError(f"There is no store at {path}; name the store.folder of a collector that has run.") from None
    except OSError:
        may_read = False
    if not may_read:
        raise StoreError(f"The store {path} cannot be read; become its user, or a member of its group.")


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: the one place where they are mapped.

    Raises:
        StoreFullError: The disk is full.
        StoreError: Anything else that SQLite says.
    """
    try:
        yield
    except sqlite3.Error as error:
        if _is_disk_full(error, path.parent):
            raise StoreFullError(
                f"The disk that holds {path} is full; nothing is lost and nothing more is taken until there is room: "
                "free space on it."
            ) from error
        raise StoreError(f"The store {path} cannot be used: {error}. Look at its disk and its owner.") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the block does as a whole, on disk when this returns, or change nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has ended the transaction itself after some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _connect(path: Path) -> sqlite3.Connection:
    with explain_errors(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=WRITER_BUSY_S)
        try:
            _prepare(connection, path)
        except BaseException as error:
            connection.close()
            # What SQLite says of a damaged schema repeats it, and that need be no UTF-8.
            if isinstance(error, UnicodeDecodeError) or (
                isinstance(error, sqlite3.Error)
                and _primary_code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
            ):
                raise _DamagedError(str(error)) from error
            raise
    connection.text_factory = _read_text
    return connection


def _read_text(stored: bytes) -> str:
    """Return a text of a row, whatever became of its bytes: one that was damaged must not hold up all others."""
    return stored.decode(errors="replace")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _DamagedError(found)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # Some builds write zeros over what is removed: as much again as was committed, and room that a full disk has not.
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    migrate(connection)
    _check_version(connection, path)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = read_version(connection)
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"The store {path} has version {version} and this program knows {len(MIGRATIONS)}; use the version of "
            "the program that made it, or a later one."
        )


def _require_present_version(connection: sqlite3.Connection, path: Path) -> None:
    if read_version(connection) < len(MIGRATIONS):
        raise StoreVersionError(
            f"The store {path} is of an earlier version, and a command that reads changes nothing; start the collector "
            "once: it brings the store up to date."
        )


def _primary_code(error: sqlite3.Error) -> int | None:
    # The low byte of an extended result code; errors of the Python module itself have none.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_disk_full(error: sqlite3.Error, folder: Path) -> bool:
    """Whether SQLite failed for want of room, which it says plainly only of some of its files."""
    code = _primary_code(error)
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return shutil.disk_usage(folder).free < FULL_BYTES
    return code == sqlite3.SQLITE_FULL


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"store.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.sqlite")
    # The write-ahead log belongs to the file and is found by its name.
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
