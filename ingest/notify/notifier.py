"""The notifier: looks about once a second at what fires, and has planned what is to be told of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from ingest.incidents.incident import Incident, Step
from ingest.inventory import Inventory
from ingest.notify.delivery import Delivery
from ingest.notify.plan import HOUR_MS, Plan, make_plan
from ingest.notify.routing import Routing
from ingest.notify.situation import LATE_MS, LastGood, Maintained, Situation
from ingest.store_file import StoreError
from schemas.rule import Rules

log = logging.getLogger(__name__)

AGAIN_S = 1.0
RESTS = 20
"""After planning it rests so many times as long as that took: ten thousand open incidents take 0.2 s."""


class OpenIncidents(NamedTuple):
    """What the store knows of incidents and of who was told of them, all of one moment.

    Attributes:
        incidents: Those that are not closed.
        deliveries: Those that tell of one of them, and all that were planned since a moment.
        untold: Steps of kind ``UNTOLD`` of the incidents.
        maintenance: Windows that are not over.
        last_good: By id of the incident, where it is known.
    """

    incidents: Sequence[Incident]
    deliveries: Sequence[Delivery]
    untold: Sequence[Step]
    maintenance: Sequence[Maintained]
    last_good: Mapping[int, LastGood] = {}


class PlanStore(Protocol):
    """The store, as the notifier needs it; each raises StoreError when it cannot be read or written."""

    async def read_told(self, now_ms: int, since_ms: int) -> OpenIncidents:
        """Return what is open, and what was planned since a moment."""

    async def add_plan(self, plan: Plan) -> None:
        """Add the deliveries (``ingest.store_deliveries.add_deliveries``) and the steps, in one transaction."""


class Configured(NamedTuple):
    """What the notifier goes by; replaced as a whole when it is read again.

    Attributes:
        routing: Who is told.
        rules: By key.
        inventory: What is installed.
        accepts_simulated: Whether people are told of simulated readings.
        late_ms: See ``ingest.notify.situation.LATE_MS``.
    """

    routing: Routing
    rules: Rules
    inventory: Inventory
    accepts_simulated: bool = False
    late_ms: int = LATE_MS


class Notifier:
    """Plans what is to be told.

    Args:
        store: Where incidents and deliveries are.
        configured: What it goes by.
        is_caught_up: Whether the collector has judged all that waited for it.
        deliver: Called when messages were added: ``Courier.wake``.
        now_ms: The clock, milliseconds since 1970 in UTC.
    """

    def __init__(
        self,
        store: PlanStore,
        configured: Configured,
        *,
        is_caught_up: Callable[[], bool],
        deliver: Callable[[], None],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._store = store
        self._configured = configured
        self._is_caught_up = is_caught_up
        self._deliver = deliver
        self._now_ms = now_ms
        self._news = asyncio.Event()

    def replace(self, configured: Configured) -> None:
        """Go by something else from now on."""
        self._configured = configured
        self.wake()

    def wake(self) -> None:
        """Say that an Incident changed."""
        self._news.set()

    async def run(self) -> None:
        """Plan until cancelled; what the disk does not take now is planned again."""
        while True:
            self._news.clear()
            began_s = time.monotonic()
            try:
                await self.plan_once()
            except StoreError as error:
                log.warning("what is to be told could not be planned: %s", error)
            await asyncio.sleep((time.monotonic() - began_s) * RESTS)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._news.wait()

    async def plan_once(self) -> Plan:
        """Plan what is to be told now, commit it, and return it.

        Raises:
            StoreError: The store cannot be read or written; nothing was planned.
        """
        now_ms, configured = self._now_ms(), self._configured
        told = await self._store.read_told(now_ms, now_ms - HOUR_MS)
        situation = Situation(
            incidents=told.incidents,
            deliveries=told.deliveries,
            untold=told.untold,
            now_ms=now_ms,
            is_caught_up=self._is_caught_up(),
            routing=configured.routing,
            rules=configured.rules,
            inventory=configured.inventory,
            maintenance=told.maintenance,
            last_good=told.last_good,
            accepts_simulated=configured.accepts_simulated,
            late_ms=configured.late_ms,
        )
        plan = await asyncio.to_thread(make_plan, situation)  # readings do not wait for it
        if plan.deliveries or plan.steps:
            await self._store.add_plan(plan)
        if plan.deliveries:
            log.info("%d messages are to be delivered", len(plan.deliveries))
            self._deliver()
        return plan
