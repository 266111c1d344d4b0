"""The writer: outbox to InfluxDB, and out of the outbox only what InfluxDB has or has refused by name.

- Order is not promised and not needed: points carry their time. One request is in flight at a time; it takes as many
  entries as fit, so a backlog goes in large requests and a quiet hour in small ones.
- Everything may be done twice: a line that is written again is the same point, so a crash anywhere costs a repeat.
- A refused request is bisected, first by entries, then by lines. Each halving asks for both halves, so one line at
  fault among n costs about 2 log2(n) requests, and every other line is stored on the way.
- What may heal (network, server, settings) keeps the lines and waits; see the errors of ``ingest.influx``.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import NamedTuple

from ingest.backoff import Backoff
from ingest.influx import (
    BrokenOffError,
    BusyError,
    InfluxClient,
    InfluxError,
    MisconfiguredError,
    RefusedLinesError,
    TooLargeError,
)
from ingest.store import OutboxEntry, RefusedLine, pack_lines, unpack_lines
from ingest.store_file import StoreError
from ingest.store_thread import StoreThread

GATHER_S = 0.2
"""After a quiet moment the writer waits this long for more: a request costs as much CPU as some hundred lines."""
SMALLEST_BODY_BYTES = 10_000
"""Requests are not made smaller than this because the server broke off."""
LONGEST_RETRY_AFTER_S = 600.0
RATE_WINDOW_S = 10.0
REPEATED_EVERY_S = 300.0
"""How often the same trouble is said again while it lasts."""

log = logging.getLogger(__name__)


class WriterState(NamedTuple):
    """How writing goes.

    Attributes:
        error: What stands in the way and what to do about it; empty while all is well.
        failing_since_ms: When it began, milliseconds since 1970 in UTC; None while all is well.
        written_lines: Lines written since the writer began.
        lines_per_s: Over the last ten seconds.
    """

    error: str
    failing_since_ms: int | None
    written_lines: int
    lines_per_s: float


class Writer:
    """Takes the outbox to InfluxDB.

    Args:
        store: Where the outbox is.
        client: The database.
        retry: Waits between tries while the server is away or busy.
        slow: Waits between tries while a person must correct something.
        gather_s: Wait for more lines after a quiet moment, seconds.
    """

    def __init__(
        self,
        store: StoreThread,
        client: InfluxClient,
        *,
        retry: Backoff | None = None,
        slow: Backoff | None = None,
        gather_s: float = GATHER_S,
    ) -> None:
        self._store = store
        self._client = client
        self._retry = retry or Backoff(first_s=0.5, most_s=30.0)
        self._slow = slow or Backoff(first_s=10.0, most_s=60.0)
        self._gather_s = gather_s
        self._most_bytes = client.settings.max_body_bytes
        self._body_bytes = self._most_bytes
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._hurry = asyncio.Event()
        self._trouble = _Trouble()
        self._tally = _Tally()

    @property
    def state(self) -> WriterState:
        """How writing goes at this moment."""
        lines_per_s = self._tally.rate(time.monotonic())
        return WriterState(self._trouble.error, self._trouble.since_ms, self._tally.total, lines_per_s)

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._idle.clear()
        self._more.set()

    async def run(self) -> None:
        """Write until cancelled. A server that is away stops nothing here.

        A store that fails is tried again, too: the lines are still in it.
        """
        await self._attempt(self._client.check())
        while True:
            self._more.clear()
            entries = await self._store.oldest(self._body_bytes)
            if entries:
                await self._attempt(self._write(entries))
                continue
            if not self._more.is_set():
                self._idle.set()
            await self._more.wait()
            await self._rest(self._gather_s)

    async def drain(self, deadline_s: float) -> bool:
        """Wait until the outbox is empty; ``run`` must be running and nothing more be committed.

        Args:
            deadline_s: Seconds to wait at most.

        Returns:
            Whether it is empty. What is left stays on disk for the next start.
        """
        self.wake()
        self._hurry.set()
        try:
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _attempt(self, step: Coroutine[None, None, None]) -> None:
        """Do a step; when it fails for what may heal, say so and wait."""
        try:
            await step
        except MisconfiguredError as error:
            await self._wait_out(error, self._slow.next_s())
        except BusyError as error:
            asked_s = min(error.retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
            await self._wait_out(error, asked_s + self._retry.next_s())
        except (InfluxError, StoreError) as error:
            await self._wait_out(error, self._retry.next_s())
        else:
            self._trouble.end(time.time())
            self._retry.reset()
            self._slow.reset()

    async def _wait_out(self, error: Exception, wait_s: float) -> None:
        self._trouble.note(str(error), time.time())
        await self._rest(wait_s)

    async def _rest(self, wait_s: float) -> None:
        """Wait, but not while told to hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._hurry.wait()
        self._hurry.clear()

    async def _write(self, entries: Sequence[OutboxEntry]) -> None:
        """Write entries whole, or by halves where they are refused.

        Raises:
            InfluxError: Some are still to be written, for what may heal.
        """
        if len(entries) == 1 and entries[0].raw_bytes > self._body_bytes:
            await self._write_lines(entries[0])
            return
        raw_bytes = sum(entry.raw_bytes for entry in entries)
        try:
            await self._send(
                b"".join(entry.body for entry in entries), sum(entry.lines for entry in entries), raw_bytes
            )
        except (RefusedLinesError, TooLargeError) as error:
            if len(entries) == 1:
                await self._write_lines(entries[0], error)
                return
            middle = len(entries) // 2
            await self._write(entries[:middle])
            await self._write(entries[middle:])
        else:
            await self._store.remove([entry.id for entry in entries])

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

    async def _write_lines(self, entry: OutboxEntry, known: InfluxError | None = None) -> None:
        """Write one entry by parts, down to the lines that are refused; what was reached is kept if it breaks off.

        Args:
            entry: The entry.
            known: What the server said to it as a whole, where it was asked.

        Raises:
            InfluxError: Some lines are still to be written, for what may heal.
        """
        parts = _Parts(unpack_lines(entry.body), self._body_bytes if known is None else entry.raw_bytes)
        if known is not None:
            parts.refuse(str(known))
        try:
            while parts.waiting:
                await self._write_part(parts)
        except InfluxError:
            await self._settle(entry, parts)
            raise
        await self._settle(entry, parts)

    async def _write_part(self, parts: "_Parts") -> None:
        part = parts.waiting[-1]
        try:
            await self._send(pack_lines(part), len(part), sum(map(len, part)))
        except (RefusedLinesError, TooLargeError) as error:
            parts.refuse(str(error))
        else:
            parts.accept()

    async def _settle(self, entry: OutboxEntry, parts: "_Parts") -> None:
        await self._store.refuse_lines(entry.id, parts.remaining(), parts.refused, int(time.time() * 1000))
        if parts.refused:
            log.warning(
                "InfluxDB refused %d of %d lines of a batch; they are in quarantine, the first because: %s",
                *(len(parts.refused), entry.lines, parts.refused[0].answer),
            )


class _Parts:
    """The lines of one entry while they are written in parts.

    Attributes:
        waiting: Parts that are still to be written, the next one last.
        refused: Lines that were refused alone.
    """

    def __init__(self, lines: Sequence[bytes], most_bytes: int) -> None:
        """Cut lines into parts of so many bytes, at least a line each."""
        self.waiting: list[Sequence[bytes]] = []
        self.refused: list[RefusedLine] = []
        start = size = 0
        for end, line in enumerate(lines):
            size += len(line) + 1
            if size > most_bytes and end > start:
                self.waiting.append(lines[start:end])
                start, size = end, len(line) + 1
        self.waiting.append(lines[start:])
        self.waiting.reverse()

    def accept(self) -> None:
        """The next part is stored."""
        self.waiting.pop()

    def refuse(self, answer: str) -> None:
        """The next part was refused: its halves take its place; a single line is done."""
        part = self.waiting.pop()
        if len(part) == 1:
            self.refused.append(RefusedLine(part[0], answer))
            return
        middle = len(part) // 2
        self.waiting += part[middle:], part[:middle]

    def remaining(self) -> list[bytes]:
        """Return the lines of all parts that wait."""
        return [line for part in reversed(self.waiting) for line in part]


class _Trouble:
    """What stands in the way of writing, said aloud when it changes, from time to time, and when it ends.

    Attributes:
        error: What and what to do; empty while all is well.
        since_ms: When it began; None while all is well.
    """

    def __init__(self) -> None:
        self.error = ""
        self.since_ms: int | None = None
        self._said_s = 0.0

    def note(self, error: str, now_s: float) -> None:
        """Remember that writing fails."""
        if error != self.error or now_s - self._said_s > REPEATED_EVERY_S:
            log.error("nothing is written to InfluxDB and all is kept in the outbox: %s", error)
            self._said_s = now_s
        self.error = error
        if self.since_ms is None:
            self.since_ms = int(now_s * 1000)

    def end(self, now_s: float) -> None:
        """Remember that writing goes well."""
        if self.since_ms is not None:
            log.warning("InfluxDB takes lines again, after %.0f s", now_s - self.since_ms / 1000)
        self.error = ""
        self.since_ms = None


class _Tally:
    """How many lines were written, and how fast of late.

    Attributes:
        total: Lines ever.
    """

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, lines: int, now_s: float) -> None:
        """Count lines that were written now."""
        self.total += lines
        self._recent.append((now_s, lines))
        self._forget(now_s)

    def rate(self, now_s: float) -> float:
        """Return the lines per second of the last ``RATE_WINDOW_S``."""
        self._forget(now_s)
        return sum(lines for _, lines in self._recent) / RATE_WINDOW_S

    def _forget(self, now_s: float) -> None:
        while self._recent and self._recent[0][0] <= now_s - RATE_WINDOW_S:
            self._recent.popleft()
