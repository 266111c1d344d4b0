"""Memory: what deduplication remembers of each Device.

A duplicate is the same device, event time and payload. The fast path is one comparison: newer than the device's newest
is new. At the newest time the values themselves are compared, so several payloads may bring different fields for one
moment, and only a different value for the same field is a conflict. Of older readings, and of all after a restart, a
bounded window of times and checksums is kept: another payload for such a time is a conflict, since it could overwrite
what was accepted. Beyond the window InfluxDB's own rule holds: the same point written again is the same point.

A reading without a time of its own is recognised when the broker sends it again: by packet identifier and checksum, and
only under MQTT's DUP flag, since identifiers are used anew.
"""

import zlib
from collections.abc import Iterable, Mapping

from ingest.batch import Mark

WINDOW = 16
"""Readings remembered per device beside the newest."""

Values = Mapping[str, float | bool]


def digest_payload(payload: bytes) -> int:
    """Return a checksum of a payload: CRC-32 and length, enough beside the same device and time."""
    return zlib.crc32(payload) << 28 | len(payload) & 0xFFF_FFFF


class DeviceMemory:
    """What is remembered of one Device.

    Attributes:
        newest_ms: Event time of its newest reading; None before the first.
        values: Fields that it has at that time; None where they are not known, after a restart.
        heard_ms: When its last message came, milliseconds since 1970 in UTC; 0 where none came yet.
    """

    __slots__ = ("_seen", "heard_ms", "newest_ms", "values")

    def __init__(self) -> None:
        self.newest_ms: int | None = None
        self.values: dict[str, float | bool] | None = {}
        self.heard_ms = 0
        self._seen: dict[tuple[int, int], None] = {}

    @property
    def window(self) -> list[tuple[int, int]]:
        """Key and checksum of the readings that are remembered, the oldest first."""
        return list(self._seen)

    def is_repeated(self, key: int, digest: int) -> bool:
        """Whether a payload of this checksum was accepted under this key before."""
        return (key, digest) in self._seen

    def has_key(self, key: int) -> bool:
        """Whether any payload was accepted under this key, as far as the window reaches."""
        return any(seen == key for seen, _ in self._seen)

    def remember(self, key: int, time_ms: int, digest: int, values: Values | None) -> None:
        """Take note of an accepted reading.

        Args:
            key: Event time, or the negated packet identifier of a reading without one.
            time_ms: Event time in milliseconds.
            digest: Of its payload.
            values: What was stored at that time; None where that is not known any more.
        """
        if self.newest_ms is None or time_ms > self.newest_ms:
            self.newest_ms = time_ms
            self.values = None if values is None else dict(values)
        elif time_ms == self.newest_ms:
            self.values = None if values is None or self.values is None else self.values | dict(values)
        self._seen.pop((key, digest), None)
        self._seen[key, digest] = None
        if len(self._seen) > WINDOW:
            del self._seen[next(iter(self._seen))]


class Memory:
    """DeviceMemory by device id."""

    def __init__(self) -> None:
        self.devices: dict[str, DeviceMemory] = {}

    def recall(self, device: str) -> DeviceMemory:
        """Return what is remembered of a Device; something empty for one never heard."""
        memory = self.devices.get(device)
        if memory is None:
            memory = self.devices[device] = DeviceMemory()
        return memory

    def restore(self, marks: Iterable[Mark]) -> None:
        """Take note again of what an earlier process accepted, oldest first."""
        for mark in marks:
            self.recall(mark.device).remember(mark.key, mark.time_ms, mark.digest, None)
