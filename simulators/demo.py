"""The demo: the whole path on real servers with a simulated town, and the proof that nothing was lost on it."""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from devices import load_device_types
from ingest.accounts import account_names, complete_accounts, write_private
from ingest.inventory import Inventory
from ingest.inventory_files import load_inventory
from schemas.device_type import Field
from schemas.units import find_unit
from simulators.device import SimulatedDevice, choose_devices, make_fleet
from simulators.errors import DemoFolderError, DemoRunningError
from simulators.evidence import count_given_up, describe_ledger, list_published, list_quarantined, list_stored
from simulators.fleet import Fleet, Plan, read_clock_ms
from simulators.live_view import Latest, View, render_view, summarise
from simulators.models import load_models
from simulators.proof import Proof, compare, describe, judge
from simulators.publisher import BrokerAddress, find_cause
from simulators.stop import stopped_by_signals
from simulators.tally import Outcome, Tally
from simulators.testbed.collector import CollectorProcess, Setup, run_collector_process
from simulators.testbed.grafana import find_grafana, run_grafana
from simulators.testbed.influxd import Influxd, QueryError, quote_name, quote_text, run_influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.process import ProgramError

DATABASE = "sensors"
REFRESH_S = 0.5
LINE_S = 5.0
"""Without a terminal the view is a line, this often."""
SHOWN_DEVICES = 6
SHOWN_FIELDS = 4
WITHOUT_GRAFANA = (
    "no grafana on PATH and no GRAFANA_HOME: for the dashboards run"
    " deploy/secrets && docker compose --file deploy/compose.yaml up"
)
MARKER = "gjovik-demo"
"""File that says that a folder is the demo's, to be emptied by the next; the running demo holds it locked."""
SERVERS = ("mosquitto", "influxdb", "collector", "grafana")
"""Folders that a demo leaves behind."""
SETTLE_S = 60.0
"""How long the collector may take for what the fleet published last."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the demo is told.

    Attributes:
        folder: New, empty or an earlier demo's; everything that the demo leaves behind is in it.
        inventory: Folder of the inventory.
        rules: Folder of the alert rules.
        devices: How many of the inventory's take part; None for all.
        seed: Of the fleet.
        rate: Readings a second of the whole fleet.
        seconds: Length of the present; None until it is stopped.
        history: How far back the past goes; None for no past.
        faults: Share of messages that are bad input, 0 to 1.
    """

    folder: Path
    inventory: Path
    rules: Path
    devices: int | None
    seed: int
    rate: float
    seconds: float | None
    history: timedelta | None
    faults: float


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers of a running demo, and the fleet before them."""

    broker: Mosquitto
    influxd: Influxd
    collector: CollectorProcess
    fleet: Fleet
    devices: Sequence[SimulatedDevice]
    tally: Tally


async def run_demo(options: Options, console: Console) -> Proof:
    """Run everything until the time is up or Ctrl-C, stop it in order, and return the proof.

    Raises:
        DemoFolderError: The folder holds something else than a demo.
        DemoRunningError: Another demo has the folder.
        ConfigurationError: The inventory or a rule is wrong.
        FleetError: The inventory has too few devices.
        ProgramError: A server is missing, does not start, or is gone when the proof asks it.
    """
    inventory = load_inventory(options.inventory, load_device_types())
    with _take_folder(options.folder):
        async with _set_stage(options, inventory, console) as stage:
            await _play(stage, console)
            await _settle(stage, console)
            await stage.collector.stop()
            proof = await _prove(stage)
    console.print("\nThe collector's ledger", style="bold")
    for line in await asyncio.to_thread(describe_ledger, stage.collector.store):
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    console.print("The proof: the fleet's own count against InfluxDB and the quarantine", style="bold")
    for line in describe(proof):
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    console.print(judge(proof), style="bold green" if proof.holds else "bold red", soft_wrap=True)
    return proof


@contextlib.contextmanager
def _take_folder(folder: Path) -> Iterator[None]:
    """Empty the folder of an earlier demo for this one; a second one is refused, and a folder of anything else."""
    lock = _open_marker(folder)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoRunningError(f"another demo runs in {folder}; stop it first, or give --folder") from None
        for name in SERVERS:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        yield
    finally:
        os.close(lock)


def _open_marker(folder: Path) -> int:
    """Return the open marker of a folder that is new, empty, or a demo's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise DemoFolderError(
                f"{folder} holds something that no demo left behind, and the demo empties its folder; "
                "give --folder a new or empty one"
            )
        return os.open(folder / MARKER, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise DemoFolderError(f"{folder} cannot be used: {error.strerror}; give another --folder") from None


@asynccontextmanager
async def _set_stage(options: Options, inventory: Inventory, console: Console) -> AsyncIterator[Stage]:
    types, models = load_device_types(), load_models()
    chosen = choose_devices(inventory, models, options.devices, read_clock_ms())
    devices = make_fleet(chosen, inventory, types, models, options.seed, "gjovik")
    accounts = complete_accounts(account_names(inventory), {})
    folder = options.folder
    secrets = "".join(f"{name}:{password}\n" for name, password in accounts.items())
    await asyncio.to_thread(write_private, folder / "accounts", secrets, mode=0o600)
    async with (
        run_mosquitto(folder / "mosquitto", accounts) as broker,
        run_influxd(folder / "influxdb") as influxd,
    ):
        console.print(f"Mosquitto on {broker.host}:{broker.port}, InfluxDB on {influxd.url}", highlight=False)
        await influxd.create_database(DATABASE)
        setup = Setup(options.inventory, options.rules, DATABASE, {"accept_simulated": True})
        async with (
            run_collector_process(folder / "collector", broker, influxd, setup) as collector,
            _run_grafana_if_installed(folder / "grafana", influxd, console),
        ):
            console.print(f"collector running, its log: {collector.log}", highlight=False, soft_wrap=True)
            console.print(
                f"accounts at the broker, name:password: {folder / 'accounts'}", highlight=False, soft_wrap=True
            )
            tally = Tally()
            plan = Plan(options.rate, options.seconds, options.history, None, options.faults)
            fleet = Fleet(devices, BrokerAddress(broker.host, broker.port), accounts, plan, tally)
            yield Stage(broker, influxd, collector, fleet, devices, tally)


@asynccontextmanager
async def _run_grafana_if_installed(folder: Path, influxd: Influxd, console: Console) -> AsyncIterator[None]:
    installation = find_grafana(os.environ)
    if installation is None:
        console.print(WITHOUT_GRAFANA, highlight=False, soft_wrap=True)
        yield
        return
    async with run_grafana(folder, influxd, installation) as grafana:
        console.print(f"Grafana with the dashboards on {grafana.url}", highlight=False)
        yield


async def _play(stage: Stage, console: Console) -> None:
    """Let the fleet publish while the view is shown; Ctrl-C and SIGTERM end it in order."""
    with stopped_by_signals(stage.fleet.stop, stage.fleet.abandon):
        try:
            async with asyncio.TaskGroup() as group:
                show = _show_live if console.is_terminal else _show_lines
                showing = group.create_task(show(stage, console), name="view")
                await stage.fleet.run()
                showing.cancel()
        except ExceptionGroup as errors:
            raise find_cause(errors) from None


async def _show_live(stage: Stage, console: Console) -> None:
    known: dict[str, Latest] = {}
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(render_view(await _look(stage, known), console.height), refresh=True)
            await asyncio.sleep(REFRESH_S)


async def _show_lines(stage: Stage, console: Console) -> None:
    known: dict[str, Latest] = {}
    while True:
        console.print(summarise(await _look(stage, known)), highlight=False, soft_wrap=True)
        await asyncio.sleep(LINE_S)


async def _look(stage: Stage, known: dict[str, Latest]) -> View:
    """Return how it is now; the latest values, by device, go into ``known`` and stay there while nobody tells more."""
    status = await asyncio.to_thread(stage.collector.read_status)
    published = stage.tally.counts[Outcome.ACKNOWLEDGED]
    count = len(stage.devices)
    notes = [f"{count} simulated devices; their readings are accepted and tagged here, and refused in production"]
    if published < stage.fleet.past_messages:
        notes.append(f"publishing the past: {published} of about {stage.fleet.past_messages} readings")
    answers = await ask_latest(stage.influxd, stage.devices[:SHOWN_DEVICES], known)
    return View(status, published, list(known.values()), notes, stage.fleet.seconds_left, influx_answers=answers)


async def ask_latest(influxd: Influxd, devices: Sequence[SimulatedDevice], known: dict[str, Latest]) -> bool:
    """Put the newest values of devices into ``known``, by device; return whether InfluxDB answered."""
    try:
        for device in devices:
            latest = await _find_latest(influxd, device)
            if latest is not None:
                known[device.id] = latest
    except (QueryError, aiohttp.ClientError, TimeoutError):
        return False
    return True


async def _find_latest(influxd: Influxd, device: SimulatedDevice) -> Latest | None:
    """Return the newest values of a device as InfluxDB holds them; None when there are none.

    Raises:
        QueryError: The server refuses.
        aiohttp.ClientError: It does not answer.
        TimeoutError: Likewise.
    """
    fields = device.device_type.fields
    names = ", ".join(quote_name(name) for name in fields)
    statement = (
        f"SELECT {names} FROM {quote_name(device.device_type.key)}"  # noqa: S608 - quoted, and our own names
        f' WHERE "device" = {quote_text(device.id)} ORDER BY time DESC LIMIT 1'
    )
    series = await influxd.query(statement, DATABASE)
    if not series:
        return None
    time_ms, *values = series[0].rows[0]
    shown = [
        (name, _show_value(field, value))
        for (name, field), value in zip(fields.items(), values, strict=True)
        if value is not None
    ]
    return Latest(device.id, time_ms, shown[:SHOWN_FIELDS])


def _show_value(field: Field, value: float | bool) -> str:  # noqa: FBT001 - a field's value, not a switch
    if field.is_state:
        return "yes" if value else "no"
    digits = 0 if abs(value) >= 100 else 1  # noqa: PLR2004 - a matter of looks
    return f"{value:,.{digits}f} {find_unit(field.measures.unit).display}".rstrip()


async def _settle(stage: Stage, console: Console) -> None:
    """Wait until everything that the broker acknowledged to the fleet is in InfluxDB, or somebody is impatient."""
    counts = stage.tally.counts
    expected = counts[Outcome.ACKNOWLEDGED]
    hurry = asyncio.Event()

    def is_settled(status: Mapping[str, Any]) -> bool:
        return hurry.is_set() or (count_first_deliveries(status) >= expected and status["outbox_lines"] == 0)

    with stopped_by_signals(hurry.set, hurry.set):
        console.print(
            f"stopping: the fleet published {expected}, unanswered {counts[Outcome.WAITING]}, "
            f"refused {counts[Outcome.REFUSED]}; waiting for the collector (Ctrl-C: do not wait)",
            highlight=False,
            soft_wrap=True,
        )
        await stage.collector.wait_until(is_settled, "store everything", deadline_s=SETTLE_S)
    if hurry.is_set():
        console.print("told not to wait: what is not stored yet will be missing below", soft_wrap=True)


def count_first_deliveries(status: Mapping[str, Any]) -> int:
    """Return how many messages a collector received, by its status, those that came again counted once."""
    ledger = status["ledger"]
    return int(ledger["received"] - ledger["duplicate_messages"] - ledger["duplicate_readings"])


async def _prove(stage: Stage) -> Proof:
    try:
        stored = await list_stored(stage.influxd, DATABASE, [device.id for device in stage.devices])
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProgramError(
            f"InfluxDB at {stage.influxd.url} does not answer any more, so nothing is proved; what it did not take "
            f"waits in {stage.collector.store}"
        ) from error
    quarantined = await asyncio.to_thread(list_quarantined, stage.collector.store)
    most_given_up = await asyncio.to_thread(count_given_up, stage.collector.store)
    return compare(list_published(stage.tally), stored, quarantined, most_given_up)
