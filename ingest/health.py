"""What the collector says of itself: lines for InfluxDB, and a status for people. Figures in, lines and values out.

Measurements:
    collector: ingest health, tag ``collector``.
    rejections: refusals since the last line, tag ``reason``.
    silence: devices that have been silent for more than ``SILENT_INTERVALS`` of their type's intervals.
    sources: see ``ingest.source_status``.
    site_facts: what the inventory knows of a site and a figure needs, tag ``site``.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ingest.inventory import Device, Inventory, Placement
from ingest.line import build_line
from ingest.memory import Memory
from ingest.notice import Notice
from ingest.source_status import SourceStatus
from schemas.device_type import DeviceType
from schemas.reason import Reason

SILENT_INTERVALS = 3
"""A device is silent when this many of its type's intervals have passed without a message."""

EVENTS = ("session_lost", "alert_repeated", "store_set_aside", "marks_damaged", "reserve_given_up", "outbox_full")
"""Events that the store counts for ever; each has a field of the ``collector`` line."""
SHOWN_SILENT = 100
"""Silent devices that the status names; all are counted, and all are in InfluxDB."""


class Silence(NamedTuple):
    """A device that has not been heard for too long.

    Attributes:
        device: Id in the inventory.
        type_key: Key of its DeviceType.
        site: Where it is placed now.
        zone: Part of the site.
        seconds: Since its last message, or since it could first have been heard.
        intervals: The same, in intervals of its type.
    """

    device: str
    type_key: str
    site: str
    zone: str
    seconds: float
    intervals: float = 0.0


class Firing(NamedTuple):
    """An alert that fires.

    Attributes:
        device: Id in the inventory.
        rule: Key of the Rule.
        severity: Of the Rule.
        text: Of the Rule, for people.
        since_ms: Event time at which the condition began to hold.
        value: The value that was judged last.
    """

    device: str
    rule: str
    severity: str
    text: str
    since_ms: int
    value: float


@dataclass(slots=True)
class Status:
    """Everything the live view and an operator ask of a collector; written to ``status.json``.

    Counts are since the store began, and so survive a restart; rates are of the last few seconds. For the figures of
    capacity see ``ingest.capacity``; ``capacity_hours`` is that of the store and the broker together; ``stopped`` is
    true in the last one of a collector that ended in order. What is of ``sources`` is since the collector started.
    ``health_outbox_lines`` are those of the outbox's that are for the database for health.
    """

    collector: str
    time_ms: int
    started_ms: int
    accepts_simulated: bool
    ledger: dict[str, int]
    reasons: dict[str, int]
    stored: int
    refused_by_database: int
    received_per_s: float
    accepted_per_s: float
    outbox_lines: int
    outbox_bytes: int
    outbox_age_s: float
    quarantined: int
    mqtt_connected: bool
    mqtt_error: str
    influx_ok: bool
    influx_error: str
    reload_error: str
    devices: int
    store_set_aside: str = ""
    store_error: str = ""
    store_bytes: int = 0
    store_most_bytes: int = 0
    store_is_held: bool = False
    store_has_reserve: bool = True
    disk_free_bytes: int = 0
    drain_per_s: float = 0.0
    empty_in_s: float | None = None
    store_hours: float | None = None
    broker_hours: float | None = None
    capacity_hours: float | None = None
    quarantine_bytes: int = 0
    reprocessed: int = 0
    discarded: int = 0
    expired: int = 0
    sessions_lost: int = 0
    judges_alerts: bool = True
    stopped: bool = False
    has_health_database: bool = False
    health_database_error: str = ""
    health_outbox_lines: int = 0
    health_outbox_age_s: float = 0.0
    events: dict[str, int] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    silent: list[Silence] = field(default_factory=list)
    firing: list[Firing] = field(default_factory=list)
    sources: list[SourceStatus] = field(default_factory=list)

    @property
    def tells_of_health_database(self) -> bool:
        """Whether there is something to tell of the database for health: it is set, or lines wait for it."""
        return self.has_health_database or self.health_outbox_lines > 0

    @property
    def health_database_ok(self) -> bool:
        """Whether the database for health is set, and takes lines."""
        return self.has_health_database and not self.health_database_error

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        plain: dict[str, Any] = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        plain["silent"] = [silence._asdict() for silence in self.silent[:SHOWN_SILENT]]
        plain["silent_count"] = len(self.silent)
        plain["firing"] = [firing._asdict() for firing in self.firing]
        plain["notices"] = [notice._asdict() for notice in self.notices]
        plain["sources"] = [source.to_json() for source in self.sources]
        return plain


def list_placed(inventory: Inventory, sites: Collection[str], now_ms: int) -> Iterator[tuple[Device, Placement]]:
    """Yield the devices that are placed now, and where; only those at some sites unless ``sites`` is empty."""
    for device in inventory.devices.values():
        placement = device.find_placement(now_ms)
        if placement is not None and (not sites or placement.site in sites):
            yield device, placement


def list_silent(
    inventory: Inventory,
    types: Mapping[str, DeviceType],
    memory: Memory,
    started_ms: int,
    now_ms: int,
    sites: Collection[str] = (),
) -> list[Silence]:
    """Return the devices that are placed now and have been silent too long, the longest first.

    Those of other ``sites`` than a collector takes are not its own to judge; all are when it is empty.

    Garbage is no sign of life: a device is heard when a reading of it is accepted. One that was never heard is judged
    from the collector's start, or from its placement if that came later.
    """
    found = []
    for device, placement in list_placed(inventory, sites, now_ms):
        remembered = memory.devices.get(device.id)
        heard_ms = remembered.heard_ms if remembered is not None else 0
        silent_s = (now_ms - (heard_ms or max(started_ms, placement.from_ms))) / 1000
        intervals = silent_s / types[device.type_key].interval.total_seconds()
        if intervals > SILENT_INTERVALS:
            found.append(Silence(device.id, device.type_key, placement.site, placement.zone, silent_s, intervals))
    return sorted(found, key=lambda silence: -silence.seconds)


def measure_shares(
    inventory: Inventory, silences: Iterable[Silence], now_ms: int, sites: Collection[str] = ()
) -> dict[tuple[str, str], float]:
    """Return the percentage of the devices of each type at each site that are silent, by type and site."""
    placed = Counter((device.type_key, placement.site) for device, placement in list_placed(inventory, sites, now_ms))
    silent = Counter((one.type_key, one.site) for one in silences)
    return {key: 100.0 * silent[key] / count for key, count in placed.items()}


def format_health(status: Status) -> bytes:
    """Return the ``collector`` line of a status."""
    fields = {
        "received_per_s": status.received_per_s,
        "accepted_per_s": status.accepted_per_s,
        "received_total": float(status.ledger["received"]),
        "accepted_total": float(status.ledger["accepted"]),
        "rejected_total": float(status.ledger["rejected"] + status.ledger["undecodable"]),
        "duplicate_total": float(status.ledger["duplicate_readings"] + status.ledger["duplicate_messages"]),
        "doubtful_total": float(status.ledger["doubtful_values"]),
        "stored_total": float(status.stored),
        "refused_by_database_total": float(status.refused_by_database),
        "outbox_lines": float(status.outbox_lines),
        "outbox_bytes": float(status.outbox_bytes),
        "outbox_age_s": status.outbox_age_s,
        "quarantine_rows": float(status.quarantined),
        "store_bytes": float(status.store_bytes),
        "store_most_bytes": float(status.store_most_bytes),
        "store_is_held": float(status.store_is_held),
        "drain_per_s": status.drain_per_s,
        "quarantine_bytes": float(status.quarantine_bytes),
        "reprocessed_total": float(status.reprocessed),
        "discarded_total": float(status.discarded),
        "expired_total": float(status.expired),
        "notices": float(len(status.notices)),
        "alerts_firing": float(len(status.firing)),
        "devices_silent": float(len(status.silent)),
        "devices_total": float(status.devices),
        "mqtt_connected": float(status.mqtt_connected),
        "influx_ok": float(status.influx_ok),
    }
    if status.tells_of_health_database:
        fields |= {
            "health_database_ok": float(status.health_database_ok),
            "health_outbox_lines": float(status.health_outbox_lines),
            "health_outbox_age_s": status.health_outbox_age_s,
        }
    # What cannot be said now is left out, so that nobody reads a figure of an hour ago as one of now.
    unsure = {"empty_in_s": status.empty_in_s, "capacity_hours": status.capacity_hours}
    fields |= {name: value for name, value in unsure.items() if value is not None}
    fields |= {f"{name}_total": float(status.events.get(name, 0)) for name in EVENTS}
    return build_line("collector", {"collector": status.collector}, fields, status.time_ms)


def format_rejections(since: Counter[Reason], collector: str, time_ms: int) -> list[bytes]:
    """Return a ``rejections`` line for each Reason that was met since the last ones."""
    return [
        build_line("rejections", {"collector": collector, "reason": reason.value}, {"count": float(count)}, time_ms)
        for reason, count in sorted(since.items())
        if count
    ]


def format_silences(silences: Iterable[Silence], time_ms: int) -> list[bytes]:
    """Return a ``silence`` line for each silent device."""
    return [
        build_line(
            "silence",
            {"device": one.device, "site": one.site, "type": one.type_key, "zone": one.zone},
            {"seconds": one.seconds},
            time_ms,
        )
        for one in silences
    ]


def format_site_facts(inventory: Inventory, time_ms: int) -> list[bytes]:
    """Return a ``site_facts`` line for each site, so that figures per square metre and maps can be drawn."""
    lines = []
    for site in inventory.sites.values():
        fields = {"latitude": site.latitude, "longitude": site.longitude}
        if site.area_m2 is not None:
            fields["area_m2"] = site.area_m2
        tags = {"site": site.key, "title": site.title, "category": site.category}
        lines.append(build_line("site_facts", tags, fields, time_ms))
    return lines
