"""The broker as it ships: a device can neither spoof another nor take over the collector's session."""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import mqtt5
import pytest

from ingest.accounts import COLLECTOR, MONITOR, AccountError, Owners, parse_secrets, write_accounts
from ingest.inventory import Device, Inventory
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto

METER, OTHER = "meter-1", "meter-2"
REFUSED = mqtt5.PubAckReasonCode.NOT_AUTHORIZED
TAKEN = (mqtt5.PubAckReasonCode.SUCCESS, mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS)


class Wire:
    """A connection that shows each packet as it comes: client libraries hide the reason codes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    async def ask(self, packet: mqtt5.Packet) -> mqtt5.Packet:
        """Send a packet and return the next one that comes."""
        self._writer.write(packet.write())
        return await self.receive()

    async def receive(self) -> mqtt5.Packet:
        """Return the next packet."""
        async with asyncio.timeout(10):
            while True:
                try:
                    packet, size = mqtt5.read(memoryview(self._buffer))
                except IndexError:
                    if not (data := await self._reader.read(65_536)):
                        raise ConnectionError("The broker closed the connection.") from None
                    self._buffer += data
                else:
                    self._buffer = self._buffer[size:]
                    return packet

    async def publish(self, topic: str, payload: bytes = b"{}") -> mqtt5.PubAckReasonCode:
        """Publish with QoS 1 and return how the broker answered."""
        qos = mqtt5.QoS.AT_LEAST_ONCE
        answer = await self.ask(mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=1))
        assert isinstance(answer, mqtt5.PubAckPacket)
        return answer.reason_code

    async def subscribe(self, pattern: str) -> mqtt5.SubAckReasonCode:
        """Subscribe with QoS 1 and return how the broker answered."""
        topic = mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE)
        answer = await self.ask(mqtt5.SubscribePacket(1, [topic]))
        assert isinstance(answer, mqtt5.SubAckPacket)
        return answer.reason_codes[0]


@asynccontextmanager
async def open_wire(server: Mosquitto) -> AsyncIterator[Wire]:
    """Connect to a broker and say nothing yet."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def log_in(
    server: Mosquitto, name: str, *, client_id: str = "", clean_start: bool = True
) -> AsyncIterator[tuple[Wire, mqtt5.ConnAckPacket]]:
    """Connect with an account, for a session that outlives the connection."""
    async with open_wire(server) as wire:
        answer = await wire.ask(
            mqtt5.ConnectPacket(
                client_id,
                username=name,
                password=server.accounts[name].encode(),
                clean_start=clean_start,
                session_expiry_interval=3600,
            )
        )
        assert isinstance(answer, mqtt5.ConnAckPacket)
        assert answer.reason_code == mqtt5.ConnAckReasonCode.SUCCESS
        yield wire, answer


@pytest.fixture
async def broker(mosquitto: Mosquitto) -> Mosquitto:
    """A broker with accounts for the collector and two devices."""
    await mosquitto.add_accounts([METER, OTHER])
    return mosquitto


async def test_a_device_publishes_its_own_readings_to_the_collector(broker: Mosquitto) -> None:
    async with log_in(broker, COLLECTOR) as (collector, _), log_in(broker, METER) as (meter, _):
        assert await collector.subscribe("gjovik/+/+/reading") == mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        assert await meter.publish(f"gjovik/school/{METER}/reading", b"mine") in TAKEN
        message = await collector.receive()
        assert isinstance(message, mqtt5.PublishPacket)
        assert (message.topic, message.payload) == (f"gjovik/school/{METER}/reading", b"mine")


@pytest.mark.parametrize(
    "topic",
    [
        f"gjovik/school/{OTHER}/reading",
        f"gjovik/school/{COLLECTOR}/reading",
        f"gjovik/school/annex/{METER}/reading",
        f"gjovik/school/{METER}/status",
        f"gjovik/alerts/{METER}/too-hot",
        f"gjovik/alerts/{OTHER}/too-hot",
        f"gjovik/alerts/{METER}/reading",
        f"elsewhere/school/{METER}/reading",
    ],
)
@pytest.mark.parametrize("client_id", [METER, OTHER, COLLECTOR])
async def test_a_device_publishes_nothing_else(broker: Mosquitto, topic: str, client_id: str) -> None:
    async with log_in(broker, METER, client_id=client_id) as (meter, _):
        assert await meter.publish(topic) == REFUSED
        assert await meter.publish(f"gjovik/school/{METER}/reading") in TAKEN


async def test_a_device_receives_nothing_of_others(broker: Mosquitto) -> None:
    async with log_in(broker, METER) as (meter, _), log_in(broker, OTHER) as (other, _):
        await meter.subscribe("#")
        await meter.subscribe(f"gjovik/+/{OTHER}/reading")
        assert await other.publish(f"gjovik/school/{OTHER}/reading", b"secret") in TAKEN
        # Had the broker sent the reading on, it would have come before the answer.
        assert isinstance(await meter.ask(mqtt5.PingReqPacket()), mqtt5.PingRespPacket)


async def test_the_collector_publishes_alerts_and_reads_them_back_but_publishes_no_readings(broker: Mosquitto) -> None:
    async with log_in(broker, COLLECTOR) as (collector, _):
        assert await collector.publish(f"gjovik/alerts/{METER}/too-hot") in TAKEN
        assert await collector.publish(f"gjovik/school/{METER}/reading") == REFUSED
        await collector.subscribe("gjovik/alerts/+/+")
        message = await collector.ask(mqtt5.PublishPacket(f"gjovik/alerts/{METER}/too-hot", b"1"))
        assert isinstance(message, mqtt5.PublishPacket)
        assert message.payload == b"1"


async def test_a_device_that_calls_itself_the_collector_does_not_get_its_session(broker: Mosquitto) -> None:
    async with log_in(broker, COLLECTOR, client_id=COLLECTOR) as (collector, _):
        await collector.subscribe("gjovik/+/+/reading")
    async with log_in(broker, OTHER) as (other, _):
        assert await other.publish(f"gjovik/school/{OTHER}/reading", b"waits") == mqtt5.PubAckReasonCode.SUCCESS
    async with log_in(broker, METER, client_id=COLLECTOR, clean_start=False) as (meter, welcome):
        assert not welcome.session_present
        assert isinstance(await meter.ask(mqtt5.PingReqPacket()), mqtt5.PingRespPacket)
    async with log_in(broker, COLLECTOR, client_id=COLLECTOR, clean_start=False) as (collector, welcome):
        assert welcome.session_present
        message = await collector.receive()
        assert isinstance(message, mqtt5.PublishPacket)
        assert message.payload == b"waits"


async def test_a_device_that_calls_itself_the_collector_does_not_disconnect_it(broker: Mosquitto) -> None:
    async with log_in(broker, COLLECTOR, client_id=COLLECTOR) as (collector, _):
        await collector.subscribe("gjovik/+/+/reading")
        async with log_in(broker, METER, client_id=COLLECTOR) as (meter, _):
            assert await meter.publish(f"gjovik/school/{METER}/reading", b"mine") in TAKEN
        message = await collector.receive()
        assert isinstance(message, mqtt5.PublishPacket)
        assert message.payload == b"mine"


@pytest.mark.parametrize(
    ("username", "password"),
    [(None, None), (METER, None), (METER, b"wrong"), (COLLECTOR, b""), ("nobody", b"x")],
)
async def test_who_cannot_show_a_password_is_refused(
    broker: Mosquitto, username: str | None, password: bytes | None
) -> None:
    async with open_wire(broker) as wire:
        answer = await wire.ask(mqtt5.ConnectPacket(METER, username=username, password=password))
        assert isinstance(answer, mqtt5.ConnAckPacket)
        assert answer.reason_code == mqtt5.ConnAckReasonCode.NOT_AUTHORIZED


def _inventory(*devices: str) -> Inventory:
    return Inventory(
        sites={},
        devices={name: Device(id=name, type_key="water_meter", component="", placements=()) for name in devices},
        zone_info=ZoneInfo("Europe/Oslo"),
    )


async def test_accounts_of_an_inventory_log_in(tmp_path: Path) -> None:
    secrets_file = tmp_path / "secrets"
    write_accounts(_inventory(METER, OTHER), secrets_file, tmp_path / "passwords")
    accounts = parse_secrets(secrets_file.read_text(encoding="utf-8"))
    assert set(accounts) == {COLLECTOR, MONITOR, METER, OTHER}
    async with run_mosquitto(tmp_path / "mosquitto", {}) as server:
        (tmp_path / "passwords").replace(tmp_path / "mosquitto" / "passwords")
        await server.reload()
        for name, password in accounts.items():
            async with open_wire(server) as wire:
                answer = await wire.ask(mqtt5.ConnectPacket("", username=name, password=password.encode()))
                assert isinstance(answer, mqtt5.ConnAckPacket)
                assert answer.reason_code == mqtt5.ConnAckReasonCode.SUCCESS


def read_accounts(file: Path) -> dict[str, str]:
    return parse_secrets(file.read_text(encoding="utf-8"))


def test_existing_accounts_keep_their_passwords_and_those_of_others_stay(tmp_path: Path) -> None:
    secrets_file, password_file = tmp_path / "private" / "secrets", tmp_path / "passwords"
    first = write_accounts(_inventory(METER), secrets_file, password_file)
    before = read_accounts(secrets_file)
    second = write_accounts(_inventory(OTHER), secrets_file, password_file)
    after = read_accounts(secrets_file)
    assert first.added == (COLLECTOR, MONITOR, METER)
    assert (second.added, second.kept) == ((OTHER,), (COLLECTOR, MONITOR))
    assert (second.others, second.removed) == ((METER,), ())
    assert {name: after[name] for name in before} == before
    assert f"{METER}:" in password_file.read_text(encoding="utf-8")


def test_accounts_of_others_are_removed_when_that_is_asked_for(tmp_path: Path) -> None:
    secrets_file, password_file = tmp_path / "secrets", tmp_path / "passwords"
    write_accounts(_inventory(METER), secrets_file, password_file)
    change = write_accounts(_inventory(OTHER), secrets_file, password_file, owners=Owners(prune=True))
    assert (change.others, change.removed) == ((), (METER,))
    assert set(read_accounts(secrets_file)) == {COLLECTOR, MONITOR, OTHER}
    assert f"{METER}:" not in password_file.read_text(encoding="utf-8")


def test_collectors_get_accounts_by_the_names_of_their_settings(tmp_path: Path) -> None:
    owners = Owners(username="north", collectors=("south", "north"))
    files = tmp_path / "secrets", tmp_path / "passwords", tmp_path / "own"
    change = write_accounts(_inventory(METER), *files, owners=owners)
    assert change.added == ("north", MONITOR, "south", METER)
    assert files[2].read_text(encoding="utf-8").strip() == read_accounts(files[0])["north"]


@pytest.mark.parametrize("owners", [Owners("a:b"), Owners(collectors=("a b",)), Owners(MONITOR), Owners(METER)])
def test_a_collectors_name_that_is_unfit_is_refused(tmp_path: Path, owners: Owners) -> None:
    with pytest.raises(AccountError):
        write_accounts(_inventory(METER), tmp_path / "secrets", tmp_path / "passwords", owners=owners)
    assert not list(tmp_path.iterdir())


def test_a_secrets_file_of_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AccountError, match="not UTF-8"):
        write_accounts(_inventory(METER), tmp_path / "secrets", tmp_path / "passwords")
    assert (tmp_path / "secrets").read_bytes() == b"\xff\xfe\x00"


def test_passwords_are_readable_for_their_owner_only(tmp_path: Path) -> None:
    write_accounts(_inventory(METER), tmp_path / "secrets", tmp_path / "passwords")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600
    secrets = parse_secrets((tmp_path / "secrets").read_text(encoding="utf-8"))
    hashes = (tmp_path / "passwords").read_text(encoding="utf-8")
    assert not [password for password in secrets.values() if password in hashes]


def test_the_collectors_password_also_gets_a_file_of_its_own(tmp_path: Path) -> None:
    write_accounts(_inventory(METER), tmp_path / "secrets", tmp_path / "passwords", tmp_path / "collector")
    accounts = parse_secrets((tmp_path / "secrets").read_text(encoding="utf-8"))
    assert (tmp_path / "collector").read_text(encoding="utf-8") == f"{accounts[COLLECTOR]}\n"
    assert stat.S_IMODE((tmp_path / "collector").stat().st_mode) == 0o600


def test_a_file_of_hashes_keeps_the_brokers_group(tmp_path: Path) -> None:
    groups = sorted({*os.getgroups(), *([65_534] if os.geteuid() == 0 else [])} - {os.getegid()})
    if not groups:
        pytest.skip("this account is in one group only")
    write_accounts(_inventory(METER), tmp_path / "secrets", tmp_path / "passwords")
    os.chown(tmp_path / "passwords", -1, groups[0])
    write_accounts(_inventory(METER, OTHER), tmp_path / "secrets", tmp_path / "passwords")
    after = (tmp_path / "passwords").stat()
    assert (after.st_gid, stat.S_IMODE(after.st_mode)) == (groups[0], 0o640)


@pytest.mark.parametrize("device", [COLLECTOR, MONITOR, "a:b", "a/b", "+", "#", "", "a b", "a\nb"])
def test_an_id_that_is_unfit_for_an_account_is_refused(tmp_path: Path, device: str) -> None:
    with pytest.raises(AccountError):
        write_accounts(_inventory(device), tmp_path / "secrets", tmp_path / "passwords")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["meter-1", "meter-1:", ":secret", "a b:secret"])
def test_a_malformed_line_of_secrets_is_named_but_not_shown(line: str) -> None:
    with pytest.raises(AccountError, match="Line 2") as caught:
        parse_secrets(f"other:x\n{line}\n")
    assert "secret:" not in str(caught.value)
    assert line not in str(caught.value)


def test_thousands_of_accounts_take_a_moment(tmp_path: Path) -> None:
    begin = time.perf_counter()
    write_accounts(_inventory(*(f"meter-{number}" for number in range(3_000))), tmp_path / "s", tmp_path / "p")
    assert time.perf_counter() - begin < 20
