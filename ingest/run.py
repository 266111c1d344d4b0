"""Opening a collector's parts, running it, and stopping it in order."""

import asyncio
import functools
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ingest.alerts.book import AlertBook
from ingest.collector import Collector
from ingest.configuration import Configuration, read_configuration
from ingest.heartbeat import Systemd, keep_heartbeat, keep_watchdog
from ingest.influx import open_influx
from ingest.memory import Memory
from ingest.mqtt import Broker
from ingest.process import Limits, Processor
from ingest.settings import Settings
from ingest.settings_file import read_secret
from ingest.store_thread import StoreThread, open_store
from ingest.writer import Writer

log = logging.getLogger(__name__)


async def run_collector(settings: Settings, environ: Mapping[str, str]) -> None:
    """Collect until SIGTERM or SIGINT, then drain; SIGHUP reloads inventory and rules.

    Args:
        settings: What it was told.
        environ: Environment variables, for systemd's watchdog.

    Raises:
        ConfigurationError: A secret, the inventory or a rule is wrong; nothing has been connected.
        RegistryError: A device type is broken; likewise.
        StoreError: The store cannot be opened, or another collector has it; likewise.
        TlsUnusable: The broker's certificate files cannot be used; likewise.
        MisconfiguredError: The database's certificate file cannot be used; likewise.
    """
    mqtt_password = read_secret(settings.mqtt, "mqtt")
    influx_password = read_secret(settings.influx, "influx")
    configuration = read_configuration(settings)
    topics = [f"{settings.mqtt.topic_prefix}/+/+/reading"]
    async with open_store(settings.store.folder) as store, open_influx(settings.influx, influx_password) as influx:
        broker = Broker(settings.mqtt, password=mqtt_password, filters=topics)
        writer = Writer(store, influx)
        collector = await _restore(settings, configuration, broker, store, writer)
        await _run_tasks(settings, collector, broker, writer, Systemd(environ))


async def _restore(
    settings: Settings, configuration: Configuration, broker: Broker, store: StoreThread, writer: Writer
) -> Collector:
    """Return a collector that knows what an earlier process put on disk."""
    restored = await store.load()
    memory = Memory()
    memory.restore(restored.marks)
    alerts = AlertBook(configuration.rules)
    newest = {name: one.newest_ms for name, one in memory.devices.items() if one.newest_ms is not None}
    alerts.restore(restored.alerts, newest)
    limits = Limits(
        settings.ingest.accept_simulated, settings.ingest.max_payload_bytes, settings.ingest.kept_payload_bytes
    )
    processor = Processor(configuration.make_routes(settings.mqtt.topic_prefix), memory, alerts, limits)
    collector = Collector(
        settings, configuration, processor, broker=broker, store=store, writer=writer, ledger=restored.ledger
    )
    if settings.ingest.accept_simulated:
        log.warning("simulated readings are accepted: this is no production")
    await collector.withdraw_stale()
    return collector


async def _run_tasks(
    settings: Settings, collector: Collector, broker: Broker, writer: Writer, systemd: Systemd
) -> None:
    stop = asyncio.Event()
    reload = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        with _handle_signals({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}):
            receiving = group.create_task(collector.receive_and_commit(), name="commit")
            mqtt = group.create_task(broker.run(), name="mqtt")
            others = [
                group.create_task(writer.run(), name="write"),
                group.create_task(collector.publish_transitions(), name="publish"),
                group.create_task(collector.report(), name="report"),
                group.create_task(_reload_when_told(collector, settings, reload), name="reload"),
                group.create_task(keep_watchdog(systemd, collector.is_well), name="watchdog"),
                group.create_task(keep_heartbeat(settings.heartbeat, collector.is_well), name="heartbeat"),
            ]
            systemd.notify("READY=1")
            await stop.wait()
            log.info("stopping: finishing what was read")
            systemd.notify("STOPPING=1")
            await collector.drain(receiving)
            for task in others:
                task.cancel()
            await broker.close()
            await mqtt
    log.info("stopped")


async def _reload_when_told(collector: Collector, settings: Settings, told: asyncio.Event) -> None:
    while True:
        await told.wait()
        told.clear()
        await collector.reload(functools.partial(read_configuration, settings))


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
