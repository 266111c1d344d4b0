"""The backlog: which entries of the outbox are to be written next. Nothing is remembered on disk.

An entry is on its way, or resting, or waiting. What fails for what may heal waits again, in front. Where that happens
again and again to the same entries, they rest and those behind them have their turn: a request that a server cannot
digest (it answers 500 to it, always) must not hold up all others. Once others succeed, what rests is tried again, each
entry alone, ever more seldom. Where nothing else succeeds either, it was the server: all wait again, oldest first.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingest.store_outbox import OutboxEntry
from ingest.store_thread import StoreThread
from ingest.target import Target

PATIENCE = 3
"""Failures of an entry before it rests."""
MOST_DETOURS = 10
"""Requests that come to rest without any success before it is taken for the server's fault."""
FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0


class _Rest(NamedTuple):
    """When an entry is tried again."""

    due_s: float
    next_s: float


class Backlog:
    """The entries that wait in a store.

    Args:
        store: Where they are.
        target: The database that they are for.
    """

    def __init__(self, store: StoreThread, target: Target = Target.SHARED) -> None:
        self._store = store
        self._target = target
        self._after = 0
        self._under_way: set[int] = set()
        self._failures: dict[int, int] = {}
        self._resting: dict[int, _Rest] = {}
        self._detours = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way or resting."""
        return not self._under_way and not self._resting

    @property
    def is_under_way(self) -> bool:
        """Whether something is on its way."""
        return bool(self._under_way)

    async def take(self, most_bytes: int, now_s: float, at_least_bytes: int = 0) -> list[OutboxEntry]:
        """Return the next entries, which are on their way then; none when there are none, or too few.

        Args:
            most_bytes: Of their lines; the first is taken however large it is.
            now_s: Seconds on a clock that is never set.
            at_least_bytes: Take none if they have fewer.

        Raises:
            StoreError: The store cannot be read.
        """
        entries = await self._find_rested(now_s) or await self._find_waiting(most_bytes, at_least_bytes)
        if not entries and self._detours and not self._under_way:
            self._start_over()  # all rests and nothing is left to try instead
            entries = await self._find_waiting(most_bytes, at_least_bytes)
        self._under_way.update(entry.id for entry in entries)
        return entries

    async def _find_rested(self, now_s: float) -> list[OutboxEntry]:
        if self._detours:
            return []  # nobody has succeeded since
        due = [entry_id for entry_id, rest in self._resting.items() if rest.due_s <= now_s]
        for entry_id in due:
            if entry_id not in self._under_way:
                found = await self._store.oldest(1, entry_id - 1, self._target)
                if found and found[0].id == entry_id:
                    return found[:1]
                del self._resting[entry_id]  # somebody else has moved it
        return []

    async def _find_waiting(self, most_bytes: int, at_least_bytes: int) -> list[OutboxEntry]:
        if self.is_idle:
            self._after = 0
        while True:
            after = self._after
            found = await self._store.oldest(most_bytes, after, self._target)
            if self._after != after:
                continue  # something was given back meanwhile
            free = [one for one in found if one.id not in self._under_way and one.id not in self._resting]
            if free or not found:
                break
            self._after = found[-1].id
        if sum(entry.raw_bytes for entry in free) < at_least_bytes:
            return []
        if free:
            self._after = free[-1].id
        return free

    def next_due_s(self) -> float | None:
        """Return when the first of what rests is to be tried again; None when nothing rests."""
        return min((rest.due_s for rest in self._resting.values()), default=None)

    def settle(self, entries: Iterable[OutboxEntry]) -> None:
        """Take note that entries have left the outbox, or are as they should be there."""
        self._detours = 0
        for entry in entries:
            self._under_way.discard(entry.id)
            self._failures.pop(entry.id, None)
            self._resting.pop(entry.id, None)

    def give_back(self, entries: Sequence[OutboxEntry]) -> None:
        """Let entries wait again, in front; it was not they that failed."""
        self._under_way.difference_update(entry.id for entry in entries)
        self._after = min(self._after, entries[0].id - 1)

    def blame(self, entries: Sequence[OutboxEntry], now_s: float) -> None:
        """Let entries wait again that may themselves be why they failed, or let them rest if it was not the first time.

        Args:
            entries: Of one request.
            now_s: Seconds on a clock that is never set.
        """
        self.give_back(entries)
        tired = []
        for entry in entries:
            rest = self._resting.get(entry.id)
            if rest is not None:
                next_s = min(LONGEST_REST_S, rest.next_s * 2)
                self._resting[entry.id] = _Rest(now_s + rest.next_s, next_s)
                continue
            self._failures[entry.id] = self._failures.get(entry.id, 0) + 1
            if self._failures[entry.id] >= PATIENCE:
                tired.append(entry.id)
        if tired:
            self._rest(tired, now_s)

    def _rest(self, ids: Iterable[int], now_s: float) -> None:
        self._detours += 1
        if self._detours > MOST_DETOURS:
            self._start_over()
            return
        for entry_id in ids:
            del self._failures[entry_id]
            self._resting[entry_id] = _Rest(now_s + FIRST_REST_S, FIRST_REST_S * 2)

    def _start_over(self) -> None:
        """Take it for the server's fault: all wait again, the oldest first."""
        self._resting.clear()
        self._failures.clear()
        self._detours = self._after = 0
