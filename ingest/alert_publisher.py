"""The alert publisher: transitions of alerts to the broker, as retained messages, at least once.

- A transition is published from the store, in order, and marked when the broker has answered for it.
- It is published again only where it may not have arrived (a crash or a lost connection before the answer), or where
  the broker has lost it: one that is killed goes back to what it saved last, and one that lost our session has lost
  everything. Its ``id`` stays the same, and each repeat is counted.
- Whether the broker still has it shows a seal, set behind it (see ``Broker.set_seal``) and looked for at each new
  connection, also by the next process. So neither a crash of ours nor a cut of the network repeats what was answered.
- After ``KEPT_S`` the broker has saved it, and it is forgotten.

Why so: see ``deploy/decisions/011-notices.md``.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from ingest.alerts.announcement import format_payload, format_topic
from ingest.alerts.book import AlertBook
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.settings import Mqtt
from ingest.store_file import StoreError
from ingest.store_thread import StoreThread
from ingest.store_unpublished import Unpublished
from schemas.rule import AlertPhase, Transition

log = logging.getLogger(__name__)

AGAIN_S = 1.0
KEPT_S = 20.0
"""How long a transition is kept after the broker has it: more than the 11 s between two saves of the shipped
``mosquitto.conf`` (``autosave_interval 10``) and the time that a save takes."""
AT_ONCE = 20
"""Transitions that are on their way at a time."""
ALERT_REPEATED = "alert_repeated"
"""Name of the event in the store's counts."""


class AlertPublisher:
    """Publishes what operators must hear, over the collector's own connection.

    Args:
        settings: Of the connection: the topics' prefix, and the account.
        broker: The connection.
        store: Where the transitions are.
        alerts: The rules in use, and what fires.
        kept_s: Seconds for which a transition is kept after the broker has it.
    """

    def __init__(
        self, settings: Mqtt, broker: Broker, store: StoreThread, alerts: AlertBook, *, kept_s: float = KEPT_S
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._store = store
        self._alerts = alerts
        self._kept_s = kept_s
        self._news = asyncio.Event()
        self._news.set()
        self._publishing = asyncio.Lock()
        self._seals: deque[tuple[float, int]] = deque()
        self._newest_seal = 0
        self._greeted = self._lost = 0

    def wake(self) -> None:
        """Say that a transition was committed."""
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled; what the broker or the disk does not take now is tried again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._news.wait()
            if not self._has_work():
                continue
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
            await self._forget_saved()

    def _has_work(self) -> bool:
        return self._news.is_set() or self._broker.status.connections != self._greeted or bool(self._list_saved())

    def _list_saved(self) -> list[int]:
        """Return the seals that are old enough for the broker to have saved them."""
        before_s = time.monotonic() - self._kept_s
        return [seal for set_s, seal in self._seals if set_s <= before_s]

    async def _greet(self) -> None:
        """Find out at a new connection whether the broker still has what was published before."""
        status = self._broker.status
        if status.connections == self._greeted:
            return
        before = sorted({*await self._store.seals(), *(seal for _, seal in self._seals)})
        self._seals.clear()
        if before:
            await self._look_for_seals(before)
        if status.sessions_lost > self._lost:
            await self._repeat_firing()
        self._greeted, self._lost = status.connections, status.sessions_lost

    async def _look_for_seals(self, before: Sequence[int]) -> None:
        """Have published again what lies behind seals that are gone; what lies behind others gets a new one."""
        seal = await self._set_seal()
        found = await self._broker.take_seals([self._name_seal(one) for one in before])
        gone = [one for one in before if self._name_seal(one) not in found]
        there = [one for one in before if self._name_seal(one) in found]
        if gone:
            again = await self._store.reseal(gone, 0)
            if again:
                log.warning("the broker has lost what it took last: %d notifications are published again", again)
        if there:
            # It has them, and may not have saved them yet.
            await self._store.reseal(there, seal)

    async def _set_seal(self) -> int:
        """Set a seal behind what was published on this connection, and return its number."""
        # Never one that a process before this one used: an old seal would vouch for what is new.
        seal = self._newest_seal = max(self._newest_seal + 1, time.time_ns() // 1_000)
        await self._broker.set_seal(self._name_seal(seal))
        self._seals.append((time.monotonic(), seal))
        return seal

    def _name_seal(self, seal: int) -> str:
        return f"{self._settings.topic_prefix}/alerts/{self._settings.username}/seal-{seal}"

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
        for answer in answers:
            if answer is not None:
                raise answer
        seal = await self._set_seal()
        await self._store.mark_published([one.id for one in pending], seal)

    async def _publish_transition(self, transition: Transition) -> None:
        topic = format_topic(self._settings.topic_prefix, transition)
        payload = format_payload(transition, self._alerts.get_rule(transition.rule))
        try:
            await self._broker.publish(topic, payload, retain=True)
        except PublishRefused as error:
            log.error("the broker refuses an alert, it is elsewhere only: %s", error)  # noqa: TRY400 - the message says it all
        else:
            log.info("alert %s of %s is now %s", transition.rule, transition.device, transition.phase)

    async def _forget_saved(self) -> None:
        """Forget what the broker has had for long enough to have saved it."""
        saved = self._list_saved()
        if not saved:
            return
        # Its answer shows that it has lived until now; on another connection it might be another broker's.
        await self._broker.take_seals([self._name_seal(one) for one in saved])
        if self._broker.status.connections != self._greeted:
            return
        await self._store.forget_published(saved)
        for _ in saved:
            self._seals.popleft()
