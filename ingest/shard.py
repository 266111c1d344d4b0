"""Shards: what is remembered of all devices, in parts that are small enough to go to disk with one commit."""

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from array import array  # it takes its parameter for the type checker alone

PACKET_SHARD = 64
"""Of the marks of messages, which have no device. The devices are in those before it."""
SHARDS = PACKET_SHARD + 1
CELLS = 3
"""Numbers of a payload in a window: event time, checksum, number of the names."""


class Shard(NamedTuple):
    """What is remembered of the devices of one shard after a batch: their windows, one behind the other.

    Attributes:
        number: From 0 to ``SHARDS`` - 1; see ``find_shard``.
        devices: Ids; the empty one stands for messages.
        lengths: How many payloads each has in ``cells``.
        names: Combinations of field names, by number.
        cells: Of each payload event time (of a message packet identifier), checksum, and number of the names.
    """

    number: int
    devices: Sequence[str]
    lengths: Sequence[int]
    names: Sequence[tuple[str, ...]]
    cells: "array[int]"


def find_shard(device: str) -> int:
    """Return the number of the shard that a device is in; of no device, the one of messages."""
    return zlib.crc32(device.encode()) % PACKET_SHARD if device else PACKET_SHARD
