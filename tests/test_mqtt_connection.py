"""Connections end and come back: on a real Mosquitto, and on a broker that says what no real one would."""

import asyncio
import fcntl
import logging
import os
import signal
import socket
import struct
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import trustme
import uvloop

from ingest.accounts import COLLECTOR
from ingest.inbox import Inbox
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.mqtt_reach import reach
from ingest.settings import Mqtt, Tls
from simulators.testbed.certificates import Certificates
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.port import free_port
from tests.mqtt_clients import (
    DEADLINE_S,
    DEVICE,
    TOPIC,
    broker_settings,
    connect,
    device_client,
    impatient_broker,
    payloads_of,
    receive,
    run,
    wait_until,
)
from tests.mqtt_wire import (
    CONNACK,
    DISCONNECT,
    DISCONNECT_MALFORMED,
    DISCONNECT_WITH_WILL,
    ScriptedBroker,
    read_packet,
    write_packet,
    write_publish,
)

# Connections end, and come back.


@pytest.mark.parametrize("cancelled", [False, True])
async def test_the_end_is_orderly_when_closed_and_when_cancelled(mosquitto: Mosquitto, *, cancelled: bool) -> None:
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
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
    await wait_until(lambda: "Client collector disconnected." in mosquitto.log.read_text())


async def test_a_broker_restart_in_traffic_loses_nothing(mosquitto: Mosquitto) -> None:
    await mosquitto.add_accounts([DEVICE])
    count, published, stored = 600, 0, set[bytes]()

    async def publish() -> None:
        """Publish each number until the broker has it, as a device with a memory does."""
        nonlocal published
        while published < count:
            try:
                async with device_client(mosquitto, DEVICE) as device:
                    while published < count:
                        await device.publish(TOPIC, b"%d" % published, qos=1, timeout=2)
                        published += 1
            except aiomqtt.MqttError:
                await asyncio.sleep(0.02)

    async def store(broker: Broker) -> None:
        while len(stored) < count:
            messages = await broker.receive(50, age_s=0.01)
            stored.update(payloads_of(messages))
            await asyncio.sleep(0.002)  # a commit takes its time; the broker may stop meanwhile
            broker.acknowledge(messages)

    async with connect(mosquitto) as broker:
        async with asyncio.TaskGroup() as group:
            group.create_task(publish())
            group.create_task(store(broker))
            for restarts, part in enumerate((count // 4, count // 2), start=1):
                await wait_until(lambda part=part: len(stored) > part)  # type: ignore[misc]
                await mosquitto.restart()
                await wait_until(lambda seen=restarts: broker.status.connections > seen)  # type: ignore[misc]
        assert stored == {b"%d" % number for number in range(count)}
        assert broker.status.connections == 3
        assert broker.status.session_present


async def test_a_collector_that_starts_before_its_broker_waits_for_it(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    await mosquitto.stop()
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    async with run(broker, ready=False):
        await wait_until(lambda: "no connection" in broker.status.problem)
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
        broker = impatient_broker(broker_settings(server), "right")
        async with run(broker, ready=False):
            await wait_until(lambda: caplog.text.count("refuses the account") >= 2)
            assert "password" in broker.status.problem
            assert (broker.status.connected, broker.status.connections) == (False, 0)
            await server.stop()
            async with run_mosquitto(tmp_path / "corrected", {COLLECTOR: "right"}, port=port):
                await asyncio.wait_for(broker.ready(), DEADLINE_S)
                assert broker.status.problem == ""
    assert "right" not in caplog.text.replace("not authorized", "")
    assert {record.levelno for record in caplog.records if "refuses" in record.message} == {logging.ERROR}


async def test_a_session_taken_over_is_reported_and_taken_back(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker:
        async with device_client(mosquitto, COLLECTOR) as other:
            await wait_until(lambda: broker.status.connections == 2)
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(other.messages))
        assert broker.status.connected


async def test_a_silent_broker_is_left_and_found_again(mosquitto: Mosquitto) -> None:
    settings = broker_settings(mosquitto).model_copy(update={"keep_alive_s": 1})  # less than people may set
    pid = mosquitto.pid
    assert pid is not None
    async with run(impatient_broker(settings, mosquitto.accounts[COLLECTOR])) as broker:
        os.kill(pid, signal.SIGSTOP)
        try:
            publishing = asyncio.create_task(broker.publish("gjovik/alerts/a/b", b"x", retain=False))
            await wait_until(lambda: not broker.status.connected)
            assert "silent" in broker.status.problem
            with pytest.raises(ConnectionLost, match="silent"):
                await publishing
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.wait_for(broker.ready(), DEADLINE_S)
        assert broker.status.connections == 2


async def test_keep_alive_keeps_an_idle_connection(mosquitto: Mosquitto) -> None:
    settings = broker_settings(mosquitto).model_copy(update={"keep_alive_s": 1})
    async with run(impatient_broker(settings, mosquitto.accounts[COLLECTOR])) as broker:
        await asyncio.sleep(2.2)  # longer than the broker, or we, would wait for the other
        assert (broker.status.connected, broker.status.connections) == (True, 1)


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
    settings = broker_settings(tls_mosquitto, tls=tls)
    payloads = [b"", b"x" * 300_000, *(b"%d" % number for number in range(300))]
    async with run(
        impatient_broker(settings, "secret", filters=("gjovik/alerts/+/+",), inbox=Inbox(most=50))
    ) as broker:
        async with asyncio.TaskGroup() as group:
            for payload in payloads:
                group.create_task(broker.publish("gjovik/alerts/a/b", payload, retain=False))
            messages = await receive(broker, len(payloads), most=20)
            broker.acknowledge(messages)
        assert payloads_of(messages) == payloads
        await tls_mosquitto.restart()
        await wait_until(lambda: broker.status.connections == 2)


async def test_a_certificate_that_is_not_trusted_is_reported(tls_mosquitto: Mosquitto, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    settings = broker_settings(tls_mosquitto, tls=Tls(enabled=True, ca_file=stranger))
    broker = impatient_broker(settings, "secret")
    async with run(broker, ready=False):
        await wait_until(lambda: "certificate is not trusted" in broker.status.problem)
        assert "mqtt.tls.ca_file" in broker.status.problem


async def test_tls_towards_a_broker_without_it_is_reported(mosquitto: Mosquitto) -> None:
    broker = impatient_broker(broker_settings(mosquitto, tls=Tls(enabled=True)), mosquitto.accounts[COLLECTOR])
    async with run(broker, ready=False):
        await wait_until(lambda: "TLS on this port" in broker.status.problem)


# What no real broker sends.


@asynccontextmanager
async def _scripted(*sources: str) -> AsyncIterator[tuple[ScriptedBroker, Broker]]:
    server = ScriptedBroker()
    await server.start()
    broker = impatient_broker(Mqtt(host=server.host, port=server.port), None)
    await broker.hear_sources(sources)
    async with run(broker, ready=False):
        try:
            yield server, broker
        finally:
            server.hang_up()


async def test_a_connection_that_ends_as_it_is_accepted_goes_on_beating_no_more() -> None:
    server = ScriptedBroker()
    await server.start()
    settings = Mqtt(host=server.host, port=server.port)
    connection = await reach(settings, None, 1, Inbox())
    async with asyncio.TaskGroup() as group:
        group.create_task(server.accept(connack=CONNACK + DISCONNECT))
        await connection.open(settings, None)
    await connection.end()
    await connection.close()
    assert connection._beat_timer is None  # noqa: SLF001 - nothing public shows a timer
    server.hang_up()


async def test_a_malformed_packet_ends_the_connection_and_the_next_goes_on() -> None:
    async with _scripted() as (server, broker):
        reader, writer = await server.accept()
        writer.write(write_publish(b"gjovik/a/b/reading", b"good", 1) + b"\x00\x00")
        (message,) = await receive(broker, 1)
        assert message.payload == b"good"
        assert await read_packet(reader) == DISCONNECT_MALFORMED
        assert await reader.read() == b""
        await wait_until(lambda: "malformed" in broker.status.problem)
        _, writer = await server.accept()
        writer.write(write_publish(b"gjovik/a/b/reading", b"again", 1, flags=8))
        (message,) = await receive(broker, 1)
        assert (message.payload, message.redelivered, message.connection) == (b"again", True, 2)


async def test_bytes_that_come_in_pieces_give_the_same_messages() -> None:
    sent = [write_publish(b"gjovik/a/b/reading", b"%d" % number * 20, number + 1) for number in range(20)]
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        data = b"".join(sent)
        for start in range(0, len(data), 7):
            writer.write(data[start : start + 7])
            await asyncio.sleep(0)
        messages = await receive(broker, len(sent))
    assert payloads_of(messages) == [b"%d" % number * 20 for number in range(20)]


async def test_a_packet_larger_than_a_read_is_read_whole_and_the_next_ones_are() -> None:
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        payloads = [b"{}", bytes(range(256)) * 12_000, b"{}", b"x" * 600_000, b"{}"]
        for packet_id, payload in enumerate(payloads, start=1):
            writer.write(write_publish(b"gjovik/a/b/reading", payload, packet_id))
        assert payloads_of(await receive(broker, len(payloads))) == payloads


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
        reader, writer = await server.accept(granted=granted)
        assert await read_packet(reader) == DISCONNECT_WITH_WILL
        writer.close()
        await wait_until(lambda: "gjovik/+/+/reading" in broker.status.problem)
        assert f"({granted})" in broker.status.problem
        await server.accept()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)


async def test_a_source_that_is_refused_holds_up_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async with _scripted("zigbee2mqtt/#", "tele/#", "+/events/rpc") as (server, broker):
        _, writer = await server.accept(sources=([0x87, 1], [1]))
        await asyncio.wait_for(broker.ready(), DEADLINE_S)
        for number, topic in enumerate((b"gjovik/a/b/reading", b"tele/plug/SENSOR", b"plug/events/rpc"), 1):
            writer.write(write_publish(topic, b"heard", number))
        assert len(await receive(broker, 3)) == 3
        assert (broker.status.problem, broker.status.connections) == ("", 1)
    (record,) = [record for record in caplog.records if "zigbee2mqtt/#" in record.message]
    assert record.levelno == logging.ERROR


async def test_a_broker_of_mqtt_3_is_recognised() -> None:
    async with _scripted() as (server, broker):
        await server.accept(connack=bytes.fromhex("20 02 00 01"))
        await wait_until(lambda: "MQTT 5" in broker.status.problem)


async def test_a_packet_that_only_clients_send_ends_the_connection() -> None:
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        writer.write(write_packet(0xC0, b""))
        await wait_until(lambda: "PingReqPacket" in broker.status.problem)
        await server.accept()
        await asyncio.wait_for(broker.ready(), DEADLINE_S)


async def test_limits_of_the_broker_are_kept() -> None:
    limits = bytes.fromhex("27 00000040")
    connack = write_packet(0x20, b"\x00\x00" + bytes([len(limits)]) + limits)
    async with _scripted() as (server, broker):
        await server.accept(connack=connack)
        await wait_until(lambda: broker.status.connected)
        with pytest.raises(PublishRefused, match="takes 64"):
            await broker.publish("gjovik/alerts/a/b", b"x" * 64, retain=False)


async def test_what_a_broker_sent_before_it_was_killed_is_read_though_a_write_fails_first() -> None:
    payloads = [b"%d" % number for number in range(50)]
    async with _scripted() as (server, broker):
        _, writer = await server.accept()
        writer.write(write_publish(b"gjovik/a/b/reading", b"first", 1))
        (first,) = await receive(broker, 1)
        # The connection rests: what comes now waits in the socket, and the end, a reset, behind it.
        for packet_id, payload in enumerate(payloads, start=2):
            writer.write(write_publish(b"gjovik/a/b/reading", payload, packet_id))
        end = writer.get_extra_info("socket")
        await wait_until(lambda: fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)) == bytes(4))  # it has arrived
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await asyncio.sleep(0)
        broker.acknowledge([first])
        assert payloads_of(await receive(broker, len(payloads))) == payloads


async def _accept_and_leave() -> None:
    """Be a broker that accepts and disconnects in one breath, and then one that stays."""
    async with _scripted() as (server, broker):
        await server.accept(connack=CONNACK + DISCONNECT)
        await server.accept()
        await wait_until(lambda: broker.status.connections == 2)


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_write_behind_the_end_of_a_connection_ends_nothing_else(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_accept_and_leave())
