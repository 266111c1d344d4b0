"""Receiving and committing: what comes under a new session, and a disk that takes nothing for a while.

A broker that answers to a script stands in for the real one where that cannot be made to do it at will.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from ingest.alert_publisher import AlertPublisher
from ingest.collector import Collector
from ingest.configuration import Configuration, read_configuration
from ingest.influx import InfluxClient, open_influx
from ingest.message import Message
from ingest.mqtt import Broker
from ingest.peers import Peers
from ingest.run import restore_processor
from ingest.settings import Ingest, Mqtt, Settings, Store
from ingest.store_file import FILE
from ingest.store_restored import Restored
from ingest.store_thread import StoreThread, open_store
from ingest.writer import Writer
from tests.stand import COLD, INVENTORY

NOW_MS = 1_768_471_200_000
LIGHT = b'{"on":true,"power":10}'
TOPIC = "gjovik/hall/light-1/reading"


class ScriptedBroker(Broker):
    """Gives the messages that it is told, and notes what is acknowledged; it never connects."""

    def __init__(self, messages: Sequence[Message], new_sessions: Sequence[int]) -> None:
        super().__init__(Mqtt(), password=None, filters=())
        self.acknowledged: list[Message] = []
        self.taken, self.done = asyncio.Event(), asyncio.Event()
        self._messages = list(messages)
        self._new = new_sessions

    async def receive(self, most: int, age_s: float, enough: int | None = None) -> list[Message]:
        """Return all at once, and nothing after that."""
        del most, age_s, enough
        if self.taken.is_set() or not self._messages:
            self.done.set()
            await asyncio.Event().wait()
        self.taken.set()
        return self._messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Note them."""
        self.acknowledged += messages

    def count_new_sessions(self, connection: int) -> int:
        """Count as told."""
        return sum(1 for number in self._new if number <= connection)


def make_message(packet_id: int, connection: int, *, redelivered: bool = False, after_ms: int = 0) -> Message:
    return Message(TOPIC, LIGHT, NOW_MS + after_ms, False, packet_id, redelivered, connection)  # noqa: FBT003 - as MQTT gives them


def read_inventory(folder: Path) -> tuple[Settings, Configuration]:
    for name, text in (("inventory", INVENTORY), ("rules", COLD)):
        (folder / name).mkdir()
        (folder / name / "one.toml").write_text(text)
    settings = Settings(
        inventory=folder / "inventory",
        rules=folder / "rules",
        store=Store(folder=folder / "store", reserve_bytes=0),
        ingest=Ingest(batch_age_ms=1),
    )
    return settings, read_configuration(settings)


def assemble(
    settings: Settings,
    configuration: Configuration,
    restored: Restored,
    broker: Broker,
    store: StoreThread,
    influx: InfluxClient,
) -> tuple[Collector, Peers]:
    """Return a collector with the parts around it, none of them running."""
    processor = restore_processor(settings, configuration, restored)
    publisher = AlertPublisher(settings.mqtt, broker, store, processor.alerts)
    peers = Peers(broker, store, Writer(store, influx), publisher)
    return Collector(settings, configuration, processor, peers, restored.ledger), peers


@asynccontextmanager
async def collecting(
    settings: Settings, configuration: Configuration, broker: ScriptedBroker
) -> AsyncIterator[tuple[Collector, StoreThread]]:
    """Run a collector over a store until the block ends, which is a crash to it."""
    async with open_store(settings.store) as store, open_influx(settings.influx, "") as influx:
        restored = await store.load()
        collector, _ = assemble(settings, configuration, restored, broker, store, influx)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(collector.receive_and_commit(), name="commit")
            yield collector, store
            task.cancel()


async def take(folder: tuple[Settings, Configuration], broker: ScriptedBroker) -> tuple[int, int]:
    """Let a collector take what a broker has, and return how many it accepted and knew already, ever."""
    async with collecting(*folder, broker) as (collector, _), asyncio.timeout(20):
        await broker.done.wait()
        return collector.ledger.accepted, collector.ledger.duplicate_messages


async def test_packet_identifiers_of_a_lost_session_say_nothing_of_the_new_ones(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    first = ScriptedBroker([make_message(1, 1)], [1])
    assert await take(folder, first) == (1, 0)
    # The broker made a new session, and what it sent in it first was not read before that connection broke.
    again = ScriptedBroker([make_message(1, 2, redelivered=True, after_ms=5_000)], [1])
    assert await take(folder, again) == (2, 0)
    assert len(again.acknowledged) == 1


async def test_without_a_new_session_they_are_remembered_over_a_restart(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    assert await take(folder, ScriptedBroker([make_message(1, 1)], [1])) == (1, 0)
    again = ScriptedBroker([make_message(1, 1, redelivered=True, after_ms=5_000)], [])
    assert await take(folder, again) == (1, 1)
    assert len(again.acknowledged) == 1


async def test_what_was_read_before_the_session_was_lost_counts_under_its_old_identifiers(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    assert await take(folder, ScriptedBroker([make_message(1, 1)], [1])) == (1, 0)
    messages = [
        make_message(1, 1, redelivered=True, after_ms=5_000),  # known from before the restart
        make_message(1, 2, redelivered=True, after_ms=5_001),  # of a new session
    ]
    broker = ScriptedBroker(messages, [2])
    assert await take(folder, broker) == (2, 1)
    assert broker.acknowledged == messages


async def test_a_disk_that_took_no_lines_of_our_own_is_asked_again_also_while_nothing_comes(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    async with collecting(*folder, ScriptedBroker([], [])) as (collector, store):
        with closing(sqlite3.connect(tmp_path / "store" / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not await collector.try_commit_lines([b"collector x=1 1"])
            assert collector.store_error
            other.execute("ROLLBACK")
        assert await collector.try_commit_lines([b"collector x=1 1"])
        assert not collector.store_error
        assert (await store.depth()).lines == 1


async def test_a_stop_does_not_wait_for_a_commit_that_begins_to_fail(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    broker = ScriptedBroker([make_message(1, 1)], [])
    async with collecting(*folder, broker) as (collector, _):
        with closing(sqlite3.connect(tmp_path / "store" / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(10):
                await broker.taken.wait()
                await collector.stop()
            assert collector.store_error
            other.execute("ROLLBACK")
    assert broker.acknowledged == []


async def test_a_stop_inside_a_batch_keeps_nothing_of_it_though_the_disk_takes_lines_again(tmp_path: Path) -> None:
    folder = read_inventory(tmp_path)
    broker = ScriptedBroker([make_message(1, 1)], [])
    async with open_store(folder[0].store) as store, open_influx(folder[0].influx, "") as influx:
        collector, _ = assemble(*folder, await store.load(), broker, store, influx)
        task = asyncio.create_task(collector.receive_and_commit(), name="commit")
        with closing(sqlite3.connect(tmp_path / "store" / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(10):
                await broker.taken.wait()
                await collector.stop(task)
            await asyncio.gather(task, return_exceptions=True)
            await store.depth()  # behind the commit that was tried last, which has failed
            other.execute("ROLLBACK")
        assert await collector.try_commit_lines([b"collector,collector=x value=1.0 1"])
        assert not collector.store_error
        await collector.keep_memory()
    # The broker sends it again: it is no duplicate of what never was on disk.
    again = ScriptedBroker([make_message(1, 1)._replace(redelivered=True)], [])
    assert await take(folder, again) == (1, 0)
