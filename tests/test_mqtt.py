"""The collector's connection on a real Mosquitto; other libraries publish and read."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import trustme
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.accounts import COLLECTOR
from ingest.backoff import Backoff
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.settings import Mqtt, Tls
from simulators.testbed.mosquitto import Certificates, Mosquitto, run_mosquitto
from simulators.testbed.port import free_port
from tests.mqtt_wire import (
    DISCONNECT_MALFORMED,
    ScriptedBroker,
    publish_raw,
    read_packet,
    write_packet,
    write_publish,
)

DEVICE = "meter-1"
TOPIC = f"gjovik/skole/{DEVICE}/reading"
FILTERS = ("gjovik/+/+/reading",)
DEADLINE_S = 20.0


def _settings(server: Mosquitto, **changes: object) -> Mqtt:
    return Mqtt.model_validate({"host": server.host, "port": server.port} | changes)


def _broker(settings: Mqtt, password: str | None, **options: object) -> Broker:
    """Return a Broker that is impatient, so that tests are short."""
    quick = {"filters": FILTERS, "backoff": Backoff(first_s=0.05, most_s=0.2), "needs_person_wait_s": 0.05}
    return Broker(settings, password=password, **(quick | options))  # type: ignore[arg-type]


@asynccontextmanager
async def _running(broker: Broker, *, ready: bool = True) -> AsyncIterator[Broker]:
    """Run it, connected, until the block ends; then disconnect it in order."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(broker.run(), name="mqtt")
        try:
            if ready:
                await asyncio.wait_for(broker.ready(), DEADLINE_S)
            yield broker
        finally:
            await broker.close()


@asynccontextmanager
async def _connected(server: Mosquitto, **options: object) -> AsyncIterator[Broker]:
    async with _running(_broker(_settings(server), server.accounts[COLLECTOR], **options)) as broker:
        yield broker


@asynccontextmanager
async def _device(server: Mosquitto, name: str = DEVICE) -> AsyncIterator[aiomqtt.Client]:
    """Connect as a device would."""
    await server.add_accounts([name])
    async with _client(server, name) as client:
        yield client


def _client(server: Mosquitto, name: str) -> aiomqtt.Client:
    return aiomqtt.Client(
        server.host,
        server.port,
        username=name,
        password=server.accounts[name],
        protocol=aiomqtt.ProtocolVersion.V5,
    )


async def _until(holds: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(deadline_s):
        while not holds():  # noqa: ASYNC110 - conditions of another process give no event
            await asyncio.sleep(0.01)


async def _receive(broker: Broker, count: int, *, most: int = 5_000) -> list[Message]:
    """Receive so many messages and no fewer."""
    messages: list[Message] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(messages) < count:
            messages += await broker.receive(min(most, count - len(messages)), age_s=0.02)
    return messages


async def _receive_nothing(broker: Broker) -> None:
    """Show that nothing waits: the next message is one that is published now, by the collector itself."""
    await broker.publish("gjovik/alerts/nothing/waits", b"marker", retain=False)
    (message,) = await _receive(broker, 1)
    assert message.payload == b"marker"
    broker.acknowledge([message])


def _payloads(messages: list[Message]) -> list[bytes]:
    return [message.payload for message in messages]


# What is read equals what another library wrote.


async def test_every_message_is_read_as_another_library_wrote_it(mosquitto: Mosquitto) -> None:
    payloads = [
        b"",
        b"{}",
        '{"zone": "Blåbær, 2. etasje", "sign": "°C µg/m³ 🌡"}'.encode(),
        bytes(range(256)),
        b"\x00",
        b"x" * 127,
        b"x" * 128,
        b"x" * 65_536,
        b"y" * 1_000_003,
    ]
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        for payload in payloads:
            await device.publish(TOPIC, payload, qos=1)
        messages = await _receive(broker, len(payloads))
        broker.acknowledge(messages)
    assert _payloads(messages) == payloads
    assert {m.topic for m in messages} == {TOPIC}
    assert {(m.retain, m.redelivered, m.connection) for m in messages} == {(False, False, 1)}
    assert len({m.packet_id for m in messages}) == len(payloads)


async def test_topics_are_any_text_and_properties_do_no_harm(mosquitto: Mosquitto) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("produsent", "Måleverk AS"), ("produsent", "æøå")]
    properties.ContentType = "application/json"
    properties.MessageExpiryInterval = 600
    properties.CorrelationData = b"\x00\xff"
    topics = [f"gjovik/{site}/{DEVICE}/reading" for site in ("Gjøvik gård", "skole 1", "体育館", "x" * 1_000)]
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        for topic in topics:
            await device.publish(topic, topic.encode(), qos=1, properties=properties)
        messages = await _receive(broker, len(topics))
    assert [(m.topic, m.payload) for m in messages] == [(topic, topic.encode()) for topic in topics]


async def test_qos_0_is_delivered_and_needs_no_acknowledgement(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        await device.publish(TOPIC, b"at most once", qos=0)
        await device.publish(TOPIC, b"at least once", qos=1)
        messages = await _receive(broker, 2)
        assert _payloads(messages) == [b"at most once", b"at least once"]
        assert messages[0].packet_id is None
        assert broker.status.unacknowledged == 1
        broker.acknowledge(messages)
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (1, 0)


async def test_retain_means_sent_because_of_a_new_subscription(mosquitto: Mosquitto) -> None:
    async with _device(mosquitto) as device:
        await device.publish(TOPIC, b"before", qos=1, retain=True)
        async with _connected(mosquitto) as broker:
            (before,) = await _receive(broker, 1)
            await device.publish(TOPIC, b"live", qos=1, retain=True)
            (live,) = await _receive(broker, 1)
            broker.acknowledge([before, live])
        async with _connected(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            assert broker.status.session_present
            await _receive_nothing(broker)
    assert (before.payload, before.retain) == (b"before", True)
    assert (live.payload, live.retain) == (b"live", False)


async def test_receive_returns_at_most_what_was_asked_in_order(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        for number in range(10):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        await _until(lambda: broker.status.waiting == 10)
        batches = [await broker.receive(4, age_s=0.01) for _ in range(3)]
    assert [_payloads(batch) for batch in batches] == [
        [b"0", b"1", b"2", b"3"],
        [b"4", b"5", b"6", b"7"],
        [b"8", b"9"],
    ]


# Acknowledgement.


async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(mosquitto: Mosquitto) -> None:
    async with _device(mosquitto) as device:
        async with _connected(mosquitto) as broker:
            for number in range(5):
                await device.publish(TOPIC, b"%d" % number, qos=1)
            first = await _receive(broker, 5)
            broker.acknowledge(first[:2])
        async with _connected(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            assert broker.status.session_present
            second = await _receive(broker, 3)
            broker.acknowledge(second)
            await _receive_nothing(broker)
        async with _connected(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            await _receive_nothing(broker)
    assert _payloads(second) == [b"2", b"3", b"4"]
    assert [m.packet_id for m in second] == [m.packet_id for m in first[2:]]
    assert {m.redelivered for m in first} == {False}
    assert {m.redelivered for m in second} == {True}


async def test_acknowledging_out_of_order_is_refused_and_sends_nothing(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        for number in range(3):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        one, two, three = await _receive(broker, 3)
        for wrong in ([two], [two, one], [one, three], [one, one], [one, two, three, three]):
            with pytest.raises(ValueError, match="in the order received"):
                broker.acknowledge(wrong)
        assert broker.status.unacknowledged == 3
        broker.acknowledge([one])
        with pytest.raises(ValueError, match="in the order received"):
            broker.acknowledge([one])
        broker.acknowledge([two, three])
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (3, 0)


async def test_messages_of_an_earlier_connection_are_not_acknowledged_on_the_next(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        await device.publish(TOPIC, b"reading", qos=1)
        (first,) = await _receive(broker, 1)
        await mosquitto.restart()
        (again,) = await _receive(broker, 1)
        assert (again.payload, again.redelivered, again.connection) == (b"reading", True, 2)
        broker.acknowledge([first])
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (0, 1)
        broker.acknowledge([again])
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (1, 0)


async def test_the_session_holds_what_comes_while_the_collector_is_away(mosquitto: Mosquitto) -> None:
    async with _device(mosquitto) as device:
        async with _connected(mosquitto) as broker:
            assert not broker.status.session_present
        for number in range(200):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        async with _connected(mosquitto) as broker:
            assert broker.status.session_present
            assert _payloads(await _receive(broker, 200)) == [b"%d" % number for number in range(200)]


async def test_a_topic_that_is_not_utf_8_ends_only_the_device_that_sends_it(mosquitto: Mosquitto) -> None:
    password = (await mosquitto.add_accounts(["broken-1"]))["broken-1"]
    bad = write_publish(b"gjovik/\xff\xfe/broken-1/reading", b"{}", 1)
    async with _connected(mosquitto) as broker, _device(mosquitto) as device:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await publish_raw(mosquitto.host, mosquitto.port, "broken-1", password, [bad])
        await device.publish(TOPIC, b"good", qos=1)
        (message,) = await _receive(broker, 1)
        assert message.payload == b"good"
        assert broker.status.connections == 1


async def test_more_messages_than_packet_identifiers_are_acknowledged_for_good(mosquitto: Mosquitto) -> None:
    count = 70_000
    password = (await mosquitto.add_accounts([DEVICE]))[DEVICE]
    packets = [write_publish(TOPIC.encode(), b"%d" % n, n % 60_000 + 1) for n in range(count)]
    async with _connected(mosquitto, inbox=Inbox(most=count)) as broker:
        assert await publish_raw(mosquitto.host, mosquitto.port, DEVICE, password, packets) == count
        messages = await _receive(broker, count)
        assert broker.status.unacknowledged == count
        broker.acknowledge(messages[: count // 2])
        broker.acknowledge(messages[count // 2 :])
    assert [int(message.payload) for message in messages] == list(range(count))
    async with _connected(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
        assert broker.status.session_present
        await _receive_nothing(broker)


# Connections end, and come back.


@pytest.mark.parametrize("cancelled", [False, True])
async def test_the_end_is_orderly_when_closed_and_when_cancelled(mosquitto: Mosquitto, *, cancelled: bool) -> None:
    broker = _broker(_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    running = asyncio.create_task(broker.run())
    await asyncio.wait_for(broker.ready(), DEADLINE_S)
    if cancelled:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    else:
        await broker.close()
        await running
    assert not broker.status.connected
    await _until(lambda: "Client collector disconnected." in mosquitto.log.read_text())


async def test_a_broker_restart_in_traffic_loses_nothing(mosquitto: Mosquitto) -> None:
    await mosquitto.add_accounts([DEVICE])
    count, published, stored = 600, 0, set[bytes]()

    async def publish() -> None:
        """Publish each number until the broker has it, as a device with a memory does."""
        nonlocal published
        while published < count:
            try:
                async with _client(mosquitto, DEVICE) as device:
                    while published < count:
                        await device.publish(TOPIC, b"%d" % published, qos=1, timeout=2)
                        published += 1
            except aiomqtt.MqttError:
                await asyncio.sleep(0.02)

    async def store(broker: Broker) -> None:
        while len(stored) < count:
            messages = await broker.receive(50, age_s=0.01)
            stored.update(_payloads(messages))
            await asyncio.sleep(0.002)  # a commit takes its time; the broker may stop meanwhile
            broker.acknowledge(messages)

    async with _connected(mosquitto) as broker:
        async with asyncio.TaskGroup() as group:
            group.create_task(publish())
            group.create_task(store(broker))
            for part in (count // 4, count // 2):
                await _until(lambda part=part: len(stored) > part)  # type: ignore[misc]
                await mosquitto.restart()
        assert stored == {b"%d" % number for number in range(count)}
        assert broker.status.connections == 3
        assert broker.status.session_present


async def test_a_collector_that_starts_before_its_broker_waits_for_it(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    await mosquitto.stop()
    broker = _broker(_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    async with _running(broker, ready=False):
        await _until(lambda: "no connection" in broker.status.problem)
        assert not broker.status.connected
        await mosquitto.start()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)
        assert (broker.status.connected, broker.status.problem) == (True, "")
    assert "trying again in" in caplog.text


async def test_a_wrong_password_is_reported_and_works_once_corrected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    async with run_mosquitto(tmp_path / "broker", {COLLECTOR: "another"}, port=port) as server:
        broker = _broker(_settings(server), "right")
        async with _running(broker, ready=False):
            await _until(lambda: caplog.text.count("refuses the account") >= 2)
            assert "password" in broker.status.problem
            assert (broker.status.connected, broker.status.connections) == (False, 0)
            await server.stop()
            async with run_mosquitto(tmp_path / "corrected", {COLLECTOR: "right"}, port=port):
                await asyncio.wait_for(broker.ready(), DEADLINE_S)
                assert broker.status.problem == ""
    assert "right" not in caplog.text.replace("not authorized", "")
    assert {record.levelno for record in caplog.records if "refuses" in record.message} == {logging.ERROR}


async def test_a_session_taken_over_is_reported_and_taken_back(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker:
        async with _client(mosquitto, COLLECTOR) as other:
            await _until(lambda: broker.status.connections == 2)
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(other.messages))
        assert broker.status.connected


async def test_a_silent_broker_is_left_and_found_again(mosquitto: Mosquitto) -> None:
    settings = _settings(mosquitto).model_copy(update={"keep_alive_s": 1})  # less than people may set
    pid = mosquitto.pid
    assert pid is not None
    async with _running(_broker(settings, mosquitto.accounts[COLLECTOR])) as broker:
        os.kill(pid, signal.SIGSTOP)
        try:
            publishing = asyncio.create_task(broker.publish("gjovik/alerts/a/b", b"x", retain=False))
            await _until(lambda: not broker.status.connected)
            assert "silent" in broker.status.problem
            with pytest.raises(ConnectionLost, match="silent"):
                await publishing
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.wait_for(broker.ready(), DEADLINE_S)
        assert broker.status.connections == 2


async def test_keep_alive_keeps_an_idle_connection(mosquitto: Mosquitto) -> None:
    settings = _settings(mosquitto).model_copy(update={"keep_alive_s": 1})
    async with _running(_broker(settings, mosquitto.accounts[COLLECTOR])) as broker:
        await asyncio.sleep(2.2)  # longer than the broker, or we, would wait for the other
        assert (broker.status.connected, broker.status.connections) == (True, 1)


# Back-pressure.


async def test_a_slow_consumer_bounds_memory_and_gets_everything(mosquitto: Mosquitto) -> None:
    count, most = 20_000, 1_000
    password = (await mosquitto.add_accounts([DEVICE]))[DEVICE]
    packets = [write_publish(TOPIC.encode(), b"%d" % number, number + 1) for number in range(count)]
    largest_read = 256 * 1024 // len(packets[0])
    seen: list[int] = []
    async with _connected(mosquitto, inbox=Inbox(most=most)) as broker:
        publishing = asyncio.create_task(publish_raw(mosquitto.host, mosquitto.port, DEVICE, password, packets))
        await _until(lambda: broker.status.waiting >= most)
        assert await publishing == count
        highest = broker.status.waiting
        assert highest < most + largest_read
        async with asyncio.timeout(DEADLINE_S):
            while len(seen) < count:
                messages = await broker.receive(500, age_s=0.01)
                seen += [int(message.payload) for message in messages]
                highest = max(highest, broker.status.waiting)
                await asyncio.sleep(0)
                broker.acknowledge(messages)
        assert highest < most + largest_read
        assert (broker.status.received, broker.status.acknowledged) == (count, count)
    assert seen == list(range(count))


async def test_a_full_inbox_outlives_the_keep_alive_and_a_restart(mosquitto: Mosquitto) -> None:
    settings = _settings(mosquitto).model_copy(update={"keep_alive_s": 1})
    numbers = [b"%d" % number for number in range(10)]
    async with _connected(mosquitto):
        pass  # subscribed
    for _ in range(2):  # the session's messages come before SUBACK, and fill the inbox before it is read
        broker = _broker(settings, mosquitto.accounts[COLLECTOR], inbox=Inbox(most=5))
        async with _running(broker, ready=False), _device(mosquitto) as device:
            for number in numbers:
                await device.publish(TOPIC, number, qos=1)
                await asyncio.sleep(0.02)  # so that they are read one by one, and fill the inbox on the way
            await _until(lambda broker=broker: broker.status.waiting >= 5)  # type: ignore[misc]
            await asyncio.sleep(2.2)  # longer than a silence that would end the connection
            assert (broker.status.connected, broker.status.connections) == (True, 1)
        await mosquitto.restart()
    async with _connected(mosquitto) as broker:
        assert _payloads(await _receive(broker, 20)) == numbers * 2


# Publishing.


async def test_a_retained_alert_is_read_back_by_another_library(mosquitto: Mosquitto) -> None:
    topic, payload = "gjovik/alerts/meter-1/hot", "{'tekst': 'for varmt på rom 2'}".encode()
    async with _connected(mosquitto) as broker:
        await broker.publish(topic, payload, retain=True)
        await broker.publish("gjovik/alerts/meter-1/gone", b"x", retain=True)
        await broker.publish("gjovik/alerts/meter-1/gone", b"", retain=True)
    async with _client(mosquitto, COLLECTOR) as reader:
        await reader.subscribe("gjovik/alerts/#", qos=1)
        message = await asyncio.wait_for(anext(aiter(reader.messages)), DEADLINE_S)
    assert (message.topic.value, message.payload, message.retain) == (topic, payload, True)


async def test_many_publish_at_once(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto, filters=("gjovik/alerts/+/+",)) as broker:
        async with asyncio.TaskGroup() as group:
            for number in range(2_000):
                group.create_task(broker.publish(f"gjovik/alerts/d/{number}", b"x", retain=False))
        topics = {message.topic for message in await _receive(broker, 2_000)}
    assert len(topics) == 2_000


async def test_a_publish_that_the_broker_denies_is_refused(mosquitto: Mosquitto) -> None:
    async with _connected(mosquitto) as broker:
        with pytest.raises(PublishRefused, match=r"not authorized \(135\).*elsewhere/x"):
            await broker.publish("elsewhere/x", b"x", retain=False)
        await broker.publish("gjovik/alerts/a/b", b"x", retain=False)
        assert broker.status.connections == 1


async def test_a_publish_without_a_connection_fails_at_once(mosquitto: Mosquitto) -> None:
    broker = _broker(_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    with pytest.raises(ConnectionLost, match="gjovik/alerts/a/b not published"):
        await broker.publish("gjovik/alerts/a/b", b"x", retain=False)


# TLS.


@pytest.fixture
async def tls_mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A broker that speaks TLS only."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    files = Certificates(ca=tmp_path / "ca.pem", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    authority.cert_pem.write_to_path(files.ca)
    issued.cert_chain_pems[0].write_to_path(files.cert)
    issued.private_key_pem.write_to_path(files.key)
    async with run_mosquitto(tmp_path / "broker", {COLLECTOR: "secret"}, certificates=files) as server:
        yield server


async def test_messages_come_over_tls(tls_mosquitto: Mosquitto) -> None:
    assert tls_mosquitto.certificates is not None
    tls = Tls(enabled=True, ca_file=tls_mosquitto.certificates.ca)
    settings = _settings(tls_mosquitto, tls=tls)
    payloads = [b"", b"x" * 300_000, *(b"%d" % number for number in range(300))]
    async with _running(_broker(settings, "secret", filters=("gjovik/alerts/+/+",), inbox=Inbox(most=50))) as broker:
        async with asyncio.TaskGroup() as group:
            for payload in payloads:
                group.create_task(broker.publish("gjovik/alerts/a/b", payload, retain=False))
            messages = await _receive(broker, len(payloads), most=20)
            broker.acknowledge(messages)
        assert _payloads(messages) == payloads
        await tls_mosquitto.restart()
        await _until(lambda: broker.status.connections == 2)


async def test_a_certificate_that_is_not_trusted_is_reported(tls_mosquitto: Mosquitto, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    settings = _settings(tls_mosquitto, tls=Tls(enabled=True, ca_file=stranger))
    broker = _broker(settings, "secret")
    async with _running(broker, ready=False):
        await _until(lambda: "certificate is not trusted" in broker.status.problem)
        assert "mqtt.tls.ca_file" in broker.status.problem


async def test_tls_towards_a_broker_without_it_is_reported(mosquitto: Mosquitto) -> None:
    broker = _broker(_settings(mosquitto, tls=Tls(enabled=True)), mosquitto.accounts[COLLECTOR])
    async with _running(broker, ready=False):
        await _until(lambda: "TLS on this port" in broker.status.problem)


# What no real broker sends.


@asynccontextmanager
async def _scripted() -> AsyncIterator[tuple[ScriptedBroker, Broker]]:
    server = ScriptedBroker()
    await server.start()
    broker = _broker(Mqtt(host=server.host, port=server.port), None)
    async with _running(broker, ready=False):
        try:
            yield server, broker
        finally:
            server.hang_up()


async def test_a_malformed_packet_ends_the_connection_and_the_next_goes_on() -> None:
    async with _scripted() as (server, broker):
        reader, writer = await server.accept()
        writer.write(write_publish(b"gjovik/a/b/reading", b"good", 1) + b"\x00\x00")
        (message,) = await _receive(broker, 1)
        assert message.payload == b"good"
        assert await read_packet(reader) == DISCONNECT_MALFORMED
        assert await reader.read() == b""
        await _until(lambda: "malformed" in broker.status.problem)
        _, writer = await server.accept()
        writer.write(write_publish(b"gjovik/a/b/reading", b"again", 1, flags=8))
        (message,) = await _receive(broker, 1)
        assert (message.payload, message.redelivered, message.connection) == (b"again", True, 2)


async def test_bytes_that_come_in_pieces_give_the_same_messages() -> None:
    sent = [write_publish(b"gjovik/a/b/reading", b"%d" % number * 20, number + 1) for number in range(20)]
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        data = b"".join(sent)
        for start in range(0, len(data), 7):
            writer.write(data[start : start + 7])
            await asyncio.sleep(0)
        messages = await _receive(broker, len(sent))
    assert _payloads(messages) == [b"%d" % number * 20 for number in range(20)]


async def test_a_stated_takeover_says_what_it_means(caplog: pytest.LogCaptureFixture) -> None:
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        writer.write(bytes.fromhex("e0 01 8e"))
        await server.accept()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)
    (record,) = [record for record in caplog.records if "two collectors" in record.message]
    assert record.levelno == logging.ERROR


@pytest.mark.parametrize("granted", [0, 0x87])
async def test_a_subscription_below_qos_1_is_refused(granted: int) -> None:
    async with _scripted() as (server, broker):
        await server.accept(granted=granted)
        await _until(lambda: "gjovik/+/+/reading" in broker.status.problem)
        assert f"({granted})" in broker.status.problem
        await server.accept()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)


async def test_a_broker_of_mqtt_3_is_recognised() -> None:
    async with _scripted() as (server, broker):
        await server.accept(connack=bytes.fromhex("20 02 00 01"))
        await _until(lambda: "MQTT 5" in broker.status.problem)


async def test_a_packet_that_only_clients_send_ends_the_connection() -> None:
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        writer.write(write_packet(0xC0, b""))
        await _until(lambda: "PingReqPacket" in broker.status.problem)
        await server.accept()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)


async def test_limits_of_the_broker_are_kept() -> None:
    limits = bytes.fromhex("27 00000040")
    connack = write_packet(0x20, b"\x00\x00" + bytes([len(limits)]) + limits)
    async with _scripted() as (server, broker):
        await server.accept(connack=connack)
        await _until(lambda: broker.status.connected)
        with pytest.raises(PublishRefused, match="takes 64"):
            await broker.publish("gjovik/alerts/a/b", b"x" * 64, retain=False)
