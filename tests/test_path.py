"""The whole path on real servers: published, acknowledged, validated, on disk, in InfluxDB."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from ingest.accounts import COLLECTOR, MONITOR
from ingest.store_reader import open_reader
from schemas.reason import Reason
from simulators.testbed.certificates import Certificates
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.stand import INVENTORY, ROOT, Stand, climate, connect, run_stand

MINUTE_MS = 60_000
GIVEN_AWAY = "kaffe-og-vafler"
"""A password where none may be; it stands in no path and no message."""


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    """A collector over a small inventory, for one test."""
    async with run_stand(tmp_path, mosquitto, influxd, database) as running:
        yield running


async def test_what_a_device_publishes_is_in_influxdb_by_sequence_number(stand: Stand, now_ms: int) -> None:
    payloads = [climate(now_ms - (200 - seq) * 1000, seq) for seq in range(200)]
    await stand.publish("climate-1", payloads)
    await stand.wait_received(200)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq, temperature, delay FROM indoor_climate WHERE site = 'hall'")
    assert [row[1] for row in rows] == [float(seq) for seq in range(200)]
    assert all(row[2] == 20.0 for row in rows)
    assert all(0 < row[3] < 300 for row in rows)


async def test_bad_input_of_every_kind_is_kept_and_slows_nobody(stand: Stand, now_ms: int) -> None:
    bad = {
        "": Reason.EMPTY_PAYLOAD,
        "{": Reason.MALFORMED_JSON,
        '{"temperature":20}': Reason.MISSING_TIME,
        climate(now_ms, 1, temperature="warm"): Reason.WRONG_TYPE,
        climate(now_ms, 2, temperature=400): Reason.OUT_OF_RANGE,
        climate(now_ms, 3, temperature=float("nan")): Reason.NOT_FINITE,
        climate(0, 4): Reason.NOT_PLACED,
        climate(now_ms + 10 * MINUTE_MS, 5): Reason.FUTURE_TIME,
        climate(now_ms, 6, simulated=True): Reason.SIMULATED_REFUSED,
        " " * 70_000: Reason.OVERSIZED_PAYLOAD,
    }
    await stand.publish("climate-1", [*bad, b"\xff\xff", climate(now_ms, 7)])
    await stand.publish("stranger", [climate(now_ms, 0)])
    await stand.publish("climate-1", [climate(now_ms, 8)], site="elsewhere")
    await stand.wait_received(14)
    await stand.wait_stored()
    assert [row[1] for row in await stand.select("SELECT seq FROM indoor_climate")] == [7.0]
    with open_reader(stand.collector.store) as reader:
        kept = [row.quarantined.reason for row in reader.quarantine()]
        ledger = reader.ledger()
    assert kept == [*bad.values(), Reason.INVALID_UTF8, Reason.UNKNOWN_DEVICE, Reason.WRONG_SITE]
    assert ledger.balances()
    assert (ledger.received, ledger.accepted) == (14, 1)


async def read_retained(stand: Stand, topic: str, state: str) -> dict[str, Any]:
    """Return the alert that is retained at a topic once it has this state, as a new subscriber of its own account."""
    accounts = await stand.broker.add_accounts([MONITOR])
    async with asyncio.timeout(15), connect(stand.broker, MONITOR, accounts[MONITOR]) as client:
        await client.subscribe(topic, qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            alert: dict[str, Any] = json.loads(message.payload)
            if alert["state"] == state:
                return alert
    raise AssertionError("the connection ended")


async def test_an_alert_fires_and_clears_and_is_retained_and_stored(stand: Stand, now_ms: int) -> None:
    begin_ms = now_ms - 60 * MINUTE_MS
    series = [(0, 20.0), (10, 16.5), (20, 16.4), (30, 17.5), (40, 18.0)]
    await stand.publish(
        "climate-1",
        [climate(begin_ms + at * MINUTE_MS, seq, temperature=value) for seq, (at, value) in enumerate(series[:4])],
    )
    await stand.collector.wait_until(lambda status: len(status["firing"]) == 1, "fire", deadline_s=15)
    (firing,) = stand.collector.read_status()["firing"]
    assert (firing["device"], firing["rule"], firing["value"]) == ("climate-1", "room-too-cold", 16.4)
    alert = await read_retained(stand, "gjovik/alerts/climate-1/room-too-cold", "firing")
    assert alert["text"] == "Rommet er for kaldt"
    assert (alert["value"], alert["limit"], alert["unit"]) == (16.4, 17.0, "Cel")
    await stand.publish("climate-1", [climate(begin_ms + 40 * MINUTE_MS, 4, temperature=18.0)])
    await stand.collector.wait_until(lambda status: not status["firing"], "clear", deadline_s=15)
    assert (await read_retained(stand, "gjovik/alerts/climate-1/room-too-cold", "ok"))["value"] == 18.0
    await stand.wait_stored()
    rows = await stand.select("SELECT firing, value FROM alerts WHERE device = 'climate-1'")
    assert rows == [
        (begin_ms + 20 * MINUTE_MS, True, 16.4),
        (begin_ms + 40 * MINUTE_MS, False, 18.0),
    ]


async def test_an_inventory_is_reloaded_and_a_wrong_one_is_refused(stand: Stand, now_ms: int) -> None:
    file = stand.inventory / "hall.toml"
    await stand.publish("climate-2", [climate(now_ms, 0)])
    await stand.wait_received(1)
    file.write_text(INVENTORY.replace('"sports_hall"', '"sports_hall'))
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: bool(status["reload_error"]), "refuse the inventory")
    assert "hall.toml:5" in stand.collector.read_status()["reload_error"]
    await stand.publish("climate-1", [climate(now_ms, 1)])
    file.write_text(INVENTORY.replace("light-1", "climate-2").replace("street_light", "indoor_climate"))
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: not status["reload_error"], "take the inventory")
    await stand.publish("climate-2", [climate(now_ms, 2)])
    await stand.wait_received(3)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate GROUP BY device")
    assert sorted(row[1] for row in rows) == [1.0, 2.0]


async def test_an_alert_whose_rule_is_removed_is_cleared(stand: Stand, now_ms: int) -> None:
    begin_ms = now_ms - 60 * MINUTE_MS
    payloads = [climate(begin_ms + seq * 20 * MINUTE_MS, seq, temperature=15.0) for seq in range(2)]
    await stand.publish("climate-1", payloads)
    await stand.collector.wait_until(lambda status: len(status["firing"]) == 1, "fire", deadline_s=15)
    (stand.rules / "room-too-cold.toml").unlink()
    (stand.rules / "co2-high.toml").write_text((ROOT / "deploy/rules/co2-high.toml").read_text())
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: not status["firing"], "clear", deadline_s=15)
    await stand.wait_stored()
    rows = await stand.select("SELECT firing FROM alerts WHERE rule = 'room-too-cold'")
    assert [row[1] for row in rows] == [True, False]


async def test_readings_are_kept_while_influxdb_is_away_and_written_when_it_is_back(
    tmp_path: Path, mosquitto: Mosquitto, own_influxd: Influxd, now_ms: int
) -> None:
    await own_influxd.create_database("sensors")
    async with run_stand(tmp_path, mosquitto, own_influxd, "sensors") as stand:
        await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(50)])
        await stand.wait_stored()
        await own_influxd.stop()
        await stand.publish("climate-1", [climate(now_ms - 40_000 + seq, seq) for seq in range(50, 100)])
        await stand.wait_received(100)
        await stand.collector.wait_until(lambda status: status["outbox_lines"] >= 50, "keep them", deadline_s=15)
        await own_influxd.start()
        await stand.wait_stored()
        rows = await stand.select("SELECT seq FROM indoor_climate")
        assert sorted(row[1] for row in rows) == [float(seq) for seq in range(100)]


async def test_both_connections_can_be_encrypted(tmp_path: Path, now_ms: int) -> None:
    files = Certificates(ca=tmp_path / "ca.pem", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(files.ca)
    issued.cert_chain_pems[0].write_to_path(files.cert)
    issued.private_key_pem.write_to_path(files.key)
    async with (
        run_mosquitto(tmp_path / "mosquitto", {COLLECTOR: "secret"}, certificates=files) as broker,
        run_influxd(tmp_path / "influxd", certificates=files) as influxd,
    ):
        await influxd.create_database("sensors")
        async with run_stand(tmp_path, broker, influxd, "sensors") as stand:
            await stand.publish("climate-1", [climate(now_ms - 1000 + seq, seq) for seq in range(20)])
            await stand.wait_received(20)
            await stand.wait_stored()
            rows = await stand.select("SELECT seq FROM indoor_climate")
            assert [row[1] for row in rows] == [float(seq) for seq in range(20)]


async def test_a_broker_that_restarts_in_order_loses_nothing(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(50)])
    await stand.broker.restart()
    await stand.publish("climate-1", [climate(now_ms - 40_000 + seq, seq) for seq in range(50, 100)])
    await stand.wait_received(100)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert sorted(row[1] for row in rows) == [float(seq) for seq in range(100)]


async def test_what_is_published_while_the_collector_is_away_waits_for_it(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 50_000, 0)])
    await stand.wait_received(1)
    await stand.collector.stop()
    await stand.publish("climate-1", [climate(now_ms - 40_000 + seq, seq) for seq in range(1, 60)])
    await stand.collector.start()
    await stand.wait_received(60)
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert sorted(row[1] for row in rows) == [float(seq) for seq in range(60)]


async def test_a_collector_that_is_killed_loses_nothing(stand: Stand, now_ms: int) -> None:
    payloads = [climate(now_ms - 100_000 + seq, seq) for seq in range(2000)]
    publishing = asyncio.create_task(stand.publish("climate-1", payloads), name="publish")
    await stand.wait_received(300)
    await stand.collector.kill()
    await stand.collector.start()
    await publishing
    await stand.collector.wait_until(
        lambda status: status["ledger"]["accepted"] >= 2000, "receive the rest", deadline_s=30
    )
    await stand.wait_stored()
    rows = await stand.select("SELECT seq FROM indoor_climate")
    assert [row[1] for row in rows] == [float(seq) for seq in range(2000)]


async def test_a_collector_that_is_told_to_stop_drains(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-1", [climate(now_ms - 50_000 + seq, seq) for seq in range(500)])
    await stand.wait_received(500)
    await stand.collector.stop()
    rows = await stand.select("SELECT count(seq) FROM indoor_climate")
    assert rows[0][1] == 500
    assert stand.collector.read_status()["outbox_lines"] == 0


async def test_a_second_collector_on_one_store_is_refused(stand: Stand) -> None:
    settings = stand.collector.log.parent / "collector.toml"
    command = [sys.executable, "-m", "gjovik", "collector", "--settings", str(settings)]
    second = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert "another collector" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("[mqtt]\nprot = 1\n", "mqtt.prot"),
        (f'[mqtt]\npassword = "{GIVEN_AWAY}"\n', "password"),
        ("", "mqtt.password_file"),
        ("[mqtt\n", "collector.toml:1"),
    ],
)
def test_a_wrong_setting_ends_with_a_clear_sentence_and_exit_code_2(
    tmp_path: Path, settings: str, sentence: str
) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(settings)
    command = [sys.executable, "-m", "gjovik", "collector", "--settings", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert GIVEN_AWAY not in ended.stderr
    assert "Traceback" not in ended.stderr
