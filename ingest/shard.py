"""Shards: what is remembered of all devices, in parts that are small enough to go to disk with one commit."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from ingest.batch import Mark

PACKET_SHARD = 64
"""Of the marks of messages, which have no device. The devices are in those before it."""
SHARDS = PACKET_SHARD + 1


class Shard(NamedTuple):
    """What is remembered of the devices of one shard after a batch.

    Attributes:
        number: From 0 to ``SHARDS`` - 1; see ``find_shard``.
        marks: Per device the oldest first.
    """

    number: int
    marks: Sequence[Mark]


def find_shard(device: str) -> int:
    """Return the number of the shard that a device is in; of no device, the one of messages."""
    return zlib.crc32(device.encode()) % PACKET_SHARD if device else PACKET_SHARD
