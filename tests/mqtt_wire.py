"""MQTT 5 written by hand, and a broker that says what a test tells it: for what no real broker would send.

It shares nothing with the codec of the collector, so that one can judge the other.
"""

import asyncio
import struct
from collections.abc import Iterable, Sequence

CONNACK = bytes.fromhex("20 03 00 00 00")
DISCONNECT = bytes.fromhex("e0 00")
DISCONNECT_WITH_WILL = bytes.fromhex("e0 01 04")
DISCONNECT_MALFORMED = bytes.fromhex("e0 01 81")


def write_length(number: int) -> bytes:
    """Return a variable byte integer (section 1.5.5)."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def write_packet(head: int, body: bytes) -> bytes:
    """Return a packet with its fixed header."""
    return bytes([head]) + write_length(len(body)) + body


def write_text(text: bytes) -> bytes:
    """Return a string with its length."""
    return struct.pack(">H", len(text)) + text


def write_connect(name: str, password: str) -> bytes:
    """Return CONNECT of a publisher with a clean start."""
    flags = 0b1100_0010
    name_bytes = write_text(name.encode())
    body = write_text(b"MQTT") + bytes([5, flags]) + struct.pack(">H", 60) + b"\0"
    return write_packet(0x10, body + name_bytes + name_bytes + write_text(password.encode()))


def write_publish(topic: bytes, payload: bytes, packet_id: int | None, *, flags: int = 0) -> bytes:
    """Return PUBLISH: QoS 1 with a packet identifier, else QoS 0; flags are DUP (8) and RETAIN (1)."""
    qos = 0 if packet_id is None else 0b10
    identifier = b"" if packet_id is None else struct.pack(">H", packet_id)
    return write_packet(0x30 | qos | flags, write_text(topic) + identifier + b"\0" + payload)


def write_suback(packet_id: int, codes: Iterable[int]) -> bytes:
    """Return SUBACK."""
    return write_packet(0x90, struct.pack(">H", packet_id) + b"\0" + bytes(codes))


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    """Return the next packet, whole."""
    head = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        (digit,) = await reader.readexactly(1)
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            break
    return head + write_length(length) + await reader.readexactly(length)


class ScriptedBroker:
    """Accepts one connection after another; the test reads and writes their packets.

    Attributes:
        host: Where it listens.
        port: Where it listens, once started.
    """

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self._accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._keep, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self._accepted.put((reader, writer))

    def hang_up(self) -> None:
        """Cut every connection and accept no more."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def accept(
        self, *, connack: bytes = CONNACK, granted: int = 1, sources: Sequence[Sequence[int]] = ()
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the next connection when CONNECT and SUBSCRIBE to one filter are answered, and its state is read.

        Args:
            connack: Answer to CONNECT.
            granted: Answer to SUBSCRIBE.
            sources: Answers to what is subscribed to of Sources, a packet each.
        """
        reader, writer = await self._accepted.get()
        assert (await read_packet(reader))[0] == 0x10
        writer.write(connack)
        if connack == CONNACK:
            for codes in ([granted], *sources):
                (packet_id,) = struct.unpack_from(">H", await read_packet(reader), 2)
                writer.write(write_suback(packet_id, codes))
            if granted == 1:
                assert (await read_packet(reader))[0] == 0x33  # PUBLISH, QoS 1, retained; nobody waits for its answer
        return reader, writer


async def publish_raw(host: str, port: int, name: str, password: str, packets: Iterable[bytes]) -> int:
    """Send packets as a device, as fast as the broker takes them; return how many PUBACKs came.

    Args:
        host: Address of the broker.
        port: Port of the broker.
        name: The device's account.
        password: Of the account.
        packets: PUBLISH packets of QoS 1.

    Raises:
        ConnectionError: The broker sends something else, for example DISCONNECT.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(write_connect(name, password))
        assert (await read_packet(reader))[0] == 0x20
        count = 0
        for packet in packets:
            writer.write(packet)
            count += 1
            if count % 500 == 0:
                await writer.drain()
        for _ in range(count):
            packet = await read_packet(reader)
            if packet[0] != 0x40:
                raise ConnectionError(f"no PUBACK but {packet.hex()}")
        return count
    finally:
        writer.close()
        await writer.wait_closed()
