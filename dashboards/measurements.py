"""Measurements: what there is to ask InfluxDB for. Device types have one each; seven are the collector's own."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from devices import load_device_types


@dataclass(frozen=True, slots=True)
class Measurement:
    """Names of a measurement's tags and fields."""

    tags: frozenset[str]
    fields: frozenset[str]


READING_TAGS = frozenset({"device", "simulated", "site", "type", "zone"})
READING_FIELDS = frozenset({"delay", "quality", "seq"})
"""Fields that the collector adds to those of the device type. Of a field whose values may be doubtful, those that are
have its name with ``_doubtful`` behind it: boards do not read them, so that they count in no figure."""

OWN: Mapping[str, Measurement] = MappingProxyType(
    {
        # health of ingest, a line every ten seconds from each collector
        "collector": Measurement(
            frozenset({"collector"}),
            frozenset(
                {
                    "received_per_s",
                    "accepted_per_s",
                    "received_total",
                    "accepted_total",
                    "rejected_total",
                    "duplicate_total",
                    "doubtful_total",
                    "stored_total",
                    "refused_by_database_total",
                    "outbox_lines",
                    "outbox_bytes",
                    "outbox_age_s",
                    "store_bytes",
                    "store_most_bytes",
                    "store_is_held",
                    "drain_per_s",
                    "empty_in_s",
                    "capacity_hours",
                    "quarantine_rows",
                    "quarantine_bytes",
                    "reprocessed_total",
                    "discarded_total",
                    "expired_total",
                    "session_lost_total",
                    "alert_repeated_total",
                    "store_set_aside_total",
                    "marks_damaged_total",
                    "reserve_given_up_total",
                    "outbox_full_total",
                    "notices",
                    "alerts_firing",
                    "devices_silent",
                    "devices_total",
                    "mqtt_connected",
                    "influx_ok",
                    "health_database_ok",
                    "health_outbox_lines",
                    "health_outbox_age_s",
                }
            ),
        ),
        # refused since the line before
        "rejections": Measurement(frozenset({"collector", "reason"}), frozenset({"count"})),
        # devices that have been silent for longer than three of their intervals
        "silence": Measurement(frozenset({"device", "site", "zone", "type"}), frozenset({"seconds"})),
        # how each source stands; ingest.source_status
        "sources": Measurement(
            frozenset({"collector", "format", "source"}),
            frozenset(
                {
                    "codec_failed",
                    "heard_age_s",
                    "informational",
                    "is_lossless",
                    "is_mute",
                    "messages",
                    "missed",
                    "readings",
                    "refused",
                    "unknown",
                }
            ),
        ),
        # uplinks of LoRaWAN devices; ingest.source_lines
        "radio": Measurement(
            frozenset({"device", "simulated", "site", "source", "type", "zone"}),
            frozenset({"frame_counter", "gateway", "gateways", "missed", "rssi", "snr", "spreading_factor"}),
        ),
        # what sources tell beside readings, and the numbers of each event; ingest.source_lines
        "source_events": Measurement(
            frozenset({"device", "kind", "simulated", "source"}), frozenset({"address", "count", "detail"})
        ),
        # what became of alerts, a line for each change
        "alerts": Measurement(
            frozenset({"device", "site", "zone", "rule", "severity", "type", "simulated"}),
            frozenset({"firing", "phase", "change", "flapping", "value", "limit", "since", "text", "unit"}),
        ),
        # what the inventory says of each site
        "site_facts": Measurement(
            frozenset({"site", "title", "category"}), frozenset({"area_m2", "latitude", "longitude"})
        ),
    }
)
"""Measurements that the collector writes about itself and the inventory."""


@functools.cache
def load_measurements() -> Mapping[str, Measurement]:
    """Return every measurement by its name.

    Raises:
        RegistryError: A device type's file is broken.
    """
    readings = {
        key: Measurement(READING_TAGS, READING_FIELDS | frozenset(device_type.fields))
        for key, device_type in load_device_types().items()
    }
    return MappingProxyType({**readings, **OWN})


def measuring(field: str) -> tuple[str, ...]:
    """Return the device types that have a field of this name, sorted; those that are kept apart are on no board.

    Raises:
        RegistryError: A device type's file is broken.
    """
    types = load_device_types().items()
    return tuple(sorted(key for key, one in types if field in one.fields and not one.is_apart))
