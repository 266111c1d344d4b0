"""A collector of one's own, as a process: the very command that production runs, with settings in a folder."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.accounts import COLLECTOR, write_private
from ingest.status_file import STATUS_FILE
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from simulators.testbed.process import Program
from simulators.testbed.server import Server

Value = str | int | float | bool | Sequence[str]
Table = Mapping[str, "Value | Table"]
COMMAND = ("-m", "gjovik")
"""Behind the name of Python."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a collector is to be told beside its servers.

    Attributes:
        inventory: Folder of the inventory.
        rules: Folder of the alert rules.
        database: Where it writes; it exists already.
        ingest: Settings of the part ``ingest``.
        account: Its name at the broker, which must know it.
        mqtt: Settings of the part ``mqtt`` that replace the usual ones, for example the port of a proxy.
        influx: Likewise of the part ``influx``.
        store: Likewise of the part ``store``.
        environment: Variables added to ours.
        start_s: Seconds that it may take until it is subscribed.
    """

    inventory: Path
    rules: Path
    database: str = "sensors"
    ingest: Table = field(default_factory=dict)
    account: str = COLLECTOR
    mqtt: Table = field(default_factory=dict)
    influx: Table = field(default_factory=dict)
    store: Table = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    start_s: float = 20.0


class CollectorProcess(Server):
    """A collector that may be started, stopped and killed again and again, with the same store.

    Attributes:
        store: Folder of its store.
        settings: File of its settings.
    """

    def __init__(self, folder: Path, broker: Mosquitto, influxd: Influxd, setup: Setup) -> None:
        folder = folder.absolute()
        self.store = folder / "store"
        self.settings = folder / "collector.toml"
        self._settings = _list_settings(folder, broker, influxd, setup)
        self._start_s = setup.start_s
        write_private(folder / "mqtt-password", broker.accounts[setup.account] + "\n", mode=0o600)
        write_private(folder / "influx-password", influxd.password + "\n", mode=0o600)
        command = (sys.executable, *COMMAND, "collector", "--settings", str(self.settings))
        # From the project's own folder, so that an installation in place and a checkout behave alike.
        program = Program(
            command, folder=Path(__file__).parents[2], log=folder / "collector.log", environment=setup.environment
        )
        super().__init__(program, drain_s=40.0)

    def read_status(self) -> dict[str, Any]:
        """Return the collector's ``status.json``; empty before there is one."""
        path = self.store / STATUS_FILE
        return json.loads(path.read_text()) if path.exists() else {}

    async def start(self) -> None:
        """Start the collector and return when it is subscribed.

        Raises:
            ProgramError: When it ends, or is not ready in time.
        """
        self.settings.write_text(render_settings(self._settings), encoding="utf-8")
        began_ms = self.read_status().get("time_ms", 0)

        async def is_subscribed() -> bool:
            status = self.read_status()
            return status.get("time_ms", 0) > began_ms and not status["mqtt_error"]

        await self._program.start(is_subscribed, deadline_s=self._start_s)

    def hang_up(self) -> None:
        """Make the collector read inventory and rules again (SIGHUP)."""
        self._program.hang_up()

    async def wait_until(
        self, holds: Callable[[Mapping[str, Any]], bool], what: str, *, deadline_s: float = 30
    ) -> None:
        """Return when a condition of the status holds.

        Args:
            holds: Asked of every new status.
            what: What it means, after "did not".
            deadline_s: Seconds that it may take.

        Raises:
            ProgramError: When the collector ends, or the time is up.
        """

        async def status_holds() -> bool:
            return holds(await asyncio.to_thread(self.read_status))

        await self._program.wait_until(status_holds, what, deadline_s=deadline_s)


def render_settings(settings: Table, path: tuple[str, ...] = ()) -> str:
    """Return a settings file; a basic string of TOML is written as JSON writes its strings."""
    lines = [f"[{'.'.join(path)}]"] if path else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items() if not isinstance(value, Mapping)]
    lines += [render_settings(value, (*path, key)) for key, value in settings.items() if isinstance(value, Mapping)]
    return "\n".join([*lines, ""])


def _list_settings(folder: Path, broker: Mosquitto, influxd: Influxd, setup: Setup) -> Table:
    mqtt: dict[str, Value | Table] = {
        "host": broker.host,
        "port": broker.port,
        "username": setup.account,
        "password_file": str(folder / "mqtt-password"),
    }
    if broker.certificates is not None:
        mqtt["tls"] = {"enabled": True, "ca_file": str(broker.certificates.ca)}
    influx: dict[str, Value | Table] = {
        "url": influxd.url,
        "database": setup.database,
        "username": influxd.username,
        "password_file": str(folder / "influx-password"),
    }
    if influxd.certificates is not None:
        influx["ca_file"] = str(influxd.certificates.ca)
    return {
        "inventory": str(setup.inventory.absolute()),
        "rules": str(setup.rules.absolute()),
        "mqtt": mqtt | dict(setup.mqtt),
        "influx": influx | dict(setup.influx),
        "store": {"folder": str(folder / "store")} | dict(setup.store),
        "ingest": dict(setup.ingest),
    }


@asynccontextmanager
async def run_collector_process(
    folder: Path, broker: Mosquitto, influxd: Influxd, setup: Setup
) -> AsyncIterator[CollectorProcess]:
    """Run a collector until the block ends; then it is stopped in order.

    Args:
        folder: Gets its settings, secrets, store and log; made when it is missing.
        broker: Where readings come from.
        influxd: Where they go.
        setup: What else it is told.

    Raises:
        ProgramError: When it does not start.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    collector = CollectorProcess(folder, broker, influxd, setup)
    await collector.start()
    try:
        yield collector
    finally:
        await collector.stop()
