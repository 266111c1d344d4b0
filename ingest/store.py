"""The store: batches on disk in one transaction each, until InfluxDB has them.

Invariants:
    - What ``commit`` returned is on disk (WAL, ``synchronous=FULL``); a crash leaves a batch whole or not at all.
    - A batch costs a handful of rows however many readings it has: its lines are one row, its marks another.
    - Rows leave outbox and quarantine only with their count; see ``ingest.store_rows.Moves``.
    - A call that raises has changed nothing and may be tried again.
    - Where there is no room, a batch is refused; what makes room goes on. See ``ingest.store_reserve``.
    - One thread uses a Store; ``ingest.store_thread`` gives it one. Other processes read, by ``ingest.store_reader``.

Errors: see ``ingest.store_file``.
"""

import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Self, TypeVar

from ingest.batch import Batch, QuarantineRow
from ingest.incidents.incident import Incident
from ingest.quarantine_filter import Filter
from ingest.request import Performed
from ingest.request_alert import StoreRequest
from ingest.request_transaction import perform_request
from ingest.settings import Quarantine as QuarantineSettings
from ingest.settings import Store as StoreSettings
from ingest.shard import Shard
from ingest.store_deliveries import forget_deliveries
from ingest.store_doubts import put_doubts
from ingest.store_file import FILE, explain_errors, lock_folder
from ingest.store_groups import Quotas, measure_quotas
from ingest.store_hours import PointHours, count_refused, insert_hours
from ingest.store_incidents import DAY_MS, Tidied, add_transitions, expire, read_open
from ingest.store_maintenance import expire_maintenance
from ingest.store_marks import MarkRows
from ingest.store_outbox import (
    Amount,
    Depth,
    OutboxEntry,
    Packed,
    RefusedLine,
    insert_entry,
    join_depths,
    list_unstored,
    measure_outbox,
    pack_lines,
    quarantine_line,
    read_depth,
    read_oldest,
    remove_entries,
    replace_lines,
    take_damaged,
)
from ingest.store_publishing import Publishing
from ingest.store_quarantine import (
    Expired,
    add_quarantined,
    count_quarantined,
    discard_entries,
    expire_entries,
    read_quarantine,
    release_entries,
    revise_entries,
)
from ingest.store_requests import PastRequest, end_request, insert_request
from ingest.store_reserve import Opened, Room, Usage, open_with_reserve
from ingest.store_restored import Restored, remove_damaged, restore, restore_memory
from ingest.store_rows import (
    Moves,
    add_counts,
    add_ledger,
    put_alerts,
    read_moves,
)
from ingest.store_sessions import note_lost_sessions, note_session
from ingest.store_shards import ShardChange
from ingest.store_states import StateRows, StatesOfShard
from ingest.store_transactions import Transactions
from ingest.store_unpublished import add_unpublished
from ingest.store_uplinks import SessionRows, add_uplinks
from ingest.target import Target
from schemas.reason import Reason

log = logging.getLogger(__name__)

T = TypeVar("T")


class Store(Publishing):
    """The collector's own disk. Open it with ``open``, close it with ``close``.

    Attributes:
        set_aside: Where a damaged file was moved when the store was opened; None when it was sound.
    """

    def __init__(
        self,
        settings: StoreSettings,
        quarantine: QuarantineSettings,
        lock: int,
        opened: Opened,
    ) -> None:
        connection = opened.connection
        self.set_aside = opened.set_aside
        self._path = settings.folder / FILE
        self._quotas = quarantine.within(settings)
        self._lock = lock
        self._connection = connection
        self._room = Room(settings.folder, settings)
        self._transactions = Transactions(self._path, connection, self._room)
        self._amounts = {target: measure_outbox(connection, target) for target in Target}
        self._marks = MarkRows(connection)
        self._states = StateRows(connection)
        self._sessions = SessionRows(connection)
        self._hours = PointHours(connection, settings.hours_days)

    @classmethod
    def open(cls, settings: StoreSettings, quarantine: QuarantineSettings | None = None) -> Self:
        """Take a folder, made when it is missing, and open the store in it.

        On a full disk the store's reserve is given up for it.

        Raises:
            StoreInUseError: Another collector has the folder.
            StoreVersionError: A later version of the collector made the file.
            StoreFullError: The disk is full and there was no reserve.
            StoreError: The folder or file cannot be used.
        """
        with ExitStack() as stack:
            lock = lock_folder(settings.folder)
            stack.callback(os.close, lock)
            opened = open_with_reserve(settings)
            stack.callback(opened.connection.close)
            with explain_errors(settings.folder / FILE):
                store = cls(settings, quarantine or QuarantineSettings(), lock, opened)
                store.begin(gave_up_reserve=opened.gave_up_reserve)
            stack.pop_all()
        return store

    def begin(self, *, gave_up_reserve: bool) -> None:
        """Make the reserve, and take note of what opening the file met; the store works without any of it."""
        self._room.keep_reserve()
        if gave_up_reserve:
            self._transactions.note_event("reserve_given_up")
        if self.set_aside is not None:
            self._transactions.note_event("store_set_aside")

    def close(self) -> None:
        """Close the file and let the folder go."""
        self._connection.close()
        os.close(self._lock)

    def load(self) -> Restored:
        """Return what was remembered when the store was last used; damaged rows of marks leave it, counted."""
        with self._transactions.reading() as connection:
            memory, damaged = restore_memory(connection)
        if damaged:
            log.critical(
                "%d rows of marks in %s are damaged and removed: readings that come again may be taken again, which "
                "InfluxDB stores once; look at the disk",
                *(len(damaged), self._path),
            )
            packed_row, now_ms = self._hours.packed_row, time.time_ns() // 1_000_000
            self._transactions.change(lambda connection: remove_damaged(connection, damaged, packed_row, now_ms))
            self._marks = MarkRows(self._connection)
        return self.read(lambda connection: restore(connection, memory, self._transactions.events))

    def commit(
        self, batch: Batch, now_ms: int, shard: Shard | None = None, states: StatesOfShard | None = None
    ) -> list[OutboxEntry]:
        """Put a batch on disk, as a whole or not at all.

        Args:
            batch: What ``process`` made.
            now_ms: Milliseconds since 1970 in UTC.
            shard: What is remembered after this batch of the shard that ``wants_shard`` named. It must know of no
                batch that is not on disk: what comes again of that one would be taken for a duplicate.
            states: What derivations remember after this batch of the shard that ``wants_states`` named.

        Returns:
            The entries that wait for InfluxDB: one for each database that the batch has lines for.

        Raises:
            OutboxFullError: The store has reached its bound; try again with the same batch.
            StoreFullError: The disk is full; likewise.
            StoreError: The file cannot be written.
        """
        packed = {target: Packed(lines, pack_lines(lines)) for target in Target if (lines := batch.lines_of(target))}
        with self._transactions.reading() as connection:
            size = 2 * sum(len(one.body) for one in packed.values())
            size += sum(len(one.payload) for one in batch.quarantined)
            if self._room.look(connection, size):
                self._transactions.note_event("outbox_full")
            self._room.refuse(connection)
        entries, changes, is_packed = self._transactions.add(lambda _: self._put(batch, packed, now_ms, shard, states))
        self._hours.note_written(is_packed=is_packed)
        for rows, change in zip((self._marks, self._states, self._sessions), changes, strict=True):
            rows.note(change)
        marks, *_ = changes
        if marks.row is not None:
            self._hours.add(batch.marks, marks.row)
        for entry in entries:
            self._change_amount(entry.target, Amount(1, entry.lines, len(entry.body)))
        return entries

    def _change_amount(self, target: Target, change: Amount) -> None:
        self._amounts[target] = self._amounts[target].plus(change)

    def keep_shards(self, shards: Sequence[Shard]) -> None:
        """Write several shards, as for ``commit`` but without a batch; raises StoreError if that cannot be done."""
        if self._room.is_held:
            return  # what room there is belongs to what empties the outbox
        for change in self._transactions.add(lambda to: [self._marks.add(to, (), shard) for shard in shards]):
            self._marks.note(change)

    def wants_shard(self) -> int | None:
        """Return the number of the shard that should come with the next commit; None while none is due."""
        return self._marks.find_due()

    def wants_states(self) -> int | None:
        """Return the number of the shard whose states should come with the next commit; None while none is due."""
        return self._states.find_due()

    def wants_sessions(self) -> int | None:
        """Return the number of the shard whose sessions should be in the next batch that has any; None for none."""
        return self._sessions.find_due()

    def oldest(self, limit_bytes: int, after_id: int = 0, target: Target = Target.SHARED) -> list[OutboxEntry]:
        """Return the oldest entries of the outbox that fit in so many bytes of lines, at least one if any waits.

        Args:
            limit_bytes: Of lines, as they are without compression.
            after_id: Entries up to this one are left out.
            target: The database that they are for.
        """
        return self.read(lambda connection: read_oldest(connection, limit_bytes, after_id, target))

    def remove(self, ids: Sequence[int]) -> None:
        """Take entries that InfluxDB has out of the outbox, and count their lines as stored.

        One that is not there any longer is passed over.
        """
        gone = self._transactions.change(lambda connection: remove_entries(connection, ids))
        for target, change in gone.items():
            self._change_amount(target, change)

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

        def refuse(connection: sqlite3.Connection) -> tuple[Target, Amount]:
            target, change = replace_lines(connection, entry_id, remaining, len(refused))
            add_quarantined(connection, [quarantine_line(one, target, now_ms) for one in refused], self._quotas)
            insert_hours(connection, count_refused([one.line for one in refused], 1))
            return target, change

        self._change_amount(*self._transactions.change(refuse))

    def set_aside_entry(self, entry_id: int, now_ms: int, why: str) -> None:
        """Move an entry of the outbox that cannot be read to the quarantine, as it is.

        Args:
            entry_id: Of the entry.
            now_ms: Milliseconds since 1970 in UTC.
            why: What is wrong with it.

        Raises:
            LookupError: The outbox has no such entry.
            StoreFullError: The disk is full; try again.
            StoreError: The file cannot be written.
        """

        def take(connection: sqlite3.Connection) -> tuple[Target, Amount]:
            quarantined, change = take_damaged(connection, entry_id, now_ms, why)
            add_quarantined(connection, [quarantined], self._quotas)
            insert_hours(connection, count_refused(list_unstored(quarantined), 1))
            return quarantined.target, change

        self._change_amount(*self._transactions.change(take))

    def depth(self, target: Target | None = None) -> Depth:
        """Return how much waits in the outbox, for one database or for all; quick at any depth."""
        targets = Target if target is None else (target,)
        return self.read(
            lambda connection: join_depths(read_depth(connection, self._amounts[one], one) for one in targets)
        )

    def moves(self) -> Moves:
        """Return what became of lines and quarantined entries after their commit, since the store was made."""
        return self.read(read_moves)

    def usage(self) -> Usage:
        """Return what the store takes of the disk, and whether batches are refused for want of room."""
        return self.read(self._room.measure)

    def quarantine(self) -> dict[Reason, int]:
        """Return how many entries the quarantine holds, by Reason."""
        return self.read(count_quarantined)

    def read_quarantine(self, where: Filter, after_id: int, limit: int) -> list[QuarantineRow]:
        """Return the next entries of the quarantine behind an id, at most so many and so large; none at the end."""
        return self.read(lambda connection: read_quarantine(connection, where, after_id, limit))

    def discard(self, where: Filter, limit: int) -> int:
        """Remove entries of the quarantine that a person gives up, at most so many; return how many."""
        return self._transactions.change(lambda connection: discard_entries(connection, where, limit))

    def expire(self, now_ms: int) -> Expired:
        """Remove what the quarantine holds too long or too much of, a bounded piece of it."""
        return self._transactions.change(lambda connection: expire_entries(connection, now_ms, self._quotas))

    def quotas(self) -> Quotas:
        """Return how far the quotas of the quarantine are used."""
        return self.read(lambda connection: measure_quotas(connection, self._quotas))

    def begin_request(self, asked: PastRequest) -> int:
        """Write down what a person asks for, before anything is done; return the request's id."""
        return self._transactions.change(lambda connection: insert_request(connection, asked))

    def end_request(self, request_id: int, outcome: str) -> None:
        """Write down what became of a request, in words."""
        self._transactions.change(lambda connection: end_request(connection, request_id, outcome))

    def act(self, request: StoreRequest, login: str, now_ms: int) -> Performed:
        """Do what a person asks about incidents, and write down who asked."""
        return self._transactions.change(lambda connection: perform_request(connection, request, login, now_ms))

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that are not closed, in order of their ids."""
        return self.read(read_open)

    def tidy_incidents(self, now_ms: int, days: int) -> Tidied:
        """Close incidents that were left alone, and remove what was closed or ended long ago, a bounded piece."""

        def tidy(connection: sqlite3.Connection) -> Tidied:
            expire_maintenance(connection, now_ms, days)
            open_ids = [one.id for one in read_open(connection)]
            forget_deliveries(connection, now_ms - days * DAY_MS, open_ids)
            return expire(connection, now_ms, days)

        return self._transactions.change(tidy)

    def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Return what a reading function of another module of the store returns."""
        with self._transactions.reading() as connection:
            return operation(connection)

    def change(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do what a writing function of another module of the store does, in one transaction; it needs little room."""
        return self._transactions.change(operation)

    def count_event(self, name: str, count: int = 1) -> None:
        """Count something that happened, for ever."""
        self._transactions.change(lambda connection: add_counts(connection, "event", [(name, count)]))

    def events(self) -> Counter[str]:
        """Return how often each event happened since the store was made."""
        return self._transactions.count_events()

    def note_session(self) -> None:
        """Remember for ever that a session was made at the broker."""
        self._transactions.change(note_session)

    def note_lost_sessions(self, count: int, now_ms: int) -> None:
        """Count sessions that the broker lost, and remember when the last was."""
        self._transactions.change(lambda connection: note_lost_sessions(connection, count, now_ms))

    def _put(
        self,
        batch: Batch,
        packed: Mapping[Target, Packed],
        now_ms: int,
        shard: Shard | None,
        states: StatesOfShard | None,
    ) -> tuple[list[OutboxEntry], tuple[ShardChange, ...], bool]:
        """Write a batch within a transaction.

        Returns:
            Its entries, what became of marks, of states and of sessions, and whether hours were packed.
        """
        connection = self._connection
        entries = [insert_entry(connection, target, one, now_ms) for target, one in packed.items()]
        released = release_entries(connection, batch.released) if batch.released else []
        again = (line for one in released for line in list_unstored(one))
        insert_hours(connection, count_refused(again, -1))
        revise_entries(connection, batch.revised)
        add_quarantined(connection, batch.quarantined, self._quotas)
        put_alerts(connection, batch.alerts)
        add_unpublished(connection, batch.transitions)
        add_transitions(connection, batch.transitions, now_ms)
        add_ledger(connection, batch.ledger)
        put_doubts(connection, batch.doubts)
        add_uplinks(connection, batch.uplinks)
        self._hours.begin(connection, now_ms)
        marks = self._marks.add(connection, batch.marks, shard)
        moved = self._states.add(connection, batch.states, states)
        heard = self._sessions.add(connection, batch.sessions, batch.shard_sessions)
        return entries, (marks, moved, heard), self._clear_marks(now_ms, shard)

    def _clear_marks(self, now_ms: int, shard: Shard | None) -> bool:
        """Pack hours when it is time, and remove rows of marks that nothing needs; return whether hours were packed."""
        connection, hours = self._connection, self._hours
        needless = self._marks.find_needless(connection) if shard is not None else []
        is_due = hours.is_due or bool(needless and needless[-1] > hours.packed_row)
        if is_due:
            hours.pack(connection, now_ms)
        self._marks.remove(connection, needless)
        return is_due
