"""Rows of deliveries: planned once, kept while planning needs them, and counted when they may arrive twice."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.incidents.incident import Step, StepKind
from ingest.notify.delivery import Delivery, DeliveryState, Stage, StageKind, Telling, make_key
from ingest.notify.notifier import Configured, Notifier, OpenIncidents
from ingest.notify.plan import Plan
from ingest.notify.routing import Route
from ingest.store_deliveries import (
    TABLE,
    add_deliveries,
    begin_delivery,
    bury_delivery,
    count_deliveries,
    find_due_contacts,
    forget_deliveries,
    mark_delivered,
    postpone_contact,
    postpone_delivery,
    read_deliveries,
    read_told,
    read_untold,
    read_waiting,
    retry_delivery,
)
from ingest.store_file import StoreError
from ingest.store_incidents import TABLES, add_steps, add_transitions, put_incident, read_open, read_steps
from ingest.store_rows import read_counts
from schemas.rule import AlertPhase, Change, Severity, Transition
from tests.notify_stand import COUNTS, INVENTORY, MINUTE_MS, NOW_MS, RULES, make_routing

FIRST = Stage(StageKind.FIRST, Severity.WARNING)
EVERY = list(DeliveryState)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the tables."""
    opened = sqlite3.connect(tmp_path / "store.sqlite")
    opened.executescript(TABLE + TABLES + COUNTS)
    yield opened
    opened.close()


def make_delivery(*incidents: int, contact: str = "kari", time_ms: int = NOW_MS) -> Delivery:
    """Return a message."""
    tellings = tuple(Telling(one, FIRST) for one in incidents)
    key = make_key("drift", contact, tellings)
    return Delivery(key, "drift", contact, tellings, Severity.WARNING, "Tittel", "Tekst æøå", time_ms, time_ms)


def test_what_is_added_twice_is_there_once_and_read_as_it_was(connection: sqlite3.Connection) -> None:
    one = make_delivery(1, 2)
    assert add_deliveries(connection, [one, one]) == 1
    assert add_deliveries(connection, [one._replace(title="Annen")]) == 0
    (row,) = read_deliveries(connection, EVERY)
    assert row == one._replace(id=1)
    assert row.stage == "summary"


def test_planning_reads_what_tells_of_open_incidents_and_what_is_recent(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(1, 2), make_delivery(3), make_delivery(4, time_ms=NOW_MS + 1)])
    told = read_told(connection, [2], NOW_MS + 1)
    assert [[telling.incident for telling in one.tellings] for one in told] == [[1, 2], [4]]


def test_what_is_due_is_found_by_contact_oldest_first(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(2), make_delivery(1), make_delivery(1, contact="ola")])
    assert find_due_contacts(connection, NOW_MS - 1) == []
    assert find_due_contacts(connection, NOW_MS) == ["kari", "ola"]
    assert [one.id for one in read_waiting(connection, "kari", 10)] == [1, 2]
    assert [one.id for one in read_waiting(connection, "kari", 1)] == [1]
    postpone_contact(connection, "kari", NOW_MS + 5)
    assert find_due_contacts(connection, NOW_MS + 4) == ["ola"]


def test_only_a_try_whose_end_is_not_known_counts_as_repeated(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(1)])
    begin_delivery(connection, 1, NOW_MS)
    postpone_delivery(connection, 1, NOW_MS + 1, "500", in_doubt=False)
    begin_delivery(connection, 1, NOW_MS + 1)
    assert read_counts(connection, "event") == {}
    begin_delivery(connection, 1, NOW_MS + 2)  # as after a crash
    assert read_counts(connection, "event") == {"delivery_repeated": 1}
    (row,) = read_deliveries(connection, EVERY)
    assert (row.tries, row.first_try_ms, row.error) == (3, NOW_MS, "500")


def test_the_states_of_a_delivery(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(1), make_delivery(2)])
    begin_delivery(connection, 1, NOW_MS)
    delivered = mark_delivered(connection, 1, NOW_MS + 3)
    assert delivered is not None
    assert (delivered.state, delivered.delivered_ms) == (DeliveryState.DELIVERED, NOW_MS + 3)
    assert mark_delivered(connection, 99, NOW_MS) is None
    assert bury_delivery(connection, 1, "too late", in_doubt=False) == delivered
    buried = bury_delivery(connection, 2, "never", in_doubt=False)
    assert buried is not None
    assert (buried.state, buried.error) == (DeliveryState.DEAD, "never")
    assert count_deliveries(connection) == {"waiting": 0, "delivered": 1, "dead": 1}
    assert not retry_delivery(connection, 1, NOW_MS)
    assert retry_delivery(connection, 2, NOW_MS + 9)
    assert [(one.id, one.due_ms) for one in read_waiting(connection, "kari", 9)] == [(2, NOW_MS + 9)]


def test_what_is_old_is_forgotten_unless_it_waits_or_tells_of_what_is_open(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(one) for one in (1, 2, 3)])
    for one in (1, 2):
        mark_delivered(connection, one, NOW_MS)
    assert forget_deliveries(connection, NOW_MS, []) == 0
    assert forget_deliveries(connection, NOW_MS + 1, [2]) == 1
    assert [one.id for one in read_deliveries(connection, EVERY)] == [2, 3]
    assert connection.execute("SELECT count(*) FROM tellings").fetchone() == (2,)


def test_a_word_that_was_damaged_on_disk_hides_nothing(connection: sqlite3.Connection) -> None:
    add_deliveries(connection, [make_delivery(1)])
    connection.execute("UPDATE tellings SET stage = 'x'")
    connection.execute("UPDATE deliveries SET severity = 'x', state = 'x'")
    (row,) = read_told(connection, [1], NOW_MS)
    assert (row.severity, row.state) == (Severity.CRITICAL, DeliveryState.DEAD)
    assert row.tellings == (Telling(1, Stage(StageKind.FIRST, Severity.CRITICAL)),)
    assert sum(count_deliveries(connection).values()) == 0


class Rows:
    """The tables, as the notifier wants them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    async def read_told(self, now_ms: int, since_ms: int) -> OpenIncidents:
        """See PlanStore."""
        del now_ms
        incidents = read_open(self.connection)
        told = read_told(self.connection, [one.id for one in incidents], since_ms)
        return OpenIncidents(incidents, told, read_untold(self.connection), [])

    async def add_plan(self, plan: Plan) -> None:
        """See PlanStore."""
        with self.connection:
            add_deliveries(self.connection, plan.deliveries)
            add_steps(self.connection, plan.steps)


async def test_the_notifier_plans_from_the_tables_and_plans_nothing_twice(connection: sqlite3.Connection) -> None:
    time_ms, woken = NOW_MS, 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    def notifier() -> Notifier:  # as after a restart
        routing = make_routing(Route("drift", ("kari",), escalate_after_ms=MINUTE_MS, escalate_to=(("leder",),)))
        configured = Configured(routing, RULES, INVENTORY)
        return Notifier(Rows(connection), configured, is_caught_up=lambda: True, deliver=wake, now_ms=lambda: time_ms)

    transition = Transition(
        "climate-1", "hall", "first", "room-too-cold", AlertPhase.FIRING, NOW_MS, NOW_MS, 14.5,
        simulated=False, severity=Severity.WARNING, change=Change.FIRED,
    )  # fmt: skip
    simulated = transition._replace(device="climate-2", simulated=True)
    add_transitions(connection, [transition, simulated], NOW_MS)
    assert len((await notifier().plan_once()).deliveries) == 1
    assert await notifier().plan_once() == Plan((), ())
    assert woken == 1
    assert [step.kind for step in read_steps(connection, 2)] == [StepKind.FIRED, StepKind.UNTOLD]
    time_ms += MINUTE_MS
    assert [one.contact for one in (await notifier().plan_once()).deliveries] == ["leder"]
    put_incident(connection, read_open(connection)[0]._replace(closed_ms=time_ms))
    time_ms += MINUTE_MS
    assert await notifier().plan_once() == Plan((), ())
    assert read_untold(connection) == [Step(2, NOW_MS, StepKind.UNTOLD, "", "the reading is simulated")]


async def test_the_notifier_goes_on_after_a_disk_that_failed(connection: sqlite3.Connection) -> None:
    planned, fails = asyncio.Event(), True

    class Failing(Rows):
        async def read_told(self, now_ms: int, since_ms: int) -> OpenIncidents:
            nonlocal fails
            if fails:
                fails = False
                raise StoreError("the disk is full")
            planned.set()
            return await super().read_told(now_ms, since_ms)

    configured = Configured(make_routing(), RULES, INVENTORY)
    notifier = Notifier(Failing(connection), configured, is_caught_up=lambda: True, deliver=lambda: None)
    running = asyncio.create_task(notifier.run())
    async with asyncio.timeout(20):
        while not planned.is_set():
            notifier.replace(configured)
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
