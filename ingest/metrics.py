"""Metrics: how the collector is doing, in the text format that Prometheus scrapes. Figures in, bytes out. Pure.

The format is version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): for each metric a line of help, one
of its type, and a line for each sample. It is written here because it is that small; Prometheus' own library brings a
registry that is global and filled on the way, where everything to be told stands in one Status already. The tests read
it with that library's parser.

Names follow prometheus.io/docs/practices/naming: units are whole (seconds, bytes), what only grows ends in ``_total``.
Counts are since the store began, so a restart of the collector is no reset; only those of Sources are since it started.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from ingest.health import Status
from ingest.notice import NoticeKey
from ingest.notify.delivery import DeliveryState
from ingest.source_status import SourceStatus
from schemas.reason import Reason
from schemas.rule import AlertPhase, Severity

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTER, GAUGE = "counter", "gauge"
PREFIX = "gjovik_"


class AlertCounts(NamedTuple):
    """How many alerts there are, and what becomes of the messages about them.

    Attributes:
        alerts: Alerts by ``<phase>/<severity>``, for example ``firing/critical``; the values of ``AlertPhase`` and
            ``Severity``.
        incidents_open: Incidents that nobody has closed, nor have they closed by themselves.
        deliveries: Messages to people by state; the values of ``DeliveryState``.
    """

    alerts: Mapping[str, int]
    incidents_open: int
    deliveries: Mapping[str, int]


class Sample(NamedTuple):
    """One value of a metric.

    Attributes:
        value: A finite number.
        labels: What tells it from the metric's other samples; name and value.
    """

    value: float
    labels: Mapping[str, str] = {}


class Metric(NamedTuple):
    """Samples that mean the same.

    Attributes:
        name: Without the prefix.
        kind: Whether it only grows (counter) or not (gauge).
        help: What it is, in a sentence.
        samples: At least one, or the metric is left out.
    """

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def format_metrics(status: Status, counts: AlertCounts) -> bytes:
    """Return all metrics of a collector.

    Args:
        status: How it is doing.
        counts: How many alerts there are.
    """
    metrics = (
        *_list_identity(status),
        *_list_ledger(status),
        *_list_outbox(status),
        *_list_store(status),
        *_list_links(status),
        *_list_sources(status),
        *_list_alerts(status, counts),
    )
    lines = [line for metric in metrics if metric.samples for line in _format_metric(metric)]
    return "".join(f"{line}\n" for line in lines).encode()


def _list_identity(status: Status) -> Iterator[Metric]:
    yield _gauge("collector_info", "1, and which collector it is.", 1, collector=status.collector)
    yield _gauge("start_time_seconds", "When the collector started, since 1970 in UTC.", status.started_ms / 1000)
    yield _gauge("status_time_seconds", "When these figures were taken, since 1970 in UTC.", status.time_ms / 1000)
    yield _gauge("accepts_simulated", "Whether simulated readings are accepted.", status.accepts_simulated)
    yield _gauge("judges_alerts", "Whether the collector judges alert rules.", status.judges_alerts)
    yield _gauge("devices", "Devices of the inventory that are placed now.", status.devices)
    yield _gauge("devices_silent", "Of those, the ones that have been silent for too long.", len(status.silent))


def _list_ledger(status: Status) -> Iterator[Metric]:
    ledger = status.ledger
    yield _counter("messages_received_total", "Messages that the broker delivered.", ledger["received"])
    yield _by_label(
        "messages_total",
        COUNTER,
        "What became of the messages; together they are those received.",
        "outcome",
        {
            "decoded": ledger["decoded"],
            "undecodable": ledger["undecodable"],
            "duplicate": ledger["duplicate_messages"],
            "informational": ledger["informational"],
        },
    )
    yield _counter("readings_produced_total", "Readings in the messages.", ledger["produced"])
    yield _by_label(
        "readings_total",
        COUNTER,
        "What became of the readings; together they are those produced.",
        "outcome",
        {
            "accepted": ledger["accepted"],
            "rejected": ledger["rejected"],
            "duplicate": ledger["duplicate_readings"],
        },
    )
    yield _counter("fields_refused_total", "Fields left out of readings that were accepted.", ledger["refused_fields"])
    yield _counter("values_doubtful_total", "Values stored as doubtful, under other names.", ledger["doubtful_values"])
    yield _by_label("refusals_total", COUNTER, "Refusals by reason.", "reason", _fill(map(str, Reason), status.reasons))


def _list_outbox(status: Status) -> Iterator[Metric]:
    yield _counter("lines_stored_total", "Lines that the database has.", status.stored)
    yield _counter("lines_refused_total", "Lines that the database refused.", status.refused_by_database)
    yield _gauge("outbox_lines", "Lines that wait for the database.", status.outbox_lines)
    yield _gauge("outbox_bytes", "Bytes of those lines on disk.", status.outbox_bytes)
    yield _gauge("outbox_age_seconds", "How long the oldest of them has waited.", status.outbox_age_s)
    yield _gauge("outbox_drain_lines_per_second", "How fast lines leave the outbox.", status.drain_per_s)
    yield _unless_unknown("outbox_empty_in_seconds", "When it is empty at that speed.", status.empty_in_s)
    yield _gauge("quarantine_entries", "Payloads and lines in quarantine.", status.quarantined)
    yield _gauge("quarantine_bytes", "Bytes of those.", status.quarantine_bytes)
    yield _by_label(
        "quarantine_left_total",
        COUNTER,
        "Entries that left the quarantine.",
        "way",
        {"reprocessed": status.reprocessed, "discarded": status.discarded, "expired": status.expired},
    )


def _list_store(status: Status) -> Iterator[Metric]:
    hours = {"store": status.store_hours, "broker": status.broker_hours, "together": status.capacity_hours}
    yield _gauge("store_ok", "Whether the collector's own disk takes what is committed.", not status.store_error)
    yield _gauge("store_bytes", "Bytes of the store.", status.store_bytes)
    yield _gauge("store_most_bytes", "Bytes that it may have; above them nothing is taken.", status.store_most_bytes)
    yield _gauge("store_is_held", "Whether nothing is taken because there is no room.", status.store_is_held)
    yield _gauge("store_has_reserve", "Whether the disk's reserve has not been given up.", status.store_has_reserve)
    yield _gauge("disk_free_bytes", "Bytes free on the disk of the store.", status.disk_free_bytes)
    yield _by_label(
        "capacity_hours",
        GAUGE,
        "Hours that readings can wait if the database goes now; left out while unknown.",
        "place",
        {place: value for place, value in hours.items() if value is not None},
    )
    yield _by_label("events_total", COUNTER, "Events of the store by name.", "event", status.events)


def _list_links(status: Status) -> Iterator[Metric]:
    yield _gauge("mqtt_connected", "Whether the broker has accepted the collector.", status.mqtt_connected)
    yield _gauge("mqtt_ok", "Whether readings can come: connected, and subscribed.", not status.mqtt_error)
    yield _gauge("influx_ok", "Whether the database takes lines.", status.influx_ok)
    if status.tells_of_health_database:
        yield _gauge(
            "health_database_ok", "Whether the database for health is set, and takes lines.", status.health_database_ok
        )
        yield _gauge("health_outbox_lines", "Of the lines that wait, those for it.", status.health_outbox_lines)
        yield _gauge(
            "health_outbox_age_seconds", "How long the oldest of those has waited.", status.health_outbox_age_s
        )
    yield _gauge("configuration_ok", "Whether the last reload was accepted.", not status.reload_error)
    raised = {notice.key.value: 1 for notice in status.notices}
    yield _by_label(
        "notice_raised",
        GAUGE,
        "Whether operators must look at something.",
        "notice",
        _fill(map(str, NoticeKey), raised),
    )


def _list_sources(status: Status) -> Iterator[Metric]:
    """Yield what is told of each Source. Devices have no label: there are as many as there are sensors."""
    told: tuple[tuple[str, str, str, Callable[[SourceStatus], float | None]], ...] = (
        ("source_messages_total", COUNTER, "Messages of a source.", lambda one: one.messages),
        ("source_readings_total", COUNTER, "Readings of a source that were accepted.", lambda one: one.readings),
        ("source_refused_total", COUNTER, "Messages and readings of a source refused.", lambda one: one.refused),
        ("source_unknown_total", COUNTER, "Of those, readings of devices unknown here.", lambda one: one.unknown),
        ("source_informational_total", COUNTER, "Messages that were no reading.", lambda one: one.informational),
        ("source_codec_failed_total", COUNTER, "Uplinks that a decoder failed on.", lambda one: one.codec_failed),
        ("source_missed", GAUGE, "Uplinks lost by their frame counters, late ones taken off.", lambda one: one.missed),
        ("source_heard_time_seconds", GAUGE, "When a source was heard last, since 1970 in UTC.", _find_heard_s),
        ("source_mute", GAUGE, "Whether nothing came of a source that should have.", lambda one: one.is_mute),
    )
    for name, kind, text, measure in told:
        values = [(one, measure(one)) for one in status.sources]
        samples = [
            Sample(value, {"source": one.key, "format": one.format}) for one, value in values if value is not None
        ]
        yield Metric(name, kind, text, tuple(samples))


def _find_heard_s(source: SourceStatus) -> float | None:
    return None if source.heard_ms is None else source.heard_ms / 1000


def _list_alerts(status: Status, counts: AlertCounts) -> Iterator[Metric]:
    phases = [phase for phase in AlertPhase if phase is not AlertPhase.OK]
    known = [f"{phase}/{severity}" for phase, severity in product(phases, Severity)]
    alerts = []
    for name, count in _fill(known, counts.alerts).items():
        phase, _, severity = name.partition("/")
        alerts.append(Sample(count, {"phase": phase, "severity": severity}))
    yield Metric("alerts", GAUGE, "Alerts by phase and severity; those that are ok are left out.", tuple(alerts))
    yield _gauge("alerts_firing", "Alerts that fire.", len(status.firing))
    yield _gauge("incidents_open", "Incidents that are not closed.", counts.incidents_open)
    yield _by_label(
        "deliveries",
        GAUGE,
        "Messages to people by state; those delivered are forgotten after a while, the dead were given up.",
        "state",
        _fill(map(str, DeliveryState), counts.deliveries),
    )


def _gauge(name: str, text: str, value: float, **labels: str) -> Metric:
    return Metric(name, GAUGE, text, (Sample(value, labels),))


def _counter(name: str, text: str, value: float) -> Metric:
    return Metric(name, COUNTER, text, (Sample(value),))


def _unless_unknown(name: str, text: str, value: float | None) -> Metric:
    """Return a gauge that is left out where nobody can say its value now."""
    return Metric(name, GAUGE, text, () if value is None else (Sample(value),))


def _by_label(name: str, kind: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return Metric(name, kind, text, tuple(Sample(value, {label: key}) for key, value in values.items()))


def _fill(names: Iterable[str], counts: Mapping[str, float]) -> dict[str, float]:
    """Return the counts with a zero for each name without one: a query sees no rise in what appears with a count."""
    return {**dict.fromkeys(names, 0), **counts}


def _format_metric(metric: Metric) -> Iterator[str]:
    name = PREFIX + metric.name
    yield f"# HELP {name} {_escape(metric.help)}"
    yield f"# TYPE {name} {metric.kind}"
    for sample in metric.samples:
        labels = ",".join(f'{key}="{_escape_label(value)}"' for key, value in sample.labels.items())
        yield f"{name}{{{labels}}} {float(sample.value)!r}" if labels else f"{name} {float(sample.value)!r}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escape_label(text: str) -> str:
    return _escape(text).replace('"', r"\"")
