"""What the collector's shell promises: order, restarts, stopping, telling. The real command on real servers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.health import list_silent
from ingest.memory import Memory
from ingest.store_file import FILE
from ingest.store_reader import open_reader
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.small_town import make_inventory
from tests.stand import Stand, climate, run_stand

MINUTE_MS = 60_000


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    """A collector that drains for a second at most."""
    async with run_stand(tmp_path, mosquitto, influxd, database, {"drain_s": 1.0}) as running:
        yield running


@contextmanager
def hold_store(stand: Stand) -> Iterator[None]:
    """Keep the collector from committing, as a full disk would, while the block runs."""
    with closing(sqlite3.connect(stand.collector.store / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_nothing_is_acknowledged_before_it_is_on_disk(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 60_000, 0)])
    await stand.wait_received(1)
    with hold_store(stand):
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(1, 50)])
        await stand.collector.wait_until(lambda status: bool(status["store_error"]), "say that the disk is stuck")
        await stand.collector.kill()
    await stand.collector.start()
    await stand.wait_received(50)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert [row[1] for row in rows] == [float(seq) for seq in range(50)]


async def test_a_commit_that_fails_is_tried_again_and_nothing_is_counted_twice(stand: Stand, now_ms: int) -> None:
    with hold_store(stand):
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(20)])
        await stand.collector.wait_until(lambda status: bool(status["store_error"]), "say that the disk is stuck")
    await stand.wait_received(20)
    await stand.wait_stored()
    status = stand.collector.read_status()
    assert (status["ledger"]["accepted"], status["ledger"]["received"], status["store_error"]) == (20, 20, "")


async def test_a_collector_whose_disk_is_stuck_still_stops_when_told(stand: Stand, now_ms: int) -> None:
    with hold_store(stand):
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(20)])
        await stand.collector.wait_until(lambda status: bool(status["store_error"]), "say that the disk is stuck")
        async with asyncio.timeout(20):
            await stand.collector.stop()
    await stand.collector.start()
    await stand.wait_received(20)
    await stand.wait_stored()
    assert len(await stand.select("SELECT seq FROM indoor_climate")) == 20


async def test_a_store_that_is_deleted_in_use_acknowledges_nothing_more(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 60_000, 0)])
    await stand.wait_received(1)
    await stand.wait_stored()
    (stand.collector.store / FILE).unlink()
    await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(1, 20)])
    await stand.collector.wait_until(lambda status: "was deleted" in status["store_error"], "say so")
    await stand.collector.stop()
    await stand.collector.start()
    await stand.wait_received(19)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert [row[1] for row in rows] == [float(seq) for seq in range(20)]


async def test_a_store_that_is_replaced_in_use_acknowledges_nothing_more(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 60_000, 0)])
    await stand.wait_received(1)
    await stand.wait_stored()
    file = stand.collector.store / FILE
    copy = file.with_name("copy")
    with open_reader(stand.collector.store) as reader:
        reader.backup(copy)
    copy.rename(file)
    await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(1, 20)])
    await stand.collector.wait_until(lambda status: "or replaced" in status["store_error"], "say so")
    await stand.collector.kill()
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    await stand.collector.start()
    await stand.wait_received(20)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert [row[1] for row in rows] == [float(seq) for seq in range(20)]


async def test_a_backlog_of_a_device_without_a_clock_keeps_every_reading(stand: Stand) -> None:
    await stand.collector.stop()
    await stand.publish("light-1", [f'{{"on":true,"power":10,"seq":{seq}}}' for seq in range(2500)])
    await stand.collector.start()
    await stand.wait_received(2500)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM street_light")
    assert [row[1] for row in rows] == [float(seq) for seq in range(2500)]


async def test_an_alert_that_fires_over_a_restart_fires_once_and_clears(stand: Stand, now_ms: int) -> None:
    begin_ms = now_ms - 60 * MINUTE_MS
    temperatures = [15.0, 15.0, 15.0, 18.0]
    payloads = [
        climate(begin_ms + seq * 11 * MINUTE_MS, seq, temperature=value) for seq, value in enumerate(temperatures)
    ]
    await stand.publish("climate-1", payloads[:2])
    await stand.collector.wait_until(lambda status: len(status["firing"]) == 1, "fire", deadline_s=15)
    await stand.collector.stop()
    await stand.collector.start()
    assert len(stand.collector.read_status()["firing"]) == 1
    await stand.publish("climate-1", payloads[2:])
    await stand.collector.wait_until(lambda status: not status["firing"], "clear", deadline_s=15)
    await stand.wait_stored()
    rows = await stand.select("SELECT firing FROM alerts WHERE device = 'climate-1'")
    assert [row[1] for row in rows] == [True, False]


async def test_what_comes_again_after_a_restart_is_a_duplicate(stand: Stand, now_ms: int) -> None:
    payload = climate(now_ms - 50_000, 0)
    await stand.publish("climate-1", [payload])
    await stand.wait_received(1)
    await stand.collector.stop()
    assert stand.collector.read_status()["stopped"]
    await stand.collector.start()
    await stand.publish("climate-1", [payload])
    await stand.wait_received(2)
    assert not stand.collector.read_status()["stopped"]
    ledger = stand.collector.read_status()["ledger"]
    assert (ledger["accepted"], ledger["duplicate_readings"]) == (1, 1)


async def test_refusals_and_ingest_health_are_in_influxdb_by_reason(stand: Stand) -> None:
    await stand.publish("climate-1", ["{", "{", ""])
    await stand.wait_received(3)
    await stand.collector.stop()
    rows = await stand.influxd.query("SELECT sum(count) FROM rejections GROUP BY reason", stand.database)
    assert {series.tags["reason"]: series.rows[0][1] for series in rows} == {"malformed_json": 2, "empty_payload": 1}
    ((_, total),) = await stand.select("SELECT last(rejected_total) FROM collector")
    assert total == 3
    ((_, area),) = await stand.select("SELECT last(area_m2) FROM site_facts WHERE site = 'hall'")
    assert area == 1000


def test_a_dead_sensor_is_not_mistaken_for_a_healthy_one(now_ms: int) -> None:
    inventory, memory, types = make_inventory(), Memory(), load_device_types()
    for device in inventory.devices.values():
        memory.recall(device.id).heard_ms = now_ms - MINUTE_MS
    memory.recall("water_meter").heard_ms = now_ms - 30 * 24 * 60 * MINUTE_MS
    just_started_ms = now_ms - MINUTE_MS
    silent = list_silent(inventory, types, memory, just_started_ms, now_ms)
    assert [(one.device, one.seconds) for one in silent] == [("water_meter", 30 * 24 * 3600)]


def test_a_device_that_was_never_heard_is_silent_three_intervals_after_the_start(now_ms: int) -> None:
    inventory, types = make_inventory(), load_device_types()
    interval_ms = round(types["road_weather"].interval.total_seconds() * 1000)
    for started_ms, expected in ((now_ms - 3 * interval_ms, False), (now_ms - 3 * interval_ms - 1, True)):
        silent = list_silent(inventory, types, Memory(), started_ms, now_ms)
        assert ("road_weather" in {one.device for one in silent}) is expected


def test_devices_at_other_collectors_sites_are_not_ours_to_call_silent(now_ms: int) -> None:
    inventory, types = make_inventory(), load_device_types()
    started_ms = now_ms - 30 * 24 * 60 * MINUTE_MS
    everywhere = list_silent(inventory, types, Memory(), started_ms, now_ms)
    assert everywhere
    for site in inventory.sites:
        ours = list_silent(inventory, types, Memory(), started_ms, now_ms, [site])
        assert ours == [one for one in everywhere if one.site == site]
