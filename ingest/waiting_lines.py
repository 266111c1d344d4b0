"""Waiting lines: what is in the outboxes of stores and not in InfluxDB yet, as points and as numbers."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ingest.sequence import Numbering, Span, join_spans, read_line_seq, says_simulated
from ingest.store_hours import HOUR_MS, find_point
from ingest.store_reader import StoreReader
from ingest.stored_points import Asked, Counts


class Numbers:
    """Numbers of one count in the order in which they came, as spans in 16 bytes each.

    Nothing is judged here and none may be left out: where two collectors share a device, each has every other number.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts = array("q")
        self._lasts = array("q")

    def add(self, seq: int) -> None:
        """Take a number in."""
        if self._lasts and seq == self._lasts[-1] + 1:
            self._lasts[-1] = seq
        else:
            self._firsts.append(seq)
            self._lasts.append(seq)

    def join(self) -> list[Span]:
        """Return all of them as ``join_spans`` does."""
        return join_spans(zip(self._firsts, self._lasts, strict=True))


class WaitingLines:
    """Points and numbers of lines.

    Args:
        asked: Points of other hours and devices are left out, and numbers of other devices.

    Attributes:
        points: By device and hour.
    """

    def __init__(self, asked: Asked) -> None:
        self.points: Counts = Counter()
        self._asked = asked
        self._numbers: defaultdict[Numbering, Numbers] = defaultdict(Numbers)

    def add(self, lines: Iterable[bytes]) -> None:
        """Take lines in; those that are no reading's are passed over."""
        for line in lines:
            point = find_point(line)
            if point is None or self._asked.device not in {None, point[0]}:
                continue
            device, hour = point
            if self._asked.from_ms <= hour * HOUR_MS < self._asked.to_ms:
                self.points[point] += 1
            seq = read_line_seq(line)
            if seq is not None:
                self._numbers[Numbering(device, says_simulated(line))].add(seq)

    def list_numbers(self, numbering: Numbering) -> list[Span]:
        """Return the numbers of one count, as ``join_spans`` does."""
        found = self._numbers.get(numbering)
        return [] if found is None else found.join()


class Outboxes:
    """The outboxes of several stores, of which each entry is read once, however often one looks.

    So an entry that leaves meanwhile still counts as waiting. It may hide a loss of that minute from one comparison,
    but not from the next; to read the whole of a full outbox anew for each day that is compared would take hours.

    Attributes:
        waiting: Lines that were seen.
    """

    def __init__(self, stores: Sequence[StoreReader], asked: Asked) -> None:
        self.waiting = WaitingLines(asked)
        self._stores = stores
        self._seen = [0] * len(stores)

    def look(self) -> None:
        """Take in what came since the last look.

        Raises:
            StoreError: A store cannot be read.
        """
        for place, store in enumerate(self._stores):
            for entry, lines in store.outbox_lines(self._seen[place]):
                self.waiting.add(lines)
                self._seen[place] = entry
