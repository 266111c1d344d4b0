"""Stage: the servers of one trial, set up as a Disturbance needs them, with the devices before them."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from devices import load_device_types
from ingest.accounts import COLLECTOR, MONITOR, make_password
from ingest.alerts.rules import load_rules
from schemas.rule import Rule
from simulators.testbed.clock import ShiftedClock
from simulators.testbed.collector import CollectorProcess, Setup, Table
from simulators.testbed.disk import SmallDisk, mount_small_disk
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.process import ProgramError
from simulators.testbed.proxy import CableProxy, InfluxProxy
from simulators.trials.listener import Listener
from simulators.trials.load import CLOCKED, CONFLICTING, HOUR_MS, RULES, Sensor, render_inventory
from simulators.trials.traffic import Traffic

DATABASE = "sensors"
POLL_S = 0.02
PATIENCE_S = 120.0
"""For what must happen before a trial goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the servers of a trial are set up.

    Attributes:
        collectors: Settings of each collector's part ``mqtt``, beside the usual ones; as many as there are to be.
        has_cable: Whether a cable that can be cut lies between collectors and broker.
        has_influx_proxy: Whether answers of InfluxDB can be tampered with.
        disk_bytes: Size of a small disk for the store; 0 for the ordinary one.
        has_saved: Whether the broker has saved the collectors' sessions before the load: one that is killed in its
            first seconds knows nobody.
        has_clock: Whether the collectors' wall clock can be shifted.
        settings: Of every collector, by part: ``ingest``, ``influx``, ``store``.
    """

    collectors: Sequence[Table] = ({},)
    has_cable: bool = False
    has_influx_proxy: bool = False
    disk_bytes: int = 0
    has_saved: bool = False
    has_clock: bool = False
    settings: Mapping[str, Table] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a blow can reach.

    Attributes:
        broker: Real Mosquitto.
        influxd: Real InfluxDB.
        collectors: The real command, as processes.
        traffic: The devices.
        listener: Hears notifications.
        span_ms: Event times of the first and last reading.
        random: For what is not in the plan, such as the length of a pause.
        cable: Between collectors and broker, if the layout has one.
        influx_proxy: Between collectors and InfluxDB, if the layout has one.
        disk: Of the store, if the layout has one.
        clock: Of the collectors, if the layout has one.
        problems: What a blow found wrong, beside what the verdict finds.
        calm_s: When the last blow ended, by the event loop's clock.
        most_lost: Readings that a killed broker may have forgotten.
        judges_alerts: Whether the collectors judge alerts; members of a shared subscription do not.
    """

    broker: Mosquitto
    influxd: Influxd
    collectors: Sequence[CollectorProcess]
    traffic: Traffic
    listener: Listener
    random: Random
    span_ms: tuple[int, int]
    cable: CableProxy | None = None
    influx_proxy: InfluxProxy | None = None
    disk: SmallDisk | None = None
    clock: ShiftedClock | None = None
    problems: list[str] = field(default_factory=list)
    calm_s: float | None = None
    most_lost: int = 0
    judges_alerts: bool = True

    def calm(self) -> None:
        """Note that a blow ends: from now on the servers are recovering."""
        self.calm_s = asyncio.get_running_loop().time()

    async def wait_acknowledged(self, count: int) -> None:
        """Return when the broker has taken so many messages.

        Raises:
            ProgramError: It takes too long.
        """
        await wait_until(lambda: self.traffic.acknowledged >= count, f"the broker took {count} messages")

    async def wait_collected(self, deadline_s: float = PATIENCE_S) -> None:
        """Return when everything that the broker took has reached the collectors and InfluxDB.

        Raises:
            ProgramError: It takes too long.
        """
        expected = self.traffic.acknowledged
        await wait_until(
            lambda: (
                self.count_collected() >= expected
                and all(self.read(each, "outbox_lines") == 0 for each in range(len(self.collectors)))
            ),
            f"the collectors stored {expected} messages",
            deadline_s,
        )

    async def wait_connected(self) -> None:
        """Return when every collector is connected, by a status that was written after now.

        Raises:
            ProgramError: It takes too long.
        """
        now_ms = time.time_ns() // 1_000_000

        def is_connected(status: Mapping[str, Any]) -> bool:
            return bool(status["time_ms"] > now_ms and status["mqtt_connected"] and not status["mqtt_error"])

        await wait_until(
            lambda: all(is_connected(collector.read_status()) for collector in self.collectors),
            "the collectors connected again",
        )

    def count_collected(self) -> int:
        """Return how many messages the collectors received, by their status, those that came again counted once."""
        return sum(count_first_deliveries(collector.read_status()) for collector in self.collectors)

    def read(self, collector: int, name: str) -> Any:  # noqa: ANN401 - a member of a JSON object
        """Return a member of a collector's status; None before there is one."""
        return self.collectors[collector].read_status().get(name)


def count_first_deliveries(status: Mapping[str, Any]) -> int:
    """Return how many messages a collector received, by its status, those that came again counted once."""
    ledger = status.get("ledger")
    if ledger is None:
        return 0
    return int(ledger["received"] - ledger["duplicate_messages"] - ledger["duplicate_readings"])


async def wait_until(holds: Callable[[], bool], what: str, deadline_s: float = PATIENCE_S) -> None:
    """Return when a condition holds.

    Args:
        holds: Asked every 20 ms.
        what: What it means, after "it did not happen that".
        deadline_s: Seconds that it may take.

    Raises:
        ProgramError: It takes longer.
    """
    try:
        async with asyncio.timeout(deadline_s):
            while not holds():  # noqa: ASYNC110 - conditions of other processes give no event
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise ProgramError(f"it did not happen within {deadline_s:g} s that {what}") from None


async def _write_conflicts(influxd: Influxd, begin_ms: int, end_ms: int) -> None:
    """Have a field be a text in InfluxDB, so that a reading with a number in it is refused; at both ends of the load.

    InfluxDB knows types by shard, and a load may lie in two.
    """
    for time_ms in (begin_ms, end_ms):
        await influxd.write(f'{CLOCKED},device=older {CONFLICTING}="high" {time_ms}', DATABASE)


def name_collectors(count: int) -> list[str]:
    """Return the accounts of so many collectors."""
    return [COLLECTOR, *(f"{COLLECTOR}-{number}" for number in range(2, count + 1))]


def write_configuration(folder: Path, sensors: Sequence[Sensor]) -> tuple[Path, Path, dict[str, Rule]]:
    """Write inventory and rules, and return their folders, and the rules by key."""
    inventory, rules = folder / "inventory", folder / "rules"
    for part in (inventory, rules):
        part.mkdir(parents=True, exist_ok=True)
    (inventory / "sites.toml").write_text(render_inventory(sensors), encoding="utf-8")
    for key, text in RULES.items():
        (rules / f"{key}.toml").write_text(text, encoding="utf-8")
    return inventory, rules, load_rules(rules, load_device_types())


@asynccontextmanager
async def set_stage(
    folder: Path,
    layout: Layout,
    make_traffic: Callable[[Mapping[str, Rule]], Traffic],
    sensors: Sequence[Sensor],
    span_ms: tuple[int, int],
    random: Random,
) -> AsyncIterator[Stage]:
    """Start the servers, with collectors that are subscribed, and stop them when the block ends.

    Args:
        folder: New; gets everything.
        layout: How.
        make_traffic: Makes the devices, given the rules.
        sensors: The devices.
        span_ms: Event times of the first and last reading.
        random: See ``Stage``.

    Raises:
        ProgramError: A server is missing or does not start.
    """
    inventory, rules, by_key = write_configuration(folder, sensors)
    names = name_collectors(len(layout.collectors))
    accounts = {name: make_password() for name in (*names, MONITOR)}
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(run_mosquitto(folder / "mosquitto", accounts, collectors=names[1:]))
        influxd = await stack.enter_async_context(run_influxd(folder / "influxdb"))
        await influxd.create_database(DATABASE)
        await _write_conflicts(influxd, span_ms[0] - HOUR_MS, span_ms[1] + HOUR_MS)
        stage = Stage(
            broker=broker,
            influxd=influxd,
            collectors=[],
            traffic=make_traffic(by_key),
            listener=Listener(broker, accounts[MONITOR]),
            random=random,
            span_ms=span_ms,
            judges_alerts=not any("share" in mqtt for mqtt in layout.collectors),
        )
        await _add_parts(stack, stage, layout, folder)
        stage.collectors = [
            CollectorProcess(folder / name, broker, influxd, _make_setup(stage, layout, name, mqtt, (inventory, rules)))
            for name, mqtt in zip(names, layout.collectors, strict=True)
        ]
        for collector in stage.collectors:
            stack.push_async_callback(collector.kill)
        await asyncio.gather(*(collector.start() for collector in stage.collectors))
        if layout.has_saved:
            await broker.restart()
            await stage.wait_connected()
        yield stage


async def _add_parts(stack: AsyncExitStack, stage: Stage, layout: Layout, folder: Path) -> None:
    if layout.has_cable:
        stage.cable = await stack.enter_async_context(CableProxy(stage.broker.port).listening())
    if layout.has_influx_proxy:
        port = int(stage.influxd.url.rpartition(":")[2])
        stage.influx_proxy = await stack.enter_async_context(InfluxProxy(port).listening())
    if layout.disk_bytes:
        store = folder / COLLECTOR / "store"
        stage.disk = await stack.enter_async_context(mount_small_disk(store, layout.disk_bytes))
    if layout.has_clock:
        stage.clock = ShiftedClock(folder / "clock")
        await stage.clock.build()


def _make_setup(stage: Stage, layout: Layout, account: str, mqtt: Table, folders: tuple[Path, Path]) -> Setup:
    inventory, rules = folders
    influx = dict(layout.settings.get("influx", {}))
    if stage.cable is not None:
        mqtt = {"port": stage.cable.port} | dict(mqtt)
    if stage.influx_proxy is not None:
        influx["url"] = f"http://127.0.0.1:{stage.influx_proxy.port}"
    return Setup(
        inventory,
        rules,
        DATABASE,
        ingest=layout.settings.get("ingest", {}),
        account=account,
        mqtt=mqtt,
        influx=influx,
        store=layout.settings.get("store", {}),
        environment={} if stage.clock is None else stage.clock.environment,
    )


def empty_folder(folder: Path) -> None:
    """Remove what an earlier trial left."""
    if folder.exists():
        shutil.rmtree(folder)
