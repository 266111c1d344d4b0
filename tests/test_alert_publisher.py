"""Alerts and Notices on a real broker: at least once, with an id that stays the same, and each repeat counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.accounts import COLLECTOR, MONITOR
from ingest.alert_publisher import AlertPublisher
from ingest.alerts.book import AlertBook
from ingest.batch import AlertRecord, Batch
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost
from ingest.notice import Facts, judge_facts
from ingest.settings import Store
from ingest.store_thread import StoreThread, open_store
from schemas.rule import AlertPhase, Direction, Rule, Severity, Transition
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.mqtt_clients import broker_settings, device_client, impatient_broker, run, wait_until

NOW_MS = 1_768_471_200_000
HOT = Rule("hot", "indoor_climate", "temperature", "Cel", Direction.ABOVE, 26, 25, 0, Severity.WARNING, "For varmt", ())


def make_transition(number: int, phase: AlertPhase = AlertPhase.FIRING) -> Transition:
    return Transition(f"room-{number}", "hall", "first", "hot", phase, NOW_MS + number, NOW_MS, 27.0, simulated=False)


def make_record(transition: Transition) -> AlertRecord:
    one = transition
    return AlertRecord(
        one.device, one.rule, one.phase, one.since_ms, one.time_ms, one.value, one.site, one.zone, simulated=False
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    async with open_store(Store(folder=tmp_path / "store", reserve_bytes=0)) as opened:
        yield opened


def make_publisher(server: Mosquitto, broker: Broker, store: StoreThread) -> tuple[AlertPublisher, AlertBook]:
    alerts = AlertBook({HOT.key: HOT})
    return AlertPublisher(broker_settings(server), broker, store, alerts), alerts


@asynccontextmanager
async def publishing(
    server: Mosquitto, store: StoreThread, **options: object
) -> AsyncIterator[tuple[AlertPublisher, Broker, AlertBook]]:
    """Run a publisher on a connection until the block ends, which is a crash to it."""
    broker = impatient_broker(broker_settings(server), server.accounts[COLLECTOR], **options)
    publisher, alerts = make_publisher(server, broker, store)
    async with run(broker), asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run(), name="publish")
        yield publisher, broker, alerts
        task.cancel()


@asynccontextmanager
async def listening(server: Mosquitto) -> AsyncIterator[list[dict[str, Any]]]:
    """Return what is published as alerts while the block runs, and what was retained before."""
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


def list_ids(heard: list[dict[str, Any]]) -> list[str]:
    """Return the ids of transitions, in order; those of Notices are left out."""
    return [one["id"] for one in heard if one["device"] != COLLECTOR]


async def commit(store: StoreThread, *transitions: Transition) -> None:
    await store.commit(Batch(transitions=list(transitions)), NOW_MS)


async def count_repeated(store: StoreThread) -> int:
    return (await store.events())["alert_repeated"]


async def test_transitions_are_published_once_in_order_with_their_ids(mosquitto: Mosquitto, store: StoreThread) -> None:
    sent = [make_transition(number, phase) for number in range(30) for phase in (AlertPhase.FIRING, AlertPhase.OK)]
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, _, _):
        await commit(store, *sent)
        publisher.wake()
        await wait_until(lambda: len(list_ids(heard)) == len(sent))
        await publisher.finish()
        assert await store.unpublished() == []
    assert list_ids(heard) == [f"{one.device}/hot/{one.time_ms}/{one.phase}" for one in sent]
    assert heard[0]["text"] == "For varmt"
    assert await count_repeated(store) == 0


async def test_a_crash_after_sending_repeats_under_the_same_id_and_counts_it(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    await commit(store, make_transition(1))
    (pending,) = await store.unpublished()
    await store.begin_publishing([pending.id])  # sent, and the process was killed before the answer
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, _, _):
        publisher.wake()
        await wait_until(lambda: len(list_ids(heard)) == 1)
    assert await count_repeated(store) == 1


async def test_after_an_orderly_end_nothing_is_repeated(mosquitto: Mosquitto, store: StoreThread) -> None:
    await commit(store, make_transition(1))
    async with publishing(mosquitto, store) as (publisher, _, _):
        await publisher.finish()
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, _, _):
        await commit(store, make_transition(2))
        publisher.wake()
        await wait_until(lambda: "room-2/hot" in str(list_ids(heard)))
        await publisher.finish()
    live = [one for one in heard if not one["retain"]]
    assert list_ids(live) == [f"room-2/hot/{NOW_MS + 2}/firing"]
    assert await count_repeated(store) == 0


async def test_what_a_broker_that_broke_off_took_last_is_published_again(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    async with publishing(mosquitto, store) as (publisher, broker, _):
        await commit(store, make_transition(1))
        await publisher.publish_pending()
        await mosquitto.kill()
        await wait_until(lambda: not broker.status.connected)
        await mosquitto.start()
        await wait_until(lambda: broker.status.connections == 2)
        async with listening(mosquitto) as heard:
            publisher.tell({})
            await wait_until(lambda: len(list_ids(heard)) >= 1)
        await wait_until(lambda: broker.status.connected)
    assert set(list_ids(heard)) == {f"room-1/hot/{NOW_MS + 1}/firing"}
    assert await count_repeated(store) == 1


async def test_a_broker_that_lost_our_session_gets_every_alert_that_fires(
    mosquitto: Mosquitto, store: StoreThread, tmp_path: Path
) -> None:
    password = mosquitto.accounts[COLLECTOR]
    async with publishing(mosquitto, store) as (publisher, broker, alerts):
        alerts.restore([make_record(make_transition(7))])
        await publisher.publish_pending()
        await mosquitto.stop()
        async with run_mosquitto(tmp_path / "other", {COLLECTOR: password}, port=mosquitto.port) as other:
            await wait_until(lambda: broker.status.connections == 2)
            async with listening(other) as heard:
                publisher.tell({})
                await wait_until(lambda: list_ids(heard) == [f"room-7/hot/{NOW_MS + 7}/firing"])
            await wait_until(lambda: broker.status.connected)
    assert await count_repeated(store) == 1


async def test_without_a_connection_nothing_is_marked(mosquitto: Mosquitto, store: StoreThread) -> None:
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    publisher, _ = make_publisher(mosquitto, broker, store)
    await commit(store, make_transition(1))
    with pytest.raises(ConnectionLost):
        await publisher.publish_pending()
    assert [one.tries for one in await store.unpublished()] == [1]


async def test_a_notice_is_retained_while_raised_and_cleared_when_it_has_passed(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    raised = judge_facts(Facts(NOW_MS, store_share=0.6), {})
    async with publishing(mosquitto, store) as (publisher, _, _):
        publisher.tell(raised)
        await publisher.publish_pending()
        async with listening(mosquitto) as heard:
            await wait_until(lambda: any(one["rule"] == "store-half" for one in heard))
            (retained,) = [one for one in heard if one["rule"] == "store-half"]
            assert (retained["state"], retained["severity"], retained["retain"]) == ("firing", "warning", True)
            assert retained["topic"] == f"gjovik/alerts/{COLLECTOR}/store-half"
            publisher.tell({})
            await wait_until(lambda: [one["state"] for one in heard if one["rule"] == "store-half"][-1] == "ok")


async def test_what_an_earlier_process_raised_is_cleared_by_the_next(mosquitto: Mosquitto, store: StoreThread) -> None:
    raised = judge_facts(Facts(NOW_MS, store_share=0.6), {})
    async with listening(mosquitto) as heard:
        async with publishing(mosquitto, store) as (publisher, _, _):
            publisher.tell(raised)
            await wait_until(lambda: any(one["state"] == "firing" for one in heard))
        async with publishing(mosquitto, store) as (publisher, _, _):
            publisher.tell({})
            await wait_until(lambda: [one["state"] for one in heard if one["rule"] == "store-half"][-1] == "ok")
