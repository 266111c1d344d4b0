"""Whether there is a collector: what the broker retains of it, also when nobody can say it any more."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ingest.accounts import COLLECTOR, MONITOR
from ingest.collector_state import CollectorState, format_state, format_state_topic
from ingest.inbox import Inbox
from simulators.testbed.collector import CollectorProcess, Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import SHIPPED, Mosquitto
from tests.mqtt_clients import (
    DEVICE,
    TOPIC,
    broker_settings,
    connect,
    connect_device,
    device_client,
    impatient_broker,
    wait_until,
)
from tests.stand import COLD, INVENTORY

STATE_TOPIC = "gjovik/collectors/collector/state"


@dataclass
class Watch:
    """What a client that only reads has heard of one collector, the latest last."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        """The states in their order."""
        return [one["state"] for one in self.heard]

    async def wait_for(self, *states: CollectorState) -> None:
        """Return when these were heard, and nothing else."""
        await wait_until(lambda: len(self.heard) >= len(states))
        assert self.states == list(states)


@asynccontextmanager
async def watching(server: Mosquitto) -> AsyncIterator[Watch]:
    """Hear of the collector's state until the block ends, what was retained before included."""
    watch = Watch()
    await server.add_accounts([MONITOR])
    async with device_client(server, MONITOR) as client, asyncio.TaskGroup() as group:

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                watch.heard.append(json.loads(message.payload))

        listening = group.create_task(listen(), name="listen")
        (granted,) = await client.subscribe("gjovik/collectors/+/state", qos=1)
        assert getattr(granted, "value", granted) == 1
        yield watch
        listening.cancel()


async def read_retained(server: Mosquitto) -> str:
    """Return the state that a client which comes now is told."""
    async with watching(server) as watch:
        await wait_until(lambda: bool(watch.heard))
        return str(watch.heard[0]["state"])


def test_the_state_says_who_and_when() -> None:
    assert format_state_topic("town/iot", "collector-2") == "town/iot/collectors/collector-2/state"
    payload = json.loads(format_state(CollectorState.LOST, "collector-2", 1_768_456_800_000))
    assert payload == {"state": "lost", "collector": "collector-2", "time": "2026-01-15T06:00:00.000Z"}


async def test_a_collector_is_running_once_it_is_subscribed_and_stopped_after_its_end(mosquitto: Mosquitto) -> None:
    async with watching(mosquitto) as watch:
        async with connect(mosquitto):
            await watch.wait_for(CollectorState.RUNNING)
        await watch.wait_for(CollectorState.RUNNING, CollectorState.STOPPED)
    assert await read_retained(mosquitto) == CollectorState.STOPPED


async def test_a_stop_is_told_though_nobody_takes_the_messages_that_wait(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto) as watch,
        connect(mosquitto, inbox=Inbox(most=2)) as broker,
        connect_device(mosquitto) as device,
    ):
        await asyncio.gather(*(device.publish(TOPIC, b"%d" % number, qos=1) for number in range(50)))
        await wait_until(lambda: broker.status.waiting >= 2)
        await broker.close()
        await watch.wait_for(CollectorState.RUNNING, CollectorState.STOPPED)


async def test_a_collector_that_is_killed_is_lost_after_the_delay_and_running_once_it_is_back(
    mosquitto: Mosquitto, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    async with watching(mosquitto) as watch, run_collector(tmp_path, mosquitto, influxd, database, 1) as collector:
        await watch.wait_for(CollectorState.RUNNING)
        await collector.kill()
        await watch.wait_for(CollectorState.RUNNING, CollectorState.LOST)
        assert watch.heard[1]["collector"] == COLLECTOR
        await collector.start()
        await watch.wait_for(CollectorState.RUNNING, CollectorState.LOST, CollectorState.RUNNING)
        await collector.stop()
        assert collector.exit_code == 0
        await wait_until(lambda: watch.states[-1] == CollectorState.STOPPED)
        await asyncio.sleep(1.5)  # the delay: only time can show that no will is left
        assert watch.states.count(CollectorState.LOST) == 1


async def test_a_collector_that_is_back_in_time_was_never_lost(
    mosquitto: Mosquitto, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    async with watching(mosquitto) as watch, run_collector(tmp_path, mosquitto, influxd, database, 6) as collector:
        await watch.wait_for(CollectorState.RUNNING)
        killed_s = asyncio.get_running_loop().time()
        await collector.kill()
        await collector.start()
        await watch.wait_for(CollectorState.RUNNING, CollectorState.RUNNING)
        with pytest.raises(TimeoutError):  # likewise
            await wait_until(
                lambda: len(watch.heard) > 2, deadline_s=killed_s + 7.5 - asyncio.get_running_loop().time()
            )


async def test_an_error_that_cancels_the_connection_is_no_orderly_stop(mosquitto: Mosquitto) -> None:
    async with watching(mosquitto) as watch:
        broker = impatient_broker(broker_settings(mosquitto, lost_after_s=0), mosquitto.accounts[COLLECTOR])
        running = asyncio.create_task(broker.run())
        await watch.wait_for(CollectorState.RUNNING)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await watch.wait_for(CollectorState.RUNNING, CollectorState.LOST)


async def test_readings_are_taken_where_the_broker_refuses_the_state(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    permissions = (SHIPPED / "acl").read_text(encoding="utf-8").replace("topic write gjovik/collectors/+/state\n", "")
    await asyncio.to_thread((mosquitto.log.parent / "acl").write_text, permissions, encoding="utf-8")
    await mosquitto.reload()
    async with connect(mosquitto) as broker, connect_device(mosquitto) as device:
        await device.publish(TOPIC, b"{}", qos=1)
        (message,) = await broker.receive(1, age_s=0.01)
        assert message.payload == b"{}"
        await wait_until(lambda: "nobody will hear when this collector is gone" in caplog.text)
        assert broker.status.connections == 1


async def test_neither_a_device_nor_a_reader_can_say_that_a_collector_is_lost(mosquitto: Mosquitto) -> None:
    await mosquitto.add_accounts([DEVICE, MONITOR])
    for name in (DEVICE, MONITOR):
        async with device_client(mosquitto, name) as client:
            await publish_states(client, [STATE_TOPIC, f"gjovik/collectors/{name}/state"])
    # A message that one of them had left would be heard first.
    async with watching(mosquitto) as watch, connect(mosquitto):
        await watch.wait_for(CollectorState.RUNNING)


async def publish_states(client: aiomqtt.Client, topics: Sequence[str]) -> None:
    """Try to publish; a broker that refuses answers with an error, which is not looked at."""
    for topic in topics:
        await client.publish(topic, b'{"state": "lost"}', qos=1, retain=True)


@asynccontextmanager
async def run_collector(
    folder: Path, server: Mosquitto, influxd: Influxd, database: str, lost_after_s: int
) -> AsyncIterator[CollectorProcess]:
    """Run the real collector until the block ends."""
    inventory, rules = folder / "inventory", folder / "rules"
    for part, text in ((inventory, INVENTORY), (rules, COLD)):
        part.mkdir()
        (part / "hall.toml").write_text(text, encoding="utf-8")
    setup = Setup(inventory, rules, database, mqtt={"lost_after_s": lost_after_s})
    async with run_collector_process(folder / "collector", server, influxd, setup) as collector:
        yield collector
