"""The store for asynchronous callers: each call runs in the one thread that the store lives in, in order of the calls.

A call that is cancelled while it runs still completes on disk; its answer is lost.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from ingest.batch import Batch
from ingest.store import Depth, OutboxEntry, RefusedLine, Restored, Store
from ingest.store_rows import Moves, Unpublished
from schemas.reason import Reason

T = TypeVar("T")


class StoreThread:
    """A Store in a thread; its methods are those of ``ingest.store.Store``. See ``open_store``."""

    def __init__(self, store: Store, executor: ThreadPoolExecutor) -> None:
        self._store = store
        self._executor = executor

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file was moved when the store was opened."""
        return self._store.set_aside

    async def load(self) -> Restored:
        """See ``Store.load``."""
        return await self._call(self._store.load)

    async def commit(self, batch: Batch, now_ms: int) -> OutboxEntry | None:
        """See ``Store.commit``."""
        return await self._call(lambda: self._store.commit(batch, now_ms))

    async def oldest(self, limit_bytes: int) -> list[OutboxEntry]:
        """See ``Store.oldest``."""
        return await self._call(lambda: self._store.oldest(limit_bytes))

    async def remove(self, ids: Sequence[int]) -> None:
        """See ``Store.remove``."""
        await self._call(lambda: self._store.remove(ids))

    async def refuse_lines(
        self, entry_id: int, remaining: Sequence[bytes], refused: Sequence[RefusedLine], now_ms: int
    ) -> None:
        """See ``Store.refuse_lines``."""
        await self._call(lambda: self._store.refuse_lines(entry_id, remaining, refused, now_ms))

    async def depth(self) -> Depth:
        """See ``Store.depth``."""
        return await self._call(self._store.depth)

    async def moves(self) -> Moves:
        """See ``Store.moves``."""
        return await self._call(self._store.moves)

    async def quarantine(self) -> dict[Reason, int]:
        """See ``Store.quarantine``."""
        return await self._call(self._store.quarantine)

    async def unpublished(self) -> list[Unpublished]:
        """See ``Store.unpublished``."""
        return await self._call(self._store.unpublished)

    async def mark_published(self, ids: Sequence[int]) -> None:
        """See ``Store.mark_published``."""
        await self._call(lambda: self._store.mark_published(ids))

    async def _call(self, operation: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, operation)


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[StoreThread]:
    """Open the store in a folder, in a thread of its own, until the block ends.

    Raises:
        StoreInUseError: Another collector has the folder.
        StoreVersionError: A later version of the collector made the file.
        StoreError: The folder or file cannot be used.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as executor:
        store = await asyncio.get_running_loop().run_in_executor(executor, Store.open, folder)
        try:
            yield StoreThread(store, executor)
        finally:
            # Shielded: a second cancellation must not leave the file open.
            await asyncio.shield(asyncio.wrap_future(executor.submit(store.close)))
