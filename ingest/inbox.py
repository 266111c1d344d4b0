"""Inbox: Messages that were read from the socket and not taken yet, with a bound.

- It outlives connections: what was read is never dropped. What was not acknowledged comes a second time then, and is
  recognised as a duplicate; dropping would lose it where the broker came back from an older snapshot.
- Above its bound it has no room, and has room again at half of it: the connection stops and goes on reading.
  One read of the socket may overshoot the bound, and what a connection that ends leaves in it.
- One taker at a time.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from ingest.message import Message


class Inbox:
    """First in, first out, taken in batches.

    Args:
        most: Messages at which there is no more room.
        most_bytes: Bytes of payload at which there is no more room.

    Attributes:
        received: Messages that were ever put.
        received_bytes: Bytes of their payloads.
    """

    def __init__(self, *, most: int = 20_000, most_bytes: int = 32 * 1024 * 1024) -> None:
        self.received = 0
        self.received_bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._messages: list[Message] = []
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._wanted = 0
        self._taker: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """Return the number of messages that wait."""
        return len(self._messages)

    @property
    def has_room(self) -> bool:
        """Whether reading may go on."""
        return self._room.is_set()

    async def room(self) -> None:
        """Return when there is room."""
        await self._room.wait()

    def put(self, messages: Sequence[Message]) -> None:
        """Add messages in the order received. They are always taken; ``has_room`` says whether to read more."""
        self.received += len(messages)
        self._messages += messages
        size = _payload_bytes(messages)
        self._bytes += size
        self.received_bytes += size
        if len(self._messages) >= self._most or self._bytes >= self._most_bytes:
            self._room.clear()
        enough = len(self._messages) >= self._wanted or not self.has_room
        if enough and self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def take(self, most: int, age_s: float, enough: int | None = None) -> list[Message]:
        """Return the oldest messages, at least one.

        Args:
            most: Messages to return at most, 1 or more.
            age_s: Seconds to wait at most for more after the first; it waits no longer when there is no room.
            enough: Messages for which it waits; ``most`` when left out.

        Raises:
            RuntimeError: Another call waits already.
        """
        if not self._messages:
            await self._reach(1)
        enough = most if enough is None else min(enough, most)
        if len(self._messages) < enough and self.has_room:
            with suppress(TimeoutError):
                async with asyncio.timeout(age_s):
                    await self._reach(enough)
        taken = self._messages[:most]
        del self._messages[:most]
        self._bytes = self._bytes - _payload_bytes(taken) if self._messages else 0
        if len(self._messages) <= self._most // 2 and self._bytes <= self._most_bytes // 2:
            self._room.set()
        return taken

    async def _reach(self, count: int) -> None:
        """Return when so many messages wait, or when there is no room for more."""
        if self._taker is not None:
            raise RuntimeError("two tasks take from one inbox; order would be lost")
        self._wanted = count
        self._taker = asyncio.get_running_loop().create_future()
        try:
            await self._taker
        finally:
            self._taker = None


def _payload_bytes(messages: Sequence[Message]) -> int:
    return sum([len(message.payload) for message in messages])
