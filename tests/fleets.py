"""A fleet on a real broker, and a listener that hears what it publishes."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices import load_device_types
from ingest.accounts import COLLECTOR
from ingest.inventory import Inventory
from ingest.inventory_files import load_inventory
from simulators.device import SimulatedDevice, choose_devices, make_fleet
from simulators.fleet import Fleet, Plan
from simulators.models import load_models
from simulators.publisher import BrokerAddress
from simulators.tally import Outcome, Tally
from simulators.testbed.mosquitto import Mosquitto
from simulators.town import render_town
from tests.mqtt_clients import wait_until

DEADLINE_S = 20.0
NOW_MS = 1_795_000_000_000  # 2026-11-18
Arrived = dict[str, list[tuple[str, bytes]]]
"""Topic and payload of what came, by device."""


def write_town(folder: Path) -> Path:
    """Write an inventory of 248 devices, and return its folder."""
    folder.mkdir()
    for name, text in render_town(248, 1).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def load_town(folder: Path) -> Inventory:
    """Return the inventory of a folder."""
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
