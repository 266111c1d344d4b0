"""Publisher: one MQTT 5 connection that publishes the load with QoS 1, and the taps of those who take it.

A program of its own, ``python -m simulators.bench.publisher``, so that it does not wait for whoever measures; see
``order`` for what it is told. Publishing and taps are one process: how far ahead of the Subjects it may be depends on
what they have acknowledged.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import mqtt5

from simulators.bench.load import PACKET_IDS, Load
from simulators.bench.order import Publish, Published, Ready, Start, read_line, write_line
from simulators.bench.puback import PubackCounter
from simulators.bench.tap import Tap
from simulators.bench.trace import Trace
from simulators.errors import AccountRefusedError, PublishError
from simulators.testbed.port import LOOPBACK

WINDOW = 20_000
"""Readings that wait for the Subjects' PUBACK, flat out: half a second of work."""
CHUNK = 500
"""Readings that are sent at a time, flat out."""
TICK_S = 0.002
REST_S = 0.01
"""Between reads of PUBACKs: Mosquitto writes each by itself, and to read each by itself costs more than to publish."""
ANSWER_S = 30.0
"""How long the broker or the Subjects may acknowledge nothing."""
CONNACK, REFUSED = 0x20, 0x80
_CODE_AT = 3
"""Position of the reason code in CONNACK."""


class Publisher(asyncio.Protocol):
    """The connection.

    Args:
        load: What it publishes.
        moved: Is set whenever the broker has acknowledged something, or something else has changed.

    Attributes:
        sent: Readings given to the connection.
        acknowledged: Readings that the broker has acknowledged.
        connected: Is done when the broker has answered CONNECT.
    """

    def __init__(self, load: Load, moved: asyncio.Event) -> None:
        self.sent = Trace()
        self.acknowledged = Trace()
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_writable = True
        self._load = load
        self._moved = moved
        self._counter = PubackCounter()
        self._fault: Exception | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connect(self, name: str, password: str) -> None:
        """Send CONNECT, without a keep-alive: between two orders nothing is sent."""
        self._transport.write(
            mqtt5.ConnectPacket(
                client_id=name, username=name, password=password.encode(), clean_start=True, keep_alive=0
            ).write()
        )

    def data_received(self, data: bytes) -> None:
        """Count PUBACKs; the first packet is CONNACK, which comes alone."""
        if not self.connected.done():
            self._open(data)
            return
        try:
            self.acknowledged.note(self._counter.take(data))
        except PublishError as error:
            self._fault = error
        self._moved.set()
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(REST_S, self._read_on)

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _open(self, data: bytes) -> None:
        if data[0] == CONNACK and data[_CODE_AT] < REFUSED:
            self.connected.set_result(None)
        else:
            self.connected.set_exception(AccountRefusedError(f"the broker refused the publisher: {data[:8].hex()}"))

    def pause_writing(self) -> None:
        """Take note that the broker is behind."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """Take note that it is not any more."""
        self.is_writable = True
        self._moved.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._fault = self._fault or PublishError(f"the broker closed the publisher's connection: {exc or 'no reason'}")
        if not self.connected.done():
            self.connected.set_exception(self._fault)
        self._moved.set()

    @property
    def room(self) -> int:
        """How many more readings the broker may be sent."""
        return PACKET_IDS - (self.sent.total - self.acknowledged.total)

    def check(self) -> None:
        """Do nothing unless something went wrong.

        Raises:
            PublishError: The broker refused a reading, or closed the connection.
        """
        if self._fault is not None:
            raise self._fault

    def send(self, count: int) -> None:
        """Send so many readings."""
        while count > 0:
            part = min(count, self._load.ready)
            packets = self._load.make(part, time.time_ns() // 1_000_000)
            self.sent.note(part)
            self._transport.write(packets)
            count -= part

    def close(self) -> None:
        """End the connection in order."""
        if not self._transport.is_closing():
            self._transport.write(mqtt5.DisconnectPacket().write())
            self._transport.close()


class Post:
    """Publisher and taps together, which do what they are told.

    Args:
        publisher: Connected.
        taps: One for each Subject.
        moved: What both set.
    """

    def __init__(self, publisher: Publisher, taps: list[Tap], moved: asyncio.Event) -> None:
        self._publisher = publisher
        self._taps = taps
        self._moved = moved

    async def publish(self, order: Publish) -> Published:
        """Publish, and return when the broker has acknowledged everything.

        Raises:
            PublishError: A reading was refused, a connection was closed, or nothing is acknowledged any more.
        """
        begun_ns = time.monotonic_ns()
        await (self._publish_paced(order) if order.rate else self._publish_flat_out(order))
        while self._publisher.acknowledged.total < self._publisher.sent.total:
            await self._wait()
        return Published(
            begun_ns=begun_ns,
            total=self._publisher.sent.total,
            connections=[tap.connections for tap in self._taps],
        )

    async def _publish_paced(self, order: Publish) -> None:
        begun_s, first = time.monotonic(), self._publisher.sent.total
        last = sys.maxsize if order.count is None else first + order.count
        longest_s = sys.maxsize if order.seconds is None else order.seconds
        passed_s = 0.0
        while passed_s < longest_s and self._publisher.sent.total < last:
            passed_s = min(time.monotonic() - begun_s, longest_s)
            due = min(first + int(passed_s * order.rate), last) - self._publisher.sent.total
            self._check()
            self._publisher.send(min(due, self._publisher.room))
            await asyncio.sleep(TICK_S - passed_s % TICK_S)

    async def _publish_flat_out(self, order: Publish) -> None:
        end_s = time.monotonic() + (sys.maxsize if order.seconds is None else order.seconds)
        left = sys.maxsize if order.count is None else order.count
        while left > 0 and time.monotonic() < end_s:
            part = min(left, CHUNK)
            while min(self._publisher.room, self._window) < part or not self._publisher.is_writable:
                await self._wait()
            self._check()
            self._publisher.send(part)
            left -= part
            await asyncio.sleep(0)

    @property
    def _window(self) -> int:
        """How many more readings may wait for the Subjects."""
        return WINDOW - (self._publisher.sent.total - sum(tap.acknowledged.total for tap in self._taps))

    async def _wait(self) -> None:
        self._moved.clear()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._moved.wait()
        except TimeoutError:
            raise PublishError(f"nothing was acknowledged for {ANSWER_S:g} s") from None
        self._check()

    def _check(self) -> None:
        self._publisher.check()
        for tap in self._taps:
            if tap.fault:
                raise PublishError(f"a subject's PUBACK: {tap.fault}")


async def serve(orders: asyncio.StreamReader) -> None:
    """Do what is ordered, until there are no more orders.

    Raises:
        PublishError: It cannot be done.
        OSError: The broker is not there, or a trace cannot be written.
    """
    start = read_line(await orders.readline(), Start)
    loop, moved, load = asyncio.get_running_loop(), asyncio.Event(), Load(start.devices)
    async with AsyncExitStack() as stack:
        taps = [await stack.enter_async_context(Tap(start.port, moved).listening()) for _ in range(start.taps)]
        _, publisher = await loop.create_connection(lambda: Publisher(load, moved), LOOPBACK, start.port)
        stack.callback(publisher.close)
        publisher.connect(start.account, start.password)
        await asyncio.wait_for(publisher.connected, ANSWER_S)
        post = Post(publisher, taps, moved)
        _answer(write_line(Ready(ports=[tap.port for tap in taps])))
        while line := await orders.readline():
            _answer(write_line(await post.publish(read_line(line, Publish))))
        folder = Path(start.folder)
        publisher.sent.save(folder / "sent.npy")
        for number, tap in enumerate(taps):
            tap.acknowledged.save(folder / f"acknowledged-{number}.npy")


def _answer(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


async def main() -> None:
    """Take orders from the standard input; errors end the program with their traceback in its log."""
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await serve(orders)


if __name__ == "__main__":
    asyncio.run(main())
