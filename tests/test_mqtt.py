"""Messages between the collector and a real Mosquitto; another library publishes and reads."""

import asyncio

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.accounts import COLLECTOR
from ingest.inbox import Inbox
from ingest.mqtt_error import ConnectionLost, PublishRefused
from simulators.testbed.mosquitto import Mosquitto
from tests.mqtt_clients import (
    DEADLINE_S,
    DEVICE,
    FILTERS,
    TOPIC,
    broker_settings,
    connect,
    connect_device,
    device_client,
    impatient_broker,
    payloads_of,
    receive,
    receive_nothing,
    run,
    wait_until,
)
from tests.mqtt_wire import publish_raw, write_publish

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
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        for payload in payloads:
            await device.publish(TOPIC, payload, qos=1)
        messages = await receive(broker, len(payloads))
        broker.acknowledge(messages)
    assert payloads_of(messages) == payloads
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
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        for topic in topics:
            await device.publish(topic, topic.encode(), qos=1, properties=properties)
        messages = await receive(broker, len(topics))
    assert [(m.topic, m.payload) for m in messages] == [(topic, topic.encode()) for topic in topics]


async def test_qos_0_is_delivered_and_needs_no_acknowledgement(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        await device.publish(TOPIC, b"at most once", qos=0)
        await device.publish(TOPIC, b"at least once", qos=1)
        messages = await receive(broker, 2)
        assert payloads_of(messages) == [b"at most once", b"at least once"]
        assert messages[0].packet_id is None
        assert broker.status.unacknowledged == 1
        broker.acknowledge(messages)
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (1, 0)


async def test_retain_means_sent_because_of_a_new_subscription(mosquitto: Mosquitto) -> None:
    async with connect_device(mosquitto) as device:
        await device.publish(TOPIC, b"before", qos=1, retain=True)
        async with connect(mosquitto) as broker:
            (before,) = await receive(broker, 1)
            await device.publish(TOPIC, b"live", qos=1, retain=True)
            (live,) = await receive(broker, 1)
            broker.acknowledge([before, live])
        async with connect(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            assert broker.status.session_present
            await receive_nothing(broker)
    assert (before.payload, before.retain) == (b"before", True)
    assert (live.payload, live.retain) == (b"live", False)


async def test_receive_returns_at_most_what_was_asked_in_order(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        for number in range(10):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        await wait_until(lambda: broker.status.waiting == 10)
        batches = [await broker.receive(4, age_s=0.01) for _ in range(3)]
    assert [payloads_of(batch) for batch in batches] == [
        [b"0", b"1", b"2", b"3"],
        [b"4", b"5", b"6", b"7"],
        [b"8", b"9"],
    ]


# Acknowledgement.


async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(mosquitto: Mosquitto) -> None:
    async with connect_device(mosquitto) as device:
        async with connect(mosquitto) as broker:
            for number in range(5):
                await device.publish(TOPIC, b"%d" % number, qos=1)
            first = await receive(broker, 5)
            broker.acknowledge(first[:2])
        async with connect(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            assert broker.status.session_present
            second = await receive(broker, 3)
            broker.acknowledge(second)
            await receive_nothing(broker)
        async with connect(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
            await receive_nothing(broker)
    assert payloads_of(second) == [b"2", b"3", b"4"]
    assert [m.packet_id for m in second] == [m.packet_id for m in first[2:]]
    assert {m.redelivered for m in first} == {False}
    assert {m.redelivered for m in second} == {True}


async def test_acknowledging_out_of_order_is_refused_and_sends_nothing(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        for number in range(3):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        one, two, three = await receive(broker, 3)
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
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        await device.publish(TOPIC, b"reading", qos=1)
        (first,) = await receive(broker, 1)
        await mosquitto.restart()
        (again,) = await receive(broker, 1)
        assert (again.payload, again.redelivered, again.connection > first.connection) == (b"reading", True, True)
        broker.acknowledge([first])
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (0, 1)
        broker.acknowledge([again])
        assert (broker.status.acknowledged, broker.status.unacknowledged) == (1, 0)


async def test_the_session_holds_what_comes_while_the_collector_is_away(mosquitto: Mosquitto) -> None:
    async with connect_device(mosquitto) as device:
        async with connect(mosquitto) as broker:
            assert not broker.status.session_present
        for number in range(200):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        async with connect(mosquitto) as broker:
            assert broker.status.session_present
            assert payloads_of(await receive(broker, 200)) == [b"%d" % number for number in range(200)]


async def test_a_topic_that_is_not_utf_8_ends_only_the_device_that_sends_it(mosquitto: Mosquitto) -> None:
    password = (await mosquitto.add_accounts(["broken-1"]))["broken-1"]
    bad = write_publish(b"gjovik/\xff\xfe/broken-1/reading", b"{}", 1)
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        with pytest.raises(ConnectionError, match="e0"):
            await publish_raw(mosquitto.host, mosquitto.port, "broken-1", password, [bad])
        await device.publish(TOPIC, b"good", qos=1)
        (message,) = await receive(broker, 1)
        assert message.payload == b"good"
        assert broker.status.connections == 1


async def test_more_messages_than_packet_identifiers_are_acknowledged_for_good(mosquitto: Mosquitto) -> None:
    count = 70_000
    password = (await mosquitto.add_accounts([DEVICE]))[DEVICE]
    packets = [write_publish(TOPIC.encode(), b"%d" % n, n % 60_000 + 1) for n in range(count)]
    async with connect(mosquitto, inbox=Inbox(most=count)) as broker:
        assert await publish_raw(mosquitto.host, mosquitto.port, DEVICE, password, packets) == count
        messages = await receive(broker, count)
        assert broker.status.unacknowledged == count
        broker.acknowledge(messages[: count // 2])
        broker.acknowledge(messages[count // 2 :])
    assert [int(message.payload) for message in messages] == list(range(count))
    async with connect(mosquitto, filters=(*FILTERS, "gjovik/alerts/+/+")) as broker:
        assert broker.status.session_present
        await receive_nothing(broker)


# Back-pressure.


async def test_a_slow_consumer_bounds_memory_and_gets_everything(mosquitto: Mosquitto) -> None:
    count, most = 20_000, 1_000
    password = (await mosquitto.add_accounts([DEVICE]))[DEVICE]
    packets = [write_publish(TOPIC.encode(), b"%d" % number, number + 1) for number in range(count)]
    largest_read = 256 * 1024 // len(packets[0])
    seen: list[int] = []
    async with connect(mosquitto, inbox=Inbox(most=most)) as broker:
        publishing = asyncio.create_task(publish_raw(mosquitto.host, mosquitto.port, DEVICE, password, packets))
        await wait_until(lambda: broker.status.waiting >= most)
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


async def test_a_burst_that_fills_the_inbox_of_a_waiting_consumer_is_read_on(mosquitto: Mosquitto) -> None:
    count = 2_000
    password = (await mosquitto.add_accounts([DEVICE]))[DEVICE]
    packets = [write_publish(TOPIC.encode(), b"%d" % number, number + 1) for number in range(count)]
    async with connect(mosquitto, inbox=Inbox(most=5)) as broker:
        receiving = asyncio.create_task(receive(broker, count))
        assert await publish_raw(mosquitto.host, mosquitto.port, DEVICE, password, packets) == count
        assert len(await receiving) == count


async def test_a_full_inbox_outlives_the_keep_alive_and_a_restart(mosquitto: Mosquitto) -> None:
    settings = broker_settings(mosquitto).model_copy(update={"keep_alive_s": 1})
    numbers = [b"%d" % number for number in range(10)]
    async with connect(mosquitto):
        pass  # subscribed
    for _ in range(2):  # the session's messages come before SUBACK, and fill the inbox before it is read
        broker = impatient_broker(settings, mosquitto.accounts[COLLECTOR], inbox=Inbox(most=5))
        async with run(broker, ready=False), connect_device(mosquitto) as device:
            for number in numbers:
                await device.publish(TOPIC, number, qos=1)
                await asyncio.sleep(0.02)  # so that they are read one by one, and fill the inbox on the way
            await wait_until(lambda broker=broker: broker.status.waiting >= 5)  # type: ignore[misc]
            await asyncio.sleep(3.2)  # twice as long as a silence that would end the connection, here or there
            assert (broker.status.connected, broker.status.connections) == (True, 1)
        await mosquitto.restart()
    async with connect(mosquitto) as broker:
        assert payloads_of(await receive(broker, 20)) == numbers * 2


# Publishing.


async def test_a_retained_alert_is_read_back_by_another_library(mosquitto: Mosquitto) -> None:
    topic, payload = "gjovik/alerts/meter-1/hot", "{'tekst': 'for varmt på rom 2'}".encode()
    async with connect(mosquitto) as broker:
        await broker.publish(topic, payload, retain=True)
        await broker.publish("gjovik/alerts/meter-1/gone", b"x", retain=True)
        await broker.publish("gjovik/alerts/meter-1/gone", b"", retain=True)
    async with device_client(mosquitto, COLLECTOR) as reader:
        await reader.subscribe("gjovik/alerts/#", qos=1)
        message = await asyncio.wait_for(anext(aiter(reader.messages)), DEADLINE_S)
    assert (message.topic.value, message.payload, message.retain) == (topic, payload, True)


async def test_many_publish_at_once(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto, filters=("gjovik/alerts/+/+",)) as broker:
        async with asyncio.TaskGroup() as group:
            for number in range(2_000):
                group.create_task(broker.publish(f"gjovik/alerts/d/{number}", b"x", retain=False))
        topics = {message.topic for message in await receive(broker, 2_000)}
    assert len(topics) == 2_000


async def test_a_publish_that_the_broker_denies_is_refused(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker:
        with pytest.raises(PublishRefused, match=r"not authorized \(135\).*elsewhere/x"):
            await broker.publish("elsewhere/x", b"x", retain=False)
        await broker.publish("gjovik/alerts/a/b", b"x", retain=False)
        assert broker.status.connections == 1


async def test_a_publish_without_a_connection_fails_at_once(mosquitto: Mosquitto) -> None:
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    with pytest.raises(ConnectionLost, match="gjovik/alerts/a/b not sent"):
        await broker.publish("gjovik/alerts/a/b", b"x", retain=False)
