"""The simulated fleet on a real broker: what it says it published is what arrives."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiomqtt
import pytest
import trustme
import typer
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typer.testing import CliRunner

import simulators.cli
from devices import load_device_types
from ingest.accounts import COLLECTOR
from ingest.inventory import Inventory
from ingest.inventory_files import load_inventory
from ingest.message import Message
from schemas.reason import Reason
from simulators.device import SimulatedDevice, choose_devices, find_placement, make_fleet
from simulators.errors import AccountRefusedError, BrokerUnreachableError, DurationError, TallyError
from simulators.faults import KINDS, KINDS_OF_TIME
from simulators.fleet import Fleet, Plan, read_clock_ms
from simulators.history import parse_duration, plan_history
from simulators.models import load_models
from simulators.publisher import WINDOW, Answer, BrokerAddress, Outgoing, Publisher
from simulators.run import Target
from simulators.tally import Outcome, Tally, load_tally
from simulators.testbed.certificates import Certificates
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.port import free_port
from simulators.town import MOVED, SWAPPED, render_town
from tests.mqtt_clients import wait_until
from tests.small_town import make_processor

DEADLINE_S = 20.0
NOW_MS = 1_795_000_000_000  # 2026-11-18
MOVE_MS = 1_772_406_000_000  # 2026-03-02 in Oslo
Arrived = dict[str, list[tuple[str, bytes]]]
"""Topic and payload of what came, by device."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An inventory of 216 devices."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    for name, text in render_town(216, 1).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return load_inventory(folder, load_device_types())


def choose_fleet(inventory: Inventory, count: int | None = None, *, prefix: str = "gjovik") -> list[SimulatedDevice]:
    chosen = choose_devices(inventory, load_models(), count, NOW_MS)
    return make_fleet(chosen, inventory, load_device_types(), load_models(), 1, prefix)


@asynccontextmanager
async def listen(mosquitto: Mosquitto) -> AsyncIterator[Arrived]:
    """Collect everything that devices publish; what comes between two such blocks waits for the second."""
    arrived: Arrived = defaultdict(list)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600
    client = aiomqtt.Client(
        mosquitto.host,
        mosquitto.port,
        username=COLLECTOR,
        password=mosquitto.accounts[COLLECTOR],
        identifier=COLLECTOR,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
    )

    async def collect() -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            arrived[message.topic.value.split("/")[2]].append((message.topic.value, message.payload))

    async with client:
        await client.subscribe("gjovik/+/+/reading", qos=1)
        async with asyncio.TaskGroup() as group:
            collector = group.create_task(collect())
            yield arrived
            collector.cancel()


async def wait_for(arrived: Arrived, count: int) -> None:
    await wait_until(lambda: sum(map(len, arrived.values())) >= count)


async def run_fleet(mosquitto: Mosquitto, devices: list[SimulatedDevice], plan: Plan, tally: Tally) -> None:
    passwords = await mosquitto.add_accounts(device.id for device in devices)
    async with asyncio.timeout(DEADLINE_S):
        await Fleet(devices, BrokerAddress(mosquitto.host, mosquitto.port), passwords, plan, tally).run()


def assert_equal(tally: Tally, arrived: Arrived) -> None:
    """What the tally says was acknowledged is what arrived, in order, byte for byte."""
    for device in tally.devices():
        hashes = [entry.sha256 for entry in tally.entries(device) if entry.outcome is Outcome.ACKNOWLEDGED]
        assert [hashlib.sha256(payload).digest() for _, payload in arrived[device]] == hashes
    assert set(arrived) <= set(tally.devices())


async def test_every_device_of_the_town_reports_at_the_rate_and_the_tally_is_what_arrived(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    devices, tally = choose_fleet(inventory), Tally()
    async with listen(mosquitto) as arrived:
        await run_fleet(mosquitto, devices, Plan(rate=400.0, seconds=2.0), tally)
        report = tally.report(2.0)
        await wait_for(arrived, report.acknowledged)
    assert report.is_clean
    assert len(devices) == 216
    assert 500 < report.published <= 1020
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
    monkeypatch.setattr("simulators.fleet.DRAIN_S", 0.2)
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
    assert batch.ledger.accepted == len(batch.lines) == 216


def test_a_device_reports_from_where_it_was_and_not_before_it_was_placed(inventory: Inventory) -> None:
    types, models = load_device_types(), load_models()
    pair = [inventory.devices[MOVED], inventory.devices[f"{SWAPPED}-gammel"]]
    moved, old = make_fleet(pair, inventory, types, models, 1, "gjovik")
    before, after = moved.make_message(MOVE_MS - 1, 0), moved.make_message(MOVE_MS, 0)
    assert before is not None
    assert after is not None
    assert find_placement(moved.device, MOVE_MS - 1) != find_placement(moved.device, MOVE_MS)
    assert old.make_message(NOW_MS, 0) is None
    assert next(iter(plan_history(old, timedelta(days=9999), None, NOW_MS))) > old.device.placements[0].from_ms


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("15m", 900), ("45s", 45)])
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "d", "3", "0d", "-1d", "1.5d", "3 months", "9" * 30 + "d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


def test_a_tally_survives_its_file_and_goes_on(tmp_path: Path) -> None:
    tally, file = Tally(), tmp_path / "var" / "tally.jsonl"
    assert [tally.publish("a", payload) for payload in (b"x", b"y", b"")] == [0, 1, 2]
    tally.answer("a", 0, refused=False)
    tally.answer("a", 2, refused=True)
    tally.save(file)
    loaded = load_tally(file)
    assert [*loaded.entries("a")] == [*tally.entries("a")]
    assert [entry.outcome for entry in loaded.entries("a")] == ["a", "w", "r"]
    assert [entry.sha256 for entry in loaded.entries("a")][2] == hashlib.sha256(b"").digest()
    assert loaded.publish("a", b"z") == 3
    assert loaded.report(1.0).published == 1


@pytest.mark.parametrize("text", ["{", '{"device": "a"}\n', '{"device": "a", "answers": "aa", "sha256": ""}\n'])
def test_a_file_that_is_no_tally_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tally.jsonl"
    file.write_text(text)
    with pytest.raises(TallyError, match=r"tally\.jsonl"):
        load_tally(file)


def write_secrets(file: Path, passwords: Mapping[str, str]) -> Path:
    file.write_text("".join(f"{name}:{password}\n" for name, password in passwords.items()))
    return file


async def test_the_command_stops_in_order_on_sigint_and_leaves_its_tally(
    mosquitto: Mosquitto, folder: Path, inventory: Inventory, tmp_path: Path
) -> None:
    devices = choose_fleet(inventory, 16)
    passwords = await mosquitto.add_accounts(device.id for device in devices)
    secrets, file = write_secrets(tmp_path / "accounts", passwords), tmp_path / "tally.jsonl"
    program = "import typer, simulators.cli as c; app = typer.Typer(); c.add_commands(app); app()"
    arguments = ["simulate", "--devices", "16", "--rate", "200", "--json", "--inventory", folder, "--secrets", secrets]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *map(str, arguments), "--port", str(mosquitto.port), "--tally", str(file),
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip
    async with listen(mosquitto) as arrived:
        await wait_for(arrived, 50)
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        report = json.loads(out)
        await wait_for(arrived, report["acknowledged"])
    assert process.returncode == 0
    assert report["published"] == report["acknowledged"] >= 50
    tally = load_tally(file)
    assert_equal(tally, arrived)
    outcomes = Counter(entry.outcome for device in tally.devices() for entry in tally.entries(device))
    assert outcomes == {Outcome.ACKNOWLEDGED: report["published"]}


def invoke(*arguments: str | Path) -> tuple[int, str]:
    app = typer.Typer()
    simulators.cli.add_commands(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stderr


def test_wrong_usage_is_one_sentence_and_exit_code_2(folder: Path, tmp_path: Path) -> None:
    secrets = write_secrets(tmp_path / "accounts", {"somebody": "x"})
    common = ("simulate", "--inventory", folder, "--secrets", secrets)
    for arguments, sentence in [
        ((*common, "--devices", "5000"), "216 devices that can be simulated, not 5000; `gjovik town --devices 5000"),
        ((*common, "--devices", "8"), "has no password for 8 devices"),
        ((*common, "--history", "soon"), "'soon' is not a duration"),
        (("simulate", "--inventory", tmp_path / "none"), "is not a folder"),
        (("simulate", "--inventory", folder, "--secrets", tmp_path / "none"), "cannot be read"),
        ((*common, "--rate", "-1"), "--rate"),
        ((*common, "--faults", "2"), "--faults"),
    ]:
        code, err = invoke(*arguments)
        assert code == 2
        assert sentence in err


def test_a_broker_that_is_not_there_is_exit_code_1(folder: Path, inventory: Inventory, tmp_path: Path) -> None:
    secrets = write_secrets(tmp_path / "accounts", {device.id: "x" for device in choose_fleet(inventory, 8)})
    begun = time.monotonic()
    arguments = ("--devices", "8", "--inventory", folder, "--secrets", secrets, "--port", str(free_port()))
    code, err = invoke("simulate", *arguments, "--patience", "0.5")
    assert code == 1
    assert "cannot be reached" in err
    assert time.monotonic() - begun < DEADLINE_S


def test_the_clock_is_in_milliseconds() -> None:
    assert abs(read_clock_ms() - time.time() * 1000) < 1000
