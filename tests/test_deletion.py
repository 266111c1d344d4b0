"""What ``docs/privacy.md`` says of deleting, done as it stands there: on a real server, and with the real store."""

import asyncio
import json
import re
import shlex
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from ingest.event_time import format_time
from ingest.store_file import FILE
from simulators.testbed.collector import CollectorProcess
from simulators.testbed.influxd import quote_name
from tests.stand import ROOT, climate
from tests.test_docs import BLOCK
from tests.test_health_database import ALARMS, Ward, broker, check_ledger, health, wait_written, ward

__all__ = ["broker", "health", "ward"]

PAGE = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Delete what is known of a device\n")[2].partition("\n## ")[0]
COMMANDS = [shlex.split(line) for line in BLOCK.findall(SECTION)[0].splitlines()]
TRACKER = """
[[device]]
id = "tracker-3"
type = "asset_tracker"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
"""
LOW = """
device_type = "asset_tracker"
field = "battery"
unit = "%"
below = 10.0
clear = 20.0
for = "0s"
severity = "warning"
text = "Svakt batteri: {value} %"

[[example]]
series = [[0, 50.0], [10, 5.0], [20, 60.0]]
fires = 10
clears = 20
"""
STILL = """
device_type = "safety_alarm"
field = "battery"
unit = "min"
derive = { kind = "unchanged" }
above = 60.0
clear = 0.0
for = "0s"
severity = "info"
text = "Batteriet er likt"

[[example]]
series = [[0, 5.0], [30, 5.0], [70, 5.0], [80, 6.0]]
fires = 70
clears = 80
"""
PERSONS = ("alarm-kari", "tracker-3", "ward:stranger-9")
"""Ids of devices, and one under which something waits that no inventory has."""


def scan(folder: Path, name: str) -> set[str]:
    """Return the tables of a store of which a row has a name, packed or not."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - of the schema
            if any(name in text for text in map(read_cell, row))
        }


def read_cell(cell: object) -> str:
    """Return what is in a cell of a row as text, unpacked where it is packed."""
    if isinstance(cell, bytes):
        try:
            return zlib.decompress(cell, 47).decode(errors="replace")
        except zlib.error:
            return cell.decode(errors="replace")
    return str(cell)


async def forget(ward: Ward, collector: CollectorProcess, name: str, *words: str, code: int = 0) -> str:
    """Run the command in this process; return what it said."""
    environment = {"GJOVIK_SOURCES": str(ward.folder / "sources"), **ward.variables}
    arguments = ["store", "forget", name, "--settings", str(collector.settings), "--yes", *words]
    done = await asyncio.to_thread(CliRunner().invoke, gjovik.app, arguments, env=environment)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


async def run_page(ward: Ward, collector: CollectorProcess, *names: str) -> None:
    """Do what the page says of InfluxDB 1.x, for some devices; its program says no more than the statements do."""
    databases = {"health": ward.health, "sensors": ward.database}
    for words in COMMANDS:
        if words[0] == "systemctl":
            assert words[2] == "gjovik-collector"
            await (collector.stop() if words[1] == "stop" else collector.start())
            continue
        for name in names:
            told = [word.replace("alarm-17", name) for word in words]
            if told[0] == "influx":
                options = dict(zip(told[1::2], told[2::2], strict=True))
                assert options.keys() == {"-username", "-password", "-database", "-execute"}
                await ward.influxd.query(options["-execute"], databases[options["-database"]])
            else:
                assert told == ["gjovik", "store", "forget", name, "--settings", "/etc/gjovik/collector.toml"]
                assert "Forgotten" in await forget(ward, collector, name)


async def tell_of_all(ward: Ward, now_ms: int) -> None:
    """Have everybody tell something that is accepted, something that is refused, and something that alarms."""
    await ward.publish("climate-1", ("gjovik/hall/climate-1/reading", climate(now_ms, 1)))
    for name, members in (("alarm-kari", {"alarm": True, "battery": 5.0}), ("tracker-3", {"battery": 5.0})):
        topic = f"gjovik/hall/{name}/reading"
        good = [{"time": format_time(now_ms - age_s * 1000)} | members for age_s in (2, 1, 7200)]
        await ward.publish(name, *((topic, one) for one in good), (topic, "Kari Nordmann"))
    await ward.publish("ward", ("ward/stranger-9", {"alarm": True}), ("ward/Ola", '{"alarm": "Ola"}'))


@pytest.fixture
async def told(ward: Ward) -> Ward:
    """A ward with a device of class personal beside it, and a rule that remembers more than alerts."""
    for key, text in (("low", LOW), ("still", STILL)):
        (ward.folder / "rules" / f"{key}.toml").write_text(text)
    ward.install(ALARMS + TRACKER)
    return ward


async def test_what_the_page_says_deletes_all_that_is_stored_of_a_device_and_nothing_else(
    told: Ward, now_ms: int
) -> None:
    async with told.run() as collector:
        await tell_of_all(told, now_ms)
        await collector.wait_until(lambda status: len(status["firing"]) >= 2, "fire")
        await wait_written(collector, 11)
        held = scan(collector.store, "alarm-kari")
        assert {"alerts", "incidents", "marks", "quarantine", "alert_states"} <= held
        assert {"alerts", "incidents", "marks", "quarantine"} <= scan(collector.store, "tracker-3")
        assert scan(collector.store, "ward:stranger-9") == {"quarantine", "quarantine_groups"}
        assert "alarm-kari" in await told.dump(told.health)
        assert "tracker-3" in await told.dump(told.database)

        assert "is in the inventory" in await forget(told, collector, "alarm-kari", code=2)
        ola = ALARMS.split("[[device]]")[2]
        told.install(f"[[device]]{ola}")
        (told.folder / "rules/low.toml").unlink()
        collector.hang_up()
        await collector.wait_until(lambda status: status["devices"] == 3, "reload")
        await collector.wait_until(lambda status: status["outbox_lines"] == 0, "write what ended")
        assert "the store" in (await forget(told, collector, "alarm-kari", code=1)).lower()
        before = scan(collector.store, "alarm-ola"), scan(collector.store, "climate-1")
        await run_page(told, collector, *PERSONS)
        await collector.stop()
        for name in PERSONS:
            assert scan(collector.store, name) == set()
            assert not [file for file in collector.store.iterdir() if name.encode() in file.read_bytes()]
            assert name not in await told.dump(told.health) + await told.dump(told.database)
        left = scan(collector.store, "alarm-ola"), scan(collector.store, "climate-1")
        assert all(some >= {"marks"} for some in left)
        assert left[0] >= before[0] - {"hours"}
        assert "climate-1" in await told.dump(told.database)
        check_ledger(collector)
        # What is remembered of others still is: the same again is a duplicate.
        await collector.start()
        await told.publish("climate-1", ("gjovik/hall/climate-1/reading", climate(now_ms, 1)))
        await collector.wait_until(lambda status: status["ledger"]["duplicate_readings"] >= 1, "hear it again")
        code, found = await asyncio.to_thread(told.reconcile, collector)
        assert (code, found["missing"], found["surplus"]) == (0, 0, 0)


async def test_a_device_of_which_lines_wait_is_not_forgotten(told: Ward, now_ms: int) -> None:
    name = quote_name(told.health)
    await told.influxd.query(f"REVOKE ALL ON {name} FROM {name}")
    async with told.run() as collector:
        await told.call(now_ms)
        await collector.wait_until(lambda status: status["health_outbox_lines"] >= 3, "keep what is for health")
        await collector.stop()
        told.install("")
        (told.folder / "rules/still.toml").unlink()
        (told.folder / "rules/low.toml").unlink()
        assert "wait for InfluxDB" in await forget(told, collector, "alarm-kari", code=1)
        assert {"outbox", "marks", "incidents"} <= scan(collector.store, "alarm-kari")
        nothing = await forget(told, collector, "nobody", "--json")
        assert set(json.loads(nothing).values()) == {0}
        await collector.start()


async def test_hourly_values_go_with_the_rest(told: Ward) -> None:
    database = quote_name(told.database)
    await told.influxd.query(f'CREATE RETENTION POLICY "1h" ON {database} DURATION INF REPLICATION 1')
    point = "alarm=1 1000"
    for name in ("alarm-17", "alarm-18"):
        await told.influxd.write(f"safety_alarm,device={name} {point}", told.database)
    select = f'SELECT "alarm" INTO {database}."1h"."safety_alarm" FROM "safety_alarm" GROUP BY *'  # noqa: S608 - ours
    await told.influxd.query(select, told.database)
    (drop,) = (words[words.index("-execute") + 1] for words in COMMANDS if "sensors" in words)
    await told.influxd.query(drop, told.database)
    for policy in ("autogen", "1h"):
        asked = f'SELECT "alarm" FROM "{policy}"."safety_alarm" GROUP BY "device"'  # noqa: S608 - ours
        found = await told.influxd.query(asked, told.database)
        assert [series.tags["device"] for series in found] == ["alarm-18"]


async def test_events_of_before_a_device_was_known_go_for_the_whole_source(told: Ward) -> None:
    (statement,) = re.findall(r"`(DROP SERIES FROM [^`]+)`", SECTION)
    lines = [
        f'source_events,kind=joined,source=care{device} count=1,address="{address}" {time_ms}'
        for device, address, time_ms in (("", "room-12", 1), (",device=alarm-18", "room-13", 2))
    ]
    await told.influxd.write(
        "\n".join([*lines, 'source_events,kind=joined,source=hall count=1,address="x" 3']), told.health
    )
    await told.influxd.query(statement, told.health)
    found = await told.influxd.query('SELECT "address" FROM "source_events"', told.health)
    assert [row[1] for series in found for row in series.rows] == ["room-13", "x"]
