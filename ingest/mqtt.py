"""The collector's MQTT 5 connection: a Source of Messages with acknowledge.

::

    broker = Broker(settings.mqtt, password=password, filters=["gjovik/+/+/reading"])
    async with asyncio.TaskGroup() as group:
        group.create_task(broker.run(), name="mqtt")
        messages = await broker.receive(most=5_000, age_s=0.05)
        ...                                  # on disk
        broker.acknowledge(messages)

- What the broker sent and we did not acknowledge, it sends again on the next connection; nothing is acknowledged but by
  ``acknowledge``.
- The session is persistent (the account's name is the client identifier, never a clean start), so the broker keeps what
  arrives while the collector is away.
- Only a cancellation or ``close`` ends ``run``: every MqttError is logged, shown in the status, and tried again.
- The broker retains whether there is a collector (``ingest.collector_state``): running from the subscription on,
  stopped after ``close``; after any other end, a cancellation too, the last will says lost unless we are back in time.

Errors: see ``ingest.mqtt_error``.
"""

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from ingest.backoff import Backoff
from ingest.collector_state import CollectorState, format_state, format_state_topic
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.mqtt_error import ConnectionLost, MqttError, PublishRefused, SubscribeRefused
from ingest.mqtt_packets import Session, Will
from ingest.mqtt_protocol import Connection
from ingest.mqtt_reach import reach, tls_context
from ingest.settings import Mqtt
from ingest.source_subscription import subscribe_sources
from ingest.topic_filter import is_wide

FIRST_WAIT_S = 1.0
MOST_WAIT_S = 30.0
STEADY_S = 60.0
"""Seconds that a connection must last before the next failure counts as the first: who is thrown out again and again
comes back ever more slowly."""
NEEDS_PERSON_WAIT_S = 30.0
"""Seconds added to the wait where trying again will not help until somebody changes something."""

logger = logging.getLogger(__name__)


class Status(NamedTuple):
    """How the connection stands.

    Attributes:
        connected: The broker has accepted us and the connection has not ended.
        connected_s: When it last accepted us, by ``time.monotonic``; 0 before.
        session_present: At the last connection, the broker had kept our session.
        connections: Connections that the broker accepted since the start.
        sessions_lost: Of those, the ones for which it should have kept our session and had not: what waited in it is
            gone.
        received: Messages read from the socket.
        received_bytes: Bytes of their payloads.
        waiting: Of those, not taken by ``receive`` yet.
        acknowledged: Messages for which a PUBACK was written.
        unacknowledged: Messages of this connection for which none was written.
        problem: Why nothing can be received, and what to do; empty while subscribed.
    """

    connected: bool
    connected_s: float
    session_present: bool
    connections: int
    sessions_lost: int
    received: int
    received_bytes: int
    waiting: int
    acknowledged: int
    unacknowledged: int
    problem: str


class Broker:
    """The broker as the collector sees it: one session over many connections.

    Args:
        settings: Where, as whom, and for how long the session is kept.
        password: Of the account; None where the broker needs none.
        filters: Topic filters to subscribe to, at QoS 1.
        had_session: An earlier process made a session, so the first connection should find it.
        inbox: Bounds what is read and not taken yet.
        backoff: Waits between connections.
        needs_person_wait_s: Seconds added to such a wait where only a person can help.

    Raises:
        TlsUnusable: The certificate files of the settings cannot be used.
    """

    def __init__(
        self,
        settings: Mqtt,
        *,
        password: str | None,
        filters: Sequence[str],
        had_session: bool = False,
        inbox: Inbox | None = None,
        backoff: Backoff | None = None,
        needs_person_wait_s: float = NEEDS_PERSON_WAIT_S,
    ) -> None:
        self._settings = settings
        self._password = password
        self._filters = tuple(filters)
        self._source_filters: tuple[str, ...] = ()
        self._retired: tuple[str, ...] = ()
        self._tls = tls_context(settings.tls)
        self._inbox = Inbox() if inbox is None else inbox
        self._backoff = backoff or Backoff(first_s=FIRST_WAIT_S, most_s=MOST_WAIT_S)
        self._needs_person_wait_s = needs_person_wait_s
        self._state_topic = format_state_topic(settings.topic_prefix, settings.username)
        self._connection: Connection | None = None
        self._session_present = False
        self._connections = 0
        self._connected_s = 0.0
        self._had_session = had_session
        self._sessions_lost = 0
        self._numbers = count(1)
        self._new_sessions: list[int] = []
        self._acknowledged = 0
        self._problem = "not connected yet"
        self._accepted = asyncio.Event()
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def retire(self, filters: Sequence[str]) -> None:
        """Take filters out of the session at each connection: earlier settings may have left them in it."""
        self._retired = tuple(one for one in filters if one not in self._filters)

    async def hear_sources(self, filters: Sequence[str]) -> None:
        """Subscribe to these topics of Sources from now on, and to no others of them.

        What they retain comes at each connection, for it tells what later messages mean.

        Raises:
            SubscribeRefused: The broker refuses one; it is asked again at each connection.
            ConnectionLost: The connection ended meanwhile; the next one has them.
        """
        gone = [one for one in self._source_filters if one not in filters]
        fresh = [one for one in filters if one not in self._source_filters]
        self._source_filters = tuple(filters)
        self._retired = tuple(one for one in (*self._retired, *gone) if one not in filters)
        connection = self._connection
        if connection is None:
            return
        connection.hears_wide |= any(map(is_wide, fresh))  # also before it is accepted: then it has them
        if connection.session is None:
            return
        if gone:
            await connection.unsubscribe(gone)
        if fresh:
            await subscribe_sources(connection, fresh)

    @property
    def status(self) -> Status:
        """How the connection stands now."""
        connection = self._connection
        return Status(
            connected=connection is not None and connection.session is not None,
            connected_s=self._connected_s,
            session_present=self._session_present,
            connections=self._connections,
            sessions_lost=self._sessions_lost,
            received=self._inbox.received,
            received_bytes=self._inbox.received_bytes,
            waiting=len(self._inbox),
            acknowledged=self._acknowledged,
            unacknowledged=connection.unacknowledged if connection is not None else 0,
            problem=self._problem,
        )

    async def run(self) -> None:
        """Connect, subscribe, and connect again whenever that ends, until ``close`` or a cancellation.

        Both send DISCONNECT; the session stays at the broker. Only ``close`` says that the collector was stopped: what
        cancels otherwise is an error that ends the process.
        """
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep_connected(), name="mqtt connection")
                await self._closing.wait()
                keeping.cancel()
        finally:
            self._idle.set()

    async def close(self) -> None:
        """End ``run`` and return when it has disconnected; what was acknowledged has been sent."""
        self._closing.set()
        await self._idle.wait()

    async def accepted(self) -> None:
        """Return when there is a connection: from then on ``publish`` sends."""
        await self._accepted.wait()

    async def ready(self) -> None:
        """Return when there is a connection and its subscriptions are granted.

        The broker grants them behind the Messages that the session held, so this waits for whoever receives.
        """
        await self._ready.wait()

    async def receive(self, most: int, age_s: float, enough: int | None = None) -> list[Message]:
        """Return the oldest Messages that were not returned yet, in the order received, at least one.

        Args:
            most: Messages to return at most, 1 or more.
            age_s: Seconds to wait at most for more after the first.
            enough: Messages for which it waits; ``most`` when left out.

        Raises:
            RuntimeError: Another task waits in here already.
        """
        messages = await self._inbox.take(most, age_s, enough)
        if self._connection is not None:
            self._connection.go_on()
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that it may forget these Messages: they are on disk.

        Those of an earlier connection are ignored: the broker sends them again. So are those of QoS 0.

        Args:
            messages: As ``receive`` returned them, in that order, each once.

        Raises:
            ValueError: They are out of order; nothing was sent.
        """
        if self._connection is not None:
            self._acknowledged += self._connection.acknowledge(messages)

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish at QoS 1 and return when the broker has it.

        The broker's answer comes behind the Messages that it sent before. The task that receives must not wait here:
        with a full Inbox it would wait for ever.

        Args:
            topic: Topic name.
            payload: Empty and retained removes what is retained there.
            retain: Whether the broker keeps it for those who subscribe later.

        Raises:
            PublishRefused: The broker refuses this message.
            ConnectionLost: There is no connection, or it ended before the answer: it may or may not have arrived.
        """
        await self._require_connection(topic).publish(topic, payload, retain=retain)

    def say(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, if there is a connection: what nobody needs to answer for, and may be said again."""
        connection = self._connection
        if connection is not None and connection.session is not None:
            connection.say(topic, payload)

    def count_new_sessions(self, connection: int) -> int:
        """Return how many sessions the broker has made for us up to a connection, the one of a Message included.

        A new session uses packet identifiers anew.
        """
        return bisect_right(self._new_sessions, connection)

    async def set_seal(self, topic: str) -> None:
        """Leave a seal at the broker: a subscription to a topic on which nobody publishes.

        It is part of our session, which the broker saves together with the messages it retains. So a broker that still
        has it has everything that it answered for before; one that was killed and went back to what it had saved may
        have neither.

        Raises:
            ConnectionLost: There is no connection, or it ended before the answer.
        """
        try:
            await self._require_connection(topic).subscribe((topic,))
        except SubscribeRefused as error:
            # What lies before it will be taken for lost, and told once more than it need be.
            logger.warning("the broker takes no seal: %s", error)

    async def take_seals(self, topics: Sequence[str]) -> set[str]:
        """Take seals away, and return those that were there.

        Raises:
            ConnectionLost: There is no connection, or it ended before the answer.
        """
        return await self._require_connection(topics[0]).unsubscribe(topics)

    def _require_connection(self, topic: str) -> Connection:
        connection = self._connection
        if connection is None or connection.session is None:
            raise ConnectionLost(f"{topic} not sent: {self._problem}")
        return connection

    async def _keep_connected(self) -> None:
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                await self._serve()
            except MqttError as error:
                lasted_s = asyncio.get_running_loop().time() - began_s
                await asyncio.sleep(self._note(error, lasted_s))

    async def _serve(self) -> None:
        """Live through one connection.

        Raises:
            MqttError: What ended it, or why there was none.
        """
        # What a connection brings before it can be told to stop must not pile up over connections.
        await self._inbox.room()
        connection = await reach(self._settings, self._tls, next(self._numbers), self._inbox)
        connection.hears_wide = any(map(is_wide, (*self._source_filters, *self._retired)))
        self._connection = connection  # before it brings Messages, which may be acknowledged at once
        try:
            session = await connection.open(self._settings, self._password, self._make_will())
            self._connections += 1
            self._connected_s = time.monotonic()
            self._accepted.set()
            self._session_present = session.present
            if not session.present:
                self._new_sessions.append(connection.number)
            is_lost = self._had_session and not session.present
            self._had_session = True
            self._sessions_lost += is_lost
            _log_session(session, self._settings, is_lost=is_lost)
            await connection.subscribe(self._filters)
            try:
                await subscribe_sources(connection, self._source_filters)
            except SubscribeRefused as error:  # what other Sources tell, and devices themselves, must not wait for it
                logger.error("not every source is heard: %s", error)  # noqa: TRY400 - the message says it all
            if session.present and self._retired:
                await connection.unsubscribe(self._retired)
            self._problem = ""
            self._ready.set()
            await self._say_running(connection)
            raise await connection.end()
        finally:
            self._accepted.clear()
            self._ready.clear()
            self._connection = None
            is_stopped = self._closing.is_set()
            if is_stopped and connection.session is not None:
                connection.say_last(self._state_topic, self._format_state(CollectorState.STOPPED))
            await connection.close(keep_will=not is_stopped)

    def _format_state(self, state: CollectorState) -> bytes:
        return format_state(state, self._settings.username, time.time_ns() // 1_000_000)

    def _make_will(self) -> Will:
        return Will(self._state_topic, self._format_state(CollectorState.LOST), self._settings.lost_after_s)

    async def _say_running(self, connection: Connection) -> None:
        """Publish that there is a collector; where the broker refuses that, readings are taken all the same.

        Raises:
            ConnectionLost: The connection ended before the answer.
        """
        try:
            await connection.publish(self._state_topic, self._format_state(CollectorState.RUNNING), retain=True)
        except PublishRefused as error:
            logger.error("nobody will hear when this collector is gone: %s", error)  # noqa: TRY400 - the message says it all

    def _note(self, error: MqttError, lasted_s: float) -> float:
        """Report why there is no connection, and return the seconds to wait before the next."""
        if lasted_s >= STEADY_S:
            self._backoff.reset()
        wait_s = self._backoff.next_s() + (self._needs_person_wait_s if error.needs_person else 0.0)
        self._problem = str(error)
        logger.log(
            logging.ERROR if error.needs_person else logging.WARNING,
            "mqtt %s:%d: %s; trying again in %.1f s",
            self._settings.host,
            self._settings.port,
            error,
            wait_s,
        )
        return wait_s


def _log_session(session: Session, settings: Mqtt, *, is_lost: bool) -> None:
    where = f"mqtt {settings.host}:{settings.port}"
    logger.info("%s: connected as %s, session %s", where, settings.username, "kept" if session.present else "new")
    if is_lost:
        logger.error("%s: the broker lost the session; what waited in it is gone, see gjovik reconcile", where)
    if session.expiry_s < settings.session_expiry_s:
        logger.warning(
            "%s: the broker keeps the session for %d s, not for the %d s of mqtt.session_expiry_s",
            where,
            session.expiry_s,
            settings.session_expiry_s,
        )
