"""Opening a collector's parts, running it, and stopping it in order.

One TaskGroup with named tasks::

    mqtt         ingest.mqtt: the connection, again and again
    commit       ingest.collector: messages -> process -> ONE transaction -> PUBACK, in that order
    write        ingest.writer: outbox -> InfluxDB; one for each database
    publish      ingest.alert_publisher: transitions -> retained MQTT messages
    notices      ingest.notice_publisher: Notices -> retained MQTT messages
    tell         ingest.notify: incidents -> messages to people
    report       ingest.reporter: status.json each second; own measurements each ten seconds
    expire       ingest.expiry: what the quarantine holds too long or too much of, and old incidents
    requests     ingest.request_socket: what people ask of the one writer
    reload       inventory, sources, rules and contacts again, when told
    watchdog     systemd
    heartbeat    an outside watcher

Stopping is a drain with a deadline: finish the batch that was begun, write, disconnect. What was read and not begun, or
does not make it in time, is still safe: unacknowledged at the broker, or committed in the outbox.
"""

import asyncio
import functools
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

from ingest.alert_publisher import AlertPublisher
from ingest.alerts.book import AlertBook
from ingest.collector import Collector, remember_filters
from ingest.configuration import Configuration, read_configuration
from ingest.device_doubt import Doubts
from ingest.expiry import keep_expiring
from ingest.heartbeat import Systemd, keep_heartbeat, keep_watchdog
from ingest.influx import InfluxClient, open_influx
from ingest.lane import Limits
from ingest.metrics_server import serve_metrics
from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost
from ingest.notice_publisher import NoticePublisher
from ingest.notify.messenger import Messenger
from ingest.peers import Peers
from ingest.process import Processor
from ingest.reporter import Reporter
from ingest.request import Reloaded, WrongRequestError
from ingest.request_desk import RequestDesk
from ingest.request_socket import serve_requests
from ingest.settings import Mqtt, Settings
from ingest.settings_file import read_secret
from ingest.source_files import list_usual_filters
from ingest.store_file import StoreError
from ingest.store_restored import Restored
from ingest.store_subscriptions import read_filters
from ingest.store_thread import StoreThread, open_store
from ingest.target import Target
from ingest.writer import Writer

log = logging.getLogger(__name__)

GARBAGE_AFTER = 100_000
"""Objects more than there were after which the youngest are searched for garbage; Python itself says 700. A full batch
makes some 30,000, none of them garbage that counting does not free: to search them took 5 % of the processor time."""
LAST_PUBLISH_S = 3.0
"""How long a drain waits for the broker's answers: they come behind readings that nobody takes any more."""
MOST_MISTAKES = 50
"""Mistakes that who asked for a reload is told."""
LONGEST_MISTAKE = 500
"""Characters of each."""


class Parts(NamedTuple):
    """The parts of a collector, over one store and one broker."""

    settings: Settings
    peers: Peers
    collector: Collector
    reporter: Reporter
    notices: NoticePublisher
    messenger: Messenger


async def run_collector(settings: Settings, environ: Mapping[str, str]) -> None:
    """Collect until SIGTERM or SIGINT, then drain; SIGHUP reloads inventory, sources, rules and contacts.

    Args:
        settings: What it was told.
        environ: Environment variables, for systemd's watchdog.

    Raises:
        ConfigurationError: A secret, the inventory or a rule is wrong; nothing has been connected.
        RegistryError: A device type is broken; likewise.
        StoreError: The store cannot be opened, or another collector has it; likewise.
        TlsUnusable: The broker's certificate files cannot be used; likewise.
        MisconfiguredError: The database's certificate file cannot be used; likewise.
        MetricsError: Nobody can listen at ``metrics.listen``; likewise.
    """
    # Until all is there that stays: to search growing thousands of devices for garbage takes a third of a start.
    gc.disable()
    mqtt_password = read_secret(settings.mqtt, "mqtt")
    influx_password = read_secret(settings.influx, "influx")
    health_password = "" if settings.health_influx is None else read_secret(settings.health, "health")
    configuration = read_configuration(settings)
    async with (
        open_store(settings.store, settings.quarantine) as store,
        open_influx(settings.influx, influx_password) as influx,
        _open_health(settings, health_password) as health,
    ):
        writers = Writer(store, influx), None if health is None else Writer(store, health, target=Target.HEALTH)
        parts = await _make_parts(settings, configuration, mqtt_password, store, writers)
        _spare_memory()
        _log_choices(settings)
        async with serve_metrics(settings.metrics.listen, parts.reporter.read_figures, parts.collector.is_well):
            await _run_tasks(parts, Systemd(environ))


@asynccontextmanager
async def _open_health(settings: Settings, password: str) -> AsyncIterator[InfluxClient | None]:
    """Open the database for health until the block ends; None where there is none."""
    if settings.health_influx is None:
        yield None
        return
    async with open_influx(settings.health_influx, password) as influx:
        yield influx


def list_filters(settings: Mqtt) -> list[str]:
    """Return the topic filters of the readings that a collector takes: of all sites, of some, or a share of them."""
    sites = settings.sites or ("+",)
    group = "" if settings.share is None else f"$share/{settings.share}/"
    return [f"{group}{settings.topic_prefix}/{site}/+/reading" for site in sites]


def list_obsolete(settings: Mqtt, configuration: Configuration, noted: Sequence[str] = ()) -> list[str]:
    """Return the filters that the session may still have from other settings, or of a source that is gone.

    Args:
        settings: Of these are filters of other ``mqtt.sites`` and ``mqtt.share``.
        configuration: The present one.
        noted: Filters that sources had before. The usual ones of each format come on top: the store may be new, or of
            an earlier version.
    """
    plain = settings.model_copy(update={"share": None, "sites": ("+", *configuration.inventory.sites)})
    shared = plain.model_copy(update={"share": settings.share})
    wanted = {*list_filters(settings), *configuration.list_source_filters()}
    earlier = [*list_filters(plain), *list_filters(shared), *list_usual_filters(), *noted]
    return [one for one in dict.fromkeys(earlier) if one not in wanted]


def restore_processor(settings: Settings, configuration: Configuration, restored: Restored) -> Processor:
    """Return the pure core with what an earlier process put on disk."""
    alerts = AlertBook(configuration.rules, configuration.inventory)
    alerts.restore(restored.alerts, restored.states)
    limits = Limits(
        settings.ingest.accept_simulated,
        settings.ingest.max_payload_bytes,
        settings.ingest.kept_payload_bytes,
        settings.ingest.source_payload_bytes,
    )
    routes, sources = configuration.make_routes(settings.mqtt), configuration.make_sources()
    sources.restore_sessions(restored.sessions)
    doubts = Doubts()
    doubts.restore(restored.doubts, restored.memory)
    doubts.retain(configuration.inventory.devices)
    return Processor(routes, restored.memory, alerts, limits, sources, doubts)


async def _make_parts(
    settings: Settings,
    configuration: Configuration,
    password: str,
    store: StoreThread,
    writers: tuple[Writer, Writer | None],
) -> Parts:
    restored = await store.load()
    processor = restore_processor(settings, configuration, restored)
    broker = Broker(
        settings.mqtt,
        password=password,
        filters=list_filters(settings.mqtt),
        had_session=restored.had_session,
    )
    filters = configuration.list_source_filters()
    broker.retire(list_obsolete(settings.mqtt, configuration, await store.read(read_filters)))
    await remember_filters(store, filters)
    await broker.hear_sources(filters)
    publisher = AlertPublisher(settings.mqtt, broker, store, processor.alerts)
    peers = Peers(broker, store, writers[0], publisher, writers[1])
    collector = Collector(settings, configuration, processor, peers, restored.ledger)
    messenger = Messenger(settings, store, configuration, lambda: collector.is_caught_up)
    notices = NoticePublisher(settings.mqtt, broker)
    reporter = Reporter(settings, collector, peers, notices, restored)
    return Parts(settings, peers, collector, reporter, notices, messenger)


def _spare_memory() -> None:
    """Keep the garbage collector from what was restored: it is there to stay, and all waits while it is looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 10, 10)
    gc.enable()


def _log_choices(settings: Settings) -> None:
    if settings.ingest.accept_simulated:
        log.warning("simulated readings are accepted: this is no production")
    if settings.mqtt.share is not None:
        log.warning("the subscription is shared (mqtt.share): alert rules are not judged, nor who is silent")
    if settings.mqtt.sites:
        log.info("readings of these sites alone are taken (mqtt.sites): %s", ", ".join(settings.mqtt.sites))


async def _run_tasks(parts: Parts, systemd: Systemd) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    settings, collector = parts.settings, parts.collector
    reloader = Reloader(parts)
    folder = settings.store.folder
    desk = RequestDesk(collector, parts.peers.store, folder, messenger=parts.messenger, reloader=reloader)
    async with asyncio.TaskGroup() as group:
        with _handle_signals({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}):
            mqtt = group.create_task(parts.peers.broker.run(), name="mqtt")
            committing = [
                group.create_task(collector.receive_and_commit(), name="commit"),
                group.create_task(serve_requests(folder, desk), name="requests"),
            ]
            others = [
                *(group.create_task(one.run(), name="write") for one in parts.peers.writers),
                group.create_task(parts.peers.publisher.run(), name="publish"),
                group.create_task(parts.notices.run(), name="notices"),
                group.create_task(parts.messenger.run(), name="tell"),
                group.create_task(parts.reporter.run(), name="report"),
                group.create_task(keep_expiring(parts.peers.store, settings.alerts.keep_days), name="expire"),
                group.create_task(_reload_when_told(reloader, reload), name="reload"),
                group.create_task(keep_watchdog(systemd, collector.is_well), name="watchdog"),
                group.create_task(keep_heartbeat(settings.heartbeat, collector.is_well), name="heartbeat"),
            ]
            systemd.notify("READY=1")
            await stop.wait()
            log.info("stopping: finishing what was read")
            systemd.notify("STOPPING=1")
            await _drain(parts, committing)
            for task in others:
                task.cancel()
            await parts.peers.broker.close()
            await mqtt
    log.info("stopped")


async def _drain(parts: Parts, committing: list[asyncio.Task[None]]) -> None:
    """Finish what was begun, within the deadline of the settings; log what did not make it in time."""
    deadline_s = parts.settings.ingest.drain_s
    try:
        async with asyncio.timeout(deadline_s):
            await parts.collector.stop(*committing)
            parts.messenger.stop()
            await parts.reporter.finish()
            await _publish_last(parts.peers)
            await parts.collector.keep_memory()
            draining = asyncio.gather(*(one.drain(deadline_s) for one in parts.peers.writers))
            are_written, _ = await asyncio.gather(draining, parts.messenger.finish())
            if not all(are_written):
                log.warning("stopped before InfluxDB had taken everything; it is kept")
    except (TimeoutError, StoreError) as error:
        log.warning("stopped before everything was written (%s); it is kept", str(error) or "time was up")
    finally:
        # Also inside a commit that does not succeed: what is not acknowledged comes again.
        for task in committing:
            task.cancel()
    await parts.reporter.write_last_status()


async def _publish_last(peers: Peers) -> None:
    """Publish what is pending, as far as the broker answers soon; the rest is for the next start."""
    if not peers.broker.status.connected:
        return
    try:
        async with asyncio.timeout(LAST_PUBLISH_S):
            await peers.publisher.publish_pending()
    except (TimeoutError, ConnectionLost) as error:
        log.warning("stopped before every alert was published (%s); they are kept", str(error) or "time was up")


class Reloader:
    """Takes what the files say into use, once at a time: what was read first must not replace what was read last.

    Args:
        parts: Of the collector.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()

    async def reload(self) -> Reloaded:
        """Go by what the files say.

        Raises:
            WrongRequestError: They are wrong, and all stays as it is.
        """
        collector = self._parts.collector
        async with self._turn:
            await collector.reload(functools.partial(read_configuration, self._parts.settings))
            if collector.reload_error:
                raise WrongRequestError(_shorten_mistakes(collector.reload_error))
            self._parts.messenger.replace(collector.configuration)
            return Reloaded(len(collector.configuration.inventory.devices), len(collector.configuration.rules))


def _shorten_mistakes(told: str) -> str:
    """Return the first mistakes of many, a line each: an answer is one line, and has its bound."""
    lines = told.splitlines()
    more = [f"and {len(lines) - MOST_MISTAKES} more; `gjovik check` has all"] if len(lines) > MOST_MISTAKES else []
    return "\n".join([*(line[:LONGEST_MISTAKE] for line in lines[:MOST_MISTAKES]), *more])


async def _reload_when_told(reloader: Reloader, told: asyncio.Event) -> None:
    while True:
        await told.wait()
        told.clear()
        # The collector logs what is wrong, and its status has it.
        with suppress(WrongRequestError):
            await reloader.reload()


@contextmanager
def _handle_signals(events: Mapping[signal.Signals, asyncio.Event]) -> Iterator[None]:
    """Set an event for each signal while the block runs."""
    loop = asyncio.get_running_loop()
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in events:
            loop.remove_signal_handler(number)


def set_up_logging(level: str = "INFO") -> None:
    """Log to standard error, a line an event; systemd's journal adds the time itself."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level, format=form if under_systemd else f"%(asctime)s {form}")
