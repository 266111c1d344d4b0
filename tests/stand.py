"""A whole path for one test: broker, database, collector, and an inventory and rules in files of its own."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from ingest.event_time import format_time
from simulators.testbed.collector import CollectorProcess, Setup, Value, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto

ROOT = Path(__file__).parent.parent

INVENTORY = """
[[site]]
key = "hall"
title = "Hallen"
category = "sports_hall"
latitude = 60.8
longitude = 10.7
area_m2 = 1000.0
[[site.zone]]
key = "first"
title = "1. etasje"

[[device]]
id = "climate-1"
type = "indoor_climate"
component = "+A=360.001-RT001"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]

[[device]]
id = "light-1"
type = "street_light"
component = "+A=440.001-LR001"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
"""

COLD = """
device_type = "indoor_climate"
field = "temperature"
unit = "Cel"
below = 17.0
clear = 18.0
for = "10m"
severity = "warning"
text = "Rommet er for kaldt"

[[example]]
series = [[0, 20.0], [10, 16.0], [20, 16.0], [30, 18.0]]
fires = 20
clears = 30
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """What a test can reach.

    Attributes:
        broker: Real Mosquitto.
        influxd: Real InfluxDB.
        database: Of this test alone.
        collector: The real command, as a process.
        inventory: Folder that the collector reads.
        rules: Likewise.
    """

    broker: Mosquitto
    influxd: Influxd
    database: str
    collector: CollectorProcess
    inventory: Path
    rules: Path

    async def publish(self, device: str, payloads: Sequence[bytes | str], *, site: str = "hall") -> None:
        """Publish as a device, with its own account, in order; return when the broker has acknowledged all."""
        accounts = await self.broker.add_accounts([device])
        async with connect(self.broker, device, accounts[device]) as client:
            for payload in payloads:
                await client.publish(f"gjovik/{site}/{device}/reading", payload, qos=1)

    async def wait_received(self, count: int) -> None:
        """Return when the collector has taken so many messages."""
        await self.collector.wait_until(
            lambda status: status["ledger"]["received"] >= count, f"receive {count} messages", deadline_s=20
        )

    async def wait_stored(self) -> None:
        """Return when nothing waits in the outbox."""
        await self.collector.wait_until(
            lambda status: status["outbox_lines"] == 0 and status["stored"] > 0, "empty the outbox", deadline_s=30
        )

    async def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of all series that a statement gives."""
        return [row for series in await self.influxd.query(statement, self.database) for row in series.rows]


def connect(broker: Mosquitto, name: str, password: str) -> aiomqtt.Client:
    """Return an MQTT 5 client of an account."""
    tls = None if broker.certificates is None else aiomqtt.TLSParameters(ca_certs=str(broker.certificates.ca))
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=name,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_params=tls,
    )


def climate(time_ms: int, seq: int, **fields: object) -> str:
    """Return the payload of an indoor-climate sensor, by default at 20 degrees."""
    return json.dumps({"time": format_time(time_ms), "seq": seq, "temperature": 20.0} | fields)


@asynccontextmanager
async def run_stand(
    folder: Path,
    broker: Mosquitto,
    influxd: Influxd,
    database: str,
    ingest: Mapping[str, Value] | None = None,
    devices: str = "",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Stand]:
    """Run a collector over the small inventory, with more devices if given, and one rule until the block ends."""
    inventory, rules = folder / "inventory", folder / "rules"
    inventory.mkdir()
    rules.mkdir()
    (inventory / "hall.toml").write_text(INVENTORY + devices)
    (rules / "room-too-cold.toml").write_text(COLD)
    setup = Setup(inventory, rules, database, ingest or {}, environment=environment or {})
    async with run_collector_process(folder / "collector", broker, influxd, setup) as collector:
        yield Stand(broker, influxd, database, collector, inventory, rules)
