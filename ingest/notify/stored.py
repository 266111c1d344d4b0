"""The store as notifier and courier need it: each call is one transaction in the store's thread.

Every call raises StoreError when the store cannot be read or written.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from ingest.incidents.incident import Incident, StepKind
from ingest.notify.delivery import Delivery, make_steps
from ingest.notify.notifier import OpenIncidents
from ingest.notify.plan import Plan
from ingest.notify.situation import LastGood
from ingest.store_deliveries import (
    add_deliveries,
    begin_delivery,
    bury_delivery,
    find_due_contacts,
    mark_delivered,
    postpone_contact,
    postpone_delivery,
    read_told,
    read_untold,
    read_waiting,
)
from ingest.store_incidents import add_steps, read_open
from ingest.store_maintenance import read_maintenance
from ingest.store_rows import read_alert
from ingest.store_thread import StoreThread


def _find_good(connection: sqlite3.Connection, incidents: Iterable[Incident]) -> dict[int, LastGood]:
    """Return the last good value of each incident that fires, where it is known."""
    found: dict[int, LastGood] = {}
    for incident in incidents:
        if incident.cleared_ms is None:
            record = read_alert(connection, incident.device, incident.rule)
            if record is not None and record.last_good is not None:
                time_ms, value = record.last_good
                found[incident.id] = LastGood(value, time_ms)
    return found


class StoredDeliveries:
    """Messages to people, in a store; a ``PlanStore`` and a ``DeliveryStore``."""

    def __init__(self, store: StoreThread) -> None:
        self._store = store

    async def read_told(self, now_ms: int, since_ms: int) -> OpenIncidents:
        """See ``PlanStore``."""

        def read(connection: sqlite3.Connection) -> OpenIncidents:
            incidents = read_open(connection)
            return OpenIncidents(
                incidents,
                read_told(connection, [one.id for one in incidents], since_ms),
                read_untold(connection),
                read_maintenance(connection, now_ms),
                _find_good(connection, incidents),
            )

        return await self._store.read(read)

    async def add_plan(self, plan: Plan) -> None:
        """See ``PlanStore``."""

        def add(connection: sqlite3.Connection) -> None:
            add_deliveries(connection, plan.deliveries)
            add_steps(connection, plan.steps)

        await self._store.change(add)

    async def find_due_contacts(self, now_ms: int) -> Sequence[str]:
        """See ``DeliveryStore``."""
        return await self._store.read(lambda connection: find_due_contacts(connection, now_ms))

    async def read_waiting(self, contact: str, limit: int) -> Sequence[Delivery]:
        """See ``DeliveryStore``."""
        return await self._store.read(lambda connection: read_waiting(connection, contact, limit))

    async def begin_delivery(self, delivery: int, now_ms: int) -> None:
        """See ``DeliveryStore``."""
        await self._store.change(lambda connection: begin_delivery(connection, delivery, now_ms))

    async def mark_delivered(self, delivery: int, now_ms: int) -> None:
        """See ``DeliveryStore``."""

        def mark(connection: sqlite3.Connection) -> None:
            told = mark_delivered(connection, delivery, now_ms)
            if told is not None:
                add_steps(connection, make_steps(told, StepKind.NOTIFIED, now_ms))

        await self._store.change(mark)

    async def postpone_delivery(self, delivery: int, due_ms: int, error: str, *, in_doubt: bool) -> None:
        """See ``DeliveryStore``."""
        await self._store.change(
            lambda connection: postpone_delivery(connection, delivery, due_ms, error, in_doubt=in_doubt)
        )

    async def postpone_contact(self, contact: str, due_ms: int) -> None:
        """See ``DeliveryStore``."""
        await self._store.change(lambda connection: postpone_contact(connection, contact, due_ms))

    async def bury_delivery(self, delivery: int, now_ms: int, error: str, *, in_doubt: bool) -> None:
        """See ``DeliveryStore``."""

        def bury(connection: sqlite3.Connection) -> None:
            told = bury_delivery(connection, delivery, error, in_doubt=in_doubt)
            if told is not None:
                add_steps(connection, make_steps(told, StepKind.UNDELIVERED, now_ms, error))

        await self._store.change(bury)
