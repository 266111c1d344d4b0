"""Memory: what deduplication remembers.

Of each Device: a duplicate is the same device, event time and payload. The fast path is one comparison: newer than
the device's newest is new. At the newest time the values themselves are compared, so several payloads may bring
different fields for one moment, and only a different value for the same field is a conflict. Of older readings, and
of all after a restart, a bounded window of times, checksums and names of fields is kept: another payload with such a
field for such a time is a conflict, since it could overwrite what was accepted. Beyond the window InfluxDB's own rule
holds: the same point written again is the same point.

Of the messages read last: packet identifier and checksum. What the broker sends again under MQTT's DUP flag because our
PUBACK did not reach it is recognised whatever it was, a reading without a time of its own and bad input included. It is
exact as long as fewer messages than ``PACKETS`` are unacknowledged, and identifiers are used anew only after 65,535.
"""

import zlib
from collections.abc import Iterable, Mapping

from ingest.batch import Mark

WINDOW = 16
"""Readings remembered per device beside the newest."""
PACKETS = 30_000
"""Messages whose packet identifier is remembered: more than are ever read and not acknowledged, and fewer than half of
the 65,535 identifiers, so that one that is used anew has been forgotten."""
PACKET_MARK = ""
"""Stands for the device in the Mark of a packet identifier."""

Values = Mapping[str, float | bool]
Names = tuple[str, ...]


def digest_message(topic: str, payload: bytes) -> int:
    """Return a checksum of a message: CRC-32 and length, enough beside the same device and time."""
    return zlib.crc32(payload, zlib.crc32(topic.encode())) << 28 | len(payload) & 0xFFF_FFFF


class DeviceMemory:
    """What is remembered of one Device.

    Attributes:
        newest_ms: Event time of its newest reading; None before the first.
        values: Fields that it has at that time; None where they are not known, after a restart.
        heard_ms: When it last gave a sign of life, milliseconds since 1970 in UTC; 0 where it gave none yet.
    """

    __slots__ = ("_seen", "heard_ms", "newest_ms", "values")

    def __init__(self) -> None:
        self.newest_ms: int | None = None
        self.values: dict[str, float | bool] | None = {}
        self.heard_ms = 0
        self._seen: dict[tuple[int, int], Names | None] = {}

    @property
    def window(self) -> list[tuple[int, int]]:
        """Key and checksum of the readings that are remembered, the oldest first."""
        return list(self._seen)

    def is_repeated(self, key: int, digest: int) -> bool:
        """Whether a payload of this checksum was accepted under this key before."""
        return (key, digest) in self._seen

    def is_taken(self, key: int, names: Iterable[str]) -> bool:
        """Whether a payload with one of these fields was accepted under this key, as far as the window reaches.

        A payload from before a restart may have had any.
        """
        fields = set(names)
        return any(seen == key and (had is None or not fields.isdisjoint(had)) for (seen, _), had in self._seen.items())

    def remember(self, key: int, time_ms: int, digest: int, values: Values | None) -> None:
        """Take note of an accepted reading.

        Args:
            key: Event time in milliseconds, as the payload has it or as it was received.
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
        self._seen[key, digest] = None if values is None else tuple(values)
        if len(self._seen) > WINDOW:
            del self._seen[next(iter(self._seen))]


class Memory:
    """What is remembered of all devices, by id, and of the packet identifiers."""

    def __init__(self) -> None:
        self.devices: dict[str, DeviceMemory] = {}
        self._packets: dict[int, int] = {}

    def recall(self, device: str) -> DeviceMemory:
        """Return what is remembered of a Device; something empty for one never heard."""
        memory = self.devices.get(device)
        if memory is None:
            memory = self.devices[device] = DeviceMemory()
        return memory

    def is_redelivery(self, packet_id: int, digest: int) -> bool:
        """Whether the message last read under this identifier had this checksum; ask only under the DUP flag."""
        return self._packets.get(packet_id) == digest

    def note_packet(self, packet_id: int, digest: int) -> None:
        """Take note of a message that was read."""
        self._packets.pop(packet_id, None)
        self._packets[packet_id] = digest
        if len(self._packets) > PACKETS:
            del self._packets[next(iter(self._packets))]

    def restore(self, marks: Iterable[Mark]) -> None:
        """Take note again of what an earlier process accepted, oldest first."""
        for mark in marks:
            if mark.device == PACKET_MARK:
                self.note_packet(mark.key, mark.digest)
                continue
            memory = self.recall(mark.device)
            memory.remember(mark.key, mark.time_ms, mark.digest, None)
            memory.heard_ms = max(memory.heard_ms, mark.time_ms)
