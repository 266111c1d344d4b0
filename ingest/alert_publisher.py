"""The alert publisher: transitions and Notices to the broker, as retained messages, at least once.

- A transition is published from the store, in order, and marked when the broker has it.
- It is published again only where it may not have arrived, or where the broker may have lost it: after a crash or a
  lost connection in between; after the broker lost our session; and after the connection broke off without a
  DISCONNECT within ``KEPT_S`` of it, since a broker that is killed goes back to what it saved last. Its ``id`` stays
  the same, and each repeat is counted.
- Notices are computed anew all the time, so they are simply published as they are, all of them at each connection.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence

from ingest.alerts.announcement import format_payload, format_topic
from ingest.alerts.book import AlertBook
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.notice import NoticeKey, Raised, format_notice, format_notice_topic
from ingest.settings import Mqtt
from ingest.store_file import StoreError
from ingest.store_thread import StoreThread
from ingest.store_unpublished import Unpublished
from schemas.rule import AlertPhase, Transition

log = logging.getLogger(__name__)

AGAIN_S = 1.0
KEPT_S = 60.0
"""How long a transition is kept after the broker has it; not less than the broker's autosave interval."""
AT_ONCE = 20
"""Transitions that are on their way at a time."""
ALERT_REPEATED = "alert_repeated"
"""Name of the event in the store's counts."""


class AlertPublisher:
    """Publishes what operators must hear, over the collector's own connection.

    Args:
        settings: Of the connection: the topics' prefix, and the account that Notices are of.
        broker: The connection.
        store: Where the transitions are.
        alerts: The rules in use, and what fires.
    """

    def __init__(self, settings: Mqtt, broker: Broker, store: StoreThread, alerts: AlertBook) -> None:
        self._settings = settings
        self._broker = broker
        self._store = store
        self._alerts = alerts
        self._news = asyncio.Event()
        self._publishing = asyncio.Lock()
        self._kept: deque[tuple[float, int]] = deque()
        self._greeted = self._lost = self._broken = 0
        self._raised: Raised = {}
        self._told: dict[NoticeKey, int | None] = {}

    def wake(self) -> None:
        """Say that a transition was committed."""
        self._news.set()

    def tell(self, raised: Raised) -> None:
        """Say which Notices are raised now; to be called now and then, also while nothing changes."""
        self._raised = raised
        is_stale = bool(self._kept) and self._kept[0][0] < time.monotonic() - KEPT_S
        if is_stale or self._broker.status.connections != self._greeted or self._find_untold():
            self._news.set()

    async def run(self) -> None:
        """Publish until cancelled; what the broker or the disk does not take now is tried again."""
        while True:
            await self._news.wait()
            await self._broker.ready()
            self._news.clear()
            try:
                await self.publish_pending()
            except (ConnectionLost, StoreError) as error:
                log.warning("an alert could not be published yet: %s", error)
                await asyncio.sleep(AGAIN_S)
                self._news.set()

    async def publish_pending(self) -> None:
        """Publish what the broker does not have; one that it refuses does not stop the rest.

        Raises:
            ConnectionLost: The broker went away; what it has is marked.
            StoreError: The store cannot be read or written.
        """
        async with self._publishing:  # at the end of the process there are two who ask for it
            await self._greet()
            pending = await self._store.unpublished()
            for start in range(0, len(pending), AT_ONCE):
                await self._publish_transitions(pending[start : start + AT_ONCE])
            await self._publish_notices()
            await self._forget(time.monotonic() - KEPT_S)

    async def finish(self) -> None:
        """Publish what is pending and forget the rest: this process ends in order.

        Raises:
            ConnectionLost: The broker went away.
            StoreError: The store cannot be read or written.
        """
        await self.publish_pending()
        await self._store.forget_published(None)

    async def _greet(self) -> None:
        """Find out what a new connection means for what was published before."""
        status = self._broker.status
        if status.connections == self._greeted:
            return
        is_first = self._greeted == 0
        # What an earlier process left here was published within a minute of its end, and that end was no orderly one.
        if is_first or status.sessions_lost > self._lost or status.broken > self._broken:
            self._kept.clear()
            await self._store.publish_again()
        if status.sessions_lost > self._lost:
            await self._repeat_firing()
        self._told.clear()
        self._greeted, self._lost, self._broken = status.connections, status.sessions_lost, status.broken

    async def _repeat_firing(self) -> None:
        """Publish every alert that fires: a broker that lost our session has lost what it retained, too."""
        pending = {(one.transition.device, one.transition.rule) for one in await self._store.unpublished()}
        firing = [
            Transition(
                record.device, record.site, record.zone, record.rule, AlertPhase.FIRING,
                record.time_ms, record.since_ms, record.value, record.simulated,
            )
            for record in self._alerts.list_firing()
            if (record.device, record.rule) not in pending
        ]  # fmt: skip
        for transition in firing:
            await self._publish_transition(transition)
        if firing:
            await self._store.count_event(ALERT_REPEATED, len(firing))

    async def _publish_transitions(self, pending: Sequence[Unpublished]) -> None:
        """Publish transitions in their order, all on their way at once, and mark those that arrived."""
        await self._store.begin_publishing([one.id for one in pending])
        answers = await asyncio.gather(
            *(self._publish_transition(one.transition) for one in pending), return_exceptions=True
        )
        there = [one.id for one, answer in zip(pending, answers, strict=True) if answer is None]
        await self._store.mark_published(there)
        now_s = time.monotonic()
        self._kept.extend((now_s, one) for one in there)
        for answer in answers:
            if answer is not None:
                raise answer

    async def _publish_transition(self, transition: Transition) -> None:
        topic = format_topic(self._settings.topic_prefix, transition)
        payload = format_payload(transition, self._alerts.get_rule(transition.rule))
        if await self._publish(topic, payload):
            log.info("alert %s of %s is now %s", transition.rule, transition.device, transition.phase)

    async def _publish_notices(self) -> None:
        for key in self._find_untold():
            notice = self._raised.get(key)
            topic = format_notice_topic(self._settings.topic_prefix, self._settings.username, key)
            now_ms = time.time_ns() // 1_000_000
            await self._publish(topic, format_notice(self._settings.username, key, notice, now_ms))
            self._told[key] = None if notice is None else notice.since_ms

    def _find_untold(self) -> list[NoticeKey]:
        """Return the Notices whose state the broker does not have from this connection."""
        raised = {key: notice.since_ms for key, notice in self._raised.items()}
        return [key for key in NoticeKey if key not in self._told or self._told[key] != raised.get(key)]

    async def _publish(self, topic: str, payload: bytes) -> bool:
        """Publish one message; return whether the broker took it."""
        try:
            await self._broker.publish(topic, payload, retain=True)
        except PublishRefused as error:
            log.error("the broker refuses an alert, it is elsewhere only: %s", error)  # noqa: TRY400 - the message says it all
            return False
        return True

    async def _forget(self, before_s: float) -> None:
        """Forget what the broker has had for long enough to have saved it."""
        old: list[int] = []
        while self._kept and self._kept[0][0] < before_s:
            old.append(self._kept.popleft()[1])
        if old:
            await self._store.forget_published(old)
