"""Reading a store from another process, while its collector runs or after it ended."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ingest.batch import Ledger
from ingest.store_file import FILE, explain_errors, open_readonly
from ingest.store_rows import (
    Moves,
    QuarantineRow,
    count_quarantined,
    read_ledger,
    read_moves,
    read_quarantine,
)
from schemas.reason import Reason


class StoreReader:
    """A view of a store that changes nothing in it; see ``open_reader``."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def ledger(self) -> Ledger:
        """Return the totals since the store was made."""
        with explain_errors(self._path):
            return read_ledger(self._connection)

    def moves(self) -> Moves:
        """Return what became of lines after their commit, since the store was made."""
        with explain_errors(self._path):
            return read_moves(self._connection)

    def reasons(self) -> Counter[Reason]:
        """Return how many entries the quarantine holds, by Reason."""
        with explain_errors(self._path):
            return count_quarantined(self._connection)

    def quarantine(self, after_id: int = 0) -> Iterator[QuarantineRow]:
        """Yield the quarantine's entries in order, read in pieces: a long look does not hold the collector up.

        Args:
            after_id: Entries up to this one are left out.
        """
        with explain_errors(self._path):
            yield from read_quarantine(self._connection, after_id)


@contextmanager
def open_reader(folder: Path) -> Iterator[StoreReader]:
    """Open the store in a folder for reading.

    Raises:
        StoreVersionError: Another version of the collector made the file.
        StoreError: There is no store, or it cannot be read.
    """
    path = folder / FILE
    with closing(open_readonly(path)) as connection:
        yield StoreReader(path, connection)
