"""The collector: the shell around ``process``. It reads, commits, acknowledges, writes and tells, and decides nothing.

One TaskGroup with named tasks::

    mqtt         ingest.mqtt: the connection, again and again
    commit       messages -> process -> ONE transaction -> PUBACK, in that order
    write        ingest.writer: outbox -> InfluxDB
    publish      transitions -> retained MQTT messages
    report       status.json each second; own measurements each ten seconds
    reload       inventory and rules again, when told
    watchdog     systemd
    heartbeat    an outside watcher

Stopping is a drain with a deadline: finish the batch that was begun, write, disconnect. What was read and not begun, or
does not make it in time, is still safe: unacknowledged at the broker, or committed in the outbox.
"""

import asyncio
import json
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.alerts.announcement import format_line, format_payload, format_topic
from ingest.backoff import Backoff
from ingest.batch import SUMS, Batch, Ledger
from ingest.configuration import Configuration
from ingest.health import (
    Firing,
    Silence,
    Status,
    format_health,
    format_rejections,
    format_silences,
    format_site_facts,
    list_silent,
)
from ingest.message import Message
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.process import Processor
from ingest.settings import Settings
from ingest.store_file import FILE, StoreError
from ingest.store_thread import StoreThread
from ingest.writer import Writer
from schemas.reason import Reason

log = logging.getLogger(__name__)

STATUS_FILE = "status.json"
STATUS_S = 1.0
HEALTH_S = 10.0
FACTS_S = 3600.0
RATE_S = 5
"""Seconds over which the rates of the status are taken."""
PUBLISH_AGAIN_S = 1.0
GRACE_S = 60.0
"""After a connection, before anybody is called silent."""
STUCK_S = 30.0
"""A commit that takes longer makes the collector unwell: the watchdog is to know."""


def read_clock() -> int:
    """Return now, in milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


class Collector:
    """The tasks of a running collector, over parts that were opened for it.

    Args:
        settings: What it was told.
        configuration: Inventory and rules; replaced on a reload.
        processor: The pure core with what it remembers.
        broker: Where messages come from.
        store: Its disk.
        writer: The way to InfluxDB.
        ledger: Totals since the store was made.
    """

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        processor: Processor,
        *,
        broker: Broker,
        store: StoreThread,
        writer: Writer,
        ledger: Ledger,
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._processor = processor
        self._broker = broker
        self._store = store
        self._writer = writer
        self._ledger = ledger
        self._started_ms = read_clock()
        self._reasons_since = Counter[Reason]()
        self._rates: deque[tuple[float, int, int]] = deque(maxlen=RATE_S + 1)
        self._committing = asyncio.Lock()
        self._commit_began_s: float | None = None
        self._announced = asyncio.Event()
        self._reload_error = ""
        self._store_error = ""
        self._silent: list[Silence] = []
        self._hearing_since_s: float | None = None

    def is_well(self) -> bool:
        """Whether the store answers, be it with an error: then trying again is all that can be done."""
        began_s = self._commit_began_s
        return began_s is None or time.monotonic() - began_s < STUCK_S

    async def receive_and_commit(self) -> None:
        """Take messages as they come; acknowledge them when their batch is on disk. Runs until cancelled."""
        most, age_s = self._settings.ingest.batch_messages, self._settings.ingest.batch_age_ms / 1000
        while True:
            messages = await self._broker.receive(most, age_s)
            async with self._committing:
                await self._take(messages)

    async def stop_receiving(self, receiving: asyncio.Task[None]) -> None:
        """Cancel the receiving task between two batches, never inside one."""
        async with self._committing:
            receiving.cancel()

    async def _take(self, messages: Sequence[Message]) -> None:
        batch = self._processor.process(messages)
        await self._commit(batch)
        self._broker.acknowledge(messages)

    async def _commit(self, batch: Batch) -> None:
        """Put a batch on disk, however often it takes: a batch that ``process`` made is never skipped."""
        backoff = Backoff(first_s=0.1, most_s=10.0)
        while True:
            if await self._try_commit(batch):
                break
            await asyncio.sleep(backoff.next_s())
        self._ledger.add(batch.ledger)
        self._reasons_since.update(batch.ledger.reasons)
        if batch.lines:
            self._writer.wake()
        if batch.transitions:
            self._announced.set()

    async def _try_commit(self, batch: Batch) -> bool:
        self._commit_began_s = time.monotonic()
        try:
            self._require_store()
            await self._store.commit(batch, read_clock())
        except StoreError as error:
            if str(error) != self._store_error:
                log.error("nothing is acknowledged until the disk takes it again: %s", error)  # noqa: TRY400 - the message says it all, a trace adds nothing
            self._store_error = str(error)
            return False
        finally:
            self._commit_began_s = None
        if self._store_error:
            log.warning("the disk takes batches again")
            self._store_error = ""
        return True

    def _require_store(self) -> None:
        """Raise StoreError if the file was deleted: SQLite would go on writing into what no start finds again."""
        file = self._settings.store.folder / FILE
        if not file.exists():
            raise StoreError(f"{file} was deleted while it was in use; restart the collector")

    async def commit_lines(self, lines: Sequence[bytes]) -> None:
        """Put lines of our own on disk."""
        if lines:
            async with self._committing:
                await self._commit(Batch(lines=list(lines)))

    async def publish_transitions(self) -> None:
        """Publish every committed transition until the broker has it. Runs until cancelled."""
        while True:
            await self._broker.ready()
            self._announced.clear()
            try:
                await self.publish_pending()
            except (ConnectionLost, StoreError) as error:
                log.warning("a transition could not be published yet: %s", error)
                await asyncio.sleep(PUBLISH_AGAIN_S)
                continue
            await self._announced.wait()

    async def publish_pending(self) -> None:
        """Publish the transitions that the broker does not have, in order; one that it refuses does not stop the rest.

        Raises:
            ConnectionLost: The broker went away; what it has is marked.
        """
        prefix = self._settings.mqtt.topic_prefix
        for pending in await self._store.unpublished():
            transition = pending.transition
            rule = self._configuration.rules.get(transition.rule)
            topic = format_topic(prefix, transition)
            try:
                await self._broker.publish(topic, format_payload(transition, rule), retain=True)
            except PublishRefused as error:
                log.error("the broker refuses an alert, it is in InfluxDB only: %s", error)  # noqa: TRY400 - see _try_commit
            else:
                log.info("alert %s of %s is now %s", transition.rule, transition.device, transition.phase)
            await self._store.mark_published([pending.id])

    async def report(self) -> None:
        """Write the status each second, and own measurements each ten seconds. Runs until cancelled."""
        health_due_s = facts_due_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            is_due = now_s >= health_due_s
            if is_due:
                health_due_s = now_s + HEALTH_S
                self._judge_silence(now_s)
            try:
                status = await self.make_status()
                await self._write_status(status)
            except (StoreError, OSError) as error:
                # Telling how it goes must never stop what it tells of; readings are still taken and kept.
                log.error("the status cannot be told: %s", error)  # noqa: TRY400 - see _try_commit
                await asyncio.sleep(STATUS_S)
                continue
            # While the disk takes nothing, waiting here would stop the status that says so.
            if is_due and not self._store_error:
                await self.commit_lines(self._format_own(status))
            if now_s >= facts_due_s and not self._store_error:
                facts_due_s = now_s + FACTS_S
                await self.commit_lines(format_site_facts(self._configuration.inventory, read_clock()))
            await asyncio.sleep(STATUS_S)

    def _judge_silence(self, now_s: float) -> None:
        """Look for silent devices once what waited at the broker has had time to come: not hearing is not silence."""
        if not self._broker.status.connected:
            self._hearing_since_s = None
        elif self._hearing_since_s is None:
            self._hearing_since_s = now_s
        if self._hearing_since_s is None or now_s - self._hearing_since_s < GRACE_S:
            self._silent = []
            return
        configuration = self._configuration
        self._silent = list_silent(
            configuration.inventory, configuration.types, self._processor.memory, self._started_ms, read_clock()
        )

    async def _write_status(self, status: Status) -> None:
        await asyncio.to_thread(write_status, self._settings.store.folder / STATUS_FILE, status)

    def _format_own(self, status: Status) -> list[bytes]:
        reasons, self._reasons_since = self._reasons_since, Counter()
        return [
            format_health(status),
            *format_rejections(reasons, status.collector, status.time_ms),
            *format_silences(status.silent, status.time_ms),
        ]

    async def make_status(self) -> Status:
        """Return how the collector is doing now."""
        now_ms = read_clock()
        # Before the store is asked: what a status counts as received is then also in its outbox or stored.
        ledger = {name: getattr(self._ledger, name) for name in SUMS}
        reasons = {reason.value: count for reason, count in self._ledger.reasons.most_common()}
        depth, moves = await self._store.depth(), await self._store.moves()
        quarantined = await self._store.quarantine()
        mqtt, written = self._broker.status, self._writer.state
        received_per_s, accepted_per_s = self._measure_rates()
        inventory = self._configuration.inventory
        return Status(
            collector=self._settings.mqtt.username,
            time_ms=now_ms,
            started_ms=self._started_ms,
            accepts_simulated=self._settings.ingest.accept_simulated,
            ledger=ledger,
            reasons=reasons,
            stored=moves.stored,
            refused_by_database=moves.refused_by_database,
            received_per_s=received_per_s,
            accepted_per_s=accepted_per_s,
            outbox_lines=depth.lines,
            outbox_bytes=depth.disk_bytes,
            outbox_age_s=0.0 if depth.oldest_ms is None else max(0.0, (now_ms - depth.oldest_ms) / 1000),
            quarantined=sum(quarantined.values()),
            mqtt_connected=mqtt.connected,
            mqtt_error=mqtt.problem,
            influx_ok=not written.error,
            influx_error=written.error,
            reload_error=self._reload_error,
            store_set_aside=str(self._store.set_aside or ""),
            devices=sum(device.find_placement(now_ms) is not None for device in inventory.devices.values()),
            silent=self._silent,
            store_error=self._store_error,
            firing=self._list_firing(),
        )

    def _measure_rates(self) -> tuple[float, float]:
        self._rates.append((time.monotonic(), self._ledger.received, self._ledger.accepted))
        (first_s, received, accepted), (last_s, *_) = self._rates[0], self._rates[-1]
        span_s = last_s - first_s
        if span_s <= 0:
            return 0.0, 0.0
        return (self._ledger.received - received) / span_s, (self._ledger.accepted - accepted) / span_s

    def _list_firing(self) -> list[Firing]:
        rules = self._configuration.rules
        return [
            Firing(one.device, one.rule, rules[one.rule].severity.value, rules[one.rule].text, one.since_ms, one.value)
            for one in self._processor.alerts.list_firing()
        ]

    async def reload(self, read: Callable[[], Configuration]) -> None:
        """Take a new inventory and new rules into use, or keep the old ones when the new are wrong.

        Args:
            read: Reads and checks the files; runs in a thread.
        """
        try:
            configuration = await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the files, the old configuration stands
            self._reload_error = str(error)
            log.error("reload refused, the old configuration stays: %s", error)  # noqa: TRY400 - see _try_commit
            return
        async with self._committing:
            self._reload_error = ""
            self._configuration = configuration
            self._processor.routes = configuration.make_routes(self._settings.mqtt.topic_prefix)
            await self._withdraw_stale()
        await self.commit_lines(format_site_facts(configuration.inventory, read_clock()))
        log.info("reloaded: %d devices, %d rules", len(configuration.inventory.devices), len(configuration.rules))

    async def withdraw_stale(self) -> None:
        """Clear the alerts that nothing watches any longer: their rule or device has vanished."""
        async with self._committing:
            await self._withdraw_stale()

    async def _withdraw_stale(self) -> None:
        # With the lock held from the first change to the commit, so that no batch comes between them.
        alerts, configuration = self._processor.alerts, self._configuration
        withdrawals = alerts.replace_rules(configuration.rules, configuration.inventory.devices, read_clock())
        batch = Batch(
            lines=[format_line(one.transition, one.rule) for one in withdrawals],
            transitions=[one.transition for one in withdrawals],
            alerts=alerts.take_changed(),
        )
        if batch.alerts or batch.transitions:
            await self._commit(batch)

    async def drain(self, receiving: asyncio.Task[None]) -> None:
        """Finish what was begun, within the deadline of the settings; log what did not make it in time."""
        deadline_s = self._settings.ingest.drain_s
        try:
            async with asyncio.timeout(deadline_s):
                await self.stop_receiving(receiving)
                await self.commit_lines(self._format_own(await self.make_status()))
                if self._broker.status.connected:
                    await self.publish_pending()
                await self._writer.drain(deadline_s)
        except (TimeoutError, ConnectionLost, StoreError) as error:
            log.warning("stopped before everything was written (%s); it is kept", str(error) or "time was up")
        finally:
            # Also inside a commit that does not succeed: what is not acknowledged comes again.
            receiving.cancel()
        try:
            await self._write_status(await self.make_status())
        except (StoreError, OSError) as error:
            log.warning("the last status could not be written: %s", error)


def write_status(path: Path, status: Status) -> None:
    """Replace the status file as a whole: a reader never sees half of one."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(status.to_json()) + os.linesep)
    draft.replace(path)
