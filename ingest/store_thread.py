"""The store for asynchronous callers: each call runs in the one thread that the store lives in, in order of the calls.

A call that is cancelled while it runs still completes on disk; its answer is lost.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from ingest.batch import Batch, QuarantineRow
from ingest.incidents.incident import Incident
from ingest.notify.delivery import DeliveryState
from ingest.quarantine_filter import Filter
from ingest.request import Performed
from ingest.request_alert import StoreRequest
from ingest.settings import Quarantine as QuarantineSettings
from ingest.settings import Store as StoreSettings
from ingest.shard import Shard
from ingest.store import Store
from ingest.store_deliveries import count_deliveries, count_failing
from ingest.store_groups import Quotas
from ingest.store_incidents import Tidied, count_open
from ingest.store_outbox import Depth, OutboxEntry, RefusedLine
from ingest.store_quarantine import Expired
from ingest.store_requests import PastRequest
from ingest.store_reserve import Usage
from ingest.store_restored import Restored
from ingest.store_rows import Moves
from ingest.store_states import StatesOfShard
from ingest.store_unpublished import Unpublished
from ingest.target import Target
from schemas.reason import Reason

T = TypeVar("T")


class Overview(NamedTuple):
    """How a store stands, all of one moment: see the methods of ``Store`` that have these names.

    ``health`` is the part of ``depth`` that waits for the database for health.
    """

    depth: Depth
    moves: Moves
    usage: Usage
    events: Counter[str]
    quarantine: dict[Reason, int]
    incidents: int
    deliveries: dict[DeliveryState, int]
    failing: int
    health: Depth


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

    async def commit(
        self, batch: Batch, now_ms: int, shard: Shard | None = None, states: StatesOfShard | None = None
    ) -> list[OutboxEntry]:
        """See ``Store.commit``."""
        return await self._call(lambda: self._store.commit(batch, now_ms, shard, states))

    async def keep_shards(self, shards: Sequence[Shard]) -> None:
        """See ``Store.keep_shards``."""
        await self._call(lambda: self._store.keep_shards(shards))

    def wants_shard(self) -> int | None:
        """See ``Store.wants_shard``; it only looks at what is in memory, so it does not wait for the thread."""
        return self._store.wants_shard()

    def wants_states(self) -> int | None:
        """See ``Store.wants_states``; it only looks at what is in memory, so it does not wait for the thread."""
        return self._store.wants_states()

    def wants_sessions(self) -> int | None:
        """See ``Store.wants_sessions``; it only looks at what is in memory, so it does not wait for the thread."""
        return self._store.wants_sessions()

    async def oldest(self, limit_bytes: int, after_id: int = 0, target: Target = Target.SHARED) -> list[OutboxEntry]:
        """See ``Store.oldest``."""
        return await self._call(lambda: self._store.oldest(limit_bytes, after_id, target))

    async def remove(self, ids: Sequence[int]) -> None:
        """See ``Store.remove``."""
        await self._call(lambda: self._store.remove(ids))

    async def refuse_lines(
        self, entry_id: int, remaining: Sequence[bytes], refused: Sequence[RefusedLine], now_ms: int
    ) -> None:
        """See ``Store.refuse_lines``."""
        await self._call(lambda: self._store.refuse_lines(entry_id, remaining, refused, now_ms))

    async def set_aside_entry(self, entry_id: int, now_ms: int, why: str) -> None:
        """See ``Store.set_aside_entry``."""
        await self._call(lambda: self._store.set_aside_entry(entry_id, now_ms, why))

    async def overview(self) -> Overview:
        """Return how the store stands: what is asked each second, in one call of the thread."""
        store = self._store
        return await self._call(
            lambda: Overview(
                store.depth(),
                store.moves(),
                store.usage(),
                store.events(),
                store.quarantine(),
                store.read(count_open),
                store.read(count_deliveries),
                store.read(count_failing),
                store.depth(Target.HEALTH),
            )
        )

    async def depth(self, target: Target | None = None) -> Depth:
        """See ``Store.depth``."""
        return await self._call(lambda: self._store.depth(target))

    async def moves(self) -> Moves:
        """See ``Store.moves``."""
        return await self._call(self._store.moves)

    async def quarantine(self) -> dict[Reason, int]:
        """See ``Store.quarantine``."""
        return await self._call(self._store.quarantine)

    async def usage(self) -> Usage:
        """See ``Store.usage``."""
        return await self._call(self._store.usage)

    async def read_quarantine(self, where: Filter, after_id: int, limit: int) -> list[QuarantineRow]:
        """See ``Store.read_quarantine``."""
        return await self._call(lambda: self._store.read_quarantine(where, after_id, limit))

    async def discard(self, where: Filter, limit: int) -> int:
        """See ``Store.discard``."""
        return await self._call(lambda: self._store.discard(where, limit))

    async def expire(self, now_ms: int) -> Expired:
        """See ``Store.expire``."""
        return await self._call(lambda: self._store.expire(now_ms))

    async def quotas(self) -> Quotas:
        """See ``Store.quotas``."""
        return await self._call(self._store.quotas)

    async def begin_request(self, asked: PastRequest) -> int:
        """See ``Store.begin_request``."""
        return await self._call(lambda: self._store.begin_request(asked))

    async def end_request(self, request_id: int, outcome: str) -> None:
        """See ``Store.end_request``."""
        await self._call(lambda: self._store.end_request(request_id, outcome))

    async def act(self, request: StoreRequest, login: str, now_ms: int) -> Performed:
        """See ``Store.act``."""
        return await self._call(lambda: self._store.act(request, login, now_ms))

    async def open_incidents(self) -> list[Incident]:
        """See ``Store.open_incidents``."""
        return await self._call(self._store.open_incidents)

    async def tidy_incidents(self, now_ms: int, days: int) -> Tidied:
        """See ``Store.tidy_incidents``."""
        return await self._call(lambda: self._store.tidy_incidents(now_ms, days))

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """See ``Store.read``."""
        return await self._call(lambda: self._store.read(operation))

    async def change(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """See ``Store.change``."""
        return await self._call(lambda: self._store.change(operation))

    async def count_event(self, name: str, count: int = 1) -> None:
        """See ``Store.count_event``."""
        await self._call(lambda: self._store.count_event(name, count))

    async def events(self) -> Counter[str]:
        """See ``Store.events``."""
        return await self._call(self._store.events)

    async def note_session(self) -> None:
        """See ``Store.note_session``."""
        await self._call(self._store.note_session)

    async def note_lost_sessions(self, count: int, now_ms: int) -> None:
        """See ``Store.note_lost_sessions``."""
        await self._call(lambda: self._store.note_lost_sessions(count, now_ms))

    async def unpublished(self) -> list[Unpublished]:
        """See ``Store.unpublished``."""
        return await self._call(self._store.unpublished)

    async def begin_publishing(self, ids: Sequence[int]) -> None:
        """See ``Store.begin_publishing``."""
        await self._call(lambda: self._store.begin_publishing(ids))

    async def mark_published(self, ids: Sequence[int], seal: int) -> None:
        """See ``Store.mark_published``."""
        await self._call(lambda: self._store.mark_published(ids, seal))

    async def seals(self) -> list[int]:
        """See ``Store.seals``."""
        return await self._call(self._store.seals)

    async def reseal(self, seals: Sequence[int], seal: int) -> int:
        """See ``Store.reseal``."""
        return await self._call(lambda: self._store.reseal(seals, seal))

    async def forget_published(self, seals: Sequence[int]) -> None:
        """See ``Store.forget_published``."""
        await self._call(lambda: self._store.forget_published(seals))

    async def _call(self, operation: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, operation)


@asynccontextmanager
async def open_store(
    settings: StoreSettings, quarantine: QuarantineSettings | None = None
) -> AsyncIterator[StoreThread]:
    """Open the store in a folder, in a thread of its own, until the block ends.

    Raises:
        StoreInUseError: Another collector, or a command, has the folder.
        StoreVersionError: A later version of the collector made the file.
        StoreFullError: The disk is full and there was no reserve.
        StoreError: The folder or file cannot be used.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as executor:
        store = await asyncio.get_running_loop().run_in_executor(executor, Store.open, settings, quarantine)
        try:
            yield StoreThread(store, executor)
        finally:
            # Shielded: a second cancellation must not leave the file open.
            await asyncio.shield(asyncio.wrap_future(executor.submit(store.close)))
