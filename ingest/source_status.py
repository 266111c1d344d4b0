"""How each Source stands, for people and for InfluxDB. Figures and a time in, lines and values out. Pure.

Measurement ``sources``: a line for each Source every ten seconds, tags ``collector``, ``source`` and ``format``. Its
counts are since the collector started, as those of ``SourceFigures``; ``heard_age_s`` is left out while nothing came.

A broker like Mosquitto grants a subscription that its ACL forbids, and delivers nothing, so nobody is told that a
Source cannot be heard. A Source is mute when nothing came of it for ``MUTE_S``, or for three intervals of its most
eager device, since it can be heard: retained messages count.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingest.codecs import list_filters, load_formats
from ingest.inventory import Inventory
from ingest.line import build_line
from ingest.open_source import OpenSource
from ingest.source_figures import SourceCounts, list_worst
from schemas.device_type import DeviceType

MUTE_S = 900.0
"""How long nothing may come of a Source before people are told, at least."""
MUTE_INTERVALS = 3
"""Likewise, in intervals of the device that speaks most often."""
SHOWN_DEVICES = 10
"""Devices that are named, those with the greatest counts."""


class DeviceCount(NamedTuple):
    """How many uplinks of a device it is about."""

    device: str
    uplinks: int


@dataclass(slots=True, kw_only=True)
class SourceStatus(SourceCounts):
    """How a Source stands.

    Attributes:
        key: Of the Source.
        format: Of its messages.
        title: What people call the format.
        is_lossless: Whether the promise of no loss begins at the Source, not at our broker.
        filters: Its topics, as they are subscribed to.
        devices: How many the inventory has.
        missed: Uplinks that were lost before our broker, by their frame counters.
        missed_devices: Those with most of them.
        codec_failed: Uplinks that a decoder failed on, the network server's or ours.
        codec_failed_devices: Those with most of them.
        is_mute: Whether nothing came although something should have by now.
    """

    key: str
    format: str
    title: str
    is_lossless: bool
    filters: tuple[str, ...] = ()
    devices: int = 0
    missed: int = 0
    missed_devices: tuple[DeviceCount, ...] = ()
    codec_failed: int = 0
    codec_failed_devices: tuple[DeviceCount, ...] = ()
    is_mute: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        plain: dict[str, Any] = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        for name in ("missed_devices", "codec_failed_devices"):
            plain[name] = [one._asdict() for one in plain[name]]
        return plain


def list_intervals(inventory: Inventory, types: Mapping[str, DeviceType]) -> dict[str, float]:
    """Return the shortest interval of the devices of each Source, in seconds; a Source without devices has none."""
    found: dict[str, float] = {}
    for device in inventory.devices.values():
        if device.source:
            interval_s = types[device.type_key].interval.total_seconds()
            found[device.source] = min(interval_s, found.get(device.source, interval_s))
    return found


class SourceWatch:
    """Looks at the Sources again and again.

    Attributes:
        intervals: Of ``list_intervals``; replaced where the inventory is.
    """

    def __init__(self) -> None:
        self.intervals: Mapping[str, float] = {}
        self._since_s: dict[str, float] = {}

    def look(self, sources: Mapping[str, OpenSource], now_s: float, *, is_hearing: bool) -> list[SourceStatus]:
        """Return how the Sources stand, by key.

        Args:
            sources: By key.
            now_s: Now, on a clock that only goes forward.
            is_hearing: Whether what they say can come: the subscriptions are granted, the disk takes readings.
        """
        self._since_s = {key: self._since_s.get(key, now_s) for key in sources} if is_hearing else {}
        return [describe_source(one, is_mute=self._is_mute(one, now_s)) for _, one in sorted(sources.items())]

    def _is_mute(self, source: OpenSource, now_s: float) -> bool:
        since_s = self._since_s.get(source.source.key)
        if source.figures.messages or since_s is None:
            return False
        return now_s - since_s >= max(MUTE_S, MUTE_INTERVALS * self.intervals.get(source.source.key, 0.0))


def describe_source(source: OpenSource, *, is_mute: bool) -> SourceStatus:
    """Return how a Source stands."""
    figures, form = source.figures, load_formats()[source.source.format_key]
    return SourceStatus(
        key=source.source.key,
        format=source.source.format_key,
        title=form.title,
        is_lossless=form.is_lossless,
        filters=tuple(list_filters(source.source)),
        devices=len(source.devices),
        missed=figures.missed.total(),
        missed_devices=_list_worst(figures.missed),
        codec_failed=figures.codec_failed.total(),
        codec_failed_devices=_list_worst(figures.codec_failed),
        is_mute=is_mute,
        **{one.name: getattr(figures, one.name) for one in dataclasses.fields(SourceCounts)},
    )


def _list_worst(counts: Counter[str]) -> tuple[DeviceCount, ...]:
    return tuple(DeviceCount(*one) for one in list_worst(counts, SHOWN_DEVICES))


def format_sources(statuses: Iterable[SourceStatus], collector: str, time_ms: int) -> list[bytes]:
    """Return the ``sources`` line of each Source.

    Args:
        statuses: How they stand.
        collector: Its account.
        time_ms: Milliseconds since 1970 in UTC.
    """
    lines = []
    for one in statuses:
        fields: dict[str, float | bool | str] = {
            "codec_failed": float(one.codec_failed),
            "informational": float(one.informational),
            "is_mute": float(one.is_mute),
            "is_lossless": float(one.is_lossless),
            "messages": float(one.messages),
            "missed": float(one.missed),
            "readings": float(one.readings),
            "refused": float(one.refused),
            "unknown": float(one.unknown),
        }
        if one.heard_ms is not None:
            fields["heard_age_s"] = max(0.0, (time_ms - one.heard_ms) / 1000)
        lines.append(
            build_line("sources", {"collector": collector, "format": one.format, "source": one.key}, fields, time_ms)
        )
    return lines
