"""Proxies that stand between a collector and a server, and do what networks and servers do on bad days.

Both keep their port, and pass everything on unchanged until they are told otherwise.
"""

import asyncio
import contextlib
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from simulators.testbed.port import LOOPBACK, free_port

READ_BYTES = 256 * 1024
_LENGTH = re.compile(rb"^content-length: *([0-9]+)\r$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked\r$", re.IGNORECASE | re.MULTILINE)


class Proxy:
    """A port of the loopback interface behind which a server stands.

    Args:
        target_port: The server's.

    Attributes:
        port: Where it listens; in a ``listening`` block.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Take connections until the block ends; those that are open then are closed."""
        server = await asyncio.start_server(self._take, LOOPBACK, self.port, limit=READ_BYTES)
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A server that is away is met as a connection that ends at once.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                near, far = await asyncio.open_connection(LOOPBACK, self._target_port, limit=READ_BYTES)
                try:
                    await self._serve((reader, writer), (near, far))
                finally:
                    far.transport.abort()
            finally:
                writer.transport.abort()

    async def _serve(self, client: "Pair", server: "Pair") -> None:
        raise NotImplementedError


Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class CableProxy(Proxy):
    """Passes bytes on in both directions, and can be cut: then nothing passes, not even the end of a connection."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self._whole = asyncio.Event()
        self._whole.set()

    def cut(self) -> None:
        """Stop passing anything on. Neither side is told, as when a cable is pulled or a router forgets."""
        self._whole.clear()

    def mend(self) -> None:
        """Pass everything on again, also what was held."""
        self._whole.set()

    async def _serve(self, client: Pair, server: Pair) -> None:
        await self._whole.wait()
        up = asyncio.create_task(self._pump(client[0], server[1]), name="cable up")
        down = asyncio.create_task(self._pump(server[0], client[1]), name="cable down")
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(READ_BYTES):
            await self._whole.wait()
            sink.write(data)
            await sink.drain()
        await self._whole.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an ill server answers to a write.

    Attributes:
        name: For people.
        head: Status line and headers, without the length; nothing for the server's own answer.
        body: Of the answer.
        early: Answer and close before the body was read, as a server does that finds a request too large.
        stored: Let the server have the write, and tamper with its answer only.
        wait_s: Seconds before the answer.
        cut: Send half of the answer and close.
    """

    name: str
    head: str = ""
    body: str = ""
    early: bool = False
    stored: bool = False
    wait_s: float = 0.0
    cut: bool = False

    def render(self) -> bytes:
        """Return the bytes of the answer."""
        body = self.body.encode()
        return f"HTTP/1.1 {self.head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class InfluxProxy(Proxy):
    """Passes HTTP requests on, one after another; writes can be answered as ill servers answer them.

    Attributes:
        given: How often each answer was given, by its name.
    """

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self.given: Counter[str] = Counter()
        self._queue: deque[Answer] = deque()
        self._until_mended: Answer | None = None

    def answer_next(self, answers: Iterable[Answer]) -> None:
        """Answer the next writes so, one each."""
        self._queue.extend(answers)

    def answer_always(self, answer: Answer) -> None:
        """Answer every write so until ``mend``."""
        self._until_mended = answer

    def mend(self) -> None:
        """Pass everything on again."""
        self._until_mended = None
        self._queue.clear()

    @property
    def is_well(self) -> bool:
        """Whether everything is passed on."""
        return self._until_mended is None and not self._queue

    async def _serve(self, client: Pair, server: Pair) -> None:
        while True:
            head = await client[0].readuntil(b"\r\n\r\n")
            answer = self._choose() if head.startswith(b"POST /write") else None
            if answer is not None:
                self.given[answer.name] += 1
                await asyncio.sleep(answer.wait_s)
            if answer is not None and answer.early:
                client[1].write(answer.render())
                await client[1].drain()
                return
            body = await _read_body(client[0], head)
            if answer is None or answer.stored:
                server[1].write(head + body)
                await server[1].drain()
                reply = await _read_reply(server[0])
            else:
                reply = answer.render()
            if answer is not None and answer.cut:
                reply = reply[: len(reply) // 2]
            client[1].write(reply)
            await client[1].drain()
            if answer is not None and answer.cut:
                return

    def _choose(self) -> Answer | None:
        return self._queue.popleft() if self._queue else self._until_mended


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return the body of a request or an answer with this head, as it came."""
    if length := _LENGTH.search(head):
        return await reader.readexactly(int(length[1]))
    if not _CHUNKED.search(head):
        return b""
    chunks = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        chunks += line + await reader.readexactly(size + 2)
        if size == 0:
            return chunks


async def _read_reply(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await _read_body(reader, head)
