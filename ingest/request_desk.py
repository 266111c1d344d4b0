"""The desk where requests of people are performed: piece by piece, so that readings go on between.

Invariants:
    - A piece is one transaction: whoever stops in between leaves every entry either as it was or done.
    - Entries that come while a request is performed are not part of it.
    - Between ``reprocess`` and its commit no batch of readings comes: both change what the processor remembers.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from ingest.batch import Batch, QuarantineRow
from ingest.process import Processor
from ingest.quarantine_filter import Filter
from ingest.reprocess import reprocess
from ingest.request import Outcome, Progress, Request, RequestError, RequestKind
from ingest.store_reader import open_reader
from ingest.store_thread import StoreThread
from schemas.reason import Reason

PIECE = 500
"""Most entries of one commit."""


class Workplace(Protocol):
    """Where batches are made and committed: a running collector, or the command itself where none runs."""

    @property
    def processor(self) -> Processor:
        """The pure core, with the routes of the present inventory; ask for it within ``exclusive``."""

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Return a block in which nobody else makes a batch."""

    async def commit_batch(self, batch: Batch) -> None:
        """Put a batch on disk, within ``exclusive``."""


class RequestDesk:
    """Performs requests on one store.

    Args:
        workplace: Where batches are made and committed.
        store: The store.
        folder: Of the store.
        piece: Most entries of one commit.
    """

    def __init__(self, workplace: Workplace, store: StoreThread, folder: Path, piece: int = PIECE) -> None:
        self._workplace = workplace
        self._store = store
        self._folder = folder
        self._piece = piece

    def perform(self, request: Request) -> AsyncGenerator[Progress | Outcome, None]:
        """Do what a request asks; yield how far it is after each piece, and the outcome at the end.

        Raises:
            RequestError: It cannot be done now; the pieces before are done.
            StoreError: The store cannot be read or written; likewise.
        """
        steps = self._reprocess if request.kind is RequestKind.REPROCESS else self._discard
        return steps(request.where)

    async def _count(self, where: Filter) -> int:
        return await asyncio.to_thread(_count_entries, self._folder, where)

    async def _discard(self, where: Filter) -> AsyncGenerator[Progress | Outcome, None]:
        done, of = 0, await self._count(where)
        while done < of:
            gone = await self._store.discard(where, min(self._piece, of - done))
            if not gone:
                break
            done += gone
            yield Progress(done, of)
        yield Outcome(done, done, {})

    async def _reprocess(self, where: Filter) -> AsyncGenerator[Progress | Outcome, None]:
        of = await self._count(where)
        done = left = after_id = 0
        kept = Counter[Reason]()
        while done < of:
            rows = await self._store.read_quarantine(where, after_id, min(self._piece, of - done))
            if not rows:
                break
            batch = await self._reprocess_piece(rows)
            released = set(batch.released)
            left += len(released)
            kept.update(_find_reason(row, batch) for row in rows if row.id not in released)
            done, after_id = done + len(rows), rows[-1].id
            yield Progress(done, of)
        yield Outcome(done, left, dict(kept))

    async def _reprocess_piece(self, rows: list[QuarantineRow]) -> Batch:
        usage = await self._store.usage()
        if usage.is_held:
            raise RequestError(
                "The store takes nothing until there is room on its disk or in its bound; `gjovik status` says which. "
                "Ask again then."
            )
        async with self._workplace.exclusive():
            batch = reprocess(self._workplace.processor, rows)
            await self._workplace.commit_batch(batch)
        return batch


def _count_entries(folder: Path, where: Filter) -> int:
    with open_reader(folder) as reader:
        return sum(group.entries for group in reader.stats(where))


def _find_reason(row: QuarantineRow, batch: Batch) -> Reason:
    """Return the Reason of an entry that stays: the new one where it has one."""
    return batch.revised.get(row.id, row.quarantined).reason
