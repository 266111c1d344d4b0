"""The reporter: how the collector is doing, for people and for InfluxDB. It only looks; telling stops nothing.

Each second: ``status.json``, and the Notices. Each ten seconds: own measurements. Each hour: facts of the sites.
"""

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from ingest.alerts.words import fill_text
from ingest.batch import SUMS, AlertRecord
from ingest.collector import Collector, read_clock
from ingest.health import (
    Firing,
    Silence,
    Status,
    format_health,
    format_rejections,
    format_silences,
    format_site_facts,
    list_placed,
    list_silent,
    measure_shares,
)
from ingest.metrics import AlertCounts
from ingest.notice import Facts, MuteSource, NearQuota, NoticeKey, Raised, judge_facts
from ingest.notice_publisher import NoticePublisher
from ingest.notify.delivery import DeliveryState
from ingest.peers import Peers
from ingest.settings import Settings
from ingest.source_status import SourceStatus, SourceWatch, format_sources, list_intervals
from ingest.status_file import StatusFile
from ingest.store_file import StoreError, list_set_aside
from ingest.store_groups import Quotas
from ingest.store_restored import Restored
from ingest.store_sessions import SESSION_LOST
from ingest.store_thread import Overview
from ingest.throughput import Throughput
from schemas.rule import AlertPhase, Rule

log = logging.getLogger(__name__)

UNNAMED = "en enhet for helse"
"""Stands for a device that is kept apart in a Notice."""
STATUS_S = 1.0
FIRST_S = 1.0
"""So long the first status waits for the broker."""
HEALTH_S = 10.0
FACTS_S = 3600.0
QUOTAS_S = 60.0
GRACE_S = 60.0
"""After a connection, before anybody is called silent."""


class Reporter:
    """Tells how the parts of a collector are doing.

    Args:
        settings: What the collector was told.
        collector: The one that commits.
        peers: The parts around it.
        notices: Tells the broker what is raised.
        restored: What an earlier process left.
    """

    def __init__(
        self,
        settings: Settings,
        collector: Collector,
        peers: Peers,
        notices: NoticePublisher,
        restored: Restored,
    ) -> None:
        self._settings = settings
        self._status_file = StatusFile(settings.store.folder)
        self._collector = collector
        self._broker, self._store, self._writer = peers.broker, peers.store, peers.writer
        self._health_writer = peers.health_writer
        self._notices = notices
        self._had_session = restored.had_session
        self._started_ms = read_clock()
        self._throughput = Throughput(collector, peers.broker, settings.mqtt.broker_memory_bytes)
        self._silent: list[Silence] = []
        self._hearing_since_s: float | None = None
        self._sessions_counted = 0
        self._session_lost_ms = restored.session_lost_ms
        self._refused = -1
        self._lines_refused_ms: int | None = None
        self._quotas: Quotas | None = None
        self._set_aside: list[str] = []
        self._placed = 0
        self._source_watch = SourceWatch()
        self._sources: list[SourceStatus] = []
        self._seen: object = None
        self._error = ""
        self._facts = Facts(self._started_ms, accepts_simulated=settings.ingest.accept_simulated)
        self._raised: Raised = {}
        self._latest: Status | None = None
        self._undelivered = (0, 0)
        self._alert_counts = AlertCounts({}, 0, {})

    async def run(self) -> None:
        """Tell until cancelled."""
        with suppress(TimeoutError):  # so that the first status says whether it is connected
            async with asyncio.timeout(FIRST_S):
                await self._broker.ready()
        health_due_s = facts_due_s = quotas_due_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            try:
                await self._count_sessions()
                if now_s >= quotas_due_s or self._collector.configuration is not self._seen:
                    quotas_due_s = now_s + QUOTAS_S
                    await self._look_around()
                status = await self.make_status()
            except (StoreError, OSError) as error:
                # Telling how it goes must never stop what it tells of; readings are still taken and kept.
                self._note_error(str(error))
                self._tell_unreadable(str(error))
                await asyncio.sleep(STATUS_S)
                continue
            # Before the file: a disk that does not take it is what operators must hear of.
            self._notices.tell(self._raised)
            await self._try_write_status(status)
            if now_s >= health_due_s:
                health_due_s = now_s + HEALTH_S
                await self._judge_silence(now_s)
                await self._commit_own(status)
            if now_s >= facts_due_s and await self._collector.try_commit_lines(
                format_site_facts(self._collector.configuration.inventory, read_clock())
            ):
                facts_due_s = now_s + FACTS_S
            await asyncio.sleep(STATUS_S)

    async def finish(self) -> None:
        """Tell for the last time: own measurements, while they can still be written.

        Raises:
            StoreError: The store cannot be read.
        """
        await self._count_sessions()
        await self._commit_own(await self.make_status())

    async def write_last_status(self) -> None:
        """Leave a status for whoever looks after the end."""
        try:
            status = await self.make_status()
        except (StoreError, OSError) as error:
            self._note_error(str(error))
            return
        await self._try_write_status(replace(status, stopped=True))

    async def _try_write_status(self, status: Status) -> None:
        try:
            await asyncio.to_thread(self._status_file.write, status)
        except OSError as error:
            self._note_error(str(error))
        else:
            self._note_error("")

    def _note_error(self, error: str) -> None:
        """Log why the status cannot be told, once for as long as it lasts."""
        if error and error != self._error:
            log.error("the status cannot be told: %s", error)
        self._error = error

    async def _count_sessions(self) -> None:
        """Count the sessions that the broker lost, and remember that there is one to lose."""
        if self._collector.store_error:
            return  # each try would hold up the store's one thread
        status = self._broker.status
        lost = status.sessions_lost - self._sessions_counted
        if lost:
            now_ms = read_clock()
            await self._store.note_lost_sessions(lost, now_ms)
            self._session_lost_ms = now_ms
            self._sessions_counted += lost
        if status.connections and not self._had_session:
            await self._store.note_session()
            self._had_session = True

    async def _look_around(self) -> None:
        """Look at what changes slowly and takes longer to find out."""
        self._quotas = await self._store.quotas()
        self._set_aside = [one.name for one in await asyncio.to_thread(list_set_aside, self._settings.store.folder)]
        configuration, sites = self._collector.configuration, self._settings.mqtt.sites
        self._placed = sum(1 for _ in list_placed(configuration.inventory, sites, read_clock()))
        self._source_watch.intervals = list_intervals(configuration.inventory, configuration.types)
        self._seen = configuration

    async def _commit_own(self, status: Status) -> None:
        reasons = self._collector.take_reasons()
        types = self._collector.configuration.types
        silent: dict[bool, list[Silence]] = {False: [], True: []}
        for one in status.silent:
            silent[types[one.type_key].is_apart].append(one)
        lines = [
            format_health(status),
            *format_rejections(reasons, status.collector, status.time_ms),
            *format_silences(silent[False], status.time_ms),
            *format_sources(status.sources, status.collector, status.time_ms),
        ]
        if not await self._collector.try_commit_lines(lines, format_silences(silent[True], status.time_ms)):
            self._collector.put_back_reasons(reasons)

    async def _judge_silence(self, now_s: float) -> None:
        """Look for silent devices once what waited at the broker has had time to come: not hearing is not silence.

        In a thread: to look at 100,000 devices takes a tenth of a second.
        """
        if not self._broker.status.connected or self._collector.store_error:
            self._hearing_since_s = None
        elif self._hearing_since_s is None:
            self._hearing_since_s = now_s
        is_deaf = self._hearing_since_s is None or now_s - self._hearing_since_s < GRACE_S
        is_deaf = is_deaf or not self._collector.is_caught_up
        # Whoever shares a subscription hears only some of a device's readings.
        if is_deaf or self._settings.mqtt.share is not None:
            self._silent = []
            return
        configuration, memory = self._collector.configuration, self._collector.processor.memory
        self._silent = await asyncio.to_thread(
            list_silent,
            configuration.inventory,
            configuration.types,
            memory,
            self._started_ms,
            read_clock(),
            self._settings.mqtt.sites,
        )
        shares: dict[tuple[str, str], float] = {}
        if self._collector.processor.alerts.judges_shares:
            shares = await asyncio.to_thread(
                measure_shares, configuration.inventory, self._silent, read_clock(), self._settings.mqtt.sites
            )
        await self._collector.judge_silence(self._silent, shares)

    async def make_status(self) -> Status:
        """Return how the collector is doing now.

        Raises:
            StoreError: The store cannot be read.
        """
        now_ms, ledger = read_clock(), self._collector.ledger
        # Before the store is asked: what a status counts as received is then also in its outbox or stored.
        sums = {name: getattr(ledger, name) for name in SUMS}
        reasons = {reason.value: count for reason, count in ledger.reasons.most_common()}
        found = await self._store.overview()
        self._sources = self._look_at_sources()
        self._undelivered = (found.deliveries[DeliveryState.DEAD], found.failing)
        self._raised = self._judge(now_ms, found)
        self._alert_counts = AlertCounts(
            self._count_alerts(), found.incidents, {state.value: count for state, count in found.deliveries.items()}
        )
        self._latest = self._describe(now_ms, sums, reasons, found)
        return self._latest

    def _look_at_sources(self) -> list[SourceStatus]:
        is_hearing = not self._broker.status.problem and not self._collector.store_error
        opened = self._collector.processor.sources.opened
        return self._source_watch.look(opened, time.monotonic(), is_hearing=is_hearing)

    def _describe(self, now_ms: int, sums: dict[str, int], reasons: dict[str, int], found: Overview) -> Status:
        """Return the status of a moment: figures of the ledger, and how the store stood after them."""
        collector, settings = self._collector, self._settings
        depth, moves, usage = found.depth, found.moves, found.usage
        mqtt, written = self._broker.status, self._writer.state
        received_per_s, accepted_per_s = self._throughput.measure_rates()
        age_s = 0.0 if depth.oldest_ms is None else max(0.0, (now_ms - depth.oldest_ms) / 1000)
        health_ms = found.health.oldest_ms
        capacity = self._throughput.measure_capacity(depth, moves, usage, age_s)
        return Status(
            collector=settings.mqtt.username,
            time_ms=now_ms,
            started_ms=self._started_ms,
            accepts_simulated=settings.ingest.accept_simulated,
            ledger=sums,
            reasons=reasons,
            stored=moves.stored,
            refused_by_database=moves.refused_by_database,
            received_per_s=received_per_s,
            accepted_per_s=accepted_per_s,
            outbox_lines=depth.lines,
            outbox_bytes=depth.disk_bytes,
            outbox_age_s=age_s,
            quarantined=sum(found.quarantine.values()),
            mqtt_connected=mqtt.connected,
            mqtt_error=mqtt.problem,
            influx_ok=not written.error,
            influx_error=written.error,
            reload_error=collector.reload_error,
            devices=self._placed,
            store_set_aside=str(self._store.set_aside or ""),
            store_error=collector.store_error,
            store_bytes=usage.store_bytes,
            store_most_bytes=usage.most_bytes,
            store_is_held=usage.is_held,
            store_has_reserve=usage.has_reserve,
            disk_free_bytes=usage.disk_free_bytes,
            drain_per_s=capacity.drain_per_s,
            empty_in_s=capacity.empty_in_s,
            store_hours=capacity.store_hours,
            broker_hours=capacity.broker_hours,
            capacity_hours=capacity.hours,
            quarantine_bytes=0 if self._quotas is None else self._quotas.bytes,
            reprocessed=moves.reprocessed,
            discarded=moves.discarded,
            expired=moves.expired,
            sessions_lost=found.events[SESSION_LOST],
            judges_alerts=settings.mqtt.share is None,
            has_health_database=self._health_writer is not None,
            health_database_error=self._health_error,
            health_outbox_lines=found.health.lines,
            health_outbox_age_s=0.0 if health_ms is None else max(0.0, (now_ms - health_ms) / 1000),
            events=dict(sorted(found.events.items())),
            notices=list(self._raised.values()),
            silent=self._silent,
            firing=self._list_firing(),
            sources=self._sources,
        )

    def read_figures(self) -> tuple[Status, AlertCounts] | None:
        """Return the latest figures; None before the first."""
        return None if self._latest is None else (self._latest, self._alert_counts)

    def _count_alerts(self) -> Counter[str]:
        """Return how many alerts are in which phase, and how severe."""
        records = self._collector.processor.alerts.list_records()
        return Counter(f"{one.phase}/{one.severity}" for one in records if one.phase is not AlertPhase.OK)

    @property
    def _health_error(self) -> str:
        return "" if self._health_writer is None else self._health_writer.state.error

    def _judge(self, now_ms: int, found: Overview) -> Raised:
        moves, usage, events = found.moves, found.usage, found.events
        if self._refused >= 0 and moves.refused_by_database > self._refused:
            self._lines_refused_ms = now_ms
        self._refused = moves.refused_by_database
        written, quotas, settings, health = self._writer.state, self._quotas, self._settings, self._health_writer
        self._facts = Facts(
            now_ms=now_ms,
            store_share=usage.share,
            is_held=usage.is_held and usage.has_reserve,
            store_error=self._collector.store_error,
            has_reserve=usage.has_reserve,
            set_aside=self._set_aside,
            session_lost_ms=self._session_lost_ms,
            sessions_lost=events.get(SESSION_LOST, 0),
            quarantine_share=0.0 if quotas is None else quotas.share,
            near_quota=() if quotas is None else self._list_near(quotas),
            first_expiry_ms=None if quotas is None else quotas.first_expires_ms,
            influx_error=written.error if written.needs_person else "",
            health_error="" if health is None or not health.state.needs_person else health.state.error,
            health_waiting=found.health.lines if health is None else 0,
            lines_refused_ms=self._lines_refused_ms,
            reload_error=self._collector.reload_error,
            accepts_simulated=settings.ingest.accept_simulated,
            messages_dead=self._undelivered[0],
            messages_failing=self._undelivered[1],
            mute_sources=[MuteSource(one.key, one.title, one.filters) for one in self._sources if one.is_mute],
        )
        return self._judge_facts(self._facts)

    def _list_near(self, quotas: Quotas) -> list[NearQuota]:
        """Return the groups near their quota; of a device that is kept apart not which, for many may hear."""
        configuration, most_entries = self._collector.configuration, self._settings.quarantine.most_entries_each
        found = []
        for one in quotas.full_groups:
            device = configuration.inventory.devices.get(one.sender)
            is_apart = device is not None and configuration.types[device.type_key].is_apart
            name = UNNAMED if is_apart else one.sender
            found.append(NearQuota(name, one.reason.value, one.entries / most_entries))
        return found

    def _judge_facts(self, facts: Facts) -> Raised:
        raised = judge_facts(facts, self._raised)
        _log_changes(self._raised, raised)
        return raised

    def _tell_unreadable(self, error: str) -> None:
        """Tell operators that the store cannot be read; what was known of it before still stands."""
        facts = self._facts._replace(now_ms=read_clock(), store_error=self._collector.store_error, read_error=error)
        self._raised = self._judge_facts(facts)
        self._notices.tell(self._raised)

    def _list_firing(self) -> list[Firing]:
        alerts = self._collector.processor.alerts
        found = [(one, alerts.describe(one.rule, one.device)) for one in alerts.list_firing()]
        return [
            Firing(one.device, one.rule, one.severity.value, _fill_text(rule, one), one.since_ms, one.value)
            for one, rule in found
            if rule is not None
        ]


def _fill_text(rule: Rule, record: AlertRecord) -> str:
    return fill_text(rule, record.value, rule.find_level(record.severity).find_limit(record.value))


def _log_changes(before: Raised, now: Raised) -> None:
    for key in NoticeKey:
        if key in now and key not in before:
            log.warning("notice %s: %s %s", key, now[key].text, now[key].action)
        elif key in before and key not in now:
            log.warning("notice %s is cleared", key)
