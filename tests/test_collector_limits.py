"""A collector at its limits: a store that is full, a session that is gone, a database that does not come back."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ingest.accounts import COLLECTOR
from ingest.batch import Batch
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from simulators.testbed.collector import Setup, Table, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.stand import COLD, INVENTORY, Stand, climate, connect

MIB = 1024**2


def fill_store(folder: Path, size: int) -> None:
    """Leave lines in an outbox that take so many bytes of it, as an outage of the database does."""
    store = Store.open(StoreSettings(folder=folder, most_bytes=1024 * MIB, reserve_bytes=0))
    piece = 64 * 1024
    for number in range(size // piece):
        # Random text is not compressed to less than half.
        lines = [b'filling,n=%d text="%b" %d' % (n, os.urandom(500).hex().encode(), number) for n in range(128)]
        store.commit(Batch(lines=lines), 1_768_471_200_000)
    store.close()


@asynccontextmanager
async def run_limited(
    folder: Path, broker: Mosquitto, influxd: Influxd, database: str, store: Table, mqtt: Table | None = None
) -> AsyncIterator[Stand]:
    """Run a collector with a small store."""
    inventory, rules = folder / "inventory", folder / "rules"
    inventory.mkdir()
    rules.mkdir()
    (inventory / "hall.toml").write_text(INVENTORY)
    (rules / "room-too-cold.toml").write_text(COLD)
    setup = Setup(inventory, rules, database, {"drain_s": 30.0}, store=store, mqtt=mqtt or {})
    async with run_collector_process(folder / "collector", broker, influxd, setup) as collector:
        yield Stand(broker, influxd, database, collector, inventory, rules)


def list_notices(status: Mapping[str, Any]) -> set[str]:
    return {one["key"] for one in status["notices"]}


async def read_notice(stand: Stand, key: str) -> dict[str, Any]:
    """Return what is retained of a Notice."""
    accounts = await stand.broker.add_accounts(["monitor"])
    async with asyncio.timeout(15), connect(stand.broker, "monitor", accounts["monitor"]) as client:
        await client.subscribe(f"gjovik/alerts/{COLLECTOR}/{key}", qos=1)
        message = await anext(aiter(client.messages))
        assert isinstance(message.payload, bytes)
        state: dict[str, Any] = json.loads(message.payload)
        return state


async def test_a_full_store_holds_the_broker_and_goes_on_by_itself(
    tmp_path: Path, mosquitto: Mosquitto, own_influxd: Influxd, now_ms: int
) -> None:
    await own_influxd.create_database("sensors")
    await own_influxd.stop()
    await asyncio.to_thread(fill_store, tmp_path / "collector" / "store", 17 * MIB)
    limits = {"most_bytes": 16 * MIB, "reserve_bytes": 0}
    async with run_limited(tmp_path, mosquitto, own_influxd, "sensors", limits) as stand:
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(1_000)])
        await stand.collector.wait_until(lambda status: bool(status["store_error"]), "say that the store is full")
        await stand.collector.wait_until(lambda status: "store-full" in list_notices(status), "tell of it")
        first = stand.collector.read_status()
        assert first["store_is_held"]
        assert first["ledger"]["accepted"] < 1_000
        assert (await read_notice(stand, "store-full"))["state"] == "firing"
        # The status goes on, and so does the connection; tests.test_mqtt shows it beyond the keep-alive.
        await stand.collector.wait_until(lambda status: status["time_ms"] > first["time_ms"] + 1_000, "go on")
        assert stand.collector.read_status()["mqtt_connected"]
        await own_influxd.start()
        await stand.wait_received(1_000)
        await stand.wait_stored()
        await stand.collector.wait_until(lambda status: "store-full" not in list_notices(status), "clear it")
        status = stand.collector.read_status()
        assert (status["ledger"]["accepted"], status["store_error"], status["store_is_held"]) == (1_000, "", False)
        assert status["events"]["outbox_full"] == 1
        assert (await read_notice(stand, "store-full"))["state"] == "ok"
        rows = await stand.select("SELECT seq FROM indoor_climate")
        assert sorted(row[1] for row in rows) == [float(seq) for seq in range(1_000)]


async def test_a_collector_whose_database_is_away_stops_soon(
    tmp_path: Path, mosquitto: Mosquitto, own_influxd: Influxd, now_ms: int
) -> None:
    await own_influxd.create_database("sensors")
    async with run_limited(tmp_path, mosquitto, own_influxd, "sensors", {}) as stand:
        await own_influxd.stop()
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(50)])
        await stand.wait_received(50)
        await stand.collector.wait_until(lambda status: not status["influx_ok"], "see that the database is away")
        began_s = time.monotonic()
        await stand.collector.stop()
        assert time.monotonic() - began_s < 8
        assert stand.collector.read_status()["outbox_lines"] >= 50


async def test_a_lost_session_is_counted_for_ever_and_told_of(
    tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_limited(tmp_path, mosquitto, influxd, database, {}) as stand:
        await stand.publish("climate-1", [climate(now_ms, 0)])
        await stand.wait_received(1)
        assert stand.collector.read_status()["sessions_lost"] == 0
        await stand.collector.stop()
        await mosquitto.stop()
        for file in (tmp_path / "mosquitto" / "data").iterdir():
            file.unlink()
        await mosquitto.start()
        await stand.collector.start()
        await stand.collector.wait_until(lambda status: status["sessions_lost"] == 1, "count it")
        await stand.collector.wait_until(lambda status: "session-lost" in list_notices(status), "tell of it")
        await stand.collector.stop()
        await stand.collector.start()
        status = stand.collector.read_status()
        assert status["sessions_lost"] == 1
        # The next process, too, for the rest of the day.
        assert "session-lost" in list_notices(status)


async def test_capacity_is_stated_from_what_comes(
    tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_limited(tmp_path, mosquitto, influxd, database, {}) as stand:
        for number in range(200):
            await stand.publish("climate-1", [climate(now_ms - 50_000 + number * 100 + n, n) for n in range(20)])
            if stand.collector.read_status()["capacity_hours"] is not None:
                break
            await asyncio.sleep(0.1)
        status = stand.collector.read_status()
        assert status["store_hours"] + status["broker_hours"] == status["capacity_hours"]
        assert status["capacity_hours"] > 24
        assert 0 < status["store_bytes"] < status["store_most_bytes"] == 2 * 1024**3
        assert status["drain_per_s"] > 0
        await stand.collector.stop()
        rows = await stand.select("SELECT last(capacity_hours), last(store_bytes), last(notices) FROM collector")
        assert all(value is not None for value in rows[0])


async def test_a_shared_subscription_takes_readings_and_judges_no_alerts(
    tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_limited(tmp_path, mosquitto, influxd, database, {}, {"share": "collectors"}) as stand:
        payloads = [climate(now_ms - 3_600_000 + n * 660_000, n, temperature=12.0) for n in range(4)]
        await stand.publish("climate-1", payloads)
        await stand.wait_received(4)
        await stand.wait_stored()
        status = stand.collector.read_status()
        assert (status["ledger"]["accepted"], status["judges_alerts"], status["firing"]) == (4, False, [])
        assert await stand.select("SELECT firing FROM alerts") == []
        assert "alert rules are not judged" in stand.collector.log.read_text()


async def test_a_collector_of_some_sites_takes_no_others(
    tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_limited(tmp_path, mosquitto, influxd, database, {}, {"sites": ["hall"]}) as stand:
        await stand.publish("climate-1", [climate(now_ms - 1_000, 0)], site="elsewhere")
        await stand.publish("climate-1", [climate(now_ms, 1)])
        await stand.wait_received(1)
        await stand.wait_stored()
        assert [row[1] for row in await stand.select("SELECT seq FROM indoor_climate")] == [1.0]
        assert stand.collector.read_status()["ledger"]["received"] == 1
