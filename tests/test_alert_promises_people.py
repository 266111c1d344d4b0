"""Promises to people, each proved with a real store, mail server and HTTP service; only the clock is the test's.

Rules, inventory and contacts are read from files as in production; notifier and courier are those of the collector.
"""

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from ingest.alerts.schedule import ScheduleTable, is_watched
from ingest.batch import Batch
from ingest.configuration import read_configuration
from ingest.incidents.act import Act, ActKind
from ingest.incidents.incident import StepKind
from ingest.incidents.maintenance import Maintenance
from ingest.local_time import LOCAL
from ingest.notify.courier import Courier
from ingest.notify.notifier import Configured, Notifier
from ingest.notify.rota import Rota, Turn, find_on_call
from ingest.notify.stored import StoredDeliveries
from ingest.request_alert import ActRequest, BeginMaintenance, RetryDeliveries, StoreRequest
from ingest.settings import Alerts, Settings
from ingest.settings import Store as StoreSettings
from ingest.store_reader import open_reader
from ingest.store_thread import StoreThread, open_store
from schemas.rule import AlertPhase, Change, Severity, Transition
from tests.http_server import serve
from tests.notify_stand import local_ms
from tests.promise_stand import HOUR_MS, MINUTE_MS, NOTIFY, WARM, Mailbox, run_alerts, run_smtp, write_town

NOON_MS = local_ms("2026-01-15T12:00")  # a Thursday
DAY_MS = 24 * HOUR_MS
MANAGED = NOTIFY + 'escalate_after = "15m"\nescalate_to = [["ola"]]\nremind_every = "1h"\n'
WHAT = "Hallen – Fryseren er -10 °C"
LIMIT = " (grense -15 °C)"
NEW, REMINDER = f"KRITISK: {WHAT}{LIMIT}", f"KRITISK, påminnelse: {WHAT}{LIMIT}"
UNANSWERED, OVER = f"KRITISK, ingen har kvittert: {WHAT}{LIMIT}", f"Varselet er over: {WHAT}"


@dataclass(slots=True)
class Office:
    """What a proof can reach.

    Attributes:
        folder: Of the store.
        store: Where incidents and messages are.
        mailbox: What arrived by mail.
        now_ms: The time that all go by.
        notifier: Plans.
        courier: Delivers.
        is_caught_up: Whether all that waited at the broker is judged.
    """

    folder: Path
    store: StoreThread
    mailbox: Mailbox
    now_ms: int
    notifier: Notifier
    courier: Courier
    is_caught_up: bool = True

    async def change(self, change: Change, freezer: int = 1, ago_ms: int = 0) -> None:
        """Have a freezer's alert change by a reading so long ago, in a transaction of the store as the collector's."""
        is_over = change is Change.CLEARED
        transition = Transition(
            device=f"freezer-{freezer}", site="hall", zone="kitchen", rule="freezer-warm",
            phase=AlertPhase.OK if is_over else AlertPhase.FIRING, time_ms=self.now_ms - ago_ms,
            since_ms=self.now_ms - ago_ms - 10 * MINUTE_MS, value=-10.0, simulated=False,
            severity=Severity.CRITICAL, change=change,
        )  # fmt: skip
        await self.store.commit(Batch(transitions=[transition]), self.now_ms)

    async def ask(self, request: StoreRequest) -> None:
        """Do what a person asks."""
        performed = await self.store.act(request, "kari", self.now_ms)
        assert not performed.refused

    async def act(self, kind: ActKind, until_ms: int = 0) -> None:
        """Do something about the first incident."""
        await self.ask(ActRequest(Act(kind, until_ms=until_ms), (1,)))

    async def pass_minutes(self, minutes: int, step: int = 1) -> None:
        """Have time pass, and people be told."""
        for _ in range(0, minutes, step):
            self.now_ms += step * MINUTE_MS
            await self.tell()

    async def tell(self) -> None:
        """Plan and deliver what is due now."""
        await self.notifier.plan_once()
        await self.courier.deliver_due()

    def list_steps(self, incident: int = 1) -> list[tuple[StepKind, str]]:
        """Return kind and text of an incident's steps."""
        with open_reader(self.folder) as reader:
            found = reader.incident(incident)
        return [] if found is None else [(step.kind, step.text) for step in found[1]]


@asynccontextmanager
async def run_office(
    folder: Path, notify: str = MANAGED, *, address: str = "", now_ms: int = NOON_MS
) -> AsyncIterator[Office]:
    """Run an office until the block ends; Kari may have another address than her mailbox."""
    write_town(folder, 3, notify, {"freezer-warm": WARM})
    mailbox = Mailbox()
    settings = Settings(
        inventory=folder / "inventory", rules=folder / "rules", alerts=Alerts(contacts=folder / "notify.toml"),
        store=StoreSettings(folder=folder / "store", reserve_bytes=0),
    )  # fmt: skip
    async with run_smtp(mailbox) as mail, open_store(settings.store) as store:
        environ = {"ADDRESS_KARI": address or mail("kari"), "ADDRESS_OLA": mail("ola")}
        configuration = read_configuration(settings, environ)
        configured = Configured(configuration.routing, configuration.rules, configuration.inventory)
        stored = StoredDeliveries(store)
        courier = Courier(stored, configuration.routing.contacts, now_ms=lambda: office.now_ms, random=Random(1))  # noqa: S311 - jitter
        notifier = Notifier(
            stored, configured, is_caught_up=lambda: office.is_caught_up, deliver=lambda: None,
            now_ms=lambda: office.now_ms,
        )  # fmt: skip
        office = Office(settings.store.folder, store, mailbox, now_ms, notifier, courier)
        yield office


@pytest.fixture
async def service() -> AsyncIterator[tuple[list[str], dict[str, int], str]]:
    """A real HTTP service: titles and freezers of what it took, what it answers with, and its address for Apprise."""
    titles: list[str] = []
    answer = {"status": 200}

    async def take(request: web.Request) -> web.Response:
        if answer["status"] == 200:
            body = await request.json()
            titles.append(", ".join([body["title"], *re.findall("freezer-[0-9]", body["message"])]))
        return web.Response(status=answer["status"])

    async with serve(take) as url:
        yield titles, answer, url.replace("http://", "json://") + "/alerts"


async def test_what_fires_while_the_endpoint_is_down_for_an_hour_arrives_when_it_is_back_in_order(
    tmp_path: Path, service: tuple[list[str], dict[str, int], str]
) -> None:
    titles, answer, address = service
    answer["status"] = 503
    async with run_office(tmp_path, NOTIFY, address=address) as office:
        for freezer in (1, 2, 3):
            await office.change(Change.FIRED, freezer)
            await office.pass_minutes(10)
        await office.change(Change.CLEARED, 1)
        await office.pass_minutes(30)
        assert titles == []
        waiting = (await run_alerts(office.folder, "deliveries"))["deliveries"]
        assert [(one["state"], one["incidents"]) for one in waiting] == [
            ("waiting", [1]), ("waiting", [2]), ("waiting", [3]), ("waiting", [1]),
        ]  # fmt: skip
        assert all(3 <= one["tries"] <= 40 and "503" in one["error"] for one in waiting[:2])
        answer["status"] = 200
        await office.pass_minutes(61)
        assert titles == [f"{NEW}, freezer-1", f"{NEW}, freezer-2", f"{NEW}, freezer-3", f"{OVER}, freezer-1"]
        assert (await run_alerts(office.folder, "deliveries"))["deliveries"] == []
        assert [kind for kind, _ in office.list_steps()] == ["fired", "cleared", "notified", "notified"]
        assert await office.store.events() == {}


async def test_a_message_that_did_not_arrive_in_a_day_is_shown_as_dead_and_can_be_tried_again(
    tmp_path: Path, service: tuple[list[str], dict[str, int], str]
) -> None:
    titles, answer, address = service
    answer["status"] = 503
    async with run_office(tmp_path, NOTIFY, address=address) as office:
        await office.change(Change.FIRED)
        await office.pass_minutes(25 * 60, step=20)
        (dead,) = (await run_alerts(office.folder, "deliveries"))["deliveries"]
        assert (dead["state"], dead["contact"], dead["tries"] > 20) == ("dead", "kari", True)
        assert dead["error"].startswith("given up after")
        assert [kind for kind, _ in office.list_steps()] == ["fired", "undelivered"]
        answer["status"] = 200
        await office.ask(RetryDeliveries((dead["id"],)))
        await office.tell()
        assert titles == [f"{NEW}, freezer-1"]
        assert (await run_alerts(office.folder, "deliveries"))["deliveries"] == []


async def test_nobody_acknowledges_and_the_next_contact_is_told_and_the_first_is_reminded(tmp_path: Path) -> None:
    async with run_office(tmp_path) as office:
        await office.change(Change.FIRED)
        await office.tell()
        await office.pass_minutes(14)
        assert office.mailbox.list_to("ola") == []
        await office.pass_minutes(106, step=2)
        assert office.mailbox.list_to("ola") == [UNANSWERED]
        assert office.mailbox.list_to("kari") == [NEW, REMINDER, REMINDER]


async def test_what_fired_in_an_outage_is_told_when_caught_up_and_escalates_also_when_the_broker_goes_away(
    tmp_path: Path,
) -> None:
    async with run_office(tmp_path) as office:
        office.is_caught_up = False
        await office.change(Change.FIRED, ago_ms=HOUR_MS)
        await office.pass_minutes(5)
        assert office.mailbox.mails == []
        office.is_caught_up = True
        await office.tell()
        office.is_caught_up = False
        await office.pass_minutes(20)
        assert [(mail.to, mail.title) for mail in office.mailbox.mails] == [("kari", NEW), ("ola", UNANSWERED)]


async def test_an_acknowledgement_stops_reminders_and_escalation(tmp_path: Path) -> None:
    async with run_office(tmp_path) as office:
        await office.change(Change.FIRED)
        await office.pass_minutes(10)
        await office.act(ActKind.ACKNOWLEDGE)
        await office.pass_minutes(300, step=10)
        assert [(mail.to, mail.title) for mail in office.mailbox.mails] == [("kari", NEW)]
        await office.change(Change.CLEARED)
        await office.pass_minutes(1)
        assert [(mail.to, mail.title) for mail in office.mailbox.mails] == [("kari", NEW), ("kari", OVER)]


async def test_nobody_is_told_of_what_is_snoozed_until_it_ends(tmp_path: Path) -> None:
    async with run_office(tmp_path) as office:
        await office.change(Change.FIRED)
        await office.pass_minutes(10)
        await office.act(ActKind.SNOOZE, until_ms=office.now_ms + 2 * HOUR_MS)
        await office.pass_minutes(119)
        assert [mail.title for mail in office.mailbox.mails] == [NEW]
        await office.pass_minutes(2)
        assert {(mail.to, mail.title) for mail in office.mailbox.mails[1:]} == {("kari", REMINDER), ("ola", UNANSWERED)}


async def test_nobody_is_told_of_what_is_in_maintenance_and_the_reason_is_written_down(tmp_path: Path) -> None:
    async with run_office(tmp_path) as office:
        planned = Maintenance(
            0, frozenset({"hall"}), frozenset(), frozenset(), "avriming", "kari", office.now_ms, office.now_ms + HOUR_MS
        )
        await office.ask(BeginMaintenance(planned))
        await office.change(Change.FIRED, 1)
        await office.change(Change.FIRED, 2)
        await office.pass_minutes(30)
        await office.change(Change.CLEARED, 1)
        await office.pass_minutes(29)
        assert office.mailbox.mails == []
        assert office.list_steps(1)[1] == (StepKind.UNTOLD, "maintenance 1: avriming")
        await office.pass_minutes(2)
        assert [(mail.to, mail.title) for mail in office.mailbox.mails] == [("kari", NEW)]
        assert "(freezer-2)" in office.mailbox.mails[0].text


@pytest.mark.parametrize(
    ("fired", "lines"),
    [
        ("2026-01-15T12:00", ["Startet 15.01.2026 kl. 11.50", "Varte 2 t 10 min"]),
        ("2026-03-29T01:30", ["Startet 29.03.2026 kl. 01.20", "Varte 2 t 10 min"]),
        ("2026-10-25T02:30", ["Startet 25.10.2026 kl. 02.20 (sommertid)", "Varte 2 t 10 min"]),
    ],
)
async def test_what_is_over_is_told_with_its_duration_and_local_times(
    tmp_path: Path, fired: str, lines: Sequence[str]
) -> None:
    async with run_office(tmp_path, NOTIFY, now_ms=local_ms(fired)) as office:
        await office.change(Change.FIRED)
        await office.tell()
        office.now_ms += 2 * HOUR_MS
        await office.change(Change.CLEARED)
        await office.tell()
        first, over = office.mailbox.mails
        assert (first.title, over.title) == (NEW, OVER)
        assert lines[0] in first.text
        assert all(line in over.text for line in lines)


def test_in_the_nights_of_march_and_october_a_night_is_a_night_and_a_handover_happens_once() -> None:
    night = ScheduleTable.model_validate({"from": "22:00", "to": "06:00"}).build()
    rota = Rota("vakt", 2 * 60 + 30, (Turn(date(2026, 1, 1), ("kari", "ola"), 1),))
    for evening, hours in (("2026-03-27", 8), ("2026-03-28", 7), ("2026-10-24", 9), ("2026-10-25", 8)):
        times = range(local_ms(f"{evening}T12:00"), local_ms(f"{evening}T12:00") + 23 * HOUR_MS, 10 * MINUTE_MS)
        assert sum(is_watched(night, (), one, LOCAL) for one in times) == 6 * hours
        on_call = [find_on_call(rota, one) for one in times]
        assert sum(one != other for one, other in itertools.pairwise(on_call)) == 1
