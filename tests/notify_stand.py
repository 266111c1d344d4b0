"""What tests of notifications share: a town of one hall, its incidents, and a store of deliveries on disk.

Run as a program it is a courier of its own, which a test may kill: ``python -m tests.notify_stand FILE ADDRESS``.
"""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ingest.alerts.words import Language
from ingest.incidents.incident import Incident, Step, StepKind
from ingest.inventory import OPEN_END_MS, Device, Inventory, OpeningHours, Placement, Site, Zone
from ingest.local_time import LOCAL
from ingest.notify import plan
from ingest.notify.contact import Contact
from ingest.notify.courier import Courier
from ingest.notify.delivery import Delivery, make_steps
from ingest.notify.routing import Route, Routing
from ingest.notify.situation import Situation
from ingest.store_deliveries import (
    TABLE,
    add_deliveries,
    begin_delivery,
    bury_delivery,
    find_due_contacts,
    mark_delivered,
    postpone_contact,
    postpone_delivery,
    read_waiting,
)
from ingest.store_rows import read_counts
from schemas.device_type import Privacy
from schemas.rule import AlertPhase, Level, Rule, Severity

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
COUNTS = "CREATE TABLE counts (kind TEXT, name TEXT, count INTEGER, PRIMARY KEY (kind, name))"


def local_ms(text: str) -> int:
    """Return milliseconds since 1970 of a local time such as ``2026-01-15T12:00``."""
    return round(datetime.fromisoformat(text).replace(tzinfo=LOCAL).timestamp() * 1000)


NOW_MS = local_ms("2026-01-15T12:00")  # a Thursday
SITE = Site(
    "hall", "Hallen", "sports_hall", 60.8, 10.7, 1000.0, {"first": Zone("first", "1. etasje")},
    tuple(OpeningHours(day, 8 * 60, 16 * 60) for day in range(5)),
)  # fmt: skip
DEVICE = Device("climate-1", "indoor_climate", "+A=360.001-RT001", (Placement(0, OPEN_END_MS, "hall", "first"),))
INVENTORY = Inventory({"hall": SITE}, {DEVICE.id: DEVICE}, LOCAL)
COLD = Rule(
    key="room-too-cold", device_type="indoor_climate", field="temperature", unit="Cel",
    levels=(Level(Severity.WARNING, low=16.0), Level(Severity.CRITICAL, low=10.0)),
    text="Rommet er kaldere enn {limit} {unit}: {value}.", text_en="The room is colder than {limit} {unit}: {value}.",
    inhibited_by=("gateway-silent",),
)  # fmt: skip
GATEWAY = replace(COLD, key="gateway-silent", text="Porten svarer ikke.", text_en="", inhibited_by=())
HEALTH = replace(COLD, key="resident", privacy=Privacy.HEALTH)
RULES = {rule.key: rule for rule in (COLD, GATEWAY, HEALTH)}


def make_contact(key: str, address: str = "json://127.0.0.1:9/", language: Language = Language.NB) -> Contact:
    """Return a Contact."""
    return Contact(key, key.title(), language, SecretStr(address))


def make_routing(*routes: Route) -> Routing:
    """Return a Routing with three contacts."""
    contacts = {key: make_contact(key) for key in ("kari", "ola", "leder")}
    return Routing(contacts, {}, {route.key: route for route in routes}, "https://tavler.example.no")


def make_incident(number: int = 1, severity: Severity = Severity.WARNING, time_ms: int = NOW_MS) -> Incident:
    """Return an Incident that fires."""
    return Incident(
        number, "climate-1", "room-too-cold", "hall", "first", severity, AlertPhase.FIRING,
        time_ms - 10 * MINUTE_MS, time_ms, time_ms, 14.5, simulated=False,
    )  # fmt: skip


@contextmanager
def capture_log() -> Iterator[StringIO]:
    """Yield what a log at its most talkative gets; pytest's own also captures loggers that are sealed off."""
    text, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    handler.addFilter(lambda record: record.name != "aiohttp.access")  # a test's server, not what sends to it
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class World:
    """Incidents, and what was planned of them so far."""

    def __init__(self, routing: Routing, *incidents: Incident, now_ms: int = NOW_MS) -> None:
        self.situation = Situation(
            incidents=incidents, deliveries=(), untold=(), now_ms=now_ms, is_caught_up=True, routing=routing,
            rules=RULES, inventory=INVENTORY,
        )  # fmt: skip

    def change(self, **values: Any) -> None:  # noqa: ANN401 - any of its attributes
        """Have an attribute of the situation be otherwise."""
        self.situation = replace(self.situation, **values)

    def become(self, incident: Incident) -> None:
        """Have an Incident be otherwise."""
        self.change(incidents=[incident if one.id == incident.id else one for one in self.situation.incidents])

    def plan(self, after_ms: int = 0) -> plan.Plan:
        """Plan so long after the last time, and keep what came of it."""
        self.change(now_ms=self.situation.now_ms + after_ms)
        made = plan.make_plan(self.situation)
        self.change(
            deliveries=[*self.situation.deliveries, *made.deliveries], untold=[*self.situation.untold, *made.steps]
        )
        return made

    def tell(self, after_ms: int = 0) -> list[tuple[str, str]]:
        """Plan, and return who is told as what."""
        return [(one.contact, one.stage) for one in self.plan(after_ms).deliveries]


class DeliveryRows:
    """The rows of deliveries in a file, as the courier wants them: each call is a transaction."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path)
        self.steps: list[Step] = []
        if not self.connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            self.connection.executescript(TABLE + COUNTS)

    def add(self, *deliveries: Delivery) -> int:
        """Add messages."""
        with self.connection:
            return add_deliveries(self.connection, deliveries)

    @property
    def repeated(self) -> int:
        """How often a message may have arrived twice."""
        return read_counts(self.connection, "event").get("delivery_repeated", 0)

    async def find_due_contacts(self, now_ms: int) -> Sequence[str]:
        """See DeliveryStore."""
        return find_due_contacts(self.connection, now_ms)

    async def read_waiting(self, contact: str, limit: int) -> Sequence[Delivery]:
        """See DeliveryStore."""
        return read_waiting(self.connection, contact, limit)

    async def begin_delivery(self, delivery: int, now_ms: int) -> None:
        """See DeliveryStore."""
        with self.connection:
            begin_delivery(self.connection, delivery, now_ms)

    async def mark_delivered(self, delivery: int, now_ms: int) -> None:
        """See DeliveryStore."""
        with self.connection:
            self._note(mark_delivered(self.connection, delivery, now_ms), StepKind.NOTIFIED, now_ms)

    async def postpone_delivery(self, delivery: int, due_ms: int, error: str, *, in_doubt: bool) -> None:
        """See DeliveryStore."""
        with self.connection:
            postpone_delivery(self.connection, delivery, due_ms, error, in_doubt=in_doubt)

    async def postpone_contact(self, contact: str, due_ms: int) -> None:
        """See DeliveryStore."""
        with self.connection:
            postpone_contact(self.connection, contact, due_ms)

    async def bury_delivery(self, delivery: int, now_ms: int, error: str, *, in_doubt: bool) -> None:
        """See DeliveryStore."""
        with self.connection:
            buried = bury_delivery(self.connection, delivery, error, in_doubt=in_doubt)
            self._note(buried, StepKind.UNDELIVERED, now_ms, error)

    def _note(self, delivery: Delivery | None, kind: StepKind, now_ms: int, why: str = "") -> None:
        if delivery is not None:
            self.steps += make_steps(delivery, kind, now_ms, why)


async def deliver(path: Path, address: str) -> None:
    """Be a courier to one Contact, once."""
    rows = DeliveryRows(path)
    with closing(rows.connection):
        await Courier(rows, {"kari": make_contact("kari", address)}).deliver_due()


if __name__ == "__main__":
    asyncio.run(deliver(Path(sys.argv[1]), sys.argv[2]))
