"""The collector: messages -> ``process`` -> ONE transaction -> PUBACK, in that order. It decides nothing.

Invariants:
    - Whoever makes a batch and commits it holds the same lock from the first change of the processor's memory to the
      end of the commit, so that batches are committed in the order in which they were made.
    - A batch that ``process`` made is never skipped: its commit is tried until the disk takes it. Meanwhile nothing is
      acknowledged, the Inbox fills, and the connection stops reading: memory is bounded, and the broker keeps the rest.
    - Own lines are no readings: they are tried once, and nobody waits for them.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import cycle, groupby
from operator import attrgetter
from pathlib import Path

from ingest.alerts.announcement import format_line
from ingest.backoff import Backoff
from ingest.batch import Batch, Ledger, SessionsOfShard
from ingest.configuration import Configuration
from ingest.doubt import DoubtsOfShard
from ingest.health import Silence, format_site_facts
from ingest.message import Message
from ingest.mqtt_error import MqttError
from ingest.peers import Peers
from ingest.process import Processor
from ingest.settings import Settings
from ingest.shard import PACKET_SHARD, SHARDS, Shard
from ingest.store_doubts import put_doubts
from ingest.store_file import FILE, StoreError
from ingest.store_states import StatesOfShard
from ingest.store_subscriptions import note_filters
from ingest.store_thread import StoreThread
from schemas.reason import Reason

log = logging.getLogger(__name__)

STUCK_S = 30.0
"""A commit that takes longer makes the collector unwell: the watchdog is to know."""
STOP_S = 0.5
"""How often a stop looks whether the commit that it waits for can still succeed."""
ENOUGH = 2_000
"""Messages for which a commit is worth its price: more are taken when they are there, and not waited for."""
CAUGHT_UP_MS = 60_000
"""Readings of the last batch that are younger than this came as they were measured."""
PAUSE_S = 5.0
"""After so long without a message, while connected, there is none that waits."""
DOUBTS_S = 60.0
"""After so long the next batch brings by what the values of one more shard of the devices are believed: each is written
about once an hour, and a crash costs no more of it."""
PATIENCE_S = 1.0
"""How long lines of our own wait for the lock before they are given up."""


def read_clock() -> int:
    """Return now, in milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


class Collector:
    """Receiving and committing, over parts that were opened for it.

    Args:
        settings: What it was told.
        configuration: Inventory and rules; replaced on a reload.
        processor: The pure core with what it remembers.
        peers: The parts around it.
        ledger: Totals since the store was made.

    Attributes:
        configuration: In use at this moment.
        processor: As given.
        ledger: Totals since the store was made; grows with each commit.
        committed_lines: Lines that were committed since the start.
        committed_bytes: What they take in the outbox.
        reload_error: Why the last reload was refused; empty when it was not.
        store_error: Why the disk takes no batches; empty while it does.
    """

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        processor: Processor,
        peers: Peers,
        ledger: Ledger,
    ) -> None:
        self.configuration = configuration
        self.processor = processor
        self.ledger = ledger
        self.committed_lines = 0
        self.committed_bytes = 0
        self.reload_error = ""
        self.store_error = ""
        self._settings = settings
        self._file = _identify(settings.store.folder / FILE)
        self._peers = peers
        self._broker, self._store, self._publisher = peers.broker, peers.store, peers.publisher
        self._reasons_since = Counter[Reason]()
        self._committing = asyncio.Lock()
        self._lag_ms = 0
        self._taken_s = 0.0
        self._commit_began_s: float | None = None
        self._new_sessions = 0
        self._is_whole = False
        self._doubts_s = time.monotonic()
        self._doubts_shards = cycle(range(PACKET_SHARD))

    def is_well(self) -> bool:
        """Whether the store answers, be it with an error: then trying again is all that can be done."""
        began_s = self._commit_began_s
        return began_s is None or time.monotonic() - began_s < STUCK_S

    @property
    def is_caught_up(self) -> bool:
        """Whether what comes is new: it is not while the broker sends what waited for us, nor before it could."""
        status = self._broker.status
        if not status.connected:
            return False  # nobody knows what waits
        if self._taken_s > status.connected_s and self._lag_ms < CAUGHT_UP_MS:
            return True
        return not status.waiting and time.monotonic() - max(self._taken_s, status.connected_s) > PAUSE_S

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Let nobody else make or commit a batch while the block runs."""
        async with self._committing:
            yield

    async def receive_and_commit(self) -> None:
        """Take messages as they come; acknowledge them when their batch is on disk. Runs until cancelled."""
        await self.withdraw_stale()
        most, age_s = self._settings.ingest.batch_messages, self._settings.ingest.batch_age_ms / 1000
        while True:
            for messages in _split_by_connection(await self._broker.receive(most, age_s, ENOUGH)):
                async with self.exclusive():
                    await self._take(messages[0].connection, messages)

    async def _take(self, connection: int, messages: Sequence[Message]) -> None:
        """Commit and acknowledge messages of one connection."""
        sessions = self._broker.count_new_sessions(connection)
        if sessions > self._new_sessions:
            # What comes under a new session's packet identifiers is not what came under the same ones before.
            await self.commit_batch(self.processor.forget_packets())
            self._new_sessions = sessions
        batch = self.processor.process(messages)
        await self.commit_batch(batch)
        self._taken_s = time.monotonic()
        if batch.marks and batch.marks[-1].device:
            # The broker sends what waited in order: the last reading of a batch tells how far we are.
            self._lag_ms = read_clock() - batch.marks[-1].key
        self._broker.acknowledge(messages)
        for reply in batch.replies:
            self._broker.say(reply.topic, reply.payload)

    async def commit_batch(self, batch: Batch) -> None:
        """Put a batch on disk, however often it takes; within ``exclusive``."""
        backoff = Backoff(first_s=0.1, most_s=2.0)
        while not await self._try_commit(batch):  # noqa: ASYNC110 - it is tried again, nothing tells when it will do
            await asyncio.sleep(backoff.next_s())

    async def try_commit_lines(self, lines: Sequence[bytes], health_lines: Sequence[bytes] = ()) -> bool:
        """Put lines of our own on disk, unless that would take waiting.

        Args:
            lines: For the database that is shared.
            health_lines: For the database for health.

        Returns:
            Whether they are on disk.
        """
        if self.store_error and self._committing.locked():
            return False  # what waits for the disk comes first
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._committing.acquire()
        except TimeoutError:
            return False
        try:
            batch = Batch(lines=list(lines), health_lines=list(health_lines))
            return not (lines or health_lines) or await self._try_commit(batch)
        finally:
            self._committing.release()

    async def _try_commit(self, batch: Batch) -> bool:
        """Try once to put a batch on disk, and remember what stands in the way."""
        self._commit_began_s = time.monotonic()
        try:
            self._require_store()
            shard = self._list_shard() if batch.marks else None
            states = self._list_states() if batch.states else None
            if batch.marks and not batch.doubts:
                batch.doubts = self._list_doubts()
            if batch.sessions:
                batch.shard_sessions = self._list_sessions()
            entries = await self._store.commit(batch, read_clock(), shard, states)
        except StoreError as error:
            self._note_error(error)
            return False
        finally:
            self._commit_began_s = None
        if self.store_error:
            log.warning("the disk takes batches again")
            self.store_error = ""
        self.ledger.add(batch.ledger)
        self._reasons_since.update(batch.ledger.reasons)
        for entry in entries:
            self.committed_lines += entry.lines
            self.committed_bytes += len(entry.body)
            writer = self._peers.find_writer(entry.target)
            if writer is not None:
                writer.wake()
        if batch.transitions:
            self._publisher.wake()
        return True

    def _list_shard(self) -> Shard | None:
        """Return what is remembered of the devices that the store wants to hear of again, the batch included."""
        number = self._store.wants_shard()
        return None if number is None else self.processor.memory.copy_shard(number)

    def _list_states(self) -> StatesOfShard | None:
        """Return what derivations remember of the subjects that the store wants to hear of again."""
        number = self._store.wants_states()
        return None if number is None else StatesOfShard(number, self.processor.alerts.copy_states(number))

    def _list_sessions(self) -> SessionsOfShard | None:
        """Return the sessions after the batch of the devices that the store wants to hear of again."""
        number = self._store.wants_sessions()
        return None if number is None else self.processor.sources.copy_sessions(number)

    def _list_doubts(self) -> list[DoubtsOfShard]:
        """Return by what values are believed after the batch, of a shard that is due; of none where none is."""
        if time.monotonic() - self._doubts_s < DOUBTS_S:
            return []
        self._doubts_s = time.monotonic()
        return [self.processor.doubts.copy_shard(next(self._doubts_shards), self.processor.memory)]

    async def keep_memory(self) -> None:
        """Write down all that is remembered, after the last batch: the next start is the quicker for it."""
        if not self._is_whole:
            return  # it may know of a batch that is not on disk, which comes again: that would be a duplicate then
        async with self.exclusive():
            memory, doubts = self.processor.memory, self.processor.doubts
            shards = [memory.copy_shard(number) for number in range(SHARDS)]
            believed = [doubts.copy_shard(number, memory) for number in range(PACKET_SHARD)]
            try:
                await self._store.keep_shards(shards)
                await self._store.change(lambda connection: put_doubts(connection, believed))
            except StoreError as error:
                log.warning("what is remembered is not written down together; the next start takes longer: %s", error)

    def _note_error(self, error: StoreError) -> None:
        if not self.store_error:
            log.critical("nothing is acknowledged until the disk takes it again: %s", error)
        self.store_error = str(error)

    def _require_store(self) -> None:
        """Raise StoreError if the file is not the one that was opened: SQLite would write into what no start finds."""
        file = self._settings.store.folder / FILE
        if _identify(file) != self._file:
            raise StoreError(
                f"{file} was deleted or replaced while it was in use; wait until the outbox is empty, so that InfluxDB "
                "has what was in it, and restart the collector"
            )

    def take_reasons(self) -> Counter[Reason]:
        """Return the refusals since the last call, by Reason."""
        taken, self._reasons_since = self._reasons_since, Counter()
        return taken

    def put_back_reasons(self, taken: Counter[Reason]) -> None:
        """Have the next ``take_reasons`` return these, too: they could not be told."""
        self._reasons_since.update(taken)

    async def reload(self, read: Callable[[], Configuration]) -> None:
        """Take a new inventory and new rules into use, or keep the old ones when the new are wrong.

        Args:
            read: Reads and checks the files; runs in a thread.
        """
        try:
            configuration = await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the files, the old configuration stands
            self.reload_error = str(error) or type(error).__name__
            log.error("reload refused, the old configuration stays: %s", error)  # noqa: TRY400 - the message says it all
            return
        async with self.exclusive():
            self.reload_error = ""
            self.configuration = configuration
            self.processor.routes = configuration.make_routes(self._settings.mqtt)
            self.processor.sources = configuration.make_sources(self.processor.sources)
            await self._withdraw_stale()
        await self._hear_sources()
        await self.try_commit_lines(format_site_facts(configuration.inventory, read_clock()))
        log.info("reloaded: %d devices, %d rules", len(configuration.inventory.devices), len(configuration.rules))

    async def _hear_sources(self) -> None:
        filters = self.configuration.list_source_filters()
        await remember_filters(self._store, filters)
        try:
            await self._broker.hear_sources(filters)
        except MqttError as error:
            log.warning("sources are not all heard yet: %s", error)

    async def judge_silence(self, silences: Sequence[Silence], shares: Mapping[tuple[str, str], float]) -> None:
        """Judge what time decides: rules about silence, and alerts whose device is dead.

        Args:
            silences: Every device that has been silent too long.
            shares: See ``ingest.health.measure_shares``.
        """
        async with self.exclusive():
            memory, now_ms = self.processor.memory, read_clock()
            # Since they were looked for some may have been heard.
            still = [
                one
                for one in silences
                if (known := memory.devices.get(one.device)) is None or now_ms - known.heard_ms >= 1000 * one.seconds
            ]
            alerts = self.processor.alerts
            transitions = [*alerts.judge_silence(still, now_ms), *alerts.judge_shares(shares, now_ms)]
            batch = Batch(transitions=transitions, alerts=alerts.take_changed(), states=alerts.take_states())
            for one in transitions:
                line = format_line(one, alerts.describe(one.rule, one.device))
                batch.add_lines((line,), is_apart=one.is_apart)
            if batch.alerts or batch.transitions or batch.states:
                await self.commit_batch(batch)

    async def withdraw_stale(self) -> None:
        """Clear the alerts that nothing watches any longer: their rule or device has vanished."""
        async with self.exclusive():
            await self._withdraw_stale()

    async def _withdraw_stale(self) -> None:
        # With the lock held from the first change to the commit, so that no batch comes between them.
        alerts, configuration = self.processor.alerts, self.configuration
        withdrawals = alerts.replace_rules(configuration.rules, configuration.inventory, read_clock())
        batch = Batch(transitions=[one.transition for one in withdrawals], alerts=alerts.take_changed())
        for one in withdrawals:
            batch.add_lines((format_line(one.transition, one.rule),), is_apart=one.transition.is_apart)
        if batch.alerts or batch.transitions:
            await self.commit_batch(batch)

    async def stop(self, *tasks: asyncio.Task[None]) -> None:
        """Cancel tasks that make batches, between two of them; inside one only where its commit does not succeed."""
        is_held = False
        while not is_held and not self.store_error:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    is_held = await self._committing.acquire()
        for task in tasks:
            task.cancel()
        self._is_whole = is_held
        if is_held:
            self._committing.release()


async def remember_filters(store: StoreThread, filters: Sequence[str]) -> None:
    """Write down topic filters of Sources before they are subscribed to; a disk that takes none stops nobody."""
    try:
        await store.change(partial(note_filters, filters=filters))
    except StoreError as error:
        log.warning("what a source leaves in the session may stay there when it is removed: %s", error)


def _split_by_connection(messages: list[Message]) -> Iterator[list[Message]]:
    """Yield messages, in order, by the connection that they came in; nearly always that is one."""
    if messages[0].connection == messages[-1].connection:  # connections are counted up
        yield messages
        return
    for _, some in groupby(messages, key=attrgetter("connection")):
        yield list(some)


def _identify(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name; None where it cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
