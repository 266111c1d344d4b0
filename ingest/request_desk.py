"""The desk where requests of people are performed: piece by piece, so that readings go on between.

Invariants:
    - A piece is one transaction: whoever stops in between leaves every entry either as it was or done.
    - Entries that come while a request is performed are not part of it.
    - Between ``reprocess`` and its commit no batch of readings comes: both change what the processor remembers.
    - What is asked about incidents is one transaction, and waits for no piece of anything else.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Protocol, TypeVar

from ingest.batch import Batch, QuarantineRow
from ingest.collector import read_clock
from ingest.configuration import Configuration
from ingest.known_names import require_known
from ingest.process import Processor
from ingest.quarantine_filter import Filter
from ingest.reprocess import reprocess
from ingest.request import (
    Ending,
    Outcome,
    Performed,
    Progress,
    Reloaded,
    Request,
    RequestError,
    RequestKind,
    describe_filter,
    describe_outcome,
)
from ingest.request_alert import (
    Asked,
    ContactTest,
    Reload,
    RetryDeliveries,
    describe_asked,
    describe_ending,
    name_author,
)
from ingest.store_file import StoreError
from ingest.store_reader import open_reader
from ingest.store_requests import PastRequest
from ingest.store_thread import StoreThread
from schemas.reason import Reason

log = logging.getLogger(__name__)

_E = TypeVar("_E", Performed, Reloaded)

PIECE = 500
"""Most entries of one commit."""


class Workplace(Protocol):
    """Where batches are made and committed: a running collector, or the command itself where none runs."""

    @property
    def processor(self) -> Processor:
        """The pure core, with the routes of the present inventory; ask for it within ``exclusive``."""

    @property
    def configuration(self) -> Configuration:
        """Inventory, rules and contacts that are in use at this moment."""

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Return a block in which nobody else makes a batch."""

    async def commit_batch(self, batch: Batch) -> None:
        """Put a batch on disk, within ``exclusive``."""


class Messenger(Protocol):
    """What sends messages to contacts."""

    async def test(self, contact: str, author: str) -> Performed:
        """Send a contact, or each where it is empty, a message that says who tests it; return what came of it."""


class Reloader(Protocol):
    """What takes a new inventory, new sources, rules and contacts into use."""

    async def reload(self) -> Reloaded:
        """Go by what the files say; raise WrongRequestError where they are wrong, and all stays as it is."""


class RequestDesk:
    """Performs requests on one store.

    Args:
        workplace: Where batches are made and committed.
        store: The store.
        folder: Of the store.
        piece: Most entries of one commit.
        messenger: Sends messages to contacts; None where none are sent.
        reloader: Takes a new configuration into use; None where that is read for each request.
    """

    def __init__(
        self,
        workplace: Workplace,
        store: StoreThread,
        folder: Path,
        piece: int = PIECE,
        messenger: Messenger | None = None,
        reloader: Reloader | None = None,
    ) -> None:
        self._workplace = workplace
        self._store = store
        self._folder = folder
        self._piece = piece
        self._messenger = messenger
        self._reloader = reloader

    async def perform(self, request: Asked, login: str) -> AsyncGenerator[Progress | Ending, None]:
        """Do what a request asks; yield how far it is after each piece, and what came of it at the end.

        The store remembers who asked for what, and what came of it, whatever that is.

        Args:
            request: What is asked.
            login: Who asks, as the system knows it.

        Raises:
            WrongRequestError: It names what is not configured; nothing was done.
            RequestError: It cannot be done now; the pieces before are done.
            StoreError: The store cannot be read or written; likewise.
        """
        configuration = self._workplace.configuration
        # In a thread: to look for names like a misspelt one takes its time with many devices.
        await asyncio.to_thread(require_known, request, configuration)
        match request:
            case Request():
                async with aclosing(self._perform(request, login)) as answers:
                    async for answer in answers:
                        yield answer
            case ContactTest():
                yield await self._note(request, login, lambda: self._test(request, login))
            case Reload():
                yield await self._note(request, login, self._reload)
            case RetryDeliveries():
                told = request._replace(contacts=frozenset(configuration.routing.contacts))
                yield await self._store.act(told, login, read_clock())
            case _:
                yield await self._store.act(request, login, read_clock())

    async def _test(self, request: ContactTest, login: str) -> Performed:
        if self._messenger is None:
            raise RequestError("Nobody can be sent a test from here; ask the collector.")
        return await self._messenger.test(request.contact, name_author(request.author, login))

    async def _reload(self) -> Reloaded:
        if self._reloader is None:
            raise RequestError("Nothing runs here that could take a new inventory into use; ask the collector.")
        return await self._reloader.reload()

    async def _note(self, request: ContactTest | Reload, login: str, do: Callable[[], Awaitable[_E]]) -> _E:
        """Do what is no piece of work on the store, and have the store remember it."""
        meant = describe_asked(request)
        request_id = await self._store.begin_request(
            PastRequest(0, read_clock(), request.kind, request.author, login, meant, "")
        )
        came = "broken off"
        try:
            ending = await do()
            came = describe_ending(request.kind, ending)
        except (RequestError, StoreError) as error:
            came = str(error)
            raise
        finally:
            await self._note_end(request_id, came)
        return ending

    async def _perform(self, request: Request, login: str) -> AsyncGenerator[Progress | Outcome, None]:
        where, of = await asyncio.to_thread(_fix_entries, self._folder, request.where)
        asked = PastRequest(0, read_clock(), request.kind, request.author, login, describe_filter(request.where), "")
        request_id = await self._store.begin_request(asked)
        steps = self._reprocess if request.kind is RequestKind.REPROCESS else self._discard
        came: str | None = "broken off before its first piece"
        try:
            async with aclosing(steps(where, of)) as answers:
                async for answer in answers:
                    if isinstance(answer, Outcome):
                        came = None
                        await self._note_end(request_id, describe_outcome(request.kind, answer))
                    else:
                        came = f"broken off after {answer.done} of {answer.of}"
                    yield answer
        except (RequestError, StoreError) as error:
            came = f"{came}: {error}"
            raise
        finally:
            if came is not None:
                await self._note_end(request_id, came)

    async def _note_end(self, request_id: int, came: str) -> None:
        try:
            await self._store.end_request(request_id, came)
        except StoreError as error:
            log.error("the end of request %d (%s) could not be written down: %s", request_id, came, error)  # noqa: TRY400 - the message says it all

    async def _find_pieces(self, where: Filter) -> AsyncGenerator[tuple[int, ...], None]:
        """Yield the ids of the entries that are meant, a piece at a time; looking for them never holds the store up."""
        after_id = 0
        while ids := await asyncio.to_thread(_find_ids, self._folder, where, after_id, self._piece):
            yield ids
            after_id = ids[-1]

    async def _discard(self, where: Filter, of: int) -> AsyncGenerator[Progress | Outcome, None]:
        done = 0
        async with aclosing(self._find_pieces(where)) as pieces:
            async for ids in pieces:
                done += await self._store.discard(Filter(ids=ids), len(ids))
                yield Progress(done, of)
        yield Outcome(done, done, {})

    async def _reprocess(self, where: Filter, of: int) -> AsyncGenerator[Progress | Outcome, None]:
        done = left = 0
        kept = Counter[Reason]()
        # Whoever asks for readings that were ahead of our clock says that it was ours that was wrong.
        trusted_ms = read_clock() if where.reason is Reason.FUTURE_TIME else None
        async with aclosing(self._find_pieces(where)) as pieces:
            async for ids in pieces:
                after_id = 0
                # As many commits as it takes: large payloads make small pieces.
                while after_id < ids[-1]:
                    rows, batch = await self._reprocess_piece(ids, after_id, trusted_ms)
                    if not rows:
                        break  # the last of them have expired meanwhile
                    released = set(batch.released)
                    left += len(released)
                    kept.update(_find_reason(row, batch) for row in rows if row.id not in released)
                    done, after_id = done + len(rows), rows[-1].id
                    yield Progress(done, of)
        yield Outcome(done, left, dict(kept))

    async def _reprocess_piece(
        self, ids: tuple[int, ...], after_id: int, trusted_ms: int | None
    ) -> tuple[list[QuarantineRow], Batch]:
        usage = await self._store.usage()
        if usage.is_held:
            raise RequestError(
                "The store takes nothing until there is room on its disk or in its bound; `gjovik status` says which. "
                "Ask again then."
            )
        # Read within the block, too: a commit of readings may evict what was read before it.
        async with self._workplace.exclusive():
            rows = await self._store.read_quarantine(Filter(ids=ids), after_id, len(ids))
            batch = reprocess(self._workplace.processor, rows, trusted_ms)
            if rows:
                await self._workplace.commit_batch(batch)
        return rows, batch


def _fix_entries(folder: Path, where: Filter) -> tuple[Filter, int]:
    """Return the Filter of the entries that are there now, and how many they are."""
    with open_reader(folder) as reader:
        newest_id = reader.newest_id()
        last_id = newest_id if where.last_id is None else min(newest_id, where.last_id)
        return where._replace(last_id=last_id), sum(group.entries for group in reader.stats(where))


def _find_ids(folder: Path, where: Filter, after_id: int, limit: int) -> tuple[int, ...]:
    with open_reader(folder) as reader:
        return reader.quarantine_ids(where, after_id, limit)


def _find_reason(row: QuarantineRow, batch: Batch) -> Reason:
    """Return the Reason of an entry that stays: the new one where it has one."""
    return batch.revised.get(row.id, row.quarantined).reason
