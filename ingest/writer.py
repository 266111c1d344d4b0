"""The writer: outbox to InfluxDB, and out of the outbox only what InfluxDB has or has refused by name.

- Order is not promised and not needed: points carry their time. In a quiet hour one request is in flight, with all that
  came since the one before; while there is enough for full requests, several are.
- Everything may be done twice: a line that is written again is the same point, so a crash anywhere costs a repeat.
- What is refused is judged apart, by ``ingest.bisection``, while other entries go on being written.
- What may heal (network, server, settings) keeps the lines and waits, with one request at a time; see the errors of
  ``ingest.influx``. Which entries are next then is said in ``ingest.backlog``.
- An entry whose bytes cannot be read goes to the quarantine whole.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from ingest.backlog import Backlog
from ingest.backoff import Backoff
from ingest.bisection import Parts
from ingest.influx import (
    BrokenOffError,
    BusyError,
    InfluxClient,
    InfluxError,
    MisconfiguredError,
    RefusedLinesError,
    TooLargeError,
)
from ingest.store_file import DamagedEntryError, StoreError
from ingest.store_outbox import OutboxEntry, pack_lines, unpack_lines
from ingest.store_thread import StoreThread
from ingest.target import Target
from ingest.writer_state import Tally, Trouble, WriterState

GATHER_S = 0.3
"""After a quiet moment the writer waits this long for more: a request costs as much CPU as some hundred lines."""
SMALLEST_BODY_BYTES = 10_000
"""Requests are not made smaller than this because the server broke off."""
LONGEST_RETRY_AFTER_S = 600.0
MOST_ACCUSED = 4
"""Requests that were refused and wait to be judged, at most: until then nothing more is sent that may be refused, too,
and fill the memory."""
LAST_TRY_S = 3.0
"""How long the one try may take that a drain makes while there is trouble."""
LAST_FAILURES = 3
"""Failures in a row after which a drain ends that began without trouble."""

log = logging.getLogger(__name__)


class Writer:
    """Takes the outbox to InfluxDB.

    Args:
        store: Where the outbox is.
        client: The database.
        retry: Waits between tries while the server is away or busy.
        slow: Waits between tries while a person must correct something.
        gather_s: Wait for more lines after a quiet moment, seconds.
        target: Which entries are for this database.
    """

    def __init__(
        self,
        store: StoreThread,
        client: InfluxClient,
        *,
        retry: Backoff | None = None,
        slow: Backoff | None = None,
        gather_s: float = GATHER_S,
        target: Target = Target.SHARED,
    ) -> None:
        self._store = store
        self._client = client
        self._retry = retry or Backoff(first_s=0.5, most_s=30.0)
        self._slow = slow or Backoff(first_s=10.0, most_s=60.0)
        self._gather_s = gather_s
        self._most_bytes = client.settings.max_body_bytes
        self._most_requests = client.settings.requests_in_flight
        self._body_bytes = self._most_bytes
        self._target = target
        self._backlog = Backlog(store, target)
        self._accused: asyncio.Queue[_Accused] = asyncio.Queue()
        self._requests = 0
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failed = asyncio.Event()
        self._wait_s = 0.0
        self._trouble = Trouble(client.settings.database)
        self._tally = Tally()

    @property
    def state(self) -> WriterState:
        """How writing goes at this moment."""
        trouble, lines_per_s = self._trouble, self._tally.rate(time.monotonic())
        return WriterState(trouble.error, trouble.needs_person, trouble.since_ms, self._tally.total, lines_per_s)

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._idle.clear()
        self._more.set()

    async def run(self) -> None:
        """Write until cancelled. A server that is away stops nothing here.

        A store that fails is tried again, too: the lines are still in it.
        """
        await self._check()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._judge_accused(), name="write: judge")
            while True:
                await self._rest_in_trouble()
                self._more.clear()
                entries = await self._take()
                if entries:
                    self._requests += 1
                    group.create_task(self._deliver(entries), name="write: request")
                else:
                    await self._wait_for_more()

    async def drain(self, deadline_s: float) -> bool:
        """Wait until the outbox is empty; ``run`` must be running and nothing more be committed.

        While there is trouble one more try is made, and no time is spent on the rest.

        Args:
            deadline_s: Seconds to wait at most.

        Returns:
            Whether it is empty. What is left stays on disk for the next start.
        """
        self.wake()
        in_trouble = bool(self._trouble.error)
        self._trouble.failures = LAST_FAILURES - 1 if in_trouble else 0
        self._failed.clear()
        self._hurry.set()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._idle, self._failed)]
        try:
            await asyncio.wait(
                waiting,
                timeout=min(deadline_s, LAST_TRY_S) if in_trouble else deadline_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            # Once the trouble is over there is time for the rest.
            if in_trouble and not self._idle.is_set() and not self._failed.is_set() and not self._trouble.error:
                await asyncio.wait(waiting, timeout=deadline_s - LAST_TRY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return self._idle.is_set()

    async def _check(self) -> None:
        try:
            await self._client.check()
        except InfluxError as error:
            self._note_failure(error)

    async def _take(self) -> list[OutboxEntry]:
        """Return what the next request is to have; nothing while there is too little, or enough is in flight."""
        in_trouble = bool(self._trouble.error)
        if self._requests >= (1 if in_trouble else self._most_requests) or self._accused.qsize() >= MOST_ACCUSED:
            return []
        # A second request at a time is worth its price only when it is full.
        at_least = 0 if not self._requests else self._body_bytes // 2
        try:
            return await self._backlog.take(self._body_bytes, time.monotonic(), at_least)
        except StoreError as error:
            self._note_failure(error)
            return []

    async def _wait_for_more(self) -> None:
        """Return when there may be something to write."""
        is_quiet = not self._requests and not self._trouble.error
        if is_quiet and self._backlog.is_idle and not self._more.is_set():
            self._idle.set()
        due_s = self._backlog.next_due_s()
        wait_s = None if due_s is None else max(0.05, due_s - time.monotonic())
        if self._wait_s:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._more.wait()
        if is_quiet:
            await self._rest(self._gather_s)

    async def _rest_in_trouble(self) -> None:
        wait_s, self._wait_s = self._wait_s, 0.0
        if wait_s:
            await self._rest(wait_s)
            self._hurry.clear()

    async def _rest(self, wait_s: float) -> None:
        """Wait, but not while told to hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._hurry.wait()

    async def _deliver(self, entries: list[OutboxEntry]) -> None:
        """Write entries in one request, and see to what became of them."""
        try:
            if len(entries) == 1 and entries[0].raw_bytes > self._body_bytes:
                self._accused.put_nowait(_Accused(entries, None))  # it goes by parts
                return
            await self._send(b"".join(one.body for one in entries), _count_lines(entries), _count_bytes(entries))
            await self._store.remove([one.id for one in entries])
        except (RefusedLinesError, TooLargeError) as error:
            self._note_success()
            if isinstance(error, TooLargeError) and len(entries) > 1:
                self._backlog.give_back(entries)
            else:
                self._accused.put_nowait(_Accused(entries, error))
        except (InfluxError, StoreError) as error:
            self._fail(entries, error)
        else:
            self._note_success()
            self._backlog.settle(entries)
        finally:
            self._requests -= 1
            self._more.set()

    def _fail(self, entries: list[OutboxEntry], error: InfluxError | StoreError) -> None:
        """Let entries wait that were not written, for what may heal."""
        # A server that breaks off may do so because a request is too much for it: it gets smaller ones first.
        is_smallest = len(entries) == 1 or self._body_bytes <= SMALLEST_BODY_BYTES
        if isinstance(error, BusyError) or (isinstance(error, BrokenOffError) and is_smallest):
            self._backlog.blame(entries, time.monotonic())
        else:
            self._backlog.give_back(entries)
        self._note_failure(error)

    def _note_failure(self, error: InfluxError | StoreError) -> None:
        match error:
            case MisconfiguredError():
                self._wait_s = self._slow.next_s()
            case BusyError():
                self._wait_s = min(error.retry_after_s or 0.0, LONGEST_RETRY_AFTER_S) + self._retry.next_s()
            case _:
                self._wait_s = self._retry.next_s()
        self._trouble.note(str(error), time.time(), needs_person=isinstance(error, MisconfiguredError))
        if not isinstance(error, BrokenOffError):
            self._trouble.failures += 1
        if self._trouble.failures >= LAST_FAILURES:
            self._failed.set()

    def _note_success(self) -> None:
        self._trouble.end(time.time())
        self._retry.reset()
        self._slow.reset()

    async def _send(self, body: bytes, lines: int, raw_bytes: int) -> None:
        """Write one request, and learn from it how much the server takes at a time.

        Raises:
            InfluxError: It was not stored, or only in part.
        """
        try:
            await self._client.write(body)
        except (TooLargeError, BrokenOffError):
            self._body_bytes = max(SMALLEST_BODY_BYTES, min(self._body_bytes, raw_bytes) // 2)
            raise
        # Slowly: each try that is too much for a slow server costs a whole timeout.
        self._body_bytes = min(self._most_bytes, self._body_bytes + self._body_bytes // 8)
        self._tally.add(lines, time.monotonic())

    async def _judge_accused(self) -> None:
        """Find the lines at fault in what was refused, one request's entries after the other. Runs until cancelled."""
        while True:
            entries, error = await self._accused.get()
            try:
                await self._judge(entries, error)
            except (InfluxError, StoreError) as failure:
                self._fail(entries, failure)
            else:
                self._note_success()
                self._backlog.settle(entries)
            self._more.set()

    async def _judge(self, entries: list[OutboxEntry], error: "_Refusal | None") -> None:
        """Write entries of which some are refused, by halves.

        Args:
            entries: Of one request.
            error: What the server said to it.

        Raises:
            InfluxError: Some are still to be written, for what may heal.
            StoreError: Likewise.
        """
        if len(entries) == 1:
            await self._write_lines(entries[0], error)
            return
        middle = len(entries) // 2
        for half in (entries[:middle], entries[middle:]):
            try:
                await self._send(b"".join(one.body for one in half), _count_lines(half), _count_bytes(half))
            except (RefusedLinesError, TooLargeError) as refusal:
                await self._judge(half, refusal)
            else:
                await self._store.remove([one.id for one in half])

    async def _write_lines(self, entry: OutboxEntry, known: "_Refusal | None") -> None:
        """Write one entry by parts, down to the lines that are refused; what was reached is kept if it breaks off.

        Args:
            entry: The entry.
            known: What the server said to it as a whole, where it was asked.

        Raises:
            InfluxError: Some lines are still to be written, for what may heal.
            StoreError: Likewise.
        """
        try:
            lines = unpack_lines(entry.body)
        except DamagedEntryError as error:
            log.critical("%s; it is in quarantine as it is, with about %d lines", error, entry.lines)
            await self._store.set_aside_entry(entry.id, int(time.time() * 1000), str(error))
            return
        parts = Parts(lines, self._body_bytes)
        if known is not None and len(parts.waiting) == 1:
            parts.refuse(str(known), known.dropped if isinstance(known, RefusedLinesError) else None)
        try:
            while parts.waiting:
                await self._write_part(parts)
        finally:
            # Also when it breaks off, or is cancelled: what was found out need not be found out again.
            await self._settle(entry, parts)

    async def _write_part(self, parts: Parts) -> None:
        part = parts.waiting[-1]
        try:
            await self._send(pack_lines(part), len(part), sum(map(len, part)))
        except RefusedLinesError as error:
            parts.refuse(str(error), error.dropped)
        except TooLargeError as error:
            parts.refuse(str(error))
        else:
            parts.accept()

    async def _settle(self, entry: OutboxEntry, parts: Parts) -> None:
        await self._store.refuse_lines(entry.id, parts.remaining(), parts.refused, int(time.time() * 1000))
        if parts.refused:
            # What the server says may quote a line, and a log is read by many.
            is_apart = self._target is Target.HEALTH
            answer = "see gjovik quarantine show --reveal" if is_apart else parts.refused[0].answer
            log.warning(
                "InfluxDB refused %d of %d lines of a batch; they are in quarantine, the first because: %s",
                *(len(parts.refused), entry.lines, answer),
            )


_Refusal = RefusedLinesError | TooLargeError


class _Accused(NamedTuple):
    """Entries that were refused, or are too large for one request."""

    entries: list[OutboxEntry]
    error: _Refusal | None


def _count_lines(entries: Sequence[OutboxEntry]) -> int:
    return sum(entry.lines for entry in entries)


def _count_bytes(entries: Sequence[OutboxEntry]) -> int:
    return sum(entry.raw_bytes for entry in entries)
