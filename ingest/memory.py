"""Memory: what deduplication remembers.

Of each Device: a duplicate is the same device, event time and payload. The fast path is one comparison: newer than
the device's newest is new. Of the newest time, and of a bounded window of the payloads accepted last, are kept: time,
checksum, and names of the fields that were accepted; of the newest time their values too, until a restart. So several
payloads may bring different fields for one moment, and a field that has a value at that time already is a conflict
where it is another one, or where it is not known any more. Beyond the window InfluxDB's own rule holds: the same point
written again is the same point.

Of the messages read last: packet identifier and checksum. What the broker sends again under MQTT's DUP flag because our
PUBACK did not reach it is recognised whatever it was, over a restart too. It is exact as long as fewer messages than
``PACKETS`` are unacknowledged, and identifiers are used anew only after 65,535; a new session uses them anew at once.
"""

import zlib
from collections.abc import Iterable, Mapping

from ingest.batch import Mark
from ingest.shard import PACKET_SHARD, SHARDS, find_shard

WINDOW = 16
"""Payloads remembered per device. Those of its newest time are kept beyond it: at most one for each of its fields."""
PACKETS = 30_000
"""Messages whose packet identifier is remembered: more than are ever read and not acknowledged, and fewer than half of
the 65,535 identifiers, so that one that is used anew has been forgotten."""
PACKET_MARK = ""
"""Stands for the device in the Mark of a message."""
FORGET_PACKETS = 0
"""Stands for the packet identifier, which is never 0, in the Mark that says that all identifiers are used anew."""
ANY_FIELD = "*"
"""Stands for the names of a payload of which they were not kept."""

Values = Mapping[str, float | bool | None]
"""By field name; None where a value was accepted and is not known any more."""
Names = tuple[str, ...]


def digest_message(topic: str, payload: bytes) -> int:
    """Return a checksum of a message: CRC-32 and length, enough beside the same device and time."""
    return zlib.crc32(payload, zlib.crc32(topic.encode())) << 28 | len(payload) & 0xFFF_FFFF


class DeviceMemory:
    """What is remembered of one Device.

    Attributes:
        newest_ms: Event time of its newest reading; None before the first.
        values: Fields that it has at that time.
        heard_ms: When it last gave a sign of life, milliseconds since 1970 in UTC; 0 where it gave none yet.
        again_ms: Event time that was last given to a payload of the quarantine that had none; 0 where none was.
    """

    __slots__ = ("_names", "_seen", "again_ms", "heard_ms", "newest_ms", "values")

    def __init__(self) -> None:
        self.newest_ms: int | None = None
        self.values: Values = {}
        self.heard_ms = 0
        self.again_ms = 0
        self._seen: dict[tuple[int, int], Names] = {}
        self._names: Names = ()

    @property
    def window(self) -> list[tuple[int, int, Names]]:
        """Event time, checksum and names of the accepted fields of the payloads that are remembered, in that order."""
        return [(key, digest, names) for (key, digest), names in self._seen.items()]

    def is_repeated(self, key: int, digest: int) -> bool:
        """Whether something of a payload of this checksum was accepted for this time before."""
        return bool(self._seen.get((key, digest)))

    def is_given(self, key: int) -> bool:
        """Whether this time was given to a payload before, accepted or not."""
        return any(seen == key for seen, _ in self._seen)

    def find_known(self, key: int) -> Values:
        """Return the fields that were accepted for a time; none for one that the window does not reach."""
        if key == self.newest_ms:
            return self.values
        return {name: None for (seen, _), names in self._seen.items() if seen == key for name in names}

    def remember(self, key: int, digest: int, values: Values) -> Names:
        """Take note of what was accepted of a payload; nothing, where it only took its time.

        Args:
            key: Event time in milliseconds.
            digest: Of the payload.
            values: What was accepted.

        Returns:
            The names of the fields accepted.
        """
        if self.newest_ms is None or key > self.newest_ms:
            self.newest_ms = key
            self.values = values
        elif key == self.newest_ms:
            self.values = {**self.values, **values}
        names = tuple(values)
        if names == self._names:
            names = self._names  # the same again and again: one object for all of them
        else:
            self._names = names
        before = self._seen.pop((key, digest), None)
        self._seen[key, digest] = names if not before else (*before, *(one for one in names if one not in before))
        if len(self._seen) > WINDOW:
            oldest = next((pair for pair in self._seen if pair[0] != self.newest_ms), None)
            if oldest is not None:
                del self._seen[oldest]
        return names


class Memory:
    """What is remembered of all devices, by id, and of the packet identifiers."""

    def __init__(self) -> None:
        self.devices: dict[str, DeviceMemory] = {}
        self._shards: list[list[str]] = [[] for _ in range(SHARDS)]
        self._packets: dict[int, int] = {}

    def recall(self, device: str) -> DeviceMemory:
        """Return what is remembered of a Device; something empty for one never heard."""
        memory = self.devices.get(device)
        if memory is None:
            memory = self.devices[device] = DeviceMemory()
            self._shards[find_shard(device)].append(device)
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

    def forget_packets(self) -> None:
        """Forget the packet identifiers: the broker made a new session, and uses them anew."""
        self._packets.clear()

    def list_marks(self, shard: int) -> list[Mark]:
        """Return what is remembered of one shard; ``restore`` makes the same of it, but for values and signs of life.

        Args:
            shard: Its number; see ``ingest.shard``.

        Returns:
            Per device in order of acceptance; none of them counts as a point.
        """
        if shard == PACKET_SHARD:
            return [Mark(PACKET_MARK, packet_id, digest) for packet_id, digest in self._packets.items()]
        return [Mark(device, *one) for device in self._shards[shard] for one in self.devices[device].window]

    def restore(self, marks: Iterable[Mark]) -> None:
        """Take note again of what an earlier process accepted, of each device and of the messages the oldest first."""
        for mark in marks:
            if mark.device != PACKET_MARK:
                memory = self.recall(mark.device)
                memory.remember(mark.key, mark.digest, dict.fromkeys(mark.names))
                if mark.names:
                    memory.heard_ms = max(memory.heard_ms, mark.key)
            elif mark.key == FORGET_PACKETS:
                self.forget_packets()
            else:
                self.note_packet(mark.key, mark.digest)
