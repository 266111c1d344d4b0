"""Stripping: payloads without the identifiers of people, before they enter the store. Pure; nothing is ever raised.

What is stripped keeps its length, its names and all other values, so that it can be read and reprocessed as it came:
texts have asterisks, numbers under a telling name are zero. Invariants, each with a test: stripping twice is stripping
once; what a Format says of its own samples is the same before and after.

How a payload is read follows from its bytes: text is scanned as JSON, broken or not; a text that is none is one value,
named by its topic. CBOR and what the Format's traits describe of Protobuf are walked. Of all other bytes nobody knows
what stands where: where an identifier shows in them, they are not to be kept.
"""

import functools
import struct
from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

from ingest.identifier import BLANK, MOST_ROUNDS, blank_forms, blank_text, is_plural, is_quantity, is_telling
from ingest.span import MOST_NAME, BrokenError, Fields, Kind, Span, scan_json, unescape, walk_cbor, walk_protobuf

_NAMING = frozenset({"n", "name", "key", "label", "0"})
"""Members that name what stands beside them, as in SenML, whose CBOR has numbers for names, and in Sparkplug."""
_NAMED = frozenset({"v", "vs", "value", "val", "text", "2", "3", "int_value", "long_value", "string_value"})
_PLACES = frozenset({"addr", "address", "code", "hex", "id", "no", "nr", "number", "value", "hash"})
"""Members that are telling where what they stand in is: ``card.number``."""
_WORDS_OF_TOPICS = frozenset({"state", "value", "reading", "set"})
_SEQUENCES = (Kind.TEXT, Kind.QUOTED)
_NUMBERS = (Kind.DIGITS, Kind.INTEGER, Kind.FLOAT, Kind.VARINT)
_OPENING = b'{["'
_MARK_OF_UTF8 = b"\xef\xbb\xbf"
_LONG_NUMBER = 10_000
"""A number without a fraction from which on what is written as a fraction may be an identifier: ``4.791234567E9``."""


class Traits(NamedTuple):
    """What the messages of a Format have of their own.

    Attributes:
        own: Paths of members that stay whatever they look like: addresses of devices and gateways, frames, times.
            ``*`` stands for any one name.
        personal: Paths of members that are blanked whatever they look like.
        fields: Of a Format in Protobuf, what its fields are called; else empty.
    """

    own: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    fields: Fields = MappingProxyType({})


NO_TRAITS = Traits()
NATIVE_TRAITS = Traits(own=frozenset({"time", "seq", "simulated"}))


class Stripped(NamedTuple):
    """A payload as it may be kept.

    Attributes:
        payload: Of the same length.
        is_safe: Whether it may be kept: everything that was found in it could be blanked where it stood.
    """

    payload: bytes
    is_safe: bool = True


def strip_payload(payload: bytes, topic: str, traits: Traits = NATIVE_TRAITS) -> Stripped:
    """Return a payload without the identifiers of people.

    Args:
        payload: Any bytes.
        topic: Of the message: what stands in it is the device's own address.
        traits: Of the Format.
    """
    name = _name_topic(topic)
    for _ in range(MOST_ROUNDS):
        stripped = _strip(payload, topic, name, traits)
        if stripped.payload == payload or not stripped.is_safe:
            return stripped
        payload = stripped.payload
    return Stripped(payload, is_safe=False)


def _strip(payload: bytes, topic: str, name: str, traits: Traits) -> Stripped:
    spans = _list_spans(payload, name, traits)
    if spans is not None:
        left = _blank_spans(payload, spans, topic, traits)
        if not traits.fields:
            return Stripped(left)
        payload = left  # a text may pass for Protobuf, whose numbers then have what no span has
    text = payload.decode("latin-1")
    blanked = blank_forms(text)
    narrow = text.replace("\0", "")  # it may be UTF-16
    return Stripped(blanked.encode("latin-1"), is_safe=blanked == text and blank_forms(narrow) == narrow)


def _name_topic(topic: str) -> str:
    """Return what a topic calls its value, where that is telling; else nothing."""
    levels = topic.split("/")
    while len(levels) > 1 and levels[-1] in _WORDS_OF_TOPICS:
        del levels[-1]
    return levels[-1][-MOST_NAME:] if is_telling(levels[-1]) else ""


def _list_spans(payload: bytes, name: str, traits: Traits) -> list[Span] | None:
    """Return the spans of a payload; None where nobody knows what stands where."""
    try:
        if traits.fields:
            return list(walk_protobuf(payload, traits.fields))
        if payload[:1] >= b"\x80" and not payload.startswith(_MARK_OF_UTF8):
            return list(walk_cbor(payload))
    except BrokenError:
        pass
    if b"\0" in payload:
        return None
    first = payload.removeprefix(_MARK_OF_UTF8).lstrip()[:1]
    if first and first in _OPENING:
        return list(scan_json(payload, name))
    try:
        payload.decode()
    except UnicodeDecodeError:
        return None
    return [Span((name,) if name else (), 0, Kind.TEXT, 0, len(payload))]


def _blank_spans(payload: bytes, spans: Iterable[Span], topic: str, traits: Traits) -> bytes:
    telling, named = _find_named(payload, spans)
    left = bytearray(payload)
    for span in spans:
        is_own, is_personal = _judge_path(span.path, traits.own, traits.personal)
        name = span.path[-1] if span.path else ""
        is_personal = is_personal or (span.scope in telling and name in _NAMED)
        is_number = span.kind in _NUMBERS
        if is_own or (is_number and not is_personal):
            continue
        told = payload[span.start : span.end].decode("latin-1")
        if traits.fields and name == "string_value" and span.scope not in named:
            # Its name is a number that an earlier message explained. A word without a digit is a state.
            is_personal = is_personal or (any(map(str.isdigit, told)) and not is_quantity(told))
        if is_number:
            blanked = _blank_number(span.kind, told, name)
        else:
            blanked = _blank_span(span.kind, told, topic, is_personal=is_personal and span.kind is not Kind.KEY)
        left[span.start : span.end] = blanked
    return bytes(left)


def _find_named(payload: bytes, spans: Iterable[Span]) -> tuple[set[int], set[int]]:
    """Return the objects in which a member tells a telling name, and those in which one tells any."""
    telling, named = set[int](), set[int]()
    for span in spans:
        if span.kind in _SEQUENCES and span.path and span.path[-1] in _NAMING and span.end > span.start:
            named.add(span.scope)
            if is_telling(payload[span.start : span.end].decode("utf-8", "replace").replace(":", "/")):
                telling.add(span.scope)
    return telling, named


@functools.lru_cache(maxsize=4_000)
def _judge_path(path: tuple[str, ...], own: frozenset[str], personal: frozenset[str]) -> tuple[bool, bool]:
    """Return whether what a path leads to stays whatever it is, and whether it is blanked whatever it is."""
    if any(_is_like(path, one.split(".")) for one in own):
        return True, False
    is_inner = len(path) > 1 and path[-1].lower() in _PLACES and is_telling(path[-2])
    is_told = bool(path) and is_telling(path[-1])
    return False, is_inner or is_told or any(_is_like(path, one.split(".")) for one in personal)


def _is_like(path: tuple[str, ...], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(part in ("*", name) for name, part in zip(path, pattern, strict=True))


def _blank_number(kind: Kind, told: str, name: str) -> bytes:
    """Return a number under a telling name as zero, of the same length; a fraction and a count stay."""
    size, octets = len(told), told.encode("latin-1")
    if is_plural(name) or (kind is Kind.DIGITS and "." in told and not _is_long(told)):
        return octets
    if kind is Kind.FLOAT and not _is_long(struct.unpack(">f" if size == struct.calcsize("f") else ">d", octets)[0]):
        return octets
    if kind is Kind.DIGITS:
        return b"0".ljust(size)
    return b"\x80" * (size - 1) + b"\x00" if kind is Kind.VARINT else b"\x00" * size


def _is_long(told: str | float) -> bool:
    """Return whether what is written as a fraction is none, and as great as an identifier."""
    try:
        number = float(told)
    except ValueError:
        return False
    return number.is_integer() and abs(number) >= _LONG_NUMBER


def _blank_span(kind: Kind, told: str, topic: str, *, is_personal: bool) -> bytes:
    """Return a text, or a name, when it is stripped, of the same length."""
    size = len(told)
    if is_personal and not (told and told.lower() in topic.lower()):
        return BLANK.encode() * size
    if kind in (Kind.QUOTED, Kind.KEY) and "\\" in told:
        read = unescape(told)
        return (told if blank_text(read, topic) == read else BLANK * size).encode("latin-1")
    return blank_text(told, topic).encode("latin-1")
