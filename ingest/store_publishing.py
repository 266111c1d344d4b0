"""What a store does for the alert publisher: transitions to the broker; see ``ingest.store_unpublished``."""

import sqlite3
from collections.abc import Sequence

from ingest.store_rows import add_counts
from ingest.store_transactions import Transactions
from ingest.store_unpublished import (
    Unpublished,
    begin_publishing,
    forget_published,
    mark_published,
    read_seals,
    read_unpublished,
    reseal,
)


class Publishing:
    """A part of ``ingest.store.Store``."""

    _transactions: Transactions

    def unpublished(self) -> list[Unpublished]:
        """Return the transitions that the broker does not have yet, in order."""
        with self._transactions.reading() as connection:
            return read_unpublished(connection)

    def begin_publishing(self, ids: Sequence[int]) -> None:
        """Take note that these transitions are about to be published; for those that were before it counts a repeat."""

        def begin(connection: sqlite3.Connection) -> None:
            add_counts(connection, "event", [("alert_repeated", begin_publishing(connection, ids))])

        self._transactions.change(begin)

    def mark_published(self, ids: Sequence[int], seal: int) -> None:
        """Take note that the broker has these transitions, behind a seal; they are kept until ``forget_published``."""
        self._transactions.change(lambda connection: mark_published(connection, ids, seal))

    def seals(self) -> list[int]:
        """Return the seals of the published transitions that are kept."""
        with self._transactions.reading() as connection:
            return read_seals(connection)

    def reseal(self, seals: Sequence[int], seal: int) -> int:
        """Put what lies behind some seals behind another, or, for 0, have it published again; return how much it is."""
        return self._transactions.change(lambda connection: reseal(connection, seals, seal))

    def forget_published(self, seals: Sequence[int]) -> None:
        """Remove the transitions behind some seals: the broker cannot lose them any more."""
        self._transactions.change(lambda connection: forget_published(connection, seals))
