"""Sources through the whole path, on real servers: what a network server, a bridge and an edge node tell is stored."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from typer.testing import CliRunner

import gjovik
from ingest.accounts import COLLECTOR, make_password
from ingest.event_time import format_time
from ingest.store_reader import open_reader
from schemas.reason import Reason
from simulators.testbed.collector import Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from simulators.testbed.port import free_port
from tests.sparkplug_payloads import bd_seq, number, write
from tests.stand import COLD, INVENTORY, Stand, connect

SERVERS = "servers"
"""Account at the broker that plays what Sources publish."""
EUI, STRANGER = "24E124136B502011", "24E124136B502099"
CLIMATE = "0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"
"""Of the maker's documentation, AM319: 30.8 degrees, 50.5 %, 936 ppm."""
BOUND = f"""
[[device]]
id = "room-1"
type = "indoor_climate"
component = "+A=360.001-RT002"
placements = [{{ from = 2024-01-01, site = "hall", zone = "first" }}]
source = "lorawan"
address = "{EUI.lower()}"
model = "milesight_am319"

[[device]]
id = "plug-1"
type = "smart_plug"
component = "+A=430.001-XP001"
placements = [{{ from = 2024-01-01, site = "hall", zone = "first" }}]
source = "zigbee"
address = "0x00158d00018255df"
model = "zigbee_plug"

[[device]]
id = "ahu-1"
type = "ventilation_unit"
component = "+A=360.001-JV001"
placements = [{{ from = 2024-01-01, site = "hall", zone = "first" }}]
source = "building"
address = "Hall/AHU"
model = "sparkplug_ventilation"
"""
LATER = (
    BOUND.split("[[device]]")[1].replace("room-1", "room-2").replace(EUI.lower(), STRANGER).replace("RT002", "RT003")
)
BESIDE = """
[[device]]
id = "garden-1"
type = "outdoor_temperature"
component = "+A=360.001-RT004"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
source = "hage"
address = "status"
model = "fields_outdoor_temperature"

[[device]]
id = "plug-2"
type = "smart_plug"
component = "+A=430.001-XP002"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
source = "plugger"
address = "shellyplus1pm-a8032abe54dc"
model = "shelly_plug"
"""
FORMATS = {"lorawan": "chirpstack", "zigbee": "zigbee2mqtt", "building": "sparkplug"}
ACL = f"""
topic read application/+/device/+/event/+
topic read zigbee2mqtt/#
topic read gammelt/#
topic read spBv1.0/#
topic write spBv1.0/+/NCMD/+
topic read hage/+/+
topic read +/events/rpc
topic read +/online
topic read +/status/+

user {SERVERS}
topic readwrite #

user {COLLECTOR}
"""


class OpenMosquitto(Mosquitto):
    """A broker at which an account plays the Sources, and the collector may hear them."""

    def _write_files(self) -> None:
        super()._write_files()
        acl = self._folder / "acl"
        acl.write_text(acl.read_text().replace(f"user {COLLECTOR}\n", f"user {COLLECTOR}\n{ACL}", 1))


class Servers:
    """What Sources publish.

    Args:
        client: Of the account.
    """

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client

    async def uplink(self, eui: str, counter: int, time_ms: int, frame: str = CLIMATE) -> None:
        """Publish what ChirpStack makes of a frame."""
        told = {
            "time": format_time(time_ms),
            "deviceInfo": {"devEui": eui.lower(), "deviceProfileName": "AM319"},
            "devAddr": "00189440",
            "fCnt": counter,
            "fPort": 85,
            "data": base64.b64encode(bytes.fromhex(frame)).decode(),
            "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
            "txInfo": {"modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11}}},
        }
        await self.publish(f"application/a/device/{eui.lower()}/event/up", told)

    async def publish(self, topic: str, told: object, *, retain: bool = False) -> None:
        """Publish JSON, or bytes as they are."""
        payload = told if isinstance(told, bytes) else json.dumps(told).encode()
        await self.client.publish(topic, payload, qos=1, retain=retain)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[OpenMosquitto]:
    """A broker of this test alone."""
    (tmp_path / "broker").mkdir()
    server = OpenMosquitto(
        tmp_path / "broker", free_port(), {name: make_password() for name in (COLLECTOR, SERVERS)}, None
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def stand(tmp_path: Path, broker: OpenMosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    """A collector with three Sources."""
    inventory, rules, sources = tmp_path / "inventory", tmp_path / "rules", tmp_path / "sources"
    for folder in (inventory, rules, sources):
        folder.mkdir()
    (inventory / "hall.toml").write_text(INVENTORY + BOUND)
    (rules / "room-too-cold.toml").write_text(COLD)
    for key, format_key in FORMATS.items():
        (sources / f"{key}.toml").write_text(f'format = "{format_key}"\n')
    setup = Setup(inventory, rules, database, environment={"GJOVIK_SOURCES": str(sources)})
    async with run_collector_process(tmp_path / "collector", broker, influxd, setup) as collector:
        yield Stand(broker, influxd, database, collector, inventory, rules)


@pytest.fixture
async def servers(stand: Stand) -> AsyncIterator[Servers]:
    """What Sources publish."""
    async with connect(stand.broker, SERVERS, stand.broker.accounts[SERVERS]) as client:
        yield Servers(client)


def list_refused(stand: Stand) -> list[tuple[Reason, str]]:
    """Return why something is in quarantine, and whose it is."""
    with open_reader(stand.collector.store) as reader:
        return [(row.quarantined.reason, row.quarantined.device) for row in reader.quarantine()]


async def wait_rows(stand: Stand, statement: str, count: int) -> list[tuple[Any, ...]]:
    """Return the rows of a statement once there are so many."""
    async with asyncio.timeout(20):
        while len(rows := await stand.select(statement)) < count:  # noqa: ASYNC110 - InfluxDB tells nobody
            await asyncio.sleep(0.05)
    return rows


def find_sources(stand: Stand) -> str:
    """Return the folder of the Sources."""
    return str(stand.inventory.parent / "sources")


async def reprocess(stand: Stand) -> dict[str, Any]:
    """Have the running collector look at its quarantine again."""
    settings = str(stand.collector.store.parent / "collector.toml")
    words = ["quarantine", "reprocess", "--settings", settings, "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, gjovik.app, words)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def test_an_uplink_is_decoded_from_its_bytes_once_and_its_radio_is_kept_apart(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    for counter, time_ms in ((7, now_ms - 2000), (7, now_ms - 1500), (8, now_ms - 1000)):  # the second is a duplicate
        await servers.uplink(EUI, counter, time_ms)
    await servers.uplink(EUI, 9, now_ms, CLIMATE[:-2])
    await stand.wait_received(4)
    rows = await wait_rows(
        stand, "SELECT temperature, humidity, co2, seq FROM indoor_climate WHERE device = 'room-1'", 2
    )
    assert rows == [(now_ms - 2000, 30.8, 50.5, 936.0, 7.0), (now_ms - 1000, 30.8, 50.5, 936.0, 8.0)]
    radio = await wait_rows(
        stand, "SELECT rssi, snr, spreading_factor, frame_counter FROM radio WHERE site = 'hall'", 3
    )
    # The last was heard, too, whatever was in it.
    assert radio == [
        (now_ms - 2000, -36.0, 10.5, 11.0, 7.0),
        (now_ms - 1000, -36.0, 10.5, 11.0, 8.0),
        (now_ms, -36.0, 10.5, 11.0, 9.0),
    ]
    assert list_refused(stand) == [(Reason.BROKEN_FRAME, "room-1")]
    with open_reader(stand.collector.store) as reader:
        assert reader.ledger().balances()
        assert reader.ledger().duplicate_readings == 1


async def test_a_bridge_tells_its_names_once_and_a_restarted_collector_knows_them_again(
    stand: Stand, servers: Servers
) -> None:
    devices = [{"ieee_address": "0x00158d00018255df", "friendly_name": "kjeller/plugg", "type": "Router"}]
    await servers.publish("zigbee2mqtt/bridge/devices", devices, retain=True)
    await servers.publish("zigbee2mqtt/kjeller/plugg", {"power": 41.5, "linkquality": 120})
    await stand.wait_received(2)
    await stand.collector.stop()
    await stand.collector.start()
    await stand.wait_received(3)  # the bridge's devices are retained, and told again
    await servers.publish("zigbee2mqtt/kjeller/plugg", {"power": 42.5, "state": "ON"})
    await stand.wait_received(4)
    rows = await wait_rows(stand, "SELECT power FROM smart_plug WHERE device = 'plug-1'", 2)
    assert [row[1:] for row in rows] == [(41.5,), (42.5,)]
    assert list_refused(stand) == []


async def test_an_edge_node_that_is_not_known_is_kept_and_asked_to_tell_everything(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    await servers.client.subscribe("spBv1.0/Hall/NCMD/AHU", qos=1)
    data = write([number(None, 19.5, alias=2, time_ms=now_ms)], seq=1, time_ms=now_ms)
    await servers.publish("spBv1.0/Hall/NDATA/AHU", data)
    async with asyncio.timeout(15):
        asked = await anext(aiter(servers.client.messages))
    assert isinstance(asked.payload, bytes)
    assert b"Node Control/Rebirth" in asked.payload
    birth = [bd_seq(0), number("supply_temperature", 18.5, alias=2, time_ms=now_ms - 1000)]
    await servers.publish("spBv1.0/Hall/NBIRTH/AHU", write(birth, seq=0, time_ms=now_ms - 1000))
    await servers.publish("spBv1.0/Hall/NDATA/AHU", data)
    await stand.wait_received(4)  # with our own request, which the subscription brings back
    rows = await wait_rows(stand, "SELECT supply_temperature FROM ventilation_unit WHERE device = 'ahu-1'", 2)
    assert rows == [(now_ms - 1000, 18.5), (now_ms, 19.5)]
    assert list_refused(stand) == [(Reason.MISSING_BIRTH, "")]


async def test_what_an_unknown_device_told_is_kept_until_the_inventory_has_it(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    await servers.uplink(STRANGER, 1, now_ms)
    await stand.wait_received(1)
    assert list_refused(stand) == [(Reason.UNKNOWN_DEVICE, f"lorawan:{STRANGER}")]
    (stand.inventory / "later.toml").write_text("[[device]]" + LATER)
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: status["devices"] == 6, "know six devices", deadline_s=15)
    assert (await reprocess(stand))["reprocessed"] == 1
    rows = await wait_rows(stand, "SELECT temperature FROM indoor_climate WHERE device = 'room-2'", 1)
    assert rows == [(now_ms, 30.8)]
    assert list_refused(stand) == []


async def test_missed_uplinks_and_how_each_source_stands_are_told(stand: Stand, servers: Servers, now_ms: int) -> None:
    await servers.uplink(EUI, 7, now_ms - 4000)
    await servers.uplink(EUI, 10, now_ms - 3000)
    await servers.uplink(EUI, 12, now_ms - 2000, "")  # MAC commands only
    await servers.uplink(EUI, 13, now_ms - 1000, CLIMATE[:-2])
    await stand.wait_received(4)
    radio = await wait_rows(stand, "SELECT frame_counter, missed FROM radio WHERE device = 'room-1'", 4)
    assert [row[1:] for row in radio] == [(7.0, None), (10.0, 2.0), (12.0, 1.0), (13.0, 0.0)]
    await stand.collector.wait_until(lambda status: status["sources"][1]["messages"] == 4, "tell of four messages")
    building, lorawan, zigbee = stand.collector.read_status()["sources"]
    assert (lorawan["title"], lorawan["is_lossless"], lorawan["readings"]) == ("ChirpStack v4", False, 2)
    assert lorawan["missed_devices"] == [{"device": "room-1", "uplinks": 3}]
    assert lorawan["codec_failed_devices"] == [{"device": "room-1", "uplinks": 1}]
    assert lorawan["heard_ms"] is not None
    assert [(one["key"], one["heard_ms"], one["is_mute"]) for one in (building, zigbee)] == [
        ("building", None, False),
        ("zigbee", None, False),
    ]
    rows = await wait_rows(stand, "SELECT last(messages), last(is_mute) FROM sources GROUP BY source", 3)
    assert len(rows) == 3
    settings = str(stand.collector.store.parent / "collector.toml")
    shown = await asyncio.to_thread(CliRunner().invoke, gjovik.app, ["status", "--settings", settings])
    assert "ChirpStack v4, outside the promise of no loss; last heard " in " ".join(shown.stdout.split())
    assert "Missed uplinks" in shown.stdout


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
async def test_what_a_source_that_is_gone_had_comes_no_more(stand: Stand, servers: Servers, *, is_killed: bool) -> None:
    file = stand.inventory.parent / "sources" / "old.toml"
    file.write_text('format = "zigbee2mqtt"\nroot = "gammelt/nett"\n')
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: len(status["sources"]) == 4, "know four sources")
    await servers.publish("gammelt/nett/bridge/state", {"state": "online"})
    await stand.wait_received(1)
    await (stand.collector.kill() if is_killed else stand.collector.stop())
    file.unlink()
    await stand.collector.start()
    await servers.publish("gammelt/nett/bridge/state", {"state": "offline"})
    await servers.publish("zigbee2mqtt/bridge/state", {"state": "online"})
    await stand.wait_received(2)
    await servers.publish("zigbee2mqtt/bridge/state", {"state": "offline"})
    await stand.wait_received(3)
    assert stand.collector.read_status()["ledger"]["received"] == 3
    assert list_refused(stand) == []


async def test_a_source_that_the_acl_forbids_is_granted_and_says_nothing(stand: Stand, servers: Servers) -> None:
    """Why a Source of which nothing ever comes must be named: from the broker nobody hears of it."""
    (stand.inventory.parent / "sources" / "plugs.toml").write_text('format = "tasmota"\n')
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: len(status["sources"]) == 4, "know four sources")
    await servers.publish("tele/plug/SENSOR", {"Time": "2026-01-15T13:00:00+01:00"})
    await servers.publish("zigbee2mqtt/bridge/state", {"state": "online"})
    await stand.wait_received(1)
    status = stand.collector.read_status()
    assert {one["key"]: one["messages"] for one in status["sources"]} == {
        "building": 0,
        "lorawan": 0,
        "plugs": 0,
        "zigbee": 1,
    }
    assert status["mqtt_error"] == ""


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
async def test_uplinks_lost_over_a_restart_are_counted_once(
    stand: Stand, servers: Servers, now_ms: int, *, is_killed: bool
) -> None:
    """Some are lost while it is away; what was not committed when it ended comes again, and is not missed."""
    lost = {5, 6, 12, 18, 19, 20, 23}
    counters = [counter for counter in range(1, 31) if counter not in lost]
    for count, counter in enumerate(counters, 1):
        await servers.uplink(EUI, counter, now_ms - 60_000 + 1000 * counter)
        if counter in (4, 17):
            await stand.wait_received(count)
        if counter in (4, 17, 22):
            await (stand.collector.kill() if is_killed else stand.collector.stop())
            await stand.collector.start()
    rows = await wait_rows(stand, "SELECT frame_counter, missed FROM radio WHERE device = 'room-1'", len(counters))
    before = {7: 2.0, 13: 1.0, 21: 3.0, 24: 1.0}
    assert [row[1:] for row in rows] == [
        (float(counter), before.get(counter, 0.0) if counter > 1 else None) for counter in counters
    ]
    settings = str(stand.collector.store.parent / "collector.toml")
    words = ["devices", "show", "room-1", "--settings", settings, "--json"]
    shown = await asyncio.to_thread(CliRunner().invoke, gjovik.app, words, env={"GJOVIK_SOURCES": find_sources(stand)})
    assert json.loads(shown.stdout)["uplinks"] == {"missed": len(lost), "duplicate": 0, "codec_failed": 0}


async def test_plugs_with_the_topics_that_they_came_with_go_beside_other_sources(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    """What two subscriptions have is delivered twice, and taken once, by the Source that names its beginning."""
    sources = Path(find_sources(stand))
    (sources / "plugger.toml").write_text('format = "shelly"\npatterns = ["{address}"]\n')
    (sources / "hage.toml").write_text('format = "plain"\npatterns = ["hage/{address}/{member}"]\n')
    (stand.inventory / "beside.toml").write_text(BESIDE)
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: status["devices"] == 7, "know seven devices")
    told = {"ts": now_ms / 1000, "switch:0": {"id": 0, "apower": 8.9}}
    notice = {"src": "shellyplus1pm-a8032abe54dc", "method": "NotifyStatus", "params": told}
    for turn in range(2):  # while it hears, and while it is away
        if turn:
            await stand.collector.stop()
        await servers.publish("shellyplus1pm-a8032abe54dc/online", b"true")
        await servers.publish("shellyplus1pm-a8032abe54dc/events/rpc", notice)
        await servers.publish("hage/status/temperature", b"21.5")
        await servers.publish("zigbee2mqtt/status/lampe", {"state": "ON"})
        if turn:
            await stand.collector.start()
        await stand.wait_received(6 * (turn + 1))
        await stand.collector.wait_until(
            lambda status: (
                [one["messages"] for one in status["sources"] if one["key"] in ("hage", "plugger", "zigbee")]
                == [1, 2, 1]
            ),
            "hear each message once",
        )
    with open_reader(stand.collector.store) as reader:
        ledger = reader.ledger()
    assert (ledger.received, ledger.duplicate_messages) == (12, 4)
    assert ledger.balances()
    rows = await wait_rows(stand, "SELECT temperature FROM outdoor_temperature WHERE device = 'garden-1'", 2)
    assert [row[1:] for row in rows] == [(21.5,), (21.5,)]
    assert [row[1:] for row in await stand.select("SELECT power FROM smart_plug")] == [(8.9,)]
