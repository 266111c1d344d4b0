"""A publisher that costs next to nothing: MQTT 5 written by hand, so that a measurement measures somebody else."""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from simulators.testbed.mosquitto import Mosquitto
from tests.mqtt_wire import write_connect, write_publish

PACKET_IDS = 65_000
"""Packet identifiers in use; more messages than that may not wait for their PUBACK."""
SITE = "hall"
_CONNACK, _PUBACK = 0x20, 0x40


class LeanPublisher(asyncio.Protocol):
    """One connection that publishes with QoS 1 and keeps count.

    Args:
        topic: Where every message goes.
        on_puback: Is told the packet identifier of each PUBACK.

    Attributes:
        sent: Messages sent.
        acknowledged: PUBACKs that came.
        ended: Set when the connection is no more.
    """

    def __init__(self, topic: str, on_puback: Callable[[int], None]) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        self._topic = topic.encode()
        self._on_puback = on_puback
        self._packet_ids = itertools.cycle(range(1, PACKET_IDS + 1))
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end, whatever brought it."""
        del exc
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Read packets; those that come to a publisher are shorter than 128 bytes."""
        data, position = self._rest + data, 0
        while len(data) >= position + 2 and len(data) >= position + 2 + data[position + 1]:
            if data[position] == _PUBACK:
                self.acknowledged += 1
                self._on_puback(struct.unpack_from(">H", data, position + 2)[0])
            elif data[position] == _CONNACK and data[position + 3] == 0:
                self.connected.set()
            position += 2 + data[position + 1]
        self._rest = data[position:]

    def open(self, name: str, password: str) -> None:
        """Send CONNECT."""
        self._write(write_connect(name, password))

    def publish(self, payload: bytes) -> int:
        """Send a message and return its packet identifier."""
        packet_id = next(self._packet_ids)
        self._write(write_publish(self._topic, payload, packet_id))
        self.sent += 1
        return packet_id

    async def wait_acknowledged(self, *, but: int = 0, deadline_s: float = 60.0) -> None:
        """Return when no more than so many messages wait for their PUBACK."""
        async with asyncio.timeout(deadline_s):
            while self.sent - self.acknowledged > but:  # noqa: ASYNC110 - an event a PUBACK would cost more than it measures
                await asyncio.sleep(0.001)

    def _write(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)


def ignore_puback(packet_id: int) -> None:
    """Take no note of a PUBACK beyond its count."""
    del packet_id


@asynccontextmanager
async def open_publisher(
    broker: Mosquitto, name: str, on_puback: Callable[[int], None] = ignore_puback
) -> AsyncIterator[LeanPublisher]:
    """Connect a device until the block ends; it publishes at ``gjovik/<SITE>/<name>/reading``.

    Args:
        broker: Where to.
        name: The device; its account is made when it is missing.
        on_puback: Is told the packet identifier of each PUBACK.
    """
    password = (await broker.add_accounts([name]))[name]
    loop = asyncio.get_running_loop()
    transport, publisher = await loop.create_connection(
        lambda: LeanPublisher(f"gjovik/{SITE}/{name}/reading", on_puback), broker.host, broker.port
    )
    try:
        publisher.open(name, password)
        await asyncio.wait_for(publisher.connected.wait(), 10)
        yield publisher
    finally:
        transport.abort()
        await publisher.ended.wait()
