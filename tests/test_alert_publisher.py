"""Alerts on a real broker: at least once, with an id that stays the same, and each repeat counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.accounts import COLLECTOR
from ingest.alert_publisher import KEPT_S, AlertPublisher
from ingest.alerts.book import AlertBook
from ingest.batch import AlertRecord, Batch
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost
from ingest.settings import Store
from ingest.store_thread import StoreThread, open_store
from schemas.rule import AlertPhase, Change, Level, Rule, Severity, Transition
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.mqtt_clients import broker_settings, impatient_broker, listening, run, wait_until

NOW_MS = 1_768_471_200_000
HOT = Rule(
    key="hot",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(Level(Severity.WARNING, high=26, clear_high=25),),
    text="For varmt",
)


def make_transition(number: int, phase: AlertPhase = AlertPhase.FIRING) -> Transition:
    return Transition(
        *(f"room-{number}", "hall", "first", "hot", phase, NOW_MS + number, NOW_MS, 27.0),
        simulated=False,
        severity=Severity.WARNING,
        change=Change.CLEARED if phase is AlertPhase.OK else Change.FIRED,
    )


def make_record(transition: Transition) -> AlertRecord:
    one = transition
    return AlertRecord(
        *(one.device, one.rule, one.phase, one.since_ms, one.time_ms, one.value, one.site, one.zone),
        simulated=False,
        severity=one.severity,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    async with open_store(Store(folder=tmp_path / "store", reserve_bytes=0)) as opened:
        yield opened


def make_publisher(
    server: Mosquitto, broker: Broker, store: StoreThread, kept_s: float = KEPT_S
) -> tuple[AlertPublisher, AlertBook]:
    alerts = AlertBook({HOT.key: HOT})
    return AlertPublisher(broker_settings(server), broker, store, alerts, kept_s=kept_s), alerts


@asynccontextmanager
async def publishing(
    server: Mosquitto, store: StoreThread, kept_s: float = KEPT_S
) -> AsyncIterator[tuple[AlertPublisher, Broker, AlertBook]]:
    """Run a publisher on a connection until the block ends, which is a crash to it."""
    broker = impatient_broker(broker_settings(server), server.accounts[COLLECTOR])
    publisher, alerts = make_publisher(server, broker, store, kept_s)
    async with run(broker), asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run(), name="publish")
        yield publisher, broker, alerts
        task.cancel()


def list_ids(heard: list[dict[str, Any]]) -> list[str]:
    """Return the ids of transitions, in order; those of Notices are left out."""
    return [one["id"] for one in heard if one["device"] != COLLECTOR]


async def commit(store: StoreThread, *transitions: Transition) -> None:
    await store.commit(Batch(transitions=list(transitions)), NOW_MS)


async def cut(broker: Broker) -> None:
    """End the connection as a network does, and wait for the next."""
    before = broker.status.connections
    broker._connection._transport.abort()  # type: ignore[union-attr] # noqa: SLF001 - nothing public cuts it
    await wait_until(lambda: broker.status.connections == before + 1)


async def count_repeated(store: StoreThread) -> int:
    return (await store.events())["alert_repeated"]


async def test_transitions_are_published_once_in_order_with_their_ids(mosquitto: Mosquitto, store: StoreThread) -> None:
    sent = [make_transition(number, phase) for number in range(30) for phase in (AlertPhase.FIRING, AlertPhase.OK)]
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, _, _):
        await commit(store, *sent)
        publisher.wake()
        await wait_until(lambda: len(list_ids(heard)) == len(sent))
        await publisher.publish_pending()
        assert await store.unpublished() == []
    assert list_ids(heard) == [f"{one.device}/hot/{one.time_ms}/{one.change}" for one in sent]
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


@pytest.mark.parametrize("broker_restarts", [False, True])
async def test_what_the_broker_answered_for_is_not_repeated_after_a_crash_of_ours(
    mosquitto: Mosquitto, store: StoreThread, *, broker_restarts: bool
) -> None:
    sent = [make_transition(number) for number in range(1, 4)]
    async with listening(mosquitto) as heard:
        for one in sent:
            async with publishing(mosquitto, store) as (publisher, _, _):
                await commit(store, one)
                await publisher.publish_pending()
        await wait_until(lambda: len(heard) >= len(sent))
    assert list_ids(heard) == [f"{one.device}/hot/{one.time_ms}/fired" for one in sent]
    if broker_restarts:
        await mosquitto.restart()
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, _, _):
        await commit(store, make_transition(9))
        publisher.wake()
        await wait_until(lambda: "room-9/hot" in str(list_ids(heard)))
    assert [one for one in list_ids(heard) if "room-9" not in one] == sorted(
        one["id"] for one in heard if one["retain"]
    )
    assert await count_repeated(store) == 0


async def test_a_cut_of_the_network_repeats_nothing_that_was_answered_for(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    async with listening(mosquitto) as heard, publishing(mosquitto, store) as (publisher, broker, _):
        await commit(store, make_transition(1))
        await publisher.publish_pending()
        await cut(broker)
        await commit(store, make_transition(2))
        publisher.wake()
        await wait_until(lambda: len(list_ids(heard)) >= 2)
    assert list_ids(heard) == [f"room-{number}/hot/{NOW_MS + number}/fired" for number in (1, 2)]
    assert await count_repeated(store) == 0


@pytest.mark.parametrize("with_us", [False, True])
async def test_what_a_killed_broker_had_not_saved_is_published_again(
    mosquitto: Mosquitto, store: StoreThread, *, with_us: bool
) -> None:
    async with publishing(mosquitto, store):
        pass
    await mosquitto.restart()  # it has saved our session, and nothing after
    async with AsyncExitStack() as ours:
        publisher, broker, _ = await ours.enter_async_context(publishing(mosquitto, store))
        await commit(store, make_transition(1))
        await publisher.publish_pending()
        if with_us:
            await ours.aclose()
        await mosquitto.kill()
        await mosquitto.start()
        if with_us:
            publisher, broker, _ = await ours.enter_async_context(publishing(mosquitto, store))
        await wait_until(lambda: broker.status.session_present and broker.status.connected)
        async with listening(mosquitto) as heard:
            await wait_until(lambda: len(list_ids(heard)) >= 1)
    assert set(list_ids(heard)) == {f"room-1/hot/{NOW_MS + 1}/fired"}
    assert await count_repeated(store) == 1


async def test_what_the_broker_has_saved_is_forgotten_and_no_seal_stays(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    async with publishing(mosquitto, store, kept_s=0.3) as (publisher, broker, _):
        for number in range(3):
            await commit(store, make_transition(number))
            await publisher.publish_pending()
        seals = await store.seals()
        assert len(seals) == 3
        async with asyncio.timeout(10):
            while await store.seals():  # noqa: ASYNC110 - the store gives no event
                await asyncio.sleep(0.05)
        assert await store.reseal(seals, 0) == 0
        assert await broker.take_seals([f"gjovik/alerts/{COLLECTOR}/seal-{seal}" for seal in seals]) == set()


async def test_a_broker_that_lost_our_session_gets_every_alert_that_fires_but_those_that_are_kept_apart(
    mosquitto: Mosquitto, store: StoreThread, tmp_path: Path
) -> None:
    password = mosquitto.accounts[COLLECTOR]
    async with publishing(mosquitto, store) as (publisher, broker, alerts):
        alerts.restore([make_record(make_transition(6))._replace(is_apart=True), make_record(make_transition(7))])
        await publisher.publish_pending()
        await mosquitto.stop()
        async with run_mosquitto(tmp_path / "other", {COLLECTOR: password}, port=mosquitto.port) as other:
            await wait_until(lambda: broker.status.connections == 2)
            async with listening(other) as heard:
                await wait_until(lambda: list_ids(heard) == [f"room-7/hot/{NOW_MS + 7}/repeated"])
            await wait_until(lambda: broker.status.connected)
    assert await count_repeated(store) == 1


async def test_without_a_connection_nothing_is_begun(mosquitto: Mosquitto, store: StoreThread) -> None:
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    publisher, _ = make_publisher(mosquitto, broker, store)
    await commit(store, make_transition(1))
    with pytest.raises(ConnectionLost):
        await publisher.publish_pending()
    assert [one.tries for one in await store.unpublished()] == [0]


def name_seals(seals: list[int]) -> list[str]:
    return [f"gjovik/alerts/{COLLECTOR}/seal-{seal}" for seal in seals]


async def test_a_crash_while_old_seals_are_taken_away_undoes_no_later_state(
    mosquitto: Mosquitto, store: StoreThread
) -> None:
    async with publishing(mosquitto, store) as (publisher, broker, _):
        for phase in (AlertPhase.FIRING, AlertPhase.OK):
            await commit(store, make_transition(1, phase))
            await publisher.publish_pending()
        oldest, _ = await store.seals()
        await broker.take_seals(name_seals([oldest]))  # and the process was killed before it forgot what lay behind
    async with publishing(mosquitto, store) as (publisher, _, _):
        await publisher.publish_pending()
    async with listening(mosquitto) as heard:
        await wait_until(lambda: len(list_ids(heard)) == 1)
    assert heard[0]["state"] == "ok"
    assert await count_repeated(store) == 0


async def test_what_fires_is_not_lost_when_the_next_broker_is_killed_too(
    mosquitto: Mosquitto, store: StoreThread, tmp_path: Path
) -> None:
    passwords = {COLLECTOR: mosquitto.accounts[COLLECTOR]}
    async with publishing(mosquitto, store) as (_, broker, alerts):
        alerts.restore([make_record(make_transition(7))])
        await mosquitto.stop()
        async with run_mosquitto(tmp_path / "other", passwords, port=mosquitto.port):
            await wait_until(lambda: broker.status.sessions_lost == 1)
            async with asyncio.timeout(10):
                while not await store.seals():  # noqa: ASYNC110 - the store gives no event
                    await asyncio.sleep(0.05)
    assert await store.unpublished() == []
    assert await count_repeated(store) == 1


async def test_a_broker_that_is_lost_between_two_steps_has_the_latest_state_in_the_end(
    mosquitto: Mosquitto, store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with publishing(mosquitto, store):
        pass
    await mosquitto.restart()  # it has saved our session, and nothing after
    broker = impatient_broker(broker_settings(mosquitto), mosquitto.accounts[COLLECTOR])
    publisher, _ = make_publisher(mosquitto, broker, store)
    begin = store.begin_publishing

    async def begin_and_lose_the_broker(ids: list[int]) -> None:
        await begin(ids)
        await mosquitto.kill()
        await mosquitto.start()
        await wait_until(lambda: broker.status.connections == 2 and broker.status.connected)

    async with run(broker):
        await commit(store, make_transition(1))
        await publisher.publish_pending()
        await commit(store, make_transition(1, AlertPhase.OK))
        with monkeypatch.context() as patched, suppress(ConnectionLost):
            patched.setattr(store, "begin_publishing", begin_and_lose_the_broker)
            await publisher.publish_pending()
        await broker.ready()
        await publisher.publish_pending()
        async with listening(mosquitto) as heard:
            await wait_until(lambda: len(list_ids(heard)) == 1)
    assert heard[0]["state"] == "ok"


async def test_a_seal_whose_answer_was_lost_is_taken_away_all_the_same(
    mosquitto: Mosquitto, store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    async with publishing(mosquitto, store) as (publisher, broker, _):
        set_seal = broker.set_seal

        async def set_seal_and_lose_the_answer(topic: str) -> None:
            await set_seal(topic)
            sent.append(topic)
            await cut(broker)
            raise ConnectionLost("cut")

        await publisher.publish_pending()
        await commit(store, make_transition(1))
        with monkeypatch.context() as patched:
            patched.setattr(broker, "set_seal", set_seal_and_lose_the_answer)
            with pytest.raises(ConnectionLost):
                await publisher.publish_pending()
        await broker.ready()
        await publisher.publish_pending()
        assert await broker.take_seals(sent) == set()
