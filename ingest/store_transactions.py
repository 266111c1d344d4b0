"""Transactions of a store: each is on disk as a whole, and on a full disk what makes room gets the reserve.

Events that happen while there may be no room to count them wait here, and are counted with the next change.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ingest.store_file import StoreFullError, explain_errors, transaction
from ingest.store_reserve import Room
from ingest.store_rows import add_counts, read_counts

T = TypeVar("T")


class Transactions:
    """Everything that is read from a store and written to it passes here, so that errors are ours.

    Args:
        path: Of the file.
        connection: To it.
        room: Its bound and reserve.

    Attributes:
        events: Events that are not on disk yet, by name.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, room: Room) -> None:
        self.events: Counter[str] = Counter()
        self._path = path
        self._connection = connection
        self._room = room

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection, to read.

        Raises:
            StoreFullError: The disk is full.
            StoreError: The file cannot be read.
        """
        with explain_errors(self._path):
            yield self._connection

    def add(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do what needs room, as a whole or not at all, and return what it returns.

        Raises:
            StoreFullError: The disk is full: the reserve was given up, so that what makes room can be done.
            StoreError: The file cannot be written.
        """
        try:
            return self._transact(operation)
        except StoreFullError:
            self._give_up_reserve()
            raise

    def change(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do what makes room, or needs little, as a whole or not at all: on a full disk the reserve is given up for it.

        Raises:
            StoreFullError: The disk is full, and that was not enough.
            StoreError: The file cannot be written.
        """
        try:
            return self.add(operation)
        except StoreFullError:
            with self.reading() as connection:
                self._room.empty_wal(connection)
        return self._transact(operation)

    def note_event(self, name: str) -> None:
        """Have an event counted with the next change: now there may be no room for it."""
        self.events[name] += 1

    def count_events(self) -> Counter[str]:
        """Return how often each event happened since the store was made, those that wait included."""
        with self.reading() as connection:
            return Counter(read_counts(connection, "event")) + self.events

    def _give_up_reserve(self) -> None:
        if self._room.give_up_reserve():
            self.note_event("reserve_given_up")

    def _transact(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        with explain_errors(self._path), transaction(self._connection) as connection:
            result = operation(connection)
            add_counts(connection, "event", self.events.items())
        self.events.clear()
        return result
