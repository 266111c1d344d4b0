"""Devices that describe themselves, on real servers: listed at the broker, proposed, imported, and then heard.

And what the descriptions do for those that send before anybody has put them in: their product is known.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.accounts import COLLECTOR, make_password
from simulators.testbed.collector import Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.port import free_port
from tests.described_devices import BRIDGE, CELLAR, CLIMATE, NODE, PLUG, ROOM, write_lines
from tests.sparkplug_payloads import bd_seq, number, write
from tests.stand import COLD, INVENTORY, Stand, connect
from tests.test_devices_cli import run_json
from tests.test_sources import SERVERS, OpenMosquitto, Servers, wait_rows

FORMATS = {
    "zigbee": "zigbee2mqtt",
    "relays": "tasmota",
    "nodes": "esphome",
    "told": "homeassistant",
    "building": "sparkplug",
}
TOPICS = ("homeassistant/#", "tele/#", "stat/#", "esphome/#")
DESCRIBED = (*CLIMATE, *CELLAR, *PLUG, *NODE, BRIDGE)
DEVICES = [
    {"ieee_address": "0x00124b00120144ae", "type": "Coordinator", "friendly_name": "Coordinator"},
    {
        "ieee_address": ROOM,
        "type": "EndDevice",
        "friendly_name": "radhuset/rom 12",
        "definition": {"vendor": "Aqara", "model": "WSDCGQ11LM", "exposes": []},
    },
]


class DescribedMosquitto(OpenMosquitto):
    """A broker at which the collector may hear descriptions, too."""

    def _write_files(self) -> None:
        super()._write_files()
        acl = self._folder / "acl"
        allowed = "".join(f"topic read {one}\n" for one in TOPICS)
        acl.write_text(acl.read_text().replace(f"user {COLLECTOR}\n", f"user {COLLECTOR}\n{allowed}", 1))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[DescribedMosquitto]:
    """A broker of this test alone."""
    (tmp_path / "broker").mkdir()
    accounts = {name: make_password() for name in (COLLECTOR, SERVERS)}
    server = DescribedMosquitto(tmp_path / "broker", free_port(), accounts, None)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def stand(
    tmp_path: Path, broker: DescribedMosquitto, influxd: Influxd, database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    """A collector with five Sources."""
    inventory, rules, sources = tmp_path / "inventory", tmp_path / "rules", tmp_path / "sources"
    for folder in (inventory, rules, sources):
        folder.mkdir()
    (inventory / "hall.toml").write_text(INVENTORY)
    (rules / "room-too-cold.toml").write_text(COLD)
    for key, format_key in FORMATS.items():
        (sources / f"{key}.toml").write_text(f'format = "{format_key}"\n')
    monkeypatch.setenv("GJOVIK_SOURCES", str(sources))
    setup = Setup(inventory, rules, database, environment={"GJOVIK_SOURCES": str(sources)})
    async with run_collector_process(tmp_path / "collector", broker, influxd, setup) as collector:
        yield Stand(broker, influxd, database, collector, inventory, rules)


@pytest.fixture
async def servers(stand: Stand) -> AsyncIterator[Servers]:
    """What Sources publish."""
    async with connect(stand.broker, SERVERS, stand.broker.accounts[SERVERS]) as client:
        yield Servers(client)


async def tell(stand: Stand, *words: str) -> dict[str, Any]:
    """Return the JSON of a command about devices that ends well."""
    code, answer = await asyncio.to_thread(run_json, stand.collector.settings, *words)
    assert code == 0, answer
    return answer


async def list_retained(servers: Servers, count: int) -> bytes:
    """Return so many descriptions that the broker keeps, as ``mosquitto_sub -v`` writes them."""
    found: list[tuple[str, object]] = []
    async with asyncio.timeout(20):
        await servers.client.subscribe("homeassistant/#", qos=1)
        async for message in servers.client.messages:
            assert message.retain
            assert isinstance(message.payload, bytes)
            found.append((str(message.topic), json.loads(message.payload)))
            if len(found) == count:
                return write_lines(found)
    raise AssertionError("never reached: the messages end with the time alone")


async def send_readings(servers: Servers) -> None:
    """Publish a reading of each device, as their programs write it."""
    await servers.publish(
        "zigbee2mqtt/radhuset/rom 12", {"temperature": 21.4, "humidity": 38.5, "battery": 97, "linkquality": 80}
    )
    await servers.publish("tele/kjeller/SENSOR", {"BME280": {"Temperature": 8.5, "Humidity": 71}, "TempUnit": "C"})
    await servers.publish("tele/varmtvann/SENSOR", {"ENERGY": {"Total": 3.25, "Power": 1990, "Voltage": 231}})
    await servers.publish("tele/varmtvann/STATE", {"POWER": "ON"})
    for name, value in (("temperature", b"22.5"), ("humidity", b"41"), ("co2", b"612")):
        await servers.publish(f"esphome/stue/sensor/{name}/state", value)


async def test_devices_that_describe_themselves_are_imported_and_their_readings_taken(
    stand: Stand, servers: Servers, tmp_path: Path
) -> None:
    for topic, payload in DESCRIBED:
        await servers.publish(topic, payload, retain=True)
    await servers.publish("zigbee2mqtt/bridge/devices", DEVICES, retain=True)
    file, csv = tmp_path / "described.txt", tmp_path / "nye.csv"
    file.write_bytes(await list_retained(servers, len(DESCRIBED)))
    words = ("--csv", str(csv), "--site", "hall", "--type", "indoor_climate")
    told = await tell(stand, "described", str(file), *words)
    assert {one["address"]: one["type"] for one in told["proposed"]} == {
        ROOM: "indoor_climate",
        "kjeller": "indoor_climate",
        "varmtvann": "smart_plug",
        "stue": "indoor_climate",
    }
    done = await tell(stand, "import", str(csv))
    assert (len(done["added"]), done["reloaded"]) == (4, True)
    before = len(DESCRIBED) + 1
    await stand.wait_received(before)
    await send_readings(servers)
    await stand.wait_received(before + 7)
    statement = "SELECT temperature, humidity, co2, battery FROM indoor_climate GROUP BY device"
    rows = [row[1:] for row in await wait_rows(stand, statement, 5)]
    assert sorted(rows, key=str) == sorted(
        [
            (21.4, 38.5, None, 97.0),
            (8.5, 71.0, None, None),
            (22.5, None, None, None),
            (None, 41.0, None, None),
            (None, None, 612.0, None),
        ],
        key=str,
    )
    plug = await wait_rows(stand, 'SELECT power, energy, voltage, "on" FROM smart_plug', 2)
    assert [row[1:] for row in plug] == [(1990.0, 3.25, 231.0, None), (None, None, None, True)]
    assert (await tell(stand, "discovered"))["discovered"] == []


async def test_what_sends_before_it_is_in_is_known_by_what_describes_it(stand: Stand, servers: Servers) -> None:
    for topic, payload in PLUG:
        await servers.publish(topic, payload, retain=True)
    await servers.publish("zigbee2mqtt/bridge/devices", DEVICES, retain=True)
    await stand.wait_received(len(PLUG) + 1)
    await send_readings(servers)
    birth = write([number("Supply Air Temperature", 18.5, alias=1)], seq=1)
    changes = [write([number("", 18.5 + step, alias=1)], seq=2 + step) for step in range(4)]
    await servers.publish("spBv1.0/hall/NBIRTH/edge", write([bd_seq(0)], seq=0))
    await servers.publish("spBv1.0/hall/DBIRTH/edge/ahu", birth)
    for one in changes:
        await servers.publish("spBv1.0/hall/DDATA/edge/ahu", one)
    await stand.wait_received(len(PLUG) + 1 + 7 + 2 + len(changes))
    found = {one["id"]: one for one in (await tell(stand, "discovered"))["discovered"]}
    room = found[f"zigbee:{ROOM}"]
    assert (room["product"], room["grounds"]) == ("Aqara WSDCGQ11LM", "product")
    assert room["guesses"] == [{"type": "indoor_climate", "model": "zigbee_climate"}]
    # Only Home Assistant discovery tells what a relay is.
    assert found["relays:varmtvann"]["product"] == "Tasmota Sonoff Pow R2"
    assert found["relays:varmtvann"]["guesses"] == [{"type": "smart_plug", "model": "tasmota_plug"}]
    # The newest three readings have aliases alone; the oldest three begin with the birth.
    unit = found["building:hall/edge/ahu"]
    assert unit["guesses"] == [{"type": "ventilation_unit", "model": "sparkplug_ventilation"}]
    assert "Supply Air Temperature=19.5" in unit["says"]
