"""A copy of a store, made while its collector writes, of one moment: the one at which it began."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ingest.store_file import StoreError

PAGES_AT_ONCE = 4_096
"""Pages between two reports of progress."""

Progress = Callable[[int, int], None]
"""Called with the pages that are copied, and all pages."""


def copy_store(source: sqlite3.Connection, path: Path, progress: Progress | None = None) -> None:
    """Copy a store to a new file, check it, and have it on disk when this returns.

    The copy is a store: in a folder of its own, named ``store.sqlite``, a collector opens it. While it is made, the
    write-ahead log of the store grows.

    Args:
        source: Connection to the store.
        path: Of the new file.
        progress: Is told how it goes.

    Raises:
        StoreError: The file exists or cannot be written, or the copy is not sound.
        sqlite3.Error: The store cannot be read.
    """
    draft = path.with_name(path.name + ".part")
    with _explain_errors(path):
        if path.exists():
            raise StoreError(f"{path} exists; name a new file for the copy.")
        _remove_draft(draft)
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
        try:
            _copy_pages(source, draft, progress)
            _sync(draft)
            draft.rename(path)
        finally:
            _remove_draft(draft)
        _sync(path.parent)


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"The copy {path} cannot be written ({error.strerror}); name a folder that can.") from error
    except _CopyError as error:
        if error.code == sqlite3.SQLITE_FULL:
            raise StoreError(f"The disk has no room for the copy {path}; name a folder on another one.") from error
        raise StoreError(
            f"The copy {path} could not be made: {error}. Look at its disk, and at the store's."
        ) from error


class _CopyError(Exception):
    """SQLite failed on the copy, or on one of both files, it does not say which."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(str(error))
        self.code: int | None = getattr(error, "sqlite_errorcode", None)


def _copy_pages(source: sqlite3.Connection, draft: Path, progress: Progress | None) -> None:
    def report(_: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    # In a transaction, so that the copy is of one moment, and does not begin again with every commit of the collector.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as target:
            source.backup(target, pages=PAGES_AT_ONCE, progress=report)
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise _CopyError(error) from error
    finally:
        source.execute("ROLLBACK")
    if found != "ok":
        raise StoreError(f"The copy is not sound ({found}); look at the disks of the store and of the copy.")


def _remove_draft(draft: Path) -> None:
    # With the journal that SQLite leaves where it failed: it would be played into the next copy of that name.
    for part in (draft, draft.with_name(draft.name + "-journal")):
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
