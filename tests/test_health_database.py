"""Two databases on real servers: what tells of people's health goes to its own, and neither waits for the other."""

import asyncio
import dataclasses
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gjovik
from ingest.accounts import COLLECTOR, MONITOR, make_password
from ingest.backoff import Backoff
from ingest.batch import Batch
from ingest.event_time import format_time
from ingest.influx import open_influx
from ingest.settings import Influx
from ingest.settings import Store as StoreSettings
from ingest.store_reader import open_reader
from ingest.store_thread import StoreThread, open_store
from ingest.target import Target
from ingest.writer import Writer
from simulators.testbed.collector import CollectorProcess, Setup, run_collector_process
from simulators.testbed.influxd import Influxd, quote_name, quote_text
from simulators.testbed.mosquitto import Mosquitto
from simulators.testbed.port import free_port
from tests.stand import COLD, INVENTORY, climate, connect
from tests.writer_stand import NOW_MS, until

PASSWORD = secrets.token_urlsafe(24)
WARD = "ward"
"""Account at the broker that plays what a Source publishes."""
ALARMS = """
[[device]]
id = "alarm-kari"
type = "safety_alarm"
component = "+A=520.001-QA001"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]

[[device]]
id = "alarm-ola"
type = "safety_alarm"
component = "+A=520.001-QA002"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
source = "ward"
address = "ola"
model = "fields_safety_alarm"
"""
CALLED = """
device_type = "safety_alarm"
field = "alarm"
unit = "1"
equals = true
for = "0s"
severity = "critical"
text = "Noen ber om hjelp"

[[example]]
series = [[0, 0], [10, 1], [20, 0]]
fires = 10
clears = 20
"""
NAMES = ("alarm-kari", "alarm-ola")


class OpenMosquitto(Mosquitto):
    """A broker at which an account plays a Source, and the collector may hear it."""

    def _write_files(self) -> None:
        super()._write_files()
        acl = self._folder / "acl"
        heard = f"user {COLLECTOR}\ntopic read ward/+\n\nuser {WARD}\ntopic readwrite #\n\nuser {COLLECTOR}\n"
        acl.write_text(acl.read_text().replace(f"user {COLLECTOR}\n", heard, 1))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[OpenMosquitto]:
    """A broker of this test alone."""
    (tmp_path / "broker").mkdir()
    accounts = {name: make_password() for name in (COLLECTOR, WARD)}
    server = OpenMosquitto(tmp_path / "broker", free_port(), accounts, None)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def health(influxd: Influxd, database_names: Iterator[str]) -> AsyncIterator[str]:
    """The name of a database that only an account of its own may use."""
    name = f"health-{next(database_names)}"
    await influxd.query(f"CREATE DATABASE {quote_name(name)}")
    await influxd.query(f"CREATE USER {quote_name(name)} WITH PASSWORD {quote_text(PASSWORD)}")
    await influxd.query(f"GRANT ALL ON {quote_name(name)} TO {quote_name(name)}")
    yield name
    await influxd.drop_database(name)
    await influxd.query(f"DROP USER {quote_name(name)}")


@dataclasses.dataclass(frozen=True)
class Ward:
    """A collector of health devices, which can be stopped, killed and told something else."""

    folder: Path
    broker: Mosquitto
    influxd: Influxd
    database: str
    health: str

    def prepare(self) -> None:
        """Write inventory, rules and sources."""
        for name in ("inventory", "rules", "sources"):
            (self.folder / name).mkdir()
        self.install(ALARMS)
        (self.folder / "rules" / "room-too-cold.toml").write_text(COLD)
        (self.folder / "sources" / "ward.toml").write_text('format = "plain"\npatterns = ["ward/{address}"]\n')

    def install(self, devices: str) -> None:
        """Have the inventory hold these devices beside the usual ones, and a rule about them if there are any."""
        (self.folder / "inventory" / "hall.toml").write_text(INVENTORY + devices)
        rule = self.folder / "rules" / "called.toml"
        rule.write_text(CALLED) if devices else rule.unlink(missing_ok=True)

    @asynccontextmanager
    async def run(self, *, with_health: bool = True) -> AsyncIterator[CollectorProcess]:
        """Run the real command until the block ends."""
        environment = {"GJOVIK_SOURCES": str(self.folder / "sources")}
        if with_health:
            environment |= self.variables
        setup = Setup(self.folder / "inventory", self.folder / "rules", self.database, environment=environment)
        async with run_collector_process(self.folder / "collector", self.broker, self.influxd, setup) as collector:
            yield collector

    @property
    def variables(self) -> Mapping[str, str]:
        """What the collector is told of the database for health."""
        return {
            "GJOVIK_HEALTH__DATABASE": self.health,
            "GJOVIK_HEALTH__USERNAME": self.health,
            "GJOVIK_HEALTH__PASSWORD": PASSWORD,
        }

    async def publish(self, account: str, *messages: tuple[str, object]) -> None:
        """Publish JSON as an account, in order; return when the broker has acknowledged all."""
        accounts = await self.broker.add_accounts([account]) if account != WARD else self.broker.accounts
        async with connect(self.broker, account, accounts[account]) as client:
            for topic, told in messages:
                payload = told if isinstance(told, str) else json.dumps(told)
                await client.publish(topic, payload, qos=1)

    async def call(self, now_ms: int, count: int = 2) -> None:
        """Have a safety alarm tell several times, the last time that somebody calls for help."""
        topic = "gjovik/hall/alarm-kari/reading"
        told = [
            {"time": format_time(now_ms - 1000 * (count - number)), "alarm": number == count - 1, "worn": True}
            for number in range(count)
        ]
        await self.publish("alarm-kari", *((topic, one) for one in told))

    async def dump(self, database: str) -> str:
        """Return everything that a database holds, as text."""
        found = await self.influxd.query("SELECT * FROM /.*/", database)
        tags = await self.influxd.query("SHOW SERIES", database)
        return repr(found) + repr(tags)

    async def count(self, database: str) -> int:
        """Return how many readings of safety alarms a database holds."""
        found = await self.influxd.query("SELECT alarm FROM safety_alarm", database)
        return sum(len(series.rows) for series in found)

    def reconcile(self, collector: CollectorProcess, *, with_health: bool = True) -> tuple[int, dict[str, Any]]:
        """Return exit code and findings of the command."""
        environment = dict(self.variables) if with_health else {}
        words = ["reconcile", "--settings", str(collector.settings), "--json"]
        done = CliRunner().invoke(gjovik.app, words, env=environment)
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def ward(tmp_path: Path, broker: OpenMosquitto, influxd: Influxd, database: str, health: str) -> Ward:
    """A collector of health devices that does not run yet."""
    made = Ward(tmp_path, broker, influxd, database, health)
    made.prepare()
    return made


async def wait_written(collector: CollectorProcess, received: int) -> None:
    await collector.wait_until(
        lambda status: (
            status["ledger"]["received"] >= received and status["outbox_lines"] == 0 and status["stored"] > 0
        ),
        "write everything",
    )


def check_ledger(collector: CollectorProcess) -> None:
    """Hold the sums of a store to what is promised, over both databases."""
    with open_reader(collector.store) as reader, reader.snapshot():
        moves, depth, ledger = reader.moves(), reader.depth(), reader.ledger()
    assert moves.committed == moves.stored + moves.refused_by_database + moves.damaged + depth.lines
    assert ledger.balances()


async def test_all_about_health_devices_is_in_their_database_and_nothing_in_the_shared_one(
    ward: Ward, now_ms: int
) -> None:
    async with ward.run() as collector:
        await ward.publish("climate-1", ("gjovik/hall/climate-1/reading", climate(now_ms, 1)))
        await ward.call(now_ms)
        await ward.publish(
            WARD, ("ward/ola", {"alarm": True, "worn": False}), ("ward/ola", '{"alarm": "Ola Nordmann"}')
        )
        late = {"time": format_time(now_ms - 60_000), "alarm": True}
        await ward.publish("alarm-kari", ("gjovik/hall/alarm-kari/reading", late))
        await ward.publish("alarm-kari", ("gjovik/hall/alarm-kari/reading", "Kari Nordmann"))
        await collector.wait_until(lambda status: len(status["firing"]) == 2, "fire")
        await wait_written(collector, 7)
        retained = await list_retained(ward)
        assert all(topic.startswith("gjovik/alerts/collector/") for topic, _ in retained)
        assert not [name for name in NAMES if name in str(retained)]
        status = collector.read_status()
        assert (status["has_health_database"], status["health_database_error"]) == (True, "")
        code, findings = await asyncio.to_thread(ward.reconcile, collector)
        assert (code, findings["missing"], findings["surplus"], findings["waiting"]) == (0, 0, 0, 0)
        assert findings["stored"] == findings["accepted"] == 5
    check_ledger(collector)
    apart, shared = await ward.dump(ward.health), await ward.dump(ward.database)
    for name in NAMES:
        assert name in apart
        assert name not in shared
    assert "alarms" not in shared
    assert "safety_alarm" not in shared
    assert "climate-1" in shared
    assert "climate-1" not in apart
    assert {series.name for series in await ward.influxd.query("SHOW MEASUREMENTS", ward.health)} == {"measurements"}
    measured = await ward.influxd.query("SHOW MEASUREMENTS", ward.health)
    assert {row[0] for series in measured for row in series.rows} >= {"safety_alarm", "alerts", "alerts_late"}
    assert (await ward.count(ward.health), await ward.count(ward.database)) == (4, 0)
    with open_reader(collector.store) as reader:
        kept = [row.quarantined for row in reader.quarantine()]
    assert sorted(one.device for one in kept) == ["alarm-kari", "alarm-ola"]
    assert "Nordmann" not in str(kept)
    assert not [file for file in collector.store.iterdir() if b"Nordmann" in file.read_bytes()]


async def list_retained(ward: Ward) -> list[tuple[str, str]]:
    """Return topic and payload of all that the broker retains under ``alerts``: what comes before a last message."""
    accounts, end = await ward.broker.add_accounts([MONITOR]), "gjovik/alerts/the/end"
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(15), connect(ward.broker, MONITOR, accounts[MONITOR]) as client:
        await client.subscribe("gjovik/alerts/#", qos=1)
        await ward.publish(WARD, (end, "{}"))
        async for message in client.messages:
            if str(message.topic) == end:
                return found
            found.append((str(message.topic), str(message.payload)))
    raise AssertionError("the connection ended")


async def test_a_health_database_that_refuses_stops_nobody_and_a_kill_loses_nothing(ward: Ward, now_ms: int) -> None:
    name = quote_name(ward.health)
    await ward.influxd.query(f"REVOKE ALL ON {name} FROM {name}")
    async with ward.run() as collector:
        await ward.call(now_ms, 20)
        await ward.publish("climate-1", ("gjovik/hall/climate-1/reading", climate(now_ms, 1)))
        await collector.wait_until(
            lambda status: (
                status["ledger"]["received"] >= 21
                and status["health_database_error"] != ""
                and status["outbox_lines"] == status["health_outbox_lines"] == 21
            ),
            "write what is shared and keep the rest",
        )
        status = collector.read_status()
        assert status["influx_ok"]
        assert "health-database-refuses" in {notice["key"] for notice in status["notices"]}
        assert len(await ward.influxd.query("SELECT temperature FROM indoor_climate", ward.database)) == 1
        shown = CliRunner().invoke(gjovik.app, ["status", "--settings", str(collector.settings)]).stdout
        assert "takes no lines; 21 lines wait" in shown
        await collector.kill()
        await ward.influxd.query(f"GRANT ALL ON {name} TO {name}")
        await collector.start()
        await wait_written(collector, 21)
        assert await ward.count(ward.health) == 20
        check_ledger(collector)
    assert not [one for one in NAMES if one in await ward.dump(ward.database)]


async def test_what_waits_when_the_setting_is_gone_waits_and_goes_nowhere_else(ward: Ward, now_ms: int) -> None:
    name = quote_name(ward.health)
    await ward.influxd.query(f"REVOKE ALL ON {name} FROM {name}")
    async with ward.run() as collector:
        await ward.call(now_ms)
        await collector.wait_until(lambda status: status["health_outbox_lines"] == 3, "keep what is for health")
    ward.install("")
    async with ward.run(with_health=False) as collector:
        await ward.publish("climate-1", ("gjovik/hall/climate-1/reading", climate(now_ms, 1)))
        await collector.wait_until(
            lambda status: (
                status["ledger"]["received"] >= 3
                and status["outbox_lines"] == status["health_outbox_lines"] > 0
                and "health-waits" in {notice["key"] for notice in status["notices"]}
            ),
            "write what is shared, and say that the rest waits",
        )
        shown = CliRunner().invoke(gjovik.app, ["status", "--settings", str(collector.settings)]).stdout
        assert "NOT SET (health.database)" in shown
        waiting = collector.read_status()["health_outbox_lines"]
        # The alert of the device that is gone was withdrawn, which is told where the alert was.
        assert waiting == 4
    assert not [one for one in NAMES if one in await ward.dump(ward.database)]
    await ward.influxd.query(f"GRANT ALL ON {name} TO {name}")
    async with ward.run() as collector:
        await wait_written(collector, 3)
    assert await ward.count(ward.health) == 2
    check_ledger(collector)


async def test_without_the_setting_a_collector_of_health_devices_does_not_start(ward: Ward) -> None:
    (ward.folder / "collector").mkdir()
    words = ["check", "--inventory", str(ward.folder / "inventory"), "--rules", str(ward.folder / "rules")]
    refused = CliRunner().invoke(gjovik.app, words)
    assert refused.exit_code == 1
    assert refused.output.count("health.database") == 2
    allowed = CliRunner().invoke(gjovik.app, words, env=dict(ward.variables))
    assert "tells of people's health" not in allowed.output


@asynccontextmanager
async def write_both(store: StoreThread, clients: Mapping[Target, Influx]) -> AsyncIterator[dict[Target, Writer]]:
    """Run a writer for each database until the block ends."""
    async with (
        open_influx(clients[Target.SHARED], PASSWORD) as shared,
        open_influx(clients[Target.HEALTH], PASSWORD) as apart,
        asyncio.TaskGroup() as group,
    ):
        short = {"retry": Backoff(first_s=0.02, most_s=0.1), "slow": Backoff(first_s=0.05, most_s=0.1)}
        writers = {
            target: Writer(store, client, **short, gather_s=0.01, target=target)
            for target, client in ((Target.SHARED, shared), (Target.HEALTH, apart))
        }
        tasks = [group.create_task(writer.run(), name=f"write: {target}") for target, writer in writers.items()]
        yield writers
        for task in tasks:
            task.cancel()


@pytest.mark.parametrize("away", Target)
async def test_a_database_that_is_down_never_stops_the_other(
    tmp_path: Path, influxd: Influxd, own_influxd: Influxd, health: str, away: Target
) -> None:
    await own_influxd.create_database(health)
    await own_influxd.query(f"CREATE USER {quote_name(health)} WITH PASSWORD {quote_text(PASSWORD)}")
    await own_influxd.query(f"GRANT ALL ON {quote_name(health)} TO {quote_name(health)}")
    servers = {away: own_influxd, next(one for one in Target if one is not away): influxd}
    clients = {target: Influx(url=server.url, database=health, username=health) for target, server in servers.items()}
    there = next(one for one in Target if one is not away)
    async with open_store(StoreSettings(folder=tmp_path / "store")) as store:
        await own_influxd.stop()
        async with write_both(store, clients) as writers:
            for number in range(10):
                lines = {one: [b"m,for=%d v=%d.0 %d" % (one, number, NOW_MS + number)] for one in Target}
                batch = Batch(lines=lines[Target.SHARED], health_lines=lines[Target.HEALTH])
                for entry in await store.commit(batch, NOW_MS):
                    writers[entry.target].wake()
            await until(lambda: writers[there].state.written_lines == 10 and bool(writers[away].state.error))
            assert writers[there].state.error == ""
            assert [(await store.depth(one)).lines for one in (there, away)] == [0, 10]
            await own_influxd.start()
            await until(lambda: writers[away].state.written_lines >= 10)
            assert await writers[away].drain(20)
        moves, depth = await store.moves(), await store.depth()
    assert (moves.committed, moves.stored, depth.lines) == (20, 20, 0)
    for target, server in servers.items():
        (series,) = await server.query('SELECT v FROM m GROUP BY "for"', health)
        assert (series.tags, len(series.rows)) == ({"for": str(int(target))}, 10)
