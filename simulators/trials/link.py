"""Link: one lean MQTT 5 connection, for loads that must not be limited by whoever publishes them.

A few microseconds a message on the codec, where a full client takes tens. It knows QoS 1 and nothing that a trial does
not need; whoever wants a client for its own sake takes aiomqtt.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import mqtt5

from simulators.errors import AccountRefusedError, BrokerUnreachableError

KEEP_ALIVE_S = 20
ANSWER_S = 10.0
REFUSED = 0x80
"""A reason code at or above it says no (section 2.4)."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom.

    Attributes:
        host: Name or address of the broker.
        port: TCP port of the broker.
        name: Account, which is also the client identifier.
        password: Of the account.
        clean: Begin a new session.
        expiry_s: Seconds that the broker keeps the session after the connection.
    """

    host: str
    port: int
    name: str
    password: str
    clean: bool = True
    expiry_s: int = 0

    def write_connect(self) -> bytes:
        """Return the packet that opens a connection."""
        return mqtt5.ConnectPacket(
            client_id=self.name,
            username=self.name,
            password=self.password.encode(),
            clean_start=self.clean,
            keep_alive=KEEP_ALIVE_S,
            session_expiry_interval=self.expiry_s,
        ).write()


class Link(asyncio.Protocol):
    """One connection; made by ``reach``.

    Args:
        on_puback: Is told packet identifier and reason code of every PUBACK.
        on_message: Is told every message that is received; it is acknowledged by itself.

    Attributes:
        ended: Is done when the connection is.
    """

    def __init__(
        self, on_puback: Callable[[int, int], None], on_message: Callable[[mqtt5.PublishPacket], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._on_puback = on_puback
        self._on_message = on_message
        self._opened: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self._subscribed: asyncio.Future[mqtt5.SubAckPacket] = loop.create_future()
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._beat: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and show every so often that we live."""
        self._transport = cast("asyncio.Transport", transport)
        self._send_beat()

    def _send_beat(self) -> None:
        if self._beat is not None:
            self._transport.write(mqtt5.PingReqPacket().write())
        self._beat = asyncio.get_running_loop().call_later(KEEP_ALIVE_S / 2, self._send_beat)

    def data_received(self, data: bytes) -> None:
        """Read every whole packet."""
        self._buffer += data
        used = 0
        with memoryview(self._buffer) as view, contextlib.suppress(IndexError):  # the last packet is incomplete
            while True:
                packet, length = mqtt5.read(view[used:])
                used += length
                self._take(packet)
        del self._buffer[:used]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell who waits; why does not matter here."""
        if self._beat is not None:
            self._beat.cancel()
        for waiting in (self.ended, self._opened, self._subscribed):
            if not waiting.done():
                waiting.cancel() if waiting is not self.ended else self.ended.set_result(None)

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            self._on_puback(packet.packet_id, packet.reason_code.value)
        elif isinstance(packet, mqtt5.PublishPacket):
            self._on_message(packet)
            if packet.packet_id is not None:
                self._transport.write(mqtt5.PubAckPacket(packet.packet_id).write())
        elif isinstance(packet, mqtt5.ConnAckPacket) and not self._opened.done():
            self._opened.set_result(packet)
        elif isinstance(packet, mqtt5.SubAckPacket) and not self._subscribed.done():
            self._subscribed.set_result(packet)

    async def open(self, login: Login) -> bool:
        """Open the connection, and return whether the broker still has the session.

        Raises:
            AccountRefusedError: The broker refuses the account.
        """
        self._transport.write(login.write_connect())
        answer = await self._opened
        if answer.reason_code.value >= REFUSED:
            raise AccountRefusedError(f"the broker refused the account {login.name}: {answer.reason_code.name}")
        return answer.session_present

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1, without what is retained unless the subscription is new."""
        asked = [
            mqtt5.TopicFilter(
                pattern,
                max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                retain_as_published=False,
                retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
            )
            for pattern in filters
        ]
        self._transport.write(mqtt5.SubscribePacket(1, asked).write())
        await self._subscribed

    def publish(self, packet_id: int, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish at QoS 1; the answer comes to ``on_puback``."""
        packet = mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=retain, packet_id=packet_id)
        self._transport.write(packet.write())

    async def close(self) -> None:
        """Disconnect in order."""
        if not self.ended.done():
            self._transport.write(mqtt5.DisconnectPacket().write())
            self._transport.close()
        await self.ended


@asynccontextmanager
async def reach(
    login: Login,
    on_puback: Callable[[int, int], None] = lambda _packet_id, _code: None,
    on_message: Callable[[mqtt5.PublishPacket], None] = lambda _packet: None,
) -> AsyncIterator[tuple[Link, bool]]:
    """Connect until the block ends, and give the Link and whether the broker still had the session.

    Raises:
        BrokerUnreachableError: There is no connection, or no answer to it.
        AccountRefusedError: The broker refuses the account.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ANSWER_S):
            _, link = await loop.create_connection(lambda: Link(on_puback, on_message), login.host, login.port)
            opening = asyncio.ensure_future(link.open(login))
            await asyncio.wait((opening,))
    except OSError as error:  # TimeoutError is one
        raise BrokerUnreachableError(f"the broker at {login.host}:{login.port} cannot be reached: {error}") from None
    if opening.cancelled():
        raise BrokerUnreachableError(f"the broker at {login.host}:{login.port} closed the connection")
    try:
        yield link, opening.result()
    finally:
        await link.close()
