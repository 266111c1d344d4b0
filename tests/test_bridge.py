"""The bridge to The Things Stack that ships, between two real brokers; the second plays the network server."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import trustme

from ingest.accounts import COLLECTOR, hash_password, make_password
from ingest.codecs.tts import FORMAT
from ingest.local_time import LOCAL
from ingest.source import Said, Source
from simulators.testbed.certificates import Certificates
from simulators.testbed.mosquitto import SHIPPED, Mosquitto, place_configuration
from simulators.testbed.port import LOOPBACK, free_port
from simulators.testbed.process import Program, accepts_connections, find_program
from simulators.testbed.server import Server

APPLICATION = "app1@tenant1"
TOPIC = f"v3/{APPLICATION}/devices/dev1/up"
SOURCE = Source(key="tts", format_key="tts", root="v3", zone_info=LOCAL)
SHIPPED_BRIDGE = SHIPPED / "bridge-tts.conf"
INCLUDE = "include_dir /etc/mosquitto/bridges"
PERMISSION = "topic read v3/+/devices/+/#"
DEADLINE_S = 20.0


class NetworkServer(Server):
    """A broker as The Things Stack has it: TLS, QoS 0, and an account that reads what is of its application."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.port = free_port()
        self.key = make_password()
        self.operator = make_password()
        self.certificates = certificates
        self._folder = folder
        command = (find_program("mosquitto", "mosquitto"), "-v", "-c", str(folder / "server.conf"))
        super().__init__(Program(command, folder=folder, log=folder / "server.log"))

    async def start(self) -> None:
        """Start it."""
        passwords = {APPLICATION: self.key, "operator": self.operator}
        lines = [f"{name}:{hash_password(password, os.urandom(12))}\n" for name, password in passwords.items()]
        (self._folder / "passwords").write_text("".join(lines))
        (self._folder / "acl").write_text(
            f"user {APPLICATION}\ntopic read v3/{APPLICATION}/#\n\nuser operator\ntopic readwrite #\n"
        )
        (self._folder / "server.conf").write_text(
            f"listener {self.port} {LOOPBACK}\nuser root\nallow_anonymous false\nmax_qos 0\n"
            f"password_file {self._folder}/passwords\nacl_file {self._folder}/acl\n"
            f"certfile {self.certificates.cert}\nkeyfile {self.certificates.key}\n"
        )
        await self._program.start(lambda: accepts_connections(LOOPBACK, self.port))

    async def wait_bridged(self, times: int) -> None:
        """Return when the bridge has subscribed so many times."""

        async def is_bridged() -> bool:
            return self._program.count_in_log("v3/+/devices/+/# (QoS 0)") >= times

        await self._program.wait_until(is_bridged, "be subscribed to", deadline_s=DEADLINE_S)

    async def publish(self, *payloads: bytes) -> None:
        """Publish uplinks of a device."""
        tls = aiomqtt.TLSParameters(ca_certs=str(self.certificates.ca))
        async with aiomqtt.Client(
            LOOPBACK, self.port, username="operator", password=self.operator, tls_params=tls
        ) as client:
            for payload in payloads:
                await client.publish(TOPIC, payload, qos=0)


class BridgedMosquitto(Mosquitto):
    """Our broker as it ships, with the bridge installed as its file says."""

    def __init__(self, folder: Path, server: NetworkServer) -> None:
        super().__init__(folder, free_port(), {COLLECTOR: make_password()}, None)
        self._server = server

    def _write_files(self) -> None:
        super()._write_files()
        bridges = self._folder / "bridges"
        bridges.mkdir(exist_ok=True)
        values = {
            "address": f"localhost:{self._server.port}",
            "remote_username": APPLICATION,
            "bridge_cafile": str(self._server.certificates.ca),
            "restart_timeout": "1",
        }
        shipped = place_configuration(SHIPPED_BRIDGE.read_text(), values)
        (bridges / "tts.conf").write_text(f"{shipped}remote_password {self._server.key}\n")
        with (self._folder / "mosquitto.conf").open("a") as configuration:
            configuration.write(INCLUDE.replace("/etc/mosquitto/bridges", str(bridges)) + "\n")
        acl = self._folder / "acl"
        acl.write_text(acl.read_text().replace(f"user {COLLECTOR}\n", f"user {COLLECTOR}\n{PERMISSION}\n"))


@pytest.fixture
async def network_server(tmp_path: Path) -> AsyncIterator[NetworkServer]:
    """A broker that plays The Things Stack."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", LOOPBACK)
    files = Certificates(tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "server.key")
    authority.cert_pem.write_to_path(files.ca)
    issued.private_key_pem.write_to_path(files.key)
    files.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    server = NetworkServer(tmp_path, files)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def bridged(tmp_path: Path, network_server: NetworkServer) -> AsyncIterator[BridgedMosquitto]:
    """Our broker, connected."""
    folder = tmp_path / "ours"
    folder.mkdir()
    server = BridgedMosquitto(folder, network_server)
    await server.start()
    try:
        await network_server.wait_bridged(1)
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def collector(server: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    """Connect with the collector's account and a session that stays, and subscribe as the Format asks for."""
    client = aiomqtt.Client(
        server.host,
        server.port,
        username=COLLECTOR,
        password=server.accounts[COLLECTOR],
        identifier=COLLECTOR,
        clean_session=False,
    )
    async with client:
        for topic_filter in FORMAT.list_filters(SOURCE):
            await client.subscribe(topic_filter, qos=1)
        yield client


def uplink(number: int) -> bytes:
    """Return an uplink of the device, as The Things Stack publishes it."""
    ids = {
        "device_id": "dev1",
        "application_ids": {"application_id": "app1"},
        "dev_eui": "0004A30B001C0530",
        "dev_addr": "00BCB929",
    }
    message = {
        "session_key_id": "AXA50tHUGUucuzS/bCGMNw==",
        "f_cnt": number,
        "f_port": 1,
        "frm_payload": "gkHe",
        "received_at": "2020-02-12T15:15:45.789585559Z",
    }
    return json.dumps({"end_device_ids": ids, "uplink_message": message}).encode()


async def hear(client: aiomqtt.Client, count: int) -> list[tuple[int, Said]]:
    """Return so many uplinks and the QoS that they came with."""
    interpreter, heard = FORMAT.open(SOURCE), []
    async with asyncio.timeout(DEADLINE_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            (said,) = interpreter.read(message.topic.value, message.payload, 0).said
            heard.append((message.qos, said))
            if len(heard) == count:
                break
    return heard


async def test_an_uplink_of_the_network_server_arrives_here_and_is_acknowledged(
    network_server: NetworkServer, bridged: BridgedMosquitto
) -> None:
    async with collector(bridged) as client:
        await network_server.publish(uplink(1))
        ((qos, said),) = await hear(client, 1)
    assert (qos, said.address, said.seq) == (1, "0004A30B001C0530", 1)
    assert "(p2, c1, " in network_server.log.read_text(), "MQTT 3.1.1 and a clean session"


async def test_what_arrives_while_the_collector_is_away_waits_for_it(
    network_server: NetworkServer, bridged: BridgedMosquitto
) -> None:
    async with collector(bridged):
        pass
    await network_server.publish(*map(uplink, range(5)))
    async with collector(bridged) as client:
        heard = await hear(client, 5)
    assert [(qos, said.seq) for qos, said in heard] == [(1, number) for number in range(5)]


async def test_the_bridge_comes_back_after_the_network_server(
    network_server: NetworkServer, bridged: BridgedMosquitto
) -> None:
    await network_server.restart()
    await network_server.wait_bridged(2)
    async with collector(bridged) as client:
        await network_server.publish(uplink(7))
        ((_, said),) = await hear(client, 1)
    assert said.seq == 7


async def test_the_bridge_outlives_that_the_broker_reads_its_accounts_again(
    network_server: NetworkServer, bridged: BridgedMosquitto
) -> None:
    await bridged.add_accounts(["meter-1"])
    async with collector(bridged) as client:
        await network_server.publish(uplink(1))
        ((qos, said),) = await hear(client, 1)
    assert (qos, said.seq) == (1, 1)
    assert network_server.log.read_text().count("v3/+/devices/+/# (QoS 0)") == 1


async def test_a_server_that_another_vouches_for_gets_no_key(tmp_path: Path, network_server: NetworkServer) -> None:
    trustme.CA().cert_pem.write_to_path(network_server.certificates.ca)
    folder = tmp_path / "stranger"
    folder.mkdir()
    server = BridgedMosquitto(folder, network_server)
    await server.start()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while "certificate verify failed" not in server.log.read_text():  # noqa: ASYNC110 - a log gives no event
                await asyncio.sleep(0.05)
    finally:
        await server.stop()
    assert APPLICATION not in network_server.log.read_text()


def test_the_file_says_what_else_is_to_be_set_and_has_no_key() -> None:
    shipped = SHIPPED_BRIDGE.read_text()
    assert INCLUDE in shipped
    assert PERMISSION in shipped
    settings = [line for line in shipped.splitlines() if line and not line.startswith("#")]
    assert not [line for line in settings if "password" in line]
