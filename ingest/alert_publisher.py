"""The alert publisher: transitions of alerts to the broker, as retained messages, at least once.

- A transition is published from the store, in order, and marked when the broker has answered for it.
- It is published again only where it may not have arrived (a crash or a lost connection before the answer), or where
  the broker has lost it: one that is killed goes back to what it saved last, and one that lost our session has lost
  everything. Its ``id`` stays the same, and each repeat is counted.
- Whether the broker still has it shows a seal, set behind it (see ``Broker.set_seal``) and looked for at each new
  connection, also by the next process. So neither a crash of ours nor a cut of the network repeats what was answered.
- A seal vouches for all that came before it. So on a new connection the broker is asked first, and nothing is published
  or sealed before.
- After ``KEPT_S`` the broker has saved it, and it is forgotten.

Why so: see ``deploy/decisions/011-notices.md``.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from contextlib import suppress

from ingest.alerts.announcement import format_payload, format_topic
from ingest.alerts.book import AlertBook
from ingest.batch import Batch
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.settings import Mqtt
from ingest.store_file import StoreError, StoreFullError
from ingest.store_thread import StoreThread
from ingest.store_unpublished import Unpublished
from schemas.rule import Change, Transition

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
        self._seals: dict[int, float] = {}  # seal -> when the broker had answered, by the monotonic clock
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
        return [seal for seal, set_s in self._seals.items() if set_s <= before_s]

    async def _greet(self) -> None:
        """Find out at a new connection whether the broker still has what was published before."""
        if self._broker.status.connections == self._greeted:
            return
        before = await self._store.seals()
        status = self._broker.status
        if status.sessions_lost > self._lost:
            await self._publish_again(before)
            self._seals.clear()
            await self._repeat_firing()
        elif before or self._seals:
            await self._look_for_seals(before)
        self._greeted, self._lost = status.connections, status.sessions_lost

    async def _look_for_seals(self, before: Sequence[int]) -> None:
        """Have published again what lies behind seals that are gone; what lies behind others gets a new one.

        Args:
            before: The seals that something lies behind, the oldest first.
        """
        seal = await self._set_seal(max(before, default=0))
        asked = sorted({*before, *self._seals} - {seal})
        found = await self._take_seals(asked)
        # A broker goes back as a whole: where a seal is, there is what came before it, also behind one that was taken
        # away when our process ended before it took note. To publish that again would undo what came after it.
        newest = max((one for one in before if one in found), default=0)
        await self._publish_again([one for one in before if one > newest])
        there = [one for one in before if one <= newest]
        if there:
            # It has them, and may not have saved them yet.
            await self._store.reseal(there, seal)
        self._drop_seals(asked)

    async def _publish_again(self, gone: Sequence[int]) -> None:
        again = await self._store.reseal(gone, 0) if gone else 0
        if again:
            log.warning("the broker has lost what it took last: %d notifications are published again", again)

    async def _set_seal(self, newest: int = 0) -> int:
        """Set a seal behind what was published on this connection, and return its number, which is above all others.

        Args:
            newest: The newest that a process before this one may have used.
        """
        # Never one that was used: an old seal would vouch for what is new.
        seal = max(newest, self._newest_seal, time.time_ns() // 1_000) + 1
        self._newest_seal = seal
        self._seals[seal] = math.inf  # so that it is taken away also where the answer does not come
        await self._broker.set_seal(self._name_seal(seal))
        self._seals[seal] = time.monotonic()
        return seal

    async def _take_seals(self, seals: Sequence[int]) -> set[int]:
        """Take seals away, and return those that were there."""
        names = {self._name_seal(one): one for one in seals}
        return {names[one] for one in await self._broker.take_seals(list(names))}

    def _drop_seals(self, seals: Sequence[int]) -> None:
        for one in seals:
            self._seals.pop(one, None)

    def _require_greeted(self) -> None:
        """Raise ConnectionLost unless the connection is the one on which the broker was asked.

        A seal vouches for all that came before it; so none is set behind what another connection took.
        """
        status = self._broker.status
        if not status.connected:
            raise ConnectionLost(status.problem)
        if status.connections != self._greeted:
            raise ConnectionLost("the connection is a new one, and the broker is asked first what it still has")

    def _name_seal(self, seal: int) -> str:
        return f"{self._settings.topic_prefix}/alerts/{self._settings.username}/seal-{seal}"

    async def _repeat_firing(self) -> None:
        """Have every alert that fires published: a broker that lost our session has lost what it retained, too."""
        pending = {(one.transition.device, one.transition.rule) for one in await self._store.unpublished()}
        firing = [
            Transition(
                record.device, record.site, record.zone, record.rule, record.phase,
                record.time_ms, record.since_ms, record.value, record.simulated, record.severity, Change.REPEATED,
            )
            for record in self._alerts.list_firing()
            if (record.device, record.rule) not in pending and not record.is_apart
        ]  # fmt: skip
        if not firing:
            return
        unkept: Sequence[Transition] = ()
        try:
            # Among those that are to be published, so that neither a crash of ours nor a kill of the broker costs one.
            await self._store.commit(Batch(transitions=firing), time.time_ns() // 1_000_000)
        except StoreFullError:
            unkept = firing  # they cannot wait until there is room
        await self._store.count_event(ALERT_REPEATED, len(firing))
        for transition in unkept:
            await self._publish_transition(transition)

    async def _publish_transitions(self, pending: Sequence[Unpublished]) -> None:
        """Publish transitions in their order, all on their way at once, and mark those that arrived."""
        self._require_greeted()  # what is not sent is not begun, and will not count as repeated
        await self._store.begin_publishing([one.id for one in pending])
        self._require_greeted()
        answers = await asyncio.gather(
            *(self._publish_transition(one.transition) for one in pending), return_exceptions=True
        )
        for answer in answers:
            if answer is not None:
                raise answer
        self._require_greeted()
        seal = await self._set_seal()
        await self._store.mark_published([one.id for one in pending], seal)

    async def _publish_transition(self, transition: Transition) -> None:
        topic = format_topic(self._settings.topic_prefix, transition)
        payload = format_payload(transition, self._alerts.describe(transition.rule, transition.device))
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
        self._require_greeted()
        await self._take_seals(saved)
        await self._store.forget_published(saved)
        self._drop_seals(saved)
