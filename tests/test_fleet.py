"""The simulated fleet on a real broker: what it says it published is what arrives."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from devices import load_device_types
from ingest.event_time import parse_time
from ingest.inventory import Inventory
from ingest.message import Message
from schemas.reason import Reason
from simulators.device import make_fleet
from simulators.errors import AccountRefusedError, BrokerUnreachableError
from simulators.faults import KINDS, KINDS_OF_TIME
from simulators.fleet import Fleet, Plan
from simulators.history import plan_history
from simulators.models import load_models
from simulators.publisher import WINDOW, Answer, BrokerAddress, Outgoing, Publisher
from simulators.run import Target
from simulators.tally import Outcome, Tally
from simulators.testbed.certificates import Certificates
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.port import free_port
from simulators.town import MOVED, SWAPPED
from tests.fleets import (
    DEADLINE_S,
    NOW_MS,
    assert_equal,
    choose_fleet,
    listen,
    load_town,
    run_fleet,
    wait_for,
    write_town,
)
from tests.mqtt_clients import wait_until
from tests.small_town import make_processor

MOVE_MS = 1_772_406_000_000  # 2026-03-02 in Oslo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An inventory of 248 devices."""
    return write_town(tmp_path / "inventory")


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return load_town(folder)


async def test_every_device_of_the_town_reports_at_the_rate_and_the_tally_is_what_arrived(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory), Tally()
    async with listen(mosquitto) as arrived:
        await run_fleet(mosquitto, devices, Plan(rate=400.0, seconds=2.0), tally)
        report = tally.report(2.0)
        await wait_for(arrived, report.acknowledged)
    assert report.is_clean
    assert len(devices) == 248
    assert set(tally.devices()) == {device.id for device in devices}
    assert report.published <= 400.0 * 2.0 + len(devices)
    assert_equal(tally, arrived)


async def test_live_readings_are_marked_numbered_and_never_share_a_millisecond(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory, 8), Tally()
    async with listen(mosquitto) as arrived:
        await run_fleet(mosquitto, devices, Plan(rate=800.0, seconds=0.5), tally)
        await wait_for(arrived, tally.report(1.0).acknowledged)
    for device in devices:
        readings = [json.loads(payload) for _, payload in arrived[device.id]]
        assert readings
        assert [reading["seq"] for reading in readings] == list(range(len(readings)))
        assert all(reading["simulated"] is True for reading in readings)
        times = [reading["time"] for reading in readings if device.has_clock]
        assert len(set(times)) == len(times)
        assert all("time" not in reading for reading in readings if not device.has_clock)


async def test_counters_count_from_message_to_message_through_past_and_present_at_any_rate(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    counters = [device for device in choose_fleet(inventory) if device.device_type.key == "traffic_counter"][:4]
    tally = Tally()
    async with listen(mosquitto) as arrived:
        await run_fleet(mosquitto, counters, Plan(rate=200.0, seconds=1.0, history=timedelta(hours=1)), tally)
        await wait_for(arrived, tally.report(1.0).acknowledged)
    for counter in counters:
        readings = [json.loads(payload) for _, payload in arrived[counter.id]]
        assert len(readings) > 12
        first_ms, last_ms = (parse_time(readings[index]["time"]) for index in (0, -1))
        whole = counter.make_message(last_ms, 0, since_ms=first_ms - counter.interval_ms)
        assert whole is not None
        assert sum(reading["vehicles"] for reading in readings) == json.loads(whole.payload)["vehicles"]


async def test_history_is_published_in_order_from_where_devices_were_and_lights_have_none(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory, 24), Tally()
    async with listen(mosquitto) as arrived:
        plan = Plan(seconds=0.0, history=timedelta(days=1), step=timedelta(hours=1))
        await run_fleet(mosquitto, devices, plan, tally)
        await wait_for(arrived, tally.report(1.0).acknowledged)
    assert_equal(tally, arrived)
    for device in devices:
        times = [json.loads(payload)["time"] for _, payload in arrived[device.id]]
        assert len(times) == (24 if device.has_clock else 0)
        assert times == sorted(set(times))


async def test_nothing_is_lost_and_numbers_stay_when_the_broker_restarts(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory, 16), Tally()
    passwords = await mosquitto.add_accounts(device.id for device in devices)
    fleet = Fleet(devices, BrokerAddress(mosquitto.host, mosquitto.port), passwords, Plan(rate=300.0), tally)
    async with asyncio.timeout(60.0), asyncio.TaskGroup() as group:
        running = group.create_task(fleet.run())
        await wait_until(lambda: tally.counts[Outcome.ACKNOWLEDGED] > 100)
        await mosquitto.restart()
        before = tally.counts[Outcome.ACKNOWLEDGED]
        await wait_until(lambda: tally.counts[Outcome.ACKNOWLEDGED] > before + 200)
        fleet.stop()
        await running
    report = tally.report(1.0)
    assert report.is_clean
    assert report.unanswered == 0


async def test_what_waits_for_its_puback_is_sent_again_in_order(mosquitto: Mosquitto) -> None:
    (password,) = (await mosquitto.add_accounts(["sensor"])).values()
    answers: list[Answer] = []
    messages = [Outgoing("gjovik/hall/sensor/reading", b"%d" % seq, seq) for seq in range(60)]
    publisher = Publisher(BrokerAddress(mosquitto.host, mosquitto.port), "sensor", password, answers.append)
    async with listen(mosquitto):
        pass
    async with asyncio.timeout(30.0), publisher.connected():
        await mosquitto.stop()
        publishing = asyncio.create_task(publish_all(publisher, messages))
        await wait_until(lambda: publisher.held == WINDOW)  # it is full, and the rest waits
        assert not answers
        await mosquitto.start()
        await publishing
        await publisher.drain()
    assert [answer.outgoing for answer in answers] == messages
    assert not any(answer.refused for answer in answers)
    async with listen(mosquitto) as arrived:
        await wait_for(arrived, len(messages))
    assert [payload for _, payload in arrived["sensor"]] == [message.payload for message in messages]


async def publish_all(publisher: Publisher, messages: list[Outgoing]) -> None:
    for message in messages:
        await publisher.publish(message)


async def test_what_stays_unanswered_is_reported_when_time_is_up(
    mosquitto: Mosquitto, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.stop.DRAIN_S", 0.2)
    devices, tally = choose_fleet(inventory, 8), Tally()
    passwords = await mosquitto.add_accounts(device.id for device in devices)
    fleet = Fleet(devices, BrokerAddress(mosquitto.host, mosquitto.port), passwords, Plan(rate=200.0), tally)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        running = group.create_task(fleet.run())
        await wait_until(lambda: tally.counts[Outcome.ACKNOWLEDGED] > 20)
        await mosquitto.stop()
        await wait_until(lambda: tally.counts[Outcome.WAITING] > 20)
        fleet.stop()
        await running
    report = tally.report(1.0)
    assert report.unanswered > 20
    assert report.published == report.acknowledged + report.unanswered
    assert not report.is_clean


async def test_the_connection_can_be_encrypted(tmp_path: Path, inventory: Inventory) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    files = Certificates(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")
    authority.cert_pem.write_to_path(files.ca)
    certificate.cert_chain_pems[0].write_to_path(files.cert)
    certificate.private_key_pem.write_to_path(files.key)
    devices, tally = choose_fleet(inventory, 8), Tally()
    async with run_mosquitto(tmp_path / "tls", {}, certificates=files) as server:
        passwords = await server.add_accounts(device.id for device in devices)
        broker = Target(
            server.host, server.port, tls=True, ca_file=files.ca, patience_s=5.0, prefix="gjovik"
        ).to_broker()
        async with asyncio.timeout(DEADLINE_S):
            await Fleet(devices, broker, passwords, Plan(rate=80.0, seconds=0.3), tally).run()
    assert tally.report(1.0).is_clean
    assert tally.report(1.0).published > 8


async def test_a_publish_that_the_broker_refuses_is_counted_as_refused(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory, 8, prefix="elsewhere"), Tally()
    await run_fleet(mosquitto, devices, Plan(rate=80.0, seconds=0.5), tally)
    report = tally.report(0.5)
    assert report.refused == report.published > 0
    assert not report.is_clean


async def test_an_account_that_the_broker_refuses_ends_the_run_with_one_sentence(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices = choose_fleet(inventory, 8)
    passwords = dict(await mosquitto.add_accounts(device.id for device in devices)) | {devices[0].id: "wrong"}
    fleet = Fleet(devices, BrokerAddress(mosquitto.host, mosquitto.port), passwords, Plan(rate=10.0), Tally())
    with pytest.raises(AccountRefusedError, match=f"refused the account {devices[0].id}: Not authorized; add it"):
        async with asyncio.timeout(DEADLINE_S):
            await fleet.run()


async def test_a_broker_that_is_not_there_is_given_up_after_a_while(inventory: Inventory) -> None:
    broker = BrokerAddress("127.0.0.1", free_port(), patience_s=0.5)
    fleet = Fleet(choose_fleet(inventory, 8), broker, {}, Plan(rate=10.0), Tally())
    with pytest.raises(BrokerUnreachableError, match=r"cannot be reached: .*; start it, or correct --host and --port"):
        async with asyncio.timeout(DEADLINE_S):
            await fleet.run()


def test_every_kind_of_fault_gets_its_reason_and_the_share_is_kept(inventory: Inventory) -> None:
    processor = make_processor(inventory, accept_simulated=True)
    found: set[str] = set()
    bad = total = 0
    for device in choose_fleet(inventory, 40):
        for seq in range(100):
            total += 1
            if not device.is_faulty(seq, 0.25):
                continue
            bad += 1
            message = device.make_message(NOW_MS + seq, seq, faulty=True)
            assert message is not None
            batch = processor.process([Message(message.topic, message.payload, NOW_MS + 2000, packet_id=1)])
            assert len(batch.quarantined) == 1
            found.add(batch.quarantined[0].reason.value)
    assert found == {*KINDS, *KINDS_OF_TIME}
    assert {Reason(name) for name in found}
    assert bad / total == pytest.approx(0.25, abs=0.03)


def test_good_messages_of_the_whole_town_are_all_accepted(inventory: Inventory) -> None:
    processor = make_processor(inventory, accept_simulated=True)
    messages = []
    for device in choose_fleet(inventory):
        message = device.make_message(NOW_MS, 0)
        assert message is not None
        messages.append(Message(message.topic, message.payload, NOW_MS + 1000, packet_id=1))
    batch = processor.process(messages)
    assert batch.quarantined == []
    assert batch.ledger.accepted == len(batch.lines) == 248


def test_a_device_reports_from_where_it_was_and_not_before_it_was_placed(inventory: Inventory) -> None:
    types, models = load_device_types(), load_models()
    pair = [inventory.devices[MOVED], inventory.devices[f"{SWAPPED}-gammel"]]
    moved, old = make_fleet(pair, inventory, types, models, 1, "gjovik")
    before, after = moved.make_message(MOVE_MS - 1, 0), moved.make_message(MOVE_MS, 0)
    assert before is not None
    assert after is not None
    assert moved.device.find_placement(MOVE_MS - 1) != moved.device.find_placement(MOVE_MS)
    assert old.make_message(NOW_MS, 0) is None
    assert next(iter(plan_history(old, timedelta(days=9999), None, NOW_MS))) > old.device.placements[0].from_ms
