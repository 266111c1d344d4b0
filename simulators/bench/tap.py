"""Tap: passes bytes on between a Subject and its broker, and notes when the Subject's PUBACKs pass.

Mosquitto writes each message by itself. To pass on each by itself would cost more than what is measured, so after each
read the tap rests for a millisecond, by which every wait may be measured too long. The collector gathers what it reads
itself: at 5,000 readings/s a reading cost it the same whether the tap rested for 0, 1 or 4 ms.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self, cast

from simulators.bench.puback import PubackCounter
from simulators.bench.trace import Trace
from simulators.errors import PublishError
from simulators.testbed.port import LOOPBACK

REST_S = 0.001


class Tap:
    """A port behind which the broker stands.

    Args:
        broker_port: Where the broker listens.
        moved: Is set whenever PUBACKs have passed.

    Attributes:
        port: Where it listens; in a ``listening`` block.
        acknowledged: The readings that the Subject has acknowledged.
        connections: How many the Subject has made.
        fault: Why counting ended; empty while it goes on.
    """

    def __init__(self, broker_port: int, moved: asyncio.Event) -> None:
        self.port = 0
        self.acknowledged = Trace()
        self.connections = 0
        self.fault = ""
        self._broker_port = broker_port
        self._moved = moved
        self._joining: set[asyncio.Task[None]] = set()
        self._ends: list[End] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Take connections until the block ends; those that are open then are closed."""
        server = await asyncio.get_running_loop().create_server(self._accept, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for end in self._ends:
                end.transport.abort()

    def _accept(self) -> "End":
        counter = PubackCounter()

        def count(data: bytes) -> None:
            try:
                self.acknowledged.note(counter.take(data))
            except PublishError as error:
                self.fault = str(error)
            self._moved.set()

        self.connections += 1
        end = End(count, self._join)
        self._ends.append(end)
        return end

    def _join(self, near: "End") -> None:
        task = asyncio.create_task(self._connect(near), name="tap connects")
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _connect(self, near: "End") -> None:
        """Connect the Subject's end with the broker; a broker that is away is met as a connection that ends at once."""
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(lambda: End(rest_s=REST_S), LOOPBACK, self._broker_port)
        except OSError:
            near.transport.abort()
            return
        self._ends.append(far)
        far.join(near)
        near.join(far)


class End(asyncio.Protocol):
    """One of the two connections that a Tap joins; what it receives goes to its peer.

    Args:
        look: Is shown what is received.
        made: Is told when the connection is there.
        rest_s: Seconds without reading after each read.

    Attributes:
        transport: The connection itself.
    """

    def __init__(
        self,
        look: Callable[[bytes], None] | None = None,
        made: Callable[["End"], None] | None = None,
        rest_s: float = 0.0,
    ) -> None:
        self.transport: asyncio.Transport
        self._peer: End | None = None
        self._early = b""
        self._look = look
        self._made = made
        self._rest_s = rest_s
        self._is_held = False
        self._is_resting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        if self._made is not None:
            self._made(self)

    def join(self, peer: "End") -> None:
        """Pass on to a peer what was received, and what will be."""
        self._peer = peer
        peer.transport.write(self._early)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._look is not None:
            self._look(data)
        if self._peer is None:
            self._early += data
        else:
            self._peer.transport.write(data)
        if self._rest_s:
            self._is_resting = True
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(self._rest_s, self._wake)

    def _wake(self) -> None:
        self._is_resting = False
        self._read_on()

    def hold(self, *, is_held: bool) -> None:
        """Stop reading, or go on: what the peer cannot send must not pile up here."""
        self._is_held = is_held
        if is_held:
            self.transport.pause_reading()
        else:
            self._read_on()

    def _read_on(self) -> None:
        if not (self._is_held or self._is_resting or self.transport.is_closing()):
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Have the peer read nothing."""
        if self._peer is not None:
            self._peer.hold(is_held=True)

    def resume_writing(self) -> None:
        """Have the peer read again."""
        if self._peer is not None:
            self._peer.hold(is_held=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other as well."""
        del exc
        if self._peer is not None:
            self._peer.transport.close()
