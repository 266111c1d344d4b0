"""One connection to an MQTT 5 broker: bytes to Messages, and our packets to bytes.

- What the broker sends is read in order; a Message counts once it is in the Inbox.
- PUBACKs are written strictly in the order received: Mosquitto reuses packet identifiers that are still in flight once
  65,535 messages are unacknowledged, and loses messages that are acknowledged out of order.
- Memory is bounded by not reading the socket, never by Receive Maximum (Mosquitto 2.0.11 does not hold it) or by
  Maximum Packet Size (a larger message would vanish in the broker after a success to its publisher).
- A connection ends once, with one error, the first that was found.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TypeVar, cast

import mqtt5

from ingest.inbox import Inbox
from ingest.kept_socket import KeptSocket, keep_socket
from ingest.message import Message
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.mqtt_packets import (
    PacketBuffer,
    Session,
    Will,
    count_packet_ids,
    read_disconnect,
    read_session,
    read_unsubscribed,
    require_granted,
    require_taken,
    write_acknowledgements,
    write_connect,
    write_disconnect,
    write_publish,
    write_remark,
    write_subscribe,
    write_unsubscribe,
)
from ingest.settings import Mqtt

ANSWER_S = 10.0
"""Seconds that a broker may take to accept a connection and to answer CONNECT."""
CLOSE_S = 2.0
"""Seconds that a broker may take to close after our DISCONNECT."""
REST_S = 0.075
"""Seconds without reading after a read, at most: few large reads cost a fraction of many small ones."""
ASKED_REST_S = 0.005
"""Likewise while an answer is awaited: alerts go one after the other, and an operator waits for them."""
READ_AIM_BYTES = 64 * 1024
"""The rest is as long as so many bytes take to come, by the read before: on a busy connection it is short. Half of the
socket's buffer where that is less: a full one holds the broker up."""
MOST_PUBLISHING = 1_000
"""Messages of our own that may be unanswered at a time."""

WIDE, NARROW = 1, 2
"""Subscription Identifiers of filters that begin with a wildcard, and of the other ones that Sources have."""
WIDE_ONLY = [WIDE]
"""Those of a Message that came by such a filter alone; a broker that sends one copy for all has both in it."""

_message = tuple.__new__
"""Makes a Message of a tuple in half the time (0.1 us) that its class takes."""

Answer = TypeVar("Answer")


class Connection(asyncio.BufferedProtocol):
    """One connection, from CONNECT to its end. Made by ``ingest.mqtt_reach``.

    Args:
        number: Counts the tries of this process to connect; its Messages carry it.
        inbox: Gets the Messages.

    Attributes:
        number: As given.
        session: What the broker said when it accepted; None before.
        hears_wide: Whether a subscription may be ``WIDE``, also one that the session had before.
    """

    def __init__(self, number: int, inbox: Inbox) -> None:
        self.number = number
        self.session: Session | None = None
        self.hears_wide = False
        self._inbox = inbox
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[ConnectionLost] = self._loop.create_future()
        self._error: ConnectionLost | None = None
        self._transport: asyncio.Transport
        self._buffer = PacketBuffer()
        self._kept: KeptSocket | None = None
        self._aim_bytes = READ_AIM_BYTES
        self._heard_s = self._read_s = self._loop.time()
        self._is_held = False
        self._resting: asyncio.TimerHandle | None = None
        self._keep_alive_s = 0
        self._beat_timer: asyncio.TimerHandle | None = None
        self._unacknowledged: list[int] = []
        self._opened: asyncio.Future[mqtt5.ConnAckPacket] = self._loop.create_future()
        self._asked: dict[int, asyncio.Future[mqtt5.PubAckPacket | mqtt5.SubAckPacket | mqtt5.UnsubAckPacket]] = {}
        self._packet_ids = count_packet_ids()
        self._window = asyncio.Semaphore(1)
        self._most_packet_bytes: int | None = None

    @property
    def unacknowledged(self) -> int:
        """Messages that were received and not acknowledged."""
        return len(self._unacknowledged)

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return room for the next bytes."""
        del sizehint
        return self._buffer.make_room()

    def buffer_updated(self, nbytes: int) -> None:
        """Read what came, then rest, or stop reading while the Inbox has no room."""
        if self._error is not None:
            return  # after the end; the broker will send it again
        self._heard_s = now_s = self._loop.time()
        most_s = ASKED_REST_S if self._asked else REST_S
        rest_s = min(most_s, (now_s - self._read_s) * self._aim_bytes / nbytes)
        self._read_s = now_s
        is_full = self._take(nbytes)
        if self._error is not None or (self._inbox.has_room and is_full):
            return
        self._transport.pause_reading()
        if self._inbox.has_room:
            self._resting = self._loop.call_later(rest_s, self._resume)
        else:
            self._is_held = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if self._beat_timer is not None:
            self._beat_timer.cancel()
        # Mosquitto 2.0.11 gives no reason in either case.
        why = exc or "the broker closed it; it stops, or another client uses this account"
        try:
            self._read_last()
        finally:
            self._ended.set_result(self._error or ConnectionLost(f"connection lost: {why}"))

    # What the Broker asks.

    def go_on(self) -> None:
        """Read on if the Inbox had no room and has room again."""
        if self._is_held and self._inbox.has_room:
            self._is_held = False
            self._resume()

    async def open(self, settings: Mqtt, password: str | None, will: Will | None = None) -> Session:
        """Send CONNECT and await CONNACK; keep-alive begins.

        The session's own Messages come right behind CONNACK, and may be taken before this returns.

        Args:
            settings: As whom.
            password: Of ``settings.username``; None where the broker needs none.
            will: What the broker says when the connection ends and was not closed in order.

        Raises:
            ConnectRefused: The broker refuses.
            ConnectionLost: No answer, no MQTT 5, or the connection ends.
        """
        self._kept = keep_socket(self._transport)
        if self._kept is not None:
            self._aim_bytes = min(READ_AIM_BYTES, self._kept.buffer_bytes // 2)
        self._write(write_connect(settings, password, will))
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._answer(self._opened)
        except TimeoutError as error:
            raise ConnectionLost(f"no answer to CONNECT within {ANSWER_S:g} s") from error
        session = read_session(answer, settings)
        self._window = asyncio.Semaphore(min(session.most_publishing, MOST_PUBLISHING))
        self._most_packet_bytes = session.most_packet_bytes
        self._keep_alive_s = session.keep_alive_s
        self._beat_later()
        self.session = session
        return session

    async def subscribe(
        self, filters: Sequence[str], *, always_retained: bool = False, subscription_id: int | None = None
    ) -> None:
        """Subscribe at QoS 1.

        The answer comes behind the messages that the session held.

        Args:
            filters: Topic filters.
            always_retained: Whether retained messages come each time, not only where the subscription is new.
            subscription_id: Comes with each of their Messages, where the broker knows such a thing.

        Raises:
            SubscribeRefused: The broker refuses a filter, or gives it at QoS 0 only.
            ConnectionLost: The connection ends.
        """
        packet_id = self._take_packet_id()
        known = subscription_id if self.session is not None and self.session.has_subscription_ids else None
        packet = write_subscribe(packet_id, filters, always_retained=always_retained, subscription_id=known)
        answer = await self._ask(packet_id, packet, mqtt5.SubAckPacket)
        require_granted(answer, filters)

    async def unsubscribe(self, filters: Sequence[str]) -> set[str]:
        """End subscriptions, and return those of them that the session had.

        Raises:
            ConnectionLost: The connection ends.
        """
        packet_id = self._take_packet_id()
        answer = await self._ask(packet_id, write_unsubscribe(packet_id, filters), mqtt5.UnsubAckPacket)
        return read_unsubscribed(answer, filters)

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Send PUBACK for the messages of this connection, in one write, and return their number.

        Args:
            messages: The oldest that are not acknowledged, in the order received. Those of another
                connection, and those of QoS 0, are ignored.

        Raises:
            ValueError: They are not the oldest, or not in order; nothing was sent.
        """
        number = self.number
        ids = [m.packet_id for m in messages if m.connection == number and m.packet_id is not None]
        if self._unacknowledged[: len(ids)] != ids:
            raise ValueError("messages must be acknowledged in the order received, each once")
        if not ids or self._transport.is_closing():
            return 0
        self._transport.write(write_acknowledgements(ids))
        del self._unacknowledged[: len(ids)]
        return len(ids)

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish at QoS 1 and await the PUBACK, which comes behind the messages that are not read yet.

        Raises:
            PublishRefused: The broker refuses it, or it exceeds the broker's Maximum Packet Size.
            ConnectionLost: The connection ended before the PUBACK; the message may or may not have arrived.
        """
        async with self._window:
            packet_id = self._take_packet_id()
            data = write_publish(packet_id, topic, payload, retain=retain)
            most = self._most_packet_bytes
            if most is not None and len(data) > most:
                raise PublishRefused(f"{topic}: the packet has {len(data)} bytes, the broker takes {most}")
            answer = await self._ask(packet_id, data, mqtt5.PubAckPacket)
        require_taken(answer, topic)

    async def end(self) -> ConnectionLost:
        """Return why the connection ended, when its socket is closed."""
        # Not `await self._ended`: a cancellation would reach the future.
        await asyncio.wait((self._ended,))
        return self._ended.result()

    def say(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, not retained."""
        self._write(write_remark(topic, payload))

    def say_last(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, retained, and wait for no answer: ``close`` follows, and the broker reads in order.

        The answer would come behind messages that nobody takes any more. So it waits for no room either, and a broker
        that counts what is unanswered may disconnect us for it, and publish our Will.
        """
        self._write(write_publish(self._take_packet_id(), topic, payload, retain=True))

    async def close(self, *, keep_will: bool = True) -> None:
        """Send DISCONNECT and return when the socket is closed; the session stays at the broker.

        The broker closes, and until then we read: a socket that is closed with bytes unread is reset, and what we wrote
        last, the PUBACKs, could be lost with it.

        Args:
            keep_will: Whether the broker publishes our Will unless we come back soon; not when we are stopped in order.
        """
        if not self._transport.is_closing():
            self._error = self._error or ConnectionLost("the collector disconnected")
            self._transport.write(write_disconnect(keep_will=keep_will))
            self._transport.resume_reading()
            await asyncio.wait((self._ended,), timeout=CLOSE_S)
        self._transport.abort()
        await asyncio.wait((self._ended,))

    # Inside.

    def _take(self, nbytes: int) -> bool:
        """Take the packets that so many bytes more complete; return whether there was no room for more."""
        (packets, _, fault), is_full = self._buffer.take(nbytes)
        self._read(packets)
        if fault:
            self._end(ConnectionLost(self._describe(fault)), mqtt5.DisconnectReasonCode.MALFORMED_PACKET)
        return is_full

    def _read_last(self) -> None:
        """Read what came before the end and waited in the socket."""
        if self._kept is None:
            return
        with closing(self._kept) as kept:
            while self._error is None and (nbytes := kept.read_into(self._buffer.make_room())):
                self._take(nbytes)

    def _read(self, packets: list[mqtt5.Packet]) -> None:
        now_ms = time.time_ns() // 1_000_000
        number, hears_wide = self.number, self.hears_wide
        messages: list[Message] = []
        for packet in packets:
            if isinstance(packet, mqtt5.PublishPacket):
                message = (
                    packet.topic,
                    packet.payload,
                    now_ms,
                    packet.retain,
                    packet.packet_id,
                    packet.duplicate,
                    number,
                    hears_wide and packet.subscription_ids == WIDE_ONLY,
                )
                messages.append(_message(Message, message))
            else:
                self._react(packet)
        self._unacknowledged += [m.packet_id for m in messages if m.packet_id is not None]
        self._inbox.put(messages)

    def _react(self, packet: mqtt5.Packet) -> None:
        """Take a packet that is no message."""
        match packet:
            case mqtt5.PubAckPacket() | mqtt5.SubAckPacket() | mqtt5.UnsubAckPacket():
                # None when the call that asked was cancelled meanwhile.
                _settle(self._asked.get(packet.packet_id), packet)
            case mqtt5.ConnAckPacket():
                _settle(self._opened, packet)
            case mqtt5.PingRespPacket():
                pass  # it was heard, which is its purpose
            case mqtt5.DisconnectPacket():
                self._end(read_disconnect(packet))
            case _:
                error = ConnectionLost(f"the broker sent {type(packet).__name__}, which no client expects")
                self._end(error, mqtt5.DisconnectReasonCode.PROTOCOL_ERROR)

    def _resume(self) -> None:
        self._resting = None
        self._heard_s = self._loop.time()
        self._transport.resume_reading()

    def _beat(self) -> None:
        """Twice in each keep-alive interval: give a sign of life, and look for the broker's while we read."""
        silent_s = self._loop.time() - self._heard_s
        if not self._is_held and silent_s > self._keep_alive_s:
            self._end(ConnectionLost(f"the broker has been silent for {silent_s:.0f} s"))
            return
        self._write(mqtt5.PingReqPacket().write())
        self._beat_later()

    def _beat_later(self) -> None:
        if self._ended.done():
            return  # it may end before we have looked at CONNACK
        self._beat_timer = self._loop.call_later(self._keep_alive_s / 2, self._beat)

    def _take_packet_id(self) -> int:
        return next(packet_id for packet_id in self._packet_ids if packet_id not in self._asked)

    async def _ask(self, packet_id: int, data: bytes, kind: type[Answer]) -> Answer:
        """Send a packet and return its answer, which comes behind the messages that are not read yet.

        Raises:
            ConnectionLost: The connection ended before, or the answer is of another kind.
        """
        waiting = self._asked[packet_id] = self._loop.create_future()
        if self._resting is not None:
            self._resting.cancel()
            self._resume()
        try:
            self._write(data)
            answer = await self._answer(waiting)
        finally:
            del self._asked[packet_id]
        if not isinstance(answer, kind):
            raise ConnectionLost(f"the broker answers with {type(answer).__name__}, not {kind.__name__}")
        return answer

    async def _answer(self, answer: asyncio.Future[Answer]) -> Answer:
        """Return what the broker answers, or raise the error that ends the connection before."""
        await asyncio.wait((answer, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise self._ended.result()

    def _end(self, error: ConnectionLost, code: mqtt5.DisconnectReasonCode | None = None) -> None:
        self._error = self._error or error
        if code is not None:
            self._write(mqtt5.DisconnectPacket(reason_code=code).write())
        # Not close: that would wait for a broker which may never read again.
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        """Send bytes, unless the connection is at its end, where uvloop would raise an error of its own."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def _describe(self, fault: str) -> str:
        hint = "" if self._opened.done() else "; does it speak MQTT 5?"
        return f"the broker sent a malformed packet: {fault}{hint}"


def _settle(waiting: asyncio.Future[Answer] | None, answer: Answer) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(answer)
