"""What proofs of alerting share: a town of freezers whose collector, broker, database and mail server are all real."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typer.testing import CliRunner

import gjovik
from ingest.accounts import COLLECTOR, MONITOR, make_password
from ingest.collector import Collector
from ingest.configuration import read_configuration
from ingest.event_time import format_time
from ingest.incidents.incident import Incident, StepKind
from ingest.influx import open_influx
from ingest.mqtt import Broker
from ingest.notice_publisher import NoticePublisher
from ingest.notify.messenger import Messenger
from ingest.reporter import Reporter
from ingest.run import list_filters
from ingest.settings_file import load_settings, read_secret
from ingest.store_file import FILE
from ingest.store_incidents import IncidentFilter
from ingest.store_reader import open_reader
from ingest.store_thread import open_store
from simulators.testbed.collector import CollectorProcess, Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import run_mosquitto
from simulators.testbed.port import LOOPBACK, free_port
from tests.mqtt_clients import listening
from tests.stand import Stand, connect
from tests.test_commit import assemble

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DEADLINE_S = 30.0
GATEWAY = "gateway-1"
SITE = """
[[site]]
key = "hall"
title = "Hallen"
category = "sports_hall"
latitude = 60.8
longitude = 10.7
area_m2 = 1000.0
[[site.zone]]
key = "kitchen"
title = "Kjøkkenet"
"""
FREEZER = """
[[device]]
id = "freezer-{0}"
type = "freezer"
component = "+A=350.001-RT{0:03}"
placements = [{{ from = 2024-01-01, site = "hall", zone = "kitchen" }}]
"""
WARM = """
device_type = "freezer"
field = "temperature"
unit = "Cel"
above = -15.0
clear = -17.0
for = "10m"
severity = "critical"
text = "Fryseren er {value} {unit}"

[[example]]
series = [[0, -20], [10, -10], [20, -10], [30, -18]]
fires = 20
clears = 30
"""
SILENT = """
device_type = "freezer"
watch = "silence"
unit = "1"
above = 4.0
clear = 1.0
for = "0s"
severity = "warning"
text = "Fryseren er taus"

[[example]]
series = [[0, 3.5], [10, 5], [30, 0]]
fires = 10
clears = 30
"""
NOTIFY = """
[[contact]]
key = "kari"
title = "Kari"
address_env = "ADDRESS_KARI"

[[contact]]
key = "ola"
title = "Ola"
address_env = "ADDRESS_OLA"

[[route]]
key = "drift"
to = ["kari"]
most_per_hour = 100
"""


class Mail(NamedTuple):
    """One e-mail as its server took it.

    Attributes:
        to: Name of whoever gets it, without its domain.
        title: Subject.
        text: Body.
    """

    to: str
    title: str
    text: str

    @property
    def reference(self) -> str:
        """What tells it from every other; a repeat has the same."""
        return self.text.partition("Ref: ")[2][:12]


class Mailbox:
    """What a real SMTP server has taken.

    Attributes:
        mails: In order.
        answer: What it says to a mail; it takes those for which that begins with 250.
        is_prompt: It answers only while this is set.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.answer = "250 OK"
        self.is_prompt = threading.Event()
        self.is_prompt.set()

    def list_to(self, name: str) -> list[str]:
        """Return the titles of what somebody got, in order."""
        return [mail.title for mail in self.mails if mail.to == name]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        del server, session
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))
        assert body is not None
        answer = self.answer
        if answer.startswith("250"):
            to = envelope.rcpt_tos[0].partition("@")[0]
            self.mails.append(Mail(to, str(mail["Subject"]), str(body.get_content())))
        while not self.is_prompt.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.02)
        return answer


@asynccontextmanager
async def run_smtp(mailbox: Mailbox) -> AsyncIterator[Callable[[str], str]]:
    """Run an SMTP server in a thread of its own; give what makes the address of a name for Apprise."""
    port = free_port()
    controller = Controller(mailbox, hostname=LOOPBACK, port=port)
    await asyncio.to_thread(controller.start)
    try:
        yield lambda name: f"mailto://{LOOPBACK}:{port}?from=varsel@example.no&to={name}@example.no&mode=insecure"
    finally:
        mailbox.is_prompt.set()
        await asyncio.to_thread(controller.stop)


class Said(NamedTuple):
    """A reading of a freezer: which, when, and how warm."""

    freezer: int
    time_ms: int
    degrees: float


@dataclass(frozen=True, slots=True)
class Town:
    """What a proof can reach.

    Attributes:
        stand: Broker, database and collector.
        mailbox: What people got.
        heard: Every message of MQTT about an alert since the beginning.
        gateway: Publishes for every freezer.
        environ: What the collector finds in its environment, beside ours.
    """

    stand: Stand
    mailbox: Mailbox
    heard: list[dict[str, Any]]
    gateway: aiomqtt.Client
    environ: Mapping[str, str]

    @property
    def collector(self) -> CollectorProcess:
        """The real command, as a process."""
        return self.stand.collector

    async def publish(self, *readings: Said) -> None:
        """Publish readings in this order; return when the broker has acknowledged all."""
        for freezer, time_ms, degrees in readings:
            payload = json.dumps({"time": format_time(time_ms), "temperature": degrees})
            await self.gateway.publish(f"gjovik/hall/freezer-{freezer}/reading", payload, qos=1)

    async def take(self, *readings: Said) -> None:
        """Publish readings; return when the collector has them on disk."""
        before = self.collector.read_status()["ledger"]["received"]
        await self.publish(*readings)
        await self.stand.wait_received(before + len(readings))

    def list_incidents(self, freezer: int | None = None) -> list[Incident]:
        """Return all incidents, or those of one freezer, the oldest first."""
        if not (self.collector.store / FILE).exists():
            return []
        with open_reader(self.collector.store) as reader:
            where = IncidentFilter(device=None if freezer is None else f"freezer-{freezer}")
            return reader.incidents(where, 10_000)[::-1]

    def list_steps(self, incident: int, *left_out: StepKind) -> list[str]:
        """Return the kinds of an incident's steps, in order."""
        with open_reader(self.collector.store) as reader:
            found = reader.incident(incident)
        return [] if found is None else [step.kind for step in found[1] if step.kind not in left_out]

    def list_reasons(self, incident: int) -> list[str]:
        """Return why nobody was told of an incident."""
        with open_reader(self.collector.store) as reader:
            found = reader.incident(incident)
        return [] if found is None else [step.text for step in found[1] if step.kind is StepKind.UNTOLD]

    def count_unpublished(self) -> int:
        """Return how many changes of alerts the broker does not certainly have."""
        with closing(sqlite3.connect(self.collector.store / FILE)) as connection:
            return int(connection.execute("SELECT count(*) FROM unpublished WHERE published = 0").fetchone()[0])

    def count_event(self, name: str) -> int:
        """Return how often something happened that the store counts."""
        with open_reader(self.collector.store) as reader:
            return reader.events()[name]

    def list_published(self, freezer: int, rule: str = "freezer-warm") -> list[tuple[str, str]]:
        """Return the changes of an alert as MQTT had them while we listened, each with the state that it led to."""
        topic = f"gjovik/alerts/freezer-{freezer}/{rule}"
        return [(one["change"], one["state"]) for one in self.heard if one["topic"] == topic]

    def list_topics(self) -> set[str]:
        """Return the topics of alerts of freezers that MQTT had while we listened."""
        return {one["topic"] for one in self.heard if one["topic"].startswith("gjovik/alerts/freezer-")}

    async def list_stored(self, freezer: int, measurement: str = "alerts") -> list[tuple[Any, ...]]:
        """Return times and values of an alert's lines in InfluxDB."""
        await self.stand.wait_stored()
        return await self.stand.select(f"SELECT value FROM {measurement} WHERE device = 'freezer-{freezer}'")  # noqa: S608 - our own names

    async def wait_mails(self, count: int) -> None:
        """Return when so many mails were taken."""
        await wait_for(lambda: len(self.mailbox.mails) >= count, f"{count} mails")

    async def alerts(self, *words: str) -> dict[str, Any]:
        """Return what ``gjovik alerts`` says to a program."""
        return await run_alerts(self.collector.store, *words)


async def run_alerts(store: Path, *words: str) -> dict[str, Any]:
    """Return what ``gjovik alerts`` says to a program about a store."""
    arguments = ["alerts", *words, "--store", str(store), "--json"]
    ended = await asyncio.to_thread(lambda: CliRunner().invoke(gjovik.app, arguments))
    assert ended.exit_code == 0, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


async def wait_for(holds: Callable[[], bool], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Return when a condition of another process holds, or fail and say what did not come."""
    try:
        async with asyncio.timeout(deadline_s):
            while not holds():  # noqa: ASYNC110 - conditions of another process give no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"in {deadline_s:g} s there was no: {what}") from None


def write_town(folder: Path, freezers: int, notify: str, rules: Mapping[str, str]) -> None:
    """Write inventory, rules and contacts of a town."""
    for name in ("inventory", "rules"):
        (folder / name).mkdir()
    devices = "".join(FREEZER.format(number) for number in range(1, freezers + 1))
    (folder / "inventory/hall.toml").write_text(SITE + devices)
    for key, text in rules.items():
        (folder / f"rules/{key}.toml").write_text(text)
    (folder / "notify.toml").write_text(notify)


@asynccontextmanager
async def run_town(
    folder: Path,
    influxd: Influxd,
    database: str,
    *,
    freezers: int = 3,
    notify: str = NOTIFY,
    rules: Mapping[str, str] | None = None,
    late_s: float = 600.0,
) -> AsyncIterator[Town]:
    """Run a town until the block ends.

    Args:
        folder: Gets everything; the collector's store is in ``collector/store``.
        influxd: The database server.
        database: An empty database.
        freezers: How many there are, from number 1.
        notify: Who is told.
        rules: By key; warm freezers when left out.
        late_s: The setting of this name.
    """
    write_town(folder, freezers, notify, rules or {"freezer-warm": WARM})
    mailbox = Mailbox()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(run_smtp(mailbox))
        accounts = {name: make_password() for name in (COLLECTOR, GATEWAY, MONITOR)}
        broker = await stack.enter_async_context(run_mosquitto(folder / "mosquitto", accounts, gateways=[GATEWAY]))
        gateway = await stack.enter_async_context(connect(broker, GATEWAY, accounts[GATEWAY]))
        heard = await stack.enter_async_context(listening(broker))
        environ = {
            "ADDRESS_KARI": address("kari"),
            "ADDRESS_OLA": address("ola"),
            "GJOVIK_ALERTS__CONTACTS": str(folder / "notify.toml"),
            "GJOVIK_ALERTS__LATE_S": str(late_s),
        }
        setup = Setup(folder / "inventory", folder / "rules", database, environment=environ)
        collector = await stack.enter_async_context(run_collector_process(folder / "collector", broker, influxd, setup))
        stand = Stand(broker, influxd, database, collector, folder / "inventory", folder / "rules")
        yield Town(stand, mailbox, heard, gateway, environ)


@asynccontextmanager
async def run_inside(town: Town) -> AsyncIterator[Collector]:
    """Run the parts of the town's collector, which must have stopped, in this process: a test can have time pass."""
    settings = load_settings(town.collector.settings, town.environ)
    configuration = read_configuration(settings, town.environ)
    broker = Broker(settings.mqtt, password=read_secret(settings.mqtt, "mqtt"), filters=list_filters(settings.mqtt))
    async with (
        open_store(settings.store) as store,
        open_influx(settings.influx, read_secret(settings.influx, "influx")) as influx,
    ):
        restored = await store.load()
        collector, peers = assemble(settings, configuration, restored, broker, store, influx)
        messenger = Messenger(settings, store, configuration, lambda: collector.is_caught_up)
        reporter = Reporter(settings, collector, peers, NoticePublisher(settings.mqtt, broker), restored)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            connection = group.create_task(broker.run(), name="mqtt")
            commit = group.create_task(collector.receive_and_commit(), name="commit")
            parts = (peers.writer.run(), peers.publisher.run(), messenger.run(), reporter.run())
            others = [group.create_task(one) for one in parts]
            await broker.ready()
            yield collector
            await collector.stop(commit)
            await peers.publisher.publish_pending()
            for task in others:
                task.cancel()
            await broker.close()
            await connection


def say(freezer: int, now_ms: int, *said: tuple[float, float]) -> Sequence[Said]:
    """Return readings of a freezer, each so many minutes ago and so warm."""
    return [Said(freezer, round(now_ms - minutes * MINUTE_MS), degrees) for minutes, degrees in said]


def merge(*series: Sequence[Said]) -> list[Said]:
    """Return readings of several freezers in order of time, as a broker gets them."""
    return sorted((one for some in series for one in some), key=lambda one: one.time_ms)
