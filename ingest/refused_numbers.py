"""Refused numbers: which of the numbers that a device's readings miss the quarantine holds, or may hold."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ingest.batch import Quarantined
from ingest.quarantine_filter import Filter
from ingest.sequence import Numbering, is_without_number, read_seq, says_simulated
from ingest.store_reader import StoreReader
from schemas.reason import Level


class Refused(NamedTuple):
    """What the quarantine holds of a device.

    Attributes:
        numbers: Of each count, when each number was received last.
        unreadable: When payloads were received whose number cannot be read, in order. Each was one message, so it is
            one missing number at most.
    """

    numbers: Mapping[Numbering, Mapping[int, int]]
    unreadable: list[int]


class Hole(NamedTuple):
    """Missing numbers, and when what had them was received if it came in its turn.

    Attributes:
        missing: How many.
        from_ms: When the reading before was received, milliseconds since 1970 in UTC.
        to_ms: When the reading behind was received.
    """

    missing: int
    from_ms: int
    to_ms: int


def read_refused(device: str, first_ms: int, stores: Iterable[StoreReader]) -> Refused:
    """Return what the quarantine holds of a device, received from a time on.

    A reading of which some fields were refused is stored, and explains no number unless its own was among them.

    Raises:
        StoreError: A store cannot be read.
    """
    numbers: defaultdict[Numbering, dict[int, int]] = defaultdict(dict)
    unreadable: list[int] = []
    messages: set[tuple[int, bytes]] = set()
    for store in stores:
        for row in store.quarantine(Filter(device=device, from_ms=first_ms)):
            entry = row.quarantined
            if entry.level is Level.FIELD and not is_without_number(entry):
                continue
            seq = read_seq(entry)
            if seq is not None:
                found = numbers[Numbering(device, says_simulated(entry.payload))]
                found[seq] = max(found.get(seq, 0), entry.received_ms)
            elif entry.level is not Level.LINE and not _is_repeated(entry, messages):
                unreadable.append(entry.received_ms)
    return Refused(numbers, sorted(unreadable))


def _is_repeated(entry: Quarantined, messages: set[tuple[int, bytes]]) -> bool:
    """Whether another reading of the same message was there before; messages are noted by time and hash."""
    if entry.part is None:
        return False
    message = entry.received_ms, entry.sha256
    is_repeated = message in messages
    messages.add(message)
    return is_repeated


def cover(holes: Sequence[Hole | None], unreadable: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return how many numbers of each hole a payload may be, each payload one at most, and the payloads that are left.

    As many are covered as can be: the hole that ends first takes the earliest payloads that came in its time.

    Args:
        holes: None is covered by nothing.
        unreadable: When payloads were received whose number cannot be read, in order.
    """
    free = list(unreadable)
    covered = [0] * len(holes)
    known = [(hole, place) for place, hole in enumerate(holes) if hole is not None]
    for hole, place in sorted(known, key=lambda one: one[0].to_ms):
        first = bisect_left(free, hole.from_ms)
        last = min(first + hole.missing, bisect_left(free, hole.to_ms + 1))
        covered[place] = max(0, last - first)
        del free[first:last]
    return covered, free
