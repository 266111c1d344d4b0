"""The courier on real servers: SMTP and HTTP, and what they do when they fail."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from ingest.incidents.incident import StepKind
from ingest.notify.apprise_sender import Answer, Outcome, Parcel, redact, send
from ingest.notify.courier import DEAD_AFTER_MS, MOST_WAIT_S, Courier
from ingest.notify.delivery import Delivery, DeliveryState, Stage, StageKind, Telling, make_key, make_reference
from ingest.store_deliveries import count_deliveries, read_deliveries, retry_delivery
from schemas.rule import Severity
from simulators.testbed.port import LOOPBACK, free_port
from tests.http_server import serve
from tests.mqtt_clients import wait_until
from tests.notify_stand import HOUR_MS, NOW_MS, DeliveryRows, capture_log, make_contact
from tests.stand import ROOT

SECRET = "hemmelig77"  # noqa: S105 - the secret that must not be shown
DEADLINE_S = 20.0
SILENCE_S = 0.3
"""How long a service may take to answer in these tests."""


class Clock:
    """The time that a test says it is."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        """Return it."""
        return self.now_ms


class Inbox:
    """A real HTTP service that takes messages as it is told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, str]] = []
        self.tries = 0
        self.status = 200
        self.refuses = ""
        self.silent = False
        self.free = asyncio.Event()

    @property
    def titles(self) -> list[str]:
        """What it has taken, in order."""
        return [body["title"] for body in self.bodies]

    async def take(self, request: web.Request) -> web.Response:
        """Answer a message."""
        body = json.loads(await request.text())
        self.tries += 1
        if self.silent:
            self.bodies.append(body)
            await self.free.wait()
        elif self.status == 200 and not (self.refuses and self.refuses in body["title"]):
            self.bodies.append(body)
        else:
            return web.Response(status=self.status if self.status != 200 else 400)
        return web.Response()


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[DeliveryRows]:
    """Rows of deliveries on disk."""
    opened = DeliveryRows(tmp_path / "store.sqlite")
    yield opened
    opened.connection.close()


@pytest.fixture
async def inbox() -> AsyncIterator[tuple[Inbox, str]]:
    """An HTTP service, and its address as Apprise reads it."""
    one = Inbox()
    async with serve(one.take) as url:
        yield one, url.replace("http://", f"json://drift:{SECRET}@") + f"/krok-{SECRET}"
        one.free.set()


def make_delivery(number: int = 1, contact: str = "kari", kind: StageKind = StageKind.FIRST) -> Delivery:
    """Return a message."""
    tellings = (Telling(number, Stage(kind, Severity.CRITICAL)),)
    key = make_key("drift", contact, tellings)
    body = f"Det er for kaldt, 3,5 °C.\n\nRef: {make_reference(key)}"
    return Delivery(
        key, "drift", contact, tellings, Severity.CRITICAL, f"KRITISK: Hallen {number}", body, NOW_MS, NOW_MS
    )


def make_courier(rows: DeliveryRows, clock: Clock, **addresses: str) -> Courier:
    """Return a courier whose contacts have these addresses."""

    async def send_once(address: SecretStr, parcel: Parcel) -> Answer:
        return await send(address, parcel, try_s=SILENCE_S)

    contacts = {key: make_contact(key, address) for key, address in addresses.items()}
    return Courier(rows, contacts, send_once=send_once, now_ms=clock, random=Random(1))  # noqa: S311 - jitter


def read(rows: DeliveryRows) -> list[Delivery]:
    """Return all messages."""
    return read_deliveries(rows.connection, list(DeliveryState))


async def test_a_message_arrives_over_http_once_and_is_written_down(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    assert rows.add(make_delivery(), make_delivery()) == 1
    courier = make_courier(rows, Clock(), kari=address)
    await courier.deliver_due()
    await courier.deliver_due()
    assert one.titles == ["KRITISK: Hallen 1"]
    assert one.bodies[0]["message"].endswith(f"Ref: {make_reference(make_delivery().key)}")
    assert one.bodies[0]["type"] == "failure"
    (row,) = read(rows)
    assert (row.state, row.tries, row.delivered_ms) == (DeliveryState.DELIVERED, 1, NOW_MS)
    assert [(step.kind, step.text) for step in rows.steps] == [(StepKind.NOTIFIED, "kari: first-critical")]


class Mailbox:
    """What a real SMTP server hands over."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        del server, session
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
        return self.answer


@asynccontextmanager
async def run_smtp(mailbox: Mailbox, port: int) -> AsyncIterator[None]:
    """Run an SMTP server in a thread of its own."""
    controller = Controller(mailbox, hostname=LOOPBACK, port=port)
    await asyncio.to_thread(controller.start)
    try:
        yield
    finally:
        await asyncio.to_thread(controller.stop)


async def test_a_message_arrives_by_mail_after_refusals(rows: DeliveryRows) -> None:
    mailbox, clock, port = Mailbox(), Clock(), free_port()
    address = f"mailto://{LOOPBACK}:{port}?from=varsel@example.no&to=kari@example.no&mode=insecure"
    courier = make_courier(rows, clock, kari=address)
    rows.add(make_delivery())
    await courier.deliver_due()
    assert "refused" in read(rows)[0].error
    async with run_smtp(mailbox, port):
        mailbox.answer = "451 try again later"
        clock.now_ms = read(rows)[0].due_ms
        await courier.deliver_due()
        assert "451" in read(rows)[0].error
        mailbox.answer = "250 OK"
        clock.now_ms = read(rows)[0].due_ms
        await courier.deliver_due()
    assert read(rows)[0].state is DeliveryState.DELIVERED
    assert read(rows)[0].tries == 3
    mail = message_from_bytes(mailbox.mails[0], policy=policy.default)
    body = mail.get_body(("html", "plain"))
    assert mail["Subject"] == "KRITISK: Hallen 1"
    assert body is not None
    assert "3,5 °C" in body.get_content()
    assert f"Ref: {make_reference(make_delivery().key)}" in body.get_content()
    assert rows.repeated == 0


async def test_a_service_that_is_down_for_an_hour_gets_everything_in_order(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.status = 500
    clock = Clock()
    courier = make_courier(rows, clock, kari=address)
    rows.add(*map(make_delivery, range(1, 6)))
    while clock.now_ms < NOW_MS + HOUR_MS:
        await courier.deliver_due()
        clock.now_ms = max(clock.now_ms + 1_000, min(row.due_ms for row in read(rows)))
    assert one.tries < 80
    assert "error=500" in read(rows)[0].error
    one.status = 200
    await courier.deliver_due()
    assert one.titles == [f"KRITISK: Hallen {number}" for number in range(1, 6)]
    assert max(row.due_ms for row in read(rows)) <= clock.now_ms + MOST_WAIT_S * 1_000
    assert rows.repeated == 0


async def test_a_message_that_is_refused_does_not_keep_the_next_from_a_contact(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.refuses = "Hallen 1"
    rows.add(*map(make_delivery, range(1, 5)))
    await make_courier(rows, Clock(), kari=address).deliver_due()
    assert one.titles == [f"KRITISK: Hallen {number}" for number in range(2, 5)]
    assert [row.state for row in read(rows)] == [DeliveryState.WAITING, *[DeliveryState.DELIVERED] * 3]


async def test_what_fails_for_a_day_is_dead_until_a_person_has_it_tried_again(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.status = 503
    clock = Clock()
    courier = make_courier(rows, clock, kari=address)
    rows.add(make_delivery())
    await courier.deliver_due()
    clock.now_ms += DEAD_AFTER_MS - 1
    await courier.deliver_due()
    assert read(rows)[0].state is DeliveryState.WAITING
    clock.now_ms += HOUR_MS
    await courier.deliver_due()
    assert count_deliveries(rows.connection) == {"waiting": 0, "delivered": 0, "dead": 1}
    assert read(rows)[0].error.startswith("given up after 3 tries: ")
    assert [step.kind for step in rows.steps] == [StepKind.UNDELIVERED]
    one.status = 200
    await courier.deliver_due()
    assert one.titles == []
    assert retry_delivery(rows.connection, read(rows)[0].id, clock.now_ms)
    rows.connection.commit()
    await courier.deliver_due()
    assert one.titles == ["KRITISK: Hallen 1"]


async def test_a_service_that_does_not_answer_is_given_up_and_the_repeat_is_counted(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.silent = True
    clock = Clock()
    courier = make_courier(rows, clock, kari=address)
    rows.add(make_delivery())
    async with asyncio.timeout(DEADLINE_S):
        await courier.deliver_due()
    assert read(rows)[0].error.startswith(f"no answer within {SILENCE_S} s")
    assert rows.repeated == 0
    one.silent = False
    one.free.set()
    clock.now_ms = read(rows)[0].due_ms
    await courier.deliver_due()
    assert one.titles == ["KRITISK: Hallen 1"] * 2
    assert len({body["message"] for body in one.bodies}) == 1
    assert rows.repeated == 1


async def test_failures_with_an_arrival_between_them_do_not_count_as_out_of_reach(
    rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.refuses = "Hallen 1"  # and 11
    rows.add(*map(make_delivery, (1, 2, 11, 3)))
    await make_courier(rows, Clock(), kari=address).deliver_due()
    assert one.titles == ["KRITISK: Hallen 2", "KRITISK: Hallen 3"]


async def test_a_contact_that_hangs_does_not_keep_another_waiting(rows: DeliveryRows, inbox: tuple[Inbox, str]) -> None:
    one, address = inbox
    started, free = asyncio.Event(), asyncio.Event()

    async def send_once(where: SecretStr, parcel: Parcel) -> Answer:
        if "Hallen 1" in parcel.title:
            started.set()
            await free.wait()
        return await send(where, parcel)

    rows.add(make_delivery(1), make_delivery(5), make_delivery(2, "ola"))
    contacts = {key: make_contact(key, address) for key in ("kari", "ola")}
    courier = Courier(rows, contacts, send_once=send_once)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(courier.run())
        await started.wait()
        await wait_until(lambda: one.titles == ["KRITISK: Hallen 2"])
        rows.add(make_delivery(3, "ola"))
        courier.wake()
        await wait_until(lambda: "KRITISK: Hallen 3" in one.titles)
        rows.add(make_delivery(4, "ola"))
        courier.stop()  # what is on its way ends, what is not begun stays
        free.set()
    assert one.titles == ["KRITISK: Hallen 2", "KRITISK: Hallen 3", "KRITISK: Hallen 1"]
    assert count_deliveries(rows.connection) == {"waiting": 2, "delivered": 3, "dead": 0}


async def test_a_kill_between_sending_and_writing_it_down_repeats_the_message_and_counts_that(
    tmp_path: Path, rows: DeliveryRows, inbox: tuple[Inbox, str]
) -> None:
    one, address = inbox
    one.silent = True
    rows.add(make_delivery())
    program = (sys.executable, "-m", "tests.notify_stand", str(tmp_path / "store.sqlite"), address)
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT)
    async with asyncio.timeout(DEADLINE_S):
        await wait_until(lambda: bool(one.bodies))
        process.kill()
        await process.wait()
    one.silent = False
    one.free.set()
    assert read(rows)[0].tries == 1
    await make_courier(rows, Clock(), kari=address).deliver_due()
    assert one.titles == ["KRITISK: Hallen 1"] * 2
    assert make_reference(make_delivery().key) in one.bodies[0]["message"]
    assert one.bodies[0] == one.bodies[1]
    assert rows.repeated == 1
    assert read(rows)[0].state is DeliveryState.DELIVERED


async def test_a_contact_that_is_gone_leaves_a_dead_letter(rows: DeliveryRows) -> None:
    rows.add(make_delivery())
    await make_courier(rows, Clock()).deliver_due()
    assert (read(rows)[0].state, read(rows)[0].tries) == (DeliveryState.DEAD, 0)
    assert "not configured" in read(rows)[0].error


@pytest.mark.parametrize("status", [200, 403, 500])
async def test_an_address_is_never_logged_whatever_the_service_answers(
    rows: DeliveryRows, inbox: tuple[Inbox, str], status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    one, address = inbox
    one.status = status
    port = free_port()
    rows.add(make_delivery(1), make_delivery(2, "ola"), make_delivery(3, "leder"))
    with capture_log() as text:
        nobody = f"json://drift:{SECRET}@{LOOPBACK}:{port}/krok-{SECRET}"
        mail = f"mailto://kari:{SECRET}@{LOOPBACK}:{port}?from=varsel@example.no&to={SECRET}@example.no"
        await make_courier(rows, Clock(), kari=address, ola=nobody, leder=mail).deliver_due()
    errors = [row.error for row in read(rows)]
    assert all(errors[1:])
    shown = f"{text.getvalue()}{errors}{''.join(capfd.readouterr())}"
    assert SECRET not in shown
    assert "varsel@example.no" not in shown
    assert "message 2 to ola did not arrive" in text.getvalue()


async def test_an_optional_address_does_not_turn_a_failure_into_an_arrival(inbox: tuple[Inbox, str]) -> None:
    one, address = inbox
    one.status = 500
    contact = make_contact("kari", f"{address}?optional=yes")
    answer = await send(contact.address, Parcel("KRITISK", "kaldt", Severity.CRITICAL))
    assert answer.outcome is Outcome.FAILED


def test_redaction_takes_out_every_piece_that_may_be_secret() -> None:
    address = "slack://T1JJ3T3L2/A1BRTD4JD/p%C3%A5ls?token=abcd1234"
    text = f"could not post to {address}: T1JJ3T3L2 A1BRTD4JD påls p%C3%A5ls abcd1234 is wrong, says slack"
    shown = redact(text, address)
    assert not any(piece in shown for piece in ("T1JJ3T3L2", "A1BRTD4JD", "påls", "abcd1234"))
    assert shown.endswith("is wrong, says slack")
