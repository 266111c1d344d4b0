"""Bisection: from an entry that InfluxDB refuses to the lines at fault. Pure: lines and answers in, parts out.

Lines of the same shape (measurement, fields and their types) are mostly refused or taken together, so they are kept
together. InfluxDB says how many points of a request it dropped (``dropped=``): when that is all of them, all are at
fault, and nothing need be halved. So a fault that thousands of lines share costs one request, and a single line at
fault among n about 2 log2(n).
"""

import re
from collections.abc import Iterable, Sequence

from ingest.store_outbox import RefusedLine

Shape = tuple[bytes, ...]

_NAME = re.compile(rb"((?:\\.|[^\\, ])+)(?:\\.|[^\\ ])* ")
_FIELD = re.compile(rb'((?:\\.|[^\\=, ])+)=("(?:\\.|[^\\"])*"|[^, ]+),?')
_TRUE, _FALSE = (
    frozenset({b"t", b"T", b"true", b"True", b"TRUE"}),
    frozenset({b"f", b"F", b"false", b"False", b"FALSE"}),
)


def find_shape(line: bytes) -> Shape:
    """Return measurement, fields and their types; empty for what is no line."""
    name = _NAME.match(line)
    if name is None:
        return ()
    shape = [name[1]]
    at = name.end()
    while (field := _FIELD.match(line, at)) is not None:
        shape.append(field[1] + b"=" + _find_type(field[2]))
        at = field.end()
    return tuple(shape)


def _find_type(value: bytes) -> bytes:
    if value.startswith(b'"'):
        return b"text"
    if value in _TRUE or value in _FALSE:
        return b"boolean"
    return b"integer" if value[-1:] in b"iu" else b"float"


class Parts:
    """The lines of one entry while they are written in parts.

    Args:
        lines: Of the entry.
        most_bytes: Of a part, newlines included; a part has at least one line.

    Attributes:
        waiting: Parts that are still to be written, the next one last.
        refused: Lines that were refused.
    """

    def __init__(self, lines: Sequence[bytes], most_bytes: int) -> None:
        self.waiting: list[Sequence[bytes]] = []
        self.refused: list[RefusedLine] = []
        for group in _group_lines(lines):
            self.waiting += _cut_lines(group, most_bytes)
        self.waiting.reverse()

    def accept(self) -> None:
        """The next part is stored."""
        self.waiting.pop()

    def refuse(self, answer: str, dropped: int | None = None) -> None:
        """The next part was refused: its halves take its place, unless every line of it is known to be at fault.

        Args:
            answer: What the server said.
            dropped: How many lines it dropped, where it said so.
        """
        part = self.waiting.pop()
        if len(part) == 1 or dropped == len(part):
            self.refused += [RefusedLine(line, answer) for line in part]
            return
        middle = len(part) // 2
        self.waiting += part[middle:], part[:middle]

    def remaining(self) -> list[bytes]:
        """Return the lines of all parts that wait."""
        return [line for part in reversed(self.waiting) for line in part]


def _group_lines(lines: Iterable[bytes]) -> Iterable[list[bytes]]:
    groups: dict[Shape, list[bytes]] = {}
    for line in lines:
        groups.setdefault(find_shape(line), []).append(line)
    return groups.values()


def _cut_lines(lines: Sequence[bytes], most_bytes: int) -> list[Sequence[bytes]]:
    parts = []
    start = size = 0
    for end, line in enumerate(lines):
        size += len(line) + 1
        if size > most_bytes and end > start:
            parts.append(lines[start:end])
            start, size = end, len(line) + 1
    return [*parts, lines[start:]]
