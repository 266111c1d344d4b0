"""The command `gjovik simulate` and what it reads and writes: durations, tallies, secrets."""

import asyncio
import contextlib
import hashlib
import json
import os
import pty
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import simulators.cli
from ingest.inventory import Inventory
from simulators.errors import DurationError, TallyError
from simulators.fleet import read_clock_ms
from simulators.history import parse_duration
from simulators.tally import Outcome, Tally, load_tally
from simulators.testbed.mosquitto import Mosquitto
from simulators.testbed.port import free_port
from tests.fleets import DEADLINE_S, assert_equal, choose_fleet, listen, load_town, wait_for, write_town

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An inventory of 248 devices."""
    return write_town(tmp_path / "inventory")


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return load_town(folder)


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
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)},
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


async def run_on_terminal(*arguments: str | Path) -> tuple[int, str]:
    """Run the command as people do, on a terminal of its own; return its exit code and what the terminal showed."""
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gjovik", *map(str, arguments)), cwd=ROOT, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    shown = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # how Linux says that nobody has the other end open any more
            while piece := os.read(ours, 4096):
                shown.extend(piece)

    try:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(asyncio.to_thread(read), process.wait())
    finally:
        os.close(ours)
    assert process.returncode is not None
    return process.returncode, shown.decode()


async def test_on_a_terminal_a_broker_that_is_not_there_is_one_sentence_below_the_progress(
    folder: Path, inventory: Inventory, tmp_path: Path
) -> None:
    secrets = write_secrets(tmp_path / "accounts", {device.id: "x" for device in choose_fleet(inventory, 8)})
    where = ("--inventory", folder, "--secrets", secrets, "--port", str(free_port()), "--patience", "0.5")
    code, shown = await run_on_terminal("simulate", "--devices", "8", "--history", "1h", "--seconds", "0", *where)
    assert code == 1, shown
    assert "History" in shown
    assert "cannot be reached" in shown
    assert "Traceback" not in shown


def invoke(*arguments: str | Path) -> tuple[int, str]:
    app = typer.Typer()
    simulators.cli.add_commands(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stderr


def test_wrong_usage_is_one_sentence_and_exit_code_2(folder: Path, tmp_path: Path) -> None:
    secrets = write_secrets(tmp_path / "accounts", {"somebody": "x"})
    common = ("simulate", "--inventory", folder, "--secrets", secrets)
    for arguments, sentence in [
        ((*common, "--devices", "5000"), "248 devices that can be simulated, not 5000; `gjovik town --devices 5000"),
        ((*common, "--devices", "8"), "has no password for 8 devices"),
        ((*common, "--history", "soon"), "'soon' is not a duration"),
        (("simulate", "--inventory", tmp_path / "none"), "is not a folder"),
        (("simulate", "--inventory", folder, "--secrets", tmp_path / "none"), "cannot be read"),
        ((*common, "--rate", "-1"), "--rate"),
        ((*common, "--faults", "2"), "--faults"),
        ((*common, "--host", ""), "must be a host name or an address"),
        ((*common, "--host", "mqtt://broker"), "must be a host name or an address"),
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
