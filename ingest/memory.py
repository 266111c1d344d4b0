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

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from isal import isal_zlib

from ingest.batch import Mark
from ingest.codec import Reader, RefusedError, collect_fields
from ingest.name_sets import Names, NameSets
from ingest.shard import CELLS, PACKET_SHARD, SHARDS, Shard, find_shard

WINDOW = 16
"""Payloads remembered per device. Those of its newest time are kept beyond it: at most one for each of its fields."""
FULL = CELLS * WINDOW
"""Numbers of a whole window."""
PACKETS = 30_000
"""Messages whose packet identifier is remembered, and at most a part and a batch more: more than are ever read and not
acknowledged, and fewer than half of the 65,535 identifiers, so that one that is used anew has been forgotten."""
PACKETS_PART = 1_000
"""Messages that are forgotten together, at least."""
PACKET_MARK = ""
"""Stands for the device in the Mark of a message."""
FORGET_PACKETS = 0
"""Stands for the packet identifier, which is never 0, in the Mark that says that all identifiers are used anew."""
ANY_FIELD = "*"
"""Stands for the names of a payload of which they were not kept."""

Values = Mapping[str, float | bool | None]
"""By field name; None where a value was accepted and is not known any more."""


def digest_topic(topic: str) -> int:
    """Return what the checksums of a topic's messages begin with; see ``digest_payload``."""
    return isal_zlib.crc32(topic.encode())


def digest_payload(topic_digest: int, payload: bytes) -> int:
    """Return a checksum of a message: CRC-32 of topic and payload, and length, enough beside the same device and time.

    Args:
        topic_digest: Of its topic.
        payload: Its bytes.
    """
    # ISA-L's takes 0.05 us for 180 bytes, that of zlib 0.18 us.
    return isal_zlib.crc32(payload, topic_digest) << 28 | len(payload) & 0xFFF_FFFF


class DeviceMemory:
    """What is remembered of one Device.

    Its window is a flat array of event time, checksum and number of the names: 24 bytes a payload, where tuples in a
    dictionary took 220, which at 100,000 devices is 350 MB. When it is full it is a ring. It and everything else here
    are made so that a reading touches few places of the memory: of thousands of devices none is in the processor's
    cache, and each place costs as much as two lines of Python.

    Attributes:
        newest_ms: Event time of its newest reading; None before the first.
        heard_ms: When it last gave a sign of life, milliseconds since 1970 in UTC; 0 where it gave none yet.
        again_ms: Event time that was last given to a payload of the quarantine that had none; 0 where none was.
        sets: Combinations of names, of all devices of a Memory.
    """

    __slots__ = ("_number", "_oldest", "_seen", "_values", "again_ms", "heard_ms", "newest_ms", "sets")

    def __init__(self, sets: NameSets | None = None) -> None:
        self.newest_ms: int | None = None
        self.heard_ms = 0
        self.again_ms = 0
        self.sets = NameSets() if sets is None else sets
        self._number = self.sets[()]
        self._values: tuple[float | bool | None, ...] | bytes = ()
        """Of the newest time; or the payload that brought them all, until somebody wants to know them."""
        self._seen = array("q")
        self._oldest = 0

    @property
    def names(self) -> Names:
        """Fields that it has at the time of its newest reading."""
        return self.sets.names[self._number]

    @property
    def window(self) -> list[tuple[int, int, Names]]:
        """Event time, checksum and names of the accepted fields of the payloads that are remembered, in that order."""
        seen, names = self._straighten(), self.sets.names
        return [(seen[at], seen[at + 1], names[seen[at + 2]]) for at in range(0, len(seen), CELLS)]

    def copy_window(self, cells: "array[int]") -> int:
        """Put the window behind others, and return how many payloads it has."""
        seen = self._straighten()
        cells += seen
        return len(seen) // CELLS

    def list_numbers(self, used: set[int]) -> None:
        """Add the numbers of the combinations of names that are in use here."""
        used.add(self._number)
        used.update(self._seen[2::CELLS])

    def is_repeated(self, key: int, digest: int) -> bool:
        """Whether something of a payload of this checksum was accepted for this time before."""
        # Nearly always there is none, and an array says so faster than what is in it can be told.
        if digest not in self._seen[1::CELLS]:
            return False
        return any(names for seen, known, names in self.window if seen == key and known == digest)

    def knows(self, digest: int) -> bool:
        """Whether something of a payload of this checksum was accepted before, for whatever time."""
        return digest in self._seen[1::CELLS] and any(names and known == digest for _, known, names in self.window)

    def is_given(self, key: int) -> bool:
        """Whether this time was given to a payload before, accepted or not."""
        return key in self._seen[::CELLS]

    def find_known(self, key: int, read: Reader) -> Values:
        """Return the fields that were accepted for a time; none for one that the window does not reach.

        Args:
            key: Event time in milliseconds.
            read: Reads payloads of the Device.
        """
        if key == self.newest_ms:
            return dict(zip(self.names, self._know(read), strict=True))
        if not self.is_given(key):
            return {}
        return {name: None for seen, _, names in self.window if seen == key for name in names}

    def _know(self, read: Reader) -> tuple[float | bool | None, ...]:
        """Return the values of the newest time."""
        if isinstance(self._values, bytes):
            try:
                (observation,) = read(self._values)
                fields = collect_fields(observation)
            except (RefusedError, ValueError):  # the Device is of another type by now
                fields = {}
            self._values = tuple(map(fields.get, self.names))
        return self._values

    def advance(self, key: int, digest: int, number: int, values: tuple[float | bool | None, ...] | bytes) -> None:
        """Take note of a payload that is newer than all before; it takes the place of the oldest in the window.

        Args:
            key: Event time in milliseconds.
            digest: Of the payload.
            number: Of the names of the fields accepted, in the NameSets of the Memory.
            values: What was accepted of it; or, where that was everything, the payload.
        """
        self.newest_ms, self._number, self._values = key, number, values
        seen, at = self._seen, self._oldest
        if len(seen) == FULL:
            seen[at], seen[at + 1], seen[at + 2] = key, digest, number
            self._oldest = (at + CELLS) % FULL
            return
        seen.extend((key, digest, number))
        if len(seen) > FULL:
            del seen[:CELLS]

    def remember(self, key: int, digest: int, values: Values, read: Reader) -> Names:
        """Take note of what was accepted of a payload; nothing, where it only took its time.

        Args:
            key: Event time in milliseconds.
            digest: Of the payload.
            values: What was accepted.
            read: Reads payloads of the Device.

        Returns:
            The names of the fields accepted.
        """
        number = self.sets[tuple(values)]
        if key == self.newest_ms:
            joined = {**self.find_known(key, read), **values}
            self._number, self._values = self.sets[tuple(joined)], tuple(joined.values())
        self.take(key, digest, number, tuple(values.values()))
        return self.sets.names[number]

    def take(self, key: int, digest: int, number: int, values: tuple[float | bool | None, ...] = ()) -> None:
        """Take note of a payload; where its values are not known any more, ``settle`` follows the last one.

        Args:
            key: Event time in milliseconds.
            digest: Of the payload.
            number: Of the names of the fields accepted.
            values: What was accepted.
        """
        if self.newest_ms is None or key > self.newest_ms:
            self.advance(key, digest, number, values)
        else:
            self._insert(key, digest, self.sets.names[number])

    def take_window(self, window: "array[int]") -> None:
        """Take note of all that there is, instead of payload by payload; ``settle`` follows."""
        self._seen = window
        self._oldest = 0
        self.newest_ms = max(window[::CELLS])

    def settle(self) -> None:
        """Find out in the window what else is to be known of the device."""
        newest = self.newest_ms
        if newest is None:
            return
        seen = self._straighten()
        if seen[-CELLS] == newest and seen[::CELLS].count(newest) == 1:
            self._number = seen[-1]
        else:
            joined = tuple(dict.fromkeys(name for key, _, one in self.window if key == newest for name in one))
            self._number = self.sets[joined]
        self._values = (None,) * len(self.names)
        self.heard_ms = newest if self.names else max((key for key, _, one in self.window if one), default=0)

    def _straighten(self) -> "array[int]":
        """Return the window with the oldest payload first."""
        if self._oldest:
            self._seen = self._seen[self._oldest :] + self._seen[: self._oldest]
            self._oldest = 0
        return self._seen

    def _insert(self, key: int, digest: int, names: Names) -> None:
        """Remember a payload that is not newer than all before; what was accepted of the same one before counts too."""
        seen = self._straighten()
        again = range(0, len(seen), CELLS) if digest in seen[1::CELLS] else ()
        for at in again:
            if seen[at] == key and seen[at + 1] == digest:
                before = self.sets.names[seen[at + 2]]
                names = (*before, *(one for one in names if one not in before))
                del seen[at : at + CELLS]
                break
        seen.extend((key, digest, self.sets[names]))
        if len(seen) > FULL:
            oldest = next((at for at in range(0, len(seen), CELLS) if seen[at] != self.newest_ms), None)
            if oldest is not None:
                del seen[oldest : oldest + CELLS]


class Memory:
    """What is remembered of all devices, and of the packet identifiers.

    Attributes:
        devices: By id.
        sets: Combinations of names that any of them had.
    """

    def __init__(self) -> None:
        self.devices: dict[str, DeviceMemory] = {}
        self.sets = NameSets()
        self._shards: list[list[str]] = [[] for _ in range(SHARDS)]
        self._packets: deque[dict[int, int]] = deque()
        self._packets_count = 0

    def recall(self, device: str) -> DeviceMemory:
        """Return what is remembered of a Device; something empty for one never heard."""
        memory = self.devices.get(device)
        if memory is None:
            memory = self.devices[device] = DeviceMemory(self.sets)
            self._shards[find_shard(device)].append(device)
        return memory

    def is_redelivery(self, packet_id: int, digest: int) -> bool:
        """Whether the message last read under this identifier had this checksum; ask only under the DUP flag."""
        known = next((part[packet_id] for part in reversed(self._packets) if packet_id in part), None)
        return known == digest

    def note_packets(self, digests: Mapping[int, int]) -> None:
        """Take note of messages that were read.

        Args:
            digests: Their checksums by packet identifier, in order.
        """
        if not self._packets or len(self._packets[-1]) >= PACKETS_PART:
            self._packets.append({})
        newest = self._packets[-1]
        self._packets_count -= len(newest)
        newest.update(digests)
        self._packets_count += len(newest)
        while self._packets_count - len(self._packets[0]) >= PACKETS:
            self._packets_count -= len(self._packets.popleft())

    def forget_packets(self) -> None:
        """Forget the packet identifiers: the broker made a new session, and uses them anew."""
        self._packets.clear()
        self._packets_count = 0

    def forget_names(self) -> None:
        """Forget combinations of field names that no payload in a window has, where they have become many.

        Between two batches: nobody may be about to remember a payload by a number that he was given before. It is rare,
        and takes 0.05 s for 100,000 devices.
        """
        if not self.sets.is_due:
            return
        used: set[int] = set()
        for memory in self.devices.values():
            memory.list_numbers(used)
        self.sets.keep(used)

    def copy_shard(self, number: int) -> Shard:
        """Return what is remembered of one shard; ``restore`` makes the same of it, but for values and signs of life.

        Windows are copied as they are: of 100,000 devices a shard takes a millisecond, a Mark each would take 15.

        Args:
            number: See ``ingest.shard``.
        """
        cells = array("q")
        if number == PACKET_SHARD:
            for packet_id, digest in (one for part in self._packets for one in part.items()):
                cells.extend((packet_id, digest, 0))
            return Shard(number, [PACKET_MARK], [len(cells) // CELLS], [()], cells)
        devices = self._shards[number]
        lengths = [self.devices[device].copy_window(cells) for device in devices]
        return Shard(number, devices.copy(), lengths, self.sets.names.copy(), cells)

    def restore(self, remembered: Iterable[Mark | Shard]) -> None:
        """Take note again of what an earlier process accepted.

        Args:
            remembered: Marks of each device and of the messages, the oldest first; a Shard stands for all of its own.
        """
        packets: dict[int, int] = {}
        for packet_id, digest in self._restore_devices(remembered):
            if packet_id == FORGET_PACKETS:
                packets.clear()
                self.forget_packets()
            else:
                packets[packet_id] = digest
                if len(packets) == PACKETS_PART:
                    self.note_packets(packets)
                    packets.clear()
        self.note_packets(packets)

    def _restore_devices(self, remembered: Iterable[Mark | Shard]) -> Iterator[tuple[int, int]]:
        """Take note of each reading, and yield packet identifier and checksum of each message."""
        devices = self.devices
        last_names: Names = ()
        number = self.sets[last_names]
        for one in remembered:
            if isinstance(one, Shard):
                yield from self._restore_shard(one)
                continue
            device, key, digest, names, _, packet_id = one
            if device == PACKET_MARK:
                yield key, digest
                continue
            if names is not last_names:
                last_names, number = names, self.sets[names]
            (devices.get(device) or self.recall(device)).take(key, digest, number)
            if packet_id:
                yield packet_id, digest
        for memory in devices.values():
            memory.settle()
        self.forget_names()

    def _restore_shard(self, shard: Shard) -> Iterator[tuple[int, int]]:
        """Put the windows of a Shard in place, and yield packet identifier and checksum of each of its messages."""
        cells = array("q", shard.cells)
        numbers = [*map(self.sets.__getitem__, shard.names)]
        if numbers != [*range(len(numbers))]:
            cells[2::3] = array("q", map(numbers.__getitem__, cells[2::3]))
        end = 0
        for device, length in zip(shard.devices, shard.lengths, strict=True):
            begin, end = end, end + 3 * length
            if device == PACKET_MARK:
                yield from zip(cells[begin:end:3], cells[begin + 1 : end : 3], strict=True)
            elif length:
                self.recall(device).take_window(cells[begin:end])
