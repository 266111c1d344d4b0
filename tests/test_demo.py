"""The demo and its proof: the real command, and the same proof under the restarts that production sees."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from devices import load_device_types
from ingest.accounts import COLLECTOR, complete_accounts
from ingest.inventory_files import load_inventory
from ingest.status_file import STATUS_FILE
from simulators.demo import DATABASE, MARKER, ask_latest, count_first_deliveries
from simulators.device import choose_devices, make_fleet
from simulators.evidence import describe_ledger, list_published, list_quarantined, list_stored
from simulators.fleet import Fleet, Plan, read_clock_ms
from simulators.live_view import Latest
from simulators.models import load_models
from simulators.proof import Proof, compare, describe
from simulators.publisher import BrokerAddress
from simulators.tally import Outcome, Tally
from simulators.testbed.collector import Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import run_mosquitto
from tests.stand import ROOT

DEVICES = 40


async def start_demo(folder: Path, *options: str) -> Process:
    """Start the real command over a small fleet."""
    command = (sys.executable, "-m", "gjovik", "demo", "--folder", str(folder), "--devices", str(DEVICES), *options)
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=STDOUT)


async def wait_until(holds: Callable[[], bool], deadline_s: float = 60) -> None:
    """Return when a condition holds."""
    async with asyncio.timeout(deadline_s):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


def read_status(folder: Path) -> dict[str, Any]:
    """Return the status of a demo's collector; empty before there is one."""
    status = folder / "collector/store" / STATUS_FILE
    return json.loads(status.read_text()) if status.exists() else {}


async def wait_status(folder: Path, holds: Callable[[Mapping[str, Any]], bool]) -> None:
    """Return when a condition of the collector's status holds; the demo itself prints only every few seconds."""
    await wait_until(lambda: bool(status := read_status(folder)) and holds(status))


async def wait_published(folder: Path) -> None:
    """Return when something that the fleet published has arrived."""
    await wait_status(folder, lambda status: status["ledger"]["received"] > 0)


def list_processes(folder: Path) -> dict[int, str]:
    """Return the command lines of all processes that work in a folder, by process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended meanwhile
            if str(folder) in line and entry.name != str(os.getpid()):
                found[int(entry.name)] = line
    return found


@pytest.fixture(autouse=True)
def end_what_is_left(tmp_path: Path) -> Iterator[None]:
    """A demo whose test failed would run for as long as the tests do."""
    yield
    for pid in list_processes(tmp_path):
        with contextlib.suppress(ProcessLookupError):  # its parent's end was its own
            os.kill(pid, signal.SIGKILL)


async def test_the_demo_ends_by_itself_with_a_proof_that_holds(tmp_path: Path) -> None:
    demo = await start_demo(tmp_path / "demo", "--seconds", "3", "--history", "2h", "--faults", "0.05")
    output, _ = await demo.communicate()
    text = output.decode()
    assert demo.returncode == 0, text
    assert "Nothing was lost." in text
    assert "both sums hold: yes" in text
    assert "missing 0" in text
    assert "unanswered 0, refused 0" in text
    assert list_processes(tmp_path / "demo") == {}
    again = await start_demo(tmp_path / "demo", "--seconds", "1", "--history", "0")
    output, _ = await again.communicate()
    assert again.returncode == 0, output.decode()


async def test_ctrl_c_stops_everything_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = await start_demo(folder, "--history", "0")
    assert demo.stdout is not None
    await wait_published(folder)
    assert len(list_processes(folder)) >= 3
    demo.send_signal(signal.SIGINT)
    output = await demo.stdout.read()
    assert await demo.wait() == 0, output.decode()
    assert b"Nothing was lost." in output
    assert list_processes(folder) == {}


async def test_ctrl_c_before_anything_was_published_proves_nothing(tmp_path: Path) -> None:
    demo = await start_demo(tmp_path / "demo", "--history", "0", "--rate", "0.01")
    assert demo.stdout is not None
    async with asyncio.timeout(60):
        async for line in demo.stdout:
            if b"published 0 " in line:
                break
    demo.send_signal(signal.SIGTERM)
    output = await demo.stdout.read()
    assert await demo.wait() == 1, output.decode()
    assert b"nothing is proved" in output
    assert b"Nothing was lost" not in output


async def test_a_second_ctrl_c_does_not_wait_for_the_collector_and_says_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = await start_demo(folder, "--history", "0")
    assert demo.stdout is not None
    await wait_published(folder)
    async with asyncio.timeout(60):
        (collector,) = (pid for pid, line in list_processes(folder).items() if "gjovik collector" in line)
        os.kill(collector, signal.SIGSTOP)
        received = read_status(folder)["ledger"]["received"]
        async for line in demo.stdout:  # meanwhile the fleet publishes some more: two seconds' worth
            if line.startswith(b"published") and int(line.split()[1]) > received + 100:
                break
        demo.send_signal(signal.SIGINT)
        async for line in demo.stdout:
            if line.startswith(b"stopping"):
                break
        demo.send_signal(signal.SIGINT)
        async for line in demo.stdout:
            if line.startswith(b"told not to wait"):
                break
        os.kill(collector, signal.SIGCONT)
        output = await demo.stdout.read()
        assert await demo.wait() in (0, 1)
    assert b"The proof" in output
    assert list_processes(folder) == {}


async def test_ctrl_c_while_servers_start_says_what_happened(tmp_path: Path) -> None:
    demo = await start_demo(tmp_path / "demo", "--history", "0")
    assert demo.stdout is not None
    await demo.stdout.readline()  # the servers are there, the collector is starting
    demo.send_signal(signal.SIGINT)
    output = await demo.stdout.read()
    assert await demo.wait() == 130
    assert b"interrupted" in output
    assert b"Traceback" not in output
    assert list_processes(tmp_path / "demo") == {}


async def test_what_is_discarded_while_the_demo_runs_is_counted_as_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = await start_demo(folder, "--history", "0", "--faults", "0.3")
    assert demo.stdout is not None
    store = folder / "collector/store"
    await wait_status(folder, lambda status: status["quarantined"] > 0)
    command = (sys.executable, "-m", "gjovik", "quarantine", "discard", "--all", "--yes", "--store", str(store))
    discard = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    said, _ = await discard.communicate()
    assert discard.returncode == 0, said.decode()
    demo.send_signal(signal.SIGINT)
    text = (await demo.stdout.read()).decode()
    assert await demo.wait() == 0, text
    assert " + given up " in text
    assert " + missing 0 " in text
    assert "Nothing was lost. Given up in quarantine: " in text


def find_influxd(parent: int) -> int:
    """Return the process id of the database server that a process started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, rest = (entry / "stat").read_text().rsplit(")", 1)
            except OSError:
                continue  # it ended meanwhile
            if name.endswith("(influxd") and int(rest.split()[1]) == parent:
                return int(entry.name)
    raise AssertionError("no database server runs")


async def test_a_database_that_is_gone_at_the_end_proves_nothing_and_is_named(tmp_path: Path) -> None:
    demo = await start_demo(tmp_path / "demo", "--history", "0")
    assert demo.stdout is not None
    await wait_published(tmp_path / "demo")
    async with asyncio.timeout(60):
        os.kill(find_influxd(demo.pid), signal.SIGKILL)
        demo.send_signal(signal.SIGINT)
        async for line in demo.stdout:
            if line.startswith(b"stopping"):
                break
        demo.send_signal(signal.SIGINT)
        output = await demo.stdout.read()
    assert await demo.wait() == 1
    assert b"does not answer any more, so nothing is proved" in output
    assert b"Traceback" not in output


async def test_the_latest_values_stay_while_influxdb_is_away(own_influxd: Influxd) -> None:
    types, models = load_device_types(), load_models()
    inventory = load_inventory(ROOT / "deploy/inventory", types)
    devices = make_fleet(choose_devices(inventory, models, 2, read_clock_ms()), inventory, types, models, 7, "gjovik")
    await own_influxd.create_database(DATABASE)
    known = {devices[0].id: Latest(devices[0].id, 0, [("temperature", "20.0 °C")])}
    before = dict(known)
    assert await ask_latest(own_influxd, devices, known)
    await own_influxd.stop()
    assert not await ask_latest(own_influxd, devices, known)
    assert known == before


async def test_a_folder_of_something_else_is_refused_and_keeps_what_it_holds(tmp_path: Path) -> None:
    kept, marker = tmp_path / "mosquitto" / "mosquitto.conf", tmp_path / MARKER
    kept.parent.mkdir()
    kept.write_text("listener 1883")
    demo = await start_demo(tmp_path, "--seconds", "1")
    output, _ = await demo.communicate()
    assert demo.returncode == 2
    assert b"holds something that no demo left behind" in output
    assert kept.read_text() == "listener 1883"
    assert not marker.exists()


def test_the_collector_is_waited_for_by_what_it_received_for_the_first_time() -> None:
    ledger = {"received": 20, "duplicate_messages": 3, "duplicate_readings": 2}
    assert count_first_deliveries({"ledger": ledger}) == 15


async def test_a_second_demo_in_one_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    first = await start_demo(folder, "--history", "0")
    assert first.stdout is not None
    await first.stdout.readline()
    second = await start_demo(folder, "--seconds", "1")
    output, _ = await second.communicate()
    first.send_signal(signal.SIGINT)
    await first.communicate()
    assert second.returncode == 2
    assert b"another demo runs" in output


async def test_nothing_is_lost_when_broker_database_and_collector_restart_in_traffic(
    tmp_path: Path, own_influxd: Influxd
) -> None:
    inventory, types = load_inventory(ROOT / "deploy/inventory", load_device_types()), load_device_types()
    devices = make_fleet(
        choose_devices(inventory, load_models(), DEVICES, read_clock_ms()), inventory, types, load_models(), 7, "gjovik"
    )
    accounts = complete_accounts([COLLECTOR, *(device.id for device in devices)], {})
    await own_influxd.create_database("sensors")
    setup = Setup(ROOT / "deploy/inventory", ROOT / "deploy/rules", "sensors", {"accept_simulated": True})
    tally = Tally()
    async with (
        run_mosquitto(tmp_path / "mosquitto", accounts) as broker,
        run_collector_process(tmp_path / "collector", broker, own_influxd, setup) as collector,
    ):
        fleet = Fleet(devices, BrokerAddress(broker.host, broker.port), accounts, Plan(rate=300, faults=0.05), tally)
        publishing = asyncio.create_task(fleet.run(), name="fleet")

        async def wait_published(more: int) -> None:
            goal = tally.counts[Outcome.ACKNOWLEDGED] + more
            await wait_until(lambda: tally.counts[Outcome.ACKNOWLEDGED] >= goal)

        await wait_published(300)
        await broker.restart()
        await wait_published(300)
        await own_influxd.stop()
        await wait_published(300)
        await collector.kill()
        await wait_published(300)
        await own_influxd.start()
        await collector.start()
        await wait_published(300)
        fleet.stop()
        await publishing
        devices_ids = [device.id for device in devices]
        await collector.wait_until(
            lambda status: status["mqtt_connected"] and not status["mqtt_error"], "connect", deadline_s=30
        )
        published = list_published(tally)

        async def find_proof() -> Proof:
            stored = await list_stored(own_influxd, "sensors", devices_ids)
            return compare(published, stored, list_quarantined(collector.store))

        proof = await find_proof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while not proof.holds:
                    await asyncio.sleep(0.2)
                    proof = await find_proof()
        assert proof.holds, describe(proof)
        ledger = describe_ledger(collector.store)
    assert "both sums hold: yes" in ledger
    assert sum(map(len, published.acknowledged.values())) >= 1500
