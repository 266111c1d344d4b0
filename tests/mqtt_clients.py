"""The collector's connection and devices of another library, on one broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from ingest.accounts import COLLECTOR, MONITOR
from ingest.backoff import Backoff
from ingest.message import Message
from ingest.mqtt import Broker
from ingest.settings import Mqtt
from simulators.testbed.mosquitto import Mosquitto

DEVICE = "meter-1"
TOPIC = f"gjovik/skole/{DEVICE}/reading"
FILTERS = ("gjovik/+/+/reading",)
DEADLINE_S = 20.0


def broker_settings(server: Mosquitto, **changes: object) -> Mqtt:
    """Return settings for this broker; what is not named is as it ships."""
    return Mqtt.model_validate({"host": server.host, "port": server.port} | changes)


def impatient_broker(settings: Mqtt, password: str | None, **options: object) -> Broker:
    """Return a Broker that is impatient, so that tests are short."""
    quick = {"filters": FILTERS, "backoff": Backoff(first_s=0.05, most_s=0.2), "needs_person_wait_s": 0.05}
    return Broker(settings, password=password, **(quick | options))  # type: ignore[arg-type]


@asynccontextmanager
async def run(broker: Broker, *, ready: bool = True) -> AsyncIterator[Broker]:
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
async def connect(server: Mosquitto, **options: object) -> AsyncIterator[Broker]:
    """Connect as the collector until the block ends."""
    async with run(impatient_broker(broker_settings(server), server.accounts[COLLECTOR], **options)) as broker:
        yield broker


@asynccontextmanager
async def connect_device(server: Mosquitto, name: str = DEVICE) -> AsyncIterator[aiomqtt.Client]:
    """Connect as a device would."""
    await server.add_accounts([name])
    async with device_client(server, name) as client:
        yield client


def device_client(server: Mosquitto, name: str) -> aiomqtt.Client:
    """Return a client of another library, of MQTT 5."""
    return aiomqtt.Client(
        server.host,
        server.port,
        username=name,
        password=server.accounts[name],
        protocol=aiomqtt.ProtocolVersion.V5,
    )


@asynccontextmanager
async def listening(server: Mosquitto) -> AsyncIterator[list[dict[str, Any]]]:
    """Return what is published of alerts and Notices while the block runs, and what was retained before."""
    heard: list[dict[str, Any]] = []
    await server.add_accounts([MONITOR])
    async with device_client(server, MONITOR) as client, asyncio.TaskGroup() as group:

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                heard.append(json.loads(message.payload) | {"topic": message.topic.value, "retain": message.retain})

        task = group.create_task(listen(), name="listen")
        await client.subscribe("gjovik/alerts/+/+", qos=1)
        yield heard
        task.cancel()


async def wait_until(holds: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    """Return when a condition holds, or fail."""
    async with asyncio.timeout(deadline_s):
        while not holds():  # noqa: ASYNC110 - conditions of another process give no event
            await asyncio.sleep(0.01)


async def receive(broker: Broker, count: int, *, most: int = 5_000) -> list[Message]:
    """Receive so many messages and no fewer."""
    messages: list[Message] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(messages) < count:
            messages += await broker.receive(min(most, count - len(messages)), age_s=0.02)
    return messages


async def receive_nothing(broker: Broker) -> None:
    """Show that nothing waits: the next message is one that is published now, by the collector itself."""
    await broker.publish("gjovik/alerts/nothing/waits", b"marker", retain=False)
    (message,) = await receive(broker, 1)
    assert message.payload == b"marker"
    broker.acknowledge([message])


def payloads_of(messages: list[Message]) -> list[bytes]:
    """Return the payloads, in order."""
    return [message.payload for message in messages]
