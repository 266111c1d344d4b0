"""Spans: where in a payload its values stand, and under which names, whatever its encoding. Pure; no recursion.

Payloads that are text are scanned, not parsed, so that broken JSON has spans too: what JSON has no word for is a text.
CBOR and Protobuf are walked by their lengths; one whose lengths do not add up has no spans.
"""

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

MOST_PATH = 8
"""Longest path; what is nested deeper has the path that it is nested in."""

MOST_NAME = 200
"""Last characters of a name that stand in a path: paths are remembered, and whoever publishes chooses names."""

MOST_OPEN = 64
"""More containers of CBOR within each other than any format allows."""


class Kind(Enum):
    """What stands in a span."""

    TEXT = "text"
    QUOTED = "quoted"  # a text as JSON writes it, without its quotation marks
    KEY = "key"  # the name of what follows, written as a text of its encoding
    DIGITS = "digits"  # a number as JSON writes it
    INTEGER = "integer"  # the argument of a CBOR integer, big-endian
    FLOAT = "float"  # likewise, of one with single or double precision
    VARINT = "varint"  # a Protobuf integer


class Span(NamedTuple):
    """A value, or the name of one.

    Attributes:
        path: Names that lead to it, the last one its own; arrays have none.
        scope: Number of the object that it stands in.
        kind: What it is.
        start: Of its first byte.
        end: Behind its last.
    """

    path: tuple[str, ...]
    scope: int
    kind: Kind
    start: int
    end: int


class BrokenError(Exception):
    """The lengths of a payload do not add up."""


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*("?)|([{}\[\],])|([^"{}\[\],]+)', re.DOTALL)
_COLON = re.compile(rb"\s*:")
_BETWEEN = b": \t\r\n\f\v"
_DIGITS = re.compile(rb"-?[0-9][0-9.eE+-]*")
_LITERALS = frozenset({b"", b"true", b"false", b"null", b"NaN", b"Infinity", b"-Infinity"})


def scan_json(payload: bytes, name: str) -> Iterator[Span]:
    """Yield the spans of a text that is JSON, or should be.

    Args:
        payload: Any bytes.
        name: What the value as a whole is called; empty for nothing.
    """
    root: tuple[str, ...] = (name,) if name else ()
    outer: list[tuple[tuple[str, ...], int]] = []
    base, path, scope, scopes = root, root, 0, 0
    for token in _TOKEN.finditer(payload):
        start, end = token.span()
        if token[3] is not None:
            start, end, kind = _find_word(payload, start, end)
            if kind is not None:
                yield Span(path, scope, kind, start, end)
        elif token[2] is None:
            end -= len(token[1])
            if _COLON.match(payload, token.end()):
                path = _extend(base, unescape(payload[start + 1 : end].decode("utf-8", "replace")))
                yield Span(path, scope, Kind.KEY, start + 1, end)
            else:
                yield Span(path, scope, Kind.QUOTED, start + 1, end)
        elif token[2] in b"{[":
            outer.append((base, scope))
            if token[2] == b"{":
                scopes += 1
                scope = scopes
            base = path
        elif token[2] in b"}]":
            base, scope = outer.pop() if outer else (root, 0)
            path = base
        else:
            path = base


def _find_word(payload: bytes, start: int, end: int) -> tuple[int, int, Kind | None]:
    """Return where what stands between two texts or marks of JSON begins and ends, and what it is; None for nothing."""
    between = payload[start:end]
    start += len(between) - len(between.lstrip(_BETWEEN))
    word = between.strip(_BETWEEN)
    if word in _LITERALS:
        return start, start, None
    return start, start + len(word), Kind.DIGITS if _DIGITS.fullmatch(word) else Kind.TEXT


def unescape(told: str) -> str:
    """Return what a text of JSON says; where its escapes are broken, the text."""
    if "\\" not in told:
        return told
    try:
        read = json.loads(f'"{told}"', strict=False)
    except ValueError:
        return told
    return read if isinstance(read, str) else told


def _extend(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    return (*path[: MOST_PATH - 1], name[-MOST_NAME:])


_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_BREAK = b"\xff"
_INDEFINITE, _UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = 31, 0, 1, 2, 3, 4, 5, 6, 7
_HALF = 3
"""Octets of a number of half precision, and its head: no identifier fits in it."""


class _Open(NamedTuple):
    """A container of CBOR that is not at its end."""

    left: int  # items; negative where only a break ends it
    path: tuple[str, ...]
    scope: int
    is_map: bool


def walk_cbor(payload: bytes) -> Iterator[Span]:
    """Yield the spans of one CBOR value that takes all bytes; integers that are names stand as their digits.

    Raises:
        BrokenError: It is none.
    """
    walk = _CborWalk(payload)
    while walk.outer:
        span = walk.step()
        if span is not None:
            yield span
    if walk.at != len(payload):
        raise BrokenError("something stands behind the value")


class _CborWalk:
    """Goes through a CBOR value, an item at a time."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self.at = 0
        self.outer = [_Open(1, (), 0, is_map=False)]
        self._scopes = 0
        self._key: tuple[str, ...] = ()
        self._wants_key = False

    def step(self) -> Span | None:
        """Take the next head, and the text behind it; return the span of what has one."""
        top = self.outer[-1]
        if top.left == 0 or (top.left < 0 and self._payload[self.at : self.at + 1] == _BREAK):
            self.at += top.left < 0
            self.outer.pop()
            self._wants_key = bool(self.outer) and self.outer[-1].is_map
            return None
        head = self.at
        major, extra, self.at = _read_head(self._payload, head)
        if major == _TAG:
            return None
        self.outer[-1] = top._replace(left=top.left - 1 if top.left > 0 else top.left)
        if major in (_ARRAY, _MAP) or extra < 0:
            self._open(major, extra, top)
            return None
        is_key, self._wants_key = self._wants_key, top.is_map and not self._wants_key
        start, kind = self.at, Kind.KEY if is_key else Kind.TEXT
        if major in (_BYTES, _TEXT):
            self.at += extra
            if self.at > len(self._payload):
                raise BrokenError("the end is missing")
            if is_key:
                self._key = _extend(top.path, self._payload[start : self.at].decode("utf-8", "replace"))
            return Span(self._find_path(top), top.scope, kind, start, self.at)
        if is_key:
            self._key = _extend(top.path, str(extra if major == _UNSIGNED else -1 - extra))
        elif start > head + (_HALF if major == _SIMPLE else 1):
            kind = Kind.FLOAT if major == _SIMPLE else Kind.INTEGER
            return Span(self._find_path(top), top.scope, kind, head + 1, start)
        return None

    def _find_path(self, top: _Open) -> tuple[str, ...]:
        return self._key if top.is_map else top.path

    def _open(self, major: int, extra: int, top: _Open) -> None:
        """Begin a container; a text without its length is one too, of chunks under the same name."""
        if self._wants_key:
            raise BrokenError("a name that is no text or number")
        if len(self.outer) > MOST_OPEN:
            raise BrokenError("nested too deep")
        is_map = major == _MAP
        self._scopes += is_map
        scope = self._scopes if is_map else top.scope
        self.outer.append(_Open(extra * (2 if is_map and extra > 0 else 1), self._find_path(top), scope, is_map=is_map))
        self._wants_key = is_map


def _read_head(payload: bytes, at: int) -> tuple[int, int, int]:
    """Return major type, argument (-1 for indefinite), and where the head ends."""
    if at >= len(payload):
        raise BrokenError("the end is missing")
    major, short = payload[at] >> 5, payload[at] & 31
    if short < 24:  # noqa: PLR2004 - RFC 8949, 3
        return major, short, at + 1
    if short == _INDEFINITE and major in (_BYTES, _TEXT, _ARRAY, _MAP):
        return major, -1, at + 1
    size = _LENGTHS.get(short)
    if size is None or at + 1 + size > len(payload):
        raise BrokenError("no head")
    end = at + 1 + size
    return major, int.from_bytes(payload[at + 1 : end], "big"), end


Fields = Mapping[int, "str | tuple[str, Fields]"]
"""What fields of a Protobuf message are called, by number; of a message within it also what its own are."""
_VARINT, _LONG, _DELIMITED, _SHORT = 0, 1, 2, 5
_LONGEST_VARINT = 10


def walk_protobuf(payload: bytes, fields: Fields) -> Iterator[Span]:
    """Yield the spans of a Protobuf message; of fields that are not described every text is under no name.

    Args:
        payload: Any bytes.
        fields: Of the message.

    Raises:
        BrokenError: It is none.
    """
    waiting: list[tuple[int, int, Fields, tuple[str, ...]]] = [(0, len(payload), fields, ())]
    scope = 0
    while waiting:
        at, stop, known, path = waiting.pop()
        scope += 1
        while at < stop:
            tag, at = _read_varint(payload, at, stop)
            number, form = tag >> 3, tag & 7
            described = known.get(number, "")
            name, inner = described if isinstance(described, tuple) else (described, None)
            start = at
            if form == _VARINT:
                _, at = _read_varint(payload, at, stop)
                yield Span(_extend(path, name), scope, Kind.VARINT, start, at)
                continue
            if form == _DELIMITED:
                size, start = _read_varint(payload, at, stop)
                at = start + size
            elif form in (_LONG, _SHORT):
                at += 8 if form == _LONG else 4
            else:
                raise BrokenError("no wire type")
            if at > stop:
                raise BrokenError("the end is missing")
            if inner is not None and form == _DELIMITED:
                waiting.append((start, at, inner, _extend(path, name)))
            elif form == _DELIMITED:
                yield Span(_extend(path, name), scope, Kind.TEXT, start, at)


def _read_varint(payload: bytes, at: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if at >= stop:
            raise BrokenError("the end is missing")
        value |= (payload[at] & 127) << 7 * shift
        at += 1
        if payload[at - 1] < 128:  # noqa: PLR2004 - the bit that says that more follows
            return value, at
    raise BrokenError("a number without an end")
