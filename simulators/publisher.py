"""Publisher: one MQTT 5 client of one account that publishes in order and knows what the broker answered.

Invariants:
    - A message is held until its PUBACK; after a lost connection what is held is sent again, in order, byte for byte.
    - No more than ``WINDOW`` messages are held; ``publish`` waits for room.
    - Every message ends in exactly one call of ``on_answer``, unless the publisher is stopped before.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.backoff import Backoff
from simulators.errors import AccountRefusedError, BrokerUnreachableError, PublishError

LOG = logging.getLogger(__name__)
WINDOW = 20
"""Unacknowledged messages of one client: what Mosquitto takes by default, and paho as well."""
KEEP_ALIVE_S = 20
CONNECT_TOGETHER = 16
"""Clients that connect at the same time; others wait, so that a fleet does not storm the broker."""
_BAD_ACCOUNT = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C})
"""MQTT 5, table 2-6: client identifier not valid, bad name or password, not authorized, banned, bad method."""
_FAILURES_FROM = 0x80
"""A reason code at or above it says no (MQTT 5, section 2.4)."""


class Outgoing(NamedTuple):
    """One message to publish.

    Attributes:
        topic: MQTT topic.
        payload: Bytes.
        seq: The publisher's own number of it.
    """

    topic: str
    payload: bytes
    seq: int


class Answer(NamedTuple):
    """What the broker said to one message.

    Attributes:
        outgoing: The message.
        code: Reason code of its PUBACK (MQTT 5, table 2-6).
    """

    outgoing: Outgoing
    code: int

    @property
    def refused(self) -> bool:
        """Whether the broker did not take it, for example for want of a right."""
        return self.code >= _FAILURES_FROM


@dataclass(frozen=True)
class BrokerAddress:
    """Where to publish.

    Attributes:
        host: Name or address.
        port: TCP port.
        tls: How to encrypt; None for not at all.
        patience_s: How long to try for the first connection, in seconds.
        gate: Limits how many clients connect at the same time.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    tls: ssl.SSLContext | None = None
    patience_s: float = 10.0
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECT_TOGETHER))


class Connection(aiomqtt.Client):
    """An aiomqtt client that hands out the reason code of every PUBACK.

    aiomqtt drops the code, and does not wake a pending publish when the connection is lost. Its hook for PUBACKs
    and its paho client are protected, and are used here and nowhere else.
    """

    def __init__(
        self, broker: BrokerAddress, username: str, password: str | None, on_puback: Callable[[int, int], None]
    ) -> None:
        super().__init__(
            broker.host,
            broker.port,
            username=username,
            password=password,
            identifier=username,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=broker.tls,
            keepalive=KEEP_ALIVE_S,
            max_inflight_messages=WINDOW,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        )
        self._on_puback = on_puback

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Disconnect; a connection that cannot even do that is gone all the same."""
        try:
            await super().__aexit__(exc_type, exc, tb)
        except aiomqtt.MqttError as error:
            LOG.debug("%s: no orderly disconnect: %s", self.identifier, error)

    def send(self, outgoing: Outgoing) -> int | None:
        """Hand a message to the socket at QoS 1; return its packet identifier, None when the connection is lost."""
        info = self._client.publish(outgoing.topic, outgoing.payload, qos=1)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    async def wait_lost(self) -> None:
        """Wait until the connection is lost.

        Raises:
            MqttError: It was lost; says why.
        """
        await asyncio.shield(self._disconnected)

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401  paho's signature
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        super()._on_publish(client, userdata, mid, reason_code, properties)
        self._on_puback(mid, reason_code.value)


class Publisher:
    """Publishes the messages of one account, over as many connections as it takes.

    Args:
        broker: Where to.
        username: The account; also the client identifier.
        password: Its password.
        on_answer: Is told the broker's answer to each message.
        window: Most messages that are held unacknowledged, at most ``WINDOW``.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        username: str,
        password: str | None,
        on_answer: Callable[[Answer], None],
        window: int = WINDOW,
    ) -> None:
        self._broker = broker
        self._username = username
        self._password = password
        self._on_answer = on_answer
        self._room = asyncio.Semaphore(window)
        self._held: dict[int, Outgoing] = {}
        self._sent: dict[int, int] = {}
        self._connection: Connection | None = None
        self._backoff = Backoff(first_s=0.25, most_s=10.0)
        self._ever = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def held(self) -> int:
        """How many messages wait for their PUBACK."""
        return len(self._held)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Self]:
        """Keep the account connected while the block runs, and disconnect after it.

        Raises:
            PublishError: No first connection can be made, or the account is refused; the block is cancelled.
        """
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._stay_connected(), name=f"connection {self._username}")
                await self._ever.wait()
                yield self
                keeper.cancel()
        except ExceptionGroup as errors:
            raise find_cause(errors) from None

    async def publish(self, outgoing: Outgoing) -> None:
        """Publish a message as soon as there is room in the window; its answer comes to ``on_answer``."""
        await self._room.acquire()
        self._held[outgoing.seq] = outgoing
        self._empty.clear()
        self._send(outgoing)

    async def drain(self) -> None:
        """Wait until every message has its answer."""
        await self._empty.wait()

    def _send(self, outgoing: Outgoing) -> None:
        packet_id = self._connection.send(outgoing) if self._connection else None
        if packet_id is not None:
            self._sent[packet_id] = outgoing.seq

    def _take_puback(self, packet_id: int, code: int) -> None:
        seq = self._sent.pop(packet_id, None)
        if seq is None:
            return
        outgoing = self._held.pop(seq)
        self._room.release()
        self._backoff.reset()
        self._on_answer(Answer(outgoing, code))
        if not self._held:
            self._empty.set()

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._broker.patience_s
        while True:
            try:
                await self._connect_once()
            except aiomqtt.MqttError as error:
                self._judge(error)
                if not self._ever.is_set() and loop.time() > deadline:
                    raise BrokerUnreachableError(
                        f"the broker at {self._broker.host}:{self._broker.port} cannot be reached: {error}; "
                        "start it, or correct --host and --port"
                    ) from None
                LOG.debug("%s: connection lost: %s", self._username, error)
            _raise_if_cancelled()
            await asyncio.sleep(self._backoff.next_s())

    async def _connect_once(self) -> None:
        connection = Connection(self._broker, self._username, self._password, self._take_puback)
        async with AsyncExitStack() as stack:
            async with self._broker.gate:
                await stack.enter_async_context(connection)
            _raise_if_cancelled()
            self._connection = connection
            try:
                for outgoing in self._held.values():
                    self._send(outgoing)
                self._ever.set()
                await connection.wait_lost()
            finally:
                self._connection = None
                self._sent.clear()

    def _judge(self, error: aiomqtt.MqttError) -> None:
        """Raise what trying again cannot mend."""
        reason = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
        if isinstance(reason, ReasonCode) and reason.value in _BAD_ACCOUNT:
            raise AccountRefusedError(
                f"the broker refused the account {self._username}: {reason}; add it to the broker's password file, "
                "or correct its password in the secrets file"
            ) from None


def _raise_if_cancelled() -> None:
    """Be cancelled after all: asyncio.wait_for of Python 3.11, which aiomqtt uses, can swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def find_cause(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that explains a group: the first PublishError, else the first of all.

    When a broker refuses a thousand accounts, one sentence serves.
    """
    leaves = list(_walk(errors))
    return next((error for error in leaves if isinstance(error, PublishError)), leaves[0])


def _walk(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _walk(error)
        else:
            yield error
