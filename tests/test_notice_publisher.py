"""Notices on a real broker: retained as they are now, whoever raised them and however busy the connection is."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Any

from ingest.accounts import COLLECTOR
from ingest.inbox import Inbox
from ingest.mqtt import Broker
from ingest.notice import Facts, Raised, judge_facts
from ingest.notice_publisher import NoticePublisher
from simulators.testbed.mosquitto import Mosquitto
from tests.mqtt_clients import (
    TOPIC,
    broker_settings,
    connect_device,
    impatient_broker,
    listening,
    run,
    wait_until,
)

NOW_MS = 1_768_471_200_000
HALF = judge_facts(Facts(NOW_MS, store_share=0.6), {})
FULL = judge_facts(Facts(NOW_MS, store_share=1.0, is_held=True), {})


@asynccontextmanager
async def publishing(
    server: Mosquitto, inbox: Inbox | None = None, text_s: float = 60.0
) -> AsyncIterator[tuple[NoticePublisher, Broker]]:
    """Run a publisher on a connection until the block ends."""
    settings = broker_settings(server)
    broker = impatient_broker(settings, server.accounts[COLLECTOR], inbox=inbox)
    publisher = NoticePublisher(settings, broker, text_s=text_s)
    async with run(broker), asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run(), name="notices")
        yield publisher, broker
        task.cancel()


def list_states(heard: list[dict[str, Any]], key: str = "store-half") -> list[str]:
    return [one["state"] for one in heard if one["rule"] == key]


def list_texts(heard: list[dict[str, Any]]) -> list[str]:
    return [one["text"] for one in heard if one["rule"] == "store-half"]


def make_percent(percent: int, before: Raised) -> Raised:
    return judge_facts(Facts(NOW_MS, store_share=percent / 100), before)


async def test_a_notice_is_retained_while_raised_and_cleared_when_it_has_passed(mosquitto: Mosquitto) -> None:
    async with publishing(mosquitto) as (publisher, _):
        publisher.tell(HALF)
        async with listening(mosquitto) as heard:
            await wait_until(lambda: list_states(heard)[-1:] == ["firing"])
            firing = [one for one in heard if one["rule"] == "store-half"][-1]
            assert (firing["severity"], firing["topic"]) == ("warning", f"gjovik/alerts/{COLLECTOR}/store-half")
            publisher.tell({})
            await wait_until(lambda: list_states(heard)[-1:] == ["ok"])
        async with listening(mosquitto) as heard:
            await wait_until(lambda: list_states(heard) == ["ok"])
            assert heard[0]["retain"]


async def test_what_an_earlier_process_raised_is_cleared_by_the_next(mosquitto: Mosquitto) -> None:
    async with listening(mosquitto) as heard:
        for raised, state in ((HALF, "firing"), ({}, "ok")):
            async with publishing(mosquitto) as (publisher, _):
                publisher.tell(raised)
                await wait_until(lambda state=state: list_states(heard)[-1:] == [state])  # type: ignore[misc]


async def test_a_broker_that_was_killed_has_every_notice_again(mosquitto: Mosquitto) -> None:
    async with publishing(mosquitto) as (publisher, broker):
        publisher.tell(HALF)
        await wait_until(lambda: not publisher.is_behind)
        await mosquitto.kill()
        await mosquitto.start()
        await wait_until(lambda: broker.status.connections == 2)
        publisher.tell(HALF)
        async with listening(mosquitto) as heard:
            await wait_until(lambda: list_states(heard)[-1:] == ["firing"])


async def test_a_text_that_changes_is_published_but_not_each_second(mosquitto: Mosquitto) -> None:
    raised: Raised = {}
    text_s = 0.5
    percents = chain(range(50, 69), repeat(69))
    async with listening(mosquitto) as heard, publishing(mosquitto, text_s=text_s) as (publisher, _):

        def tell_next() -> bool:
            nonlocal raised
            raised = make_percent(next(percents), raised)
            publisher.tell(raised)
            return "69 %" in "".join(list_texts(heard)[-1:])

        began_s = time.monotonic()
        await wait_until(tell_next)
        took_s = time.monotonic() - began_s
    told = list_texts(heard)
    assert "50 %" in told[0]
    assert len(told) <= 1 + took_s / text_s


async def test_that_the_store_is_full_is_told_while_nothing_is_read(mosquitto: Mosquitto) -> None:
    async with publishing(mosquitto, Inbox(most=10)) as (publisher, broker), connect_device(mosquitto) as device:
        for number in range(50):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        await wait_until(lambda: broker.status.waiting >= 10)
        async with listening(mosquitto) as heard:
            publisher.tell(HALF)
            await wait_until(lambda: list_states(heard)[-1:] == ["firing"])
            publisher.tell(FULL)
            await wait_until(lambda: list_states(heard, "store-full")[-1:] == ["firing"])
            assert list_states(heard)[-1] == "ok"


async def test_that_the_store_is_full_is_told_also_by_a_process_that_starts_then(mosquitto: Mosquitto) -> None:
    settings = broker_settings(mosquitto)
    async with publishing(mosquitto):
        pass  # there is a session
    async with connect_device(mosquitto) as device:
        for _ in range(300):  # more than is read at a time
            await device.publish(TOPIC, bytes(4_000), qos=1)
    broker = impatient_broker(settings, mosquitto.accounts[COLLECTOR], inbox=Inbox(most=10))
    publisher = NoticePublisher(settings, broker)
    async with run(broker, ready=False), asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run(), name="notices")
        await wait_until(lambda: broker.status.waiting >= 10)
        assert broker.status.problem, "the subscription is granted: the test shows nothing"
        publisher.tell(FULL)
        async with listening(mosquitto) as heard:
            await wait_until(lambda: list_states(heard, "store-full")[-1:] == ["firing"], deadline_s=8)
        task.cancel()
