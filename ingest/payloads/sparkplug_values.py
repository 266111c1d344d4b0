"""Sparkplug B values: what a metric of each type becomes.

Signed numbers come in unsigned fields, and in two ways: -1 of eight bits as 255 (Eclipse Tahu in Python) or as
4294967295, with the sign extended to the field (in Java). A number that is neither is refused, never cut to its type.
Arrays are packed little-endian; the specification's examples of FloatArray and DoubleArray are not, that of
DateTimeArray has six bytes a value in place of eight, and that of Int8Array has -17 for -23.

Source: Eclipse Sparkplug 3.0.0, chapter 6, "Data Types".
"""

import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from ingest.source import Plain
from schemas.validation import shorten

Value = Plain | list[Plain]
"""One value, or those of an array."""
_Reader = Callable[[str, Any], Value]
"""The field that a value came in, and the value, to what they mean; raises ValueFaultError."""


class ValueFaultError(ValueError):
    """A value is not what its type says."""


class DataType(IntEnum):
    """Every type of the specification."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15
    DATA_SET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATE_TIME_ARRAY = 34


WITHOUT_VALUES = frozenset({DataType.DATA_SET, DataType.BYTES, DataType.FILE, DataType.TEMPLATE})
"""Types of which no plain value is made: tables, bytes that only who sends them understands, and what has members."""

MOST_ITEMS = 1_000
"""Values of one array."""

_FIELD_BITS = {"int_value": 32, "long_value": 64}


def read_value(datatype: int, kind: str, value: Any) -> Value:  # noqa: ANN401 - whatever the field has
    """Return what a value means.

    Args:
        datatype: Of the metric; its number in the specification, zero where nobody tells it.
        kind: Field that it came in.
        value: As it came.

    Raises:
        ValueFaultError: The type is unknown or has no plain values, or the value is none of it.
    """
    reader = _READERS.get(datatype)
    if reader is None:
        raise ValueFaultError(f"is of type {datatype}, which is none" if datatype else "has no type")
    try:
        return reader(kind, value)
    except ValueFaultError as error:
        detail = f"is no {DataType(datatype).name}: {kind} {shorten(repr(value))}{error}"
        raise ValueFaultError(detail) from None


def _require_bits(kind: str) -> int:
    """Return how many bits the field of a whole number has."""
    try:
        return _FIELD_BITS[kind]
    except KeyError:
        raise ValueFaultError from None


def _make_signed_reader(bits: int) -> _Reader:
    half, whole = 1 << (bits - 1), 1 << bits

    def read(kind: str, value: int) -> int:
        field_bits = _require_bits(kind)
        extended = (1 << field_bits) - min(half, 1 << (field_bits - 1))
        if bits > field_bits and value >= extended:
            raise ValueFaultError(", which may be below or above zero")
        if whole <= value < extended:
            raise ValueFaultError
        own = value & (whole - 1)
        return own - whole if own >= half else own

    return read


def _make_unsigned_reader(bits: int) -> _Reader:
    def read(kind: str, value: int) -> int:
        if _require_bits(kind) and value >> bits:
            raise ValueFaultError
        return value

    return read


def _make_plain_reader(*kinds: str) -> _Reader:
    def read(kind: str, value: Plain) -> Plain:
        if kind not in kinds:
            raise ValueFaultError
        return value

    return read


def _make_array_reader(unpack: Callable[[bytes], list[Plain]]) -> _Reader:
    def read(kind: str, value: bytes) -> list[Plain]:
        if kind != "bytes_value":
            raise ValueFaultError
        items = unpack(value)
        if len(items) > MOST_ITEMS:
            raise ValueFaultError(f", which has more than {MOST_ITEMS} values")
        return items

    return read


def _make_number_unpacker(form: str) -> Callable[[bytes], list[Plain]]:
    one = struct.Struct(f"<{form}")

    def unpack(packed: bytes) -> list[Plain]:
        if len(packed) % one.size:
            raise ValueFaultError(f", whose length is no multiple of {one.size}")
        return [number for (number,) in one.iter_unpack(packed)]

    return unpack


def _unpack_booleans(packed: bytes) -> list[Plain]:
    """Return truths: how many in four bytes, and then eight in each byte, the first in the highest bit."""
    count, bits = int.from_bytes(packed[:4], "little"), packed[4:]
    if len(packed) < 4 or len(bits) != (count + 7) // 8:  # noqa: PLR2004 - as the docstring says
        raise ValueFaultError(", whose length is not that of its count")
    return [bool(bits[index // 8] & 0x80 >> index % 8) for index in range(count)]


def _unpack_strings(packed: bytes) -> list[Plain]:
    """Return texts, each of which ends in a zero byte."""
    if not packed:
        return []
    try:
        *texts, rest = packed.decode().split("\0")
    except UnicodeDecodeError:
        raise ValueFaultError(", which is not UTF-8") from None
    if rest:
        raise ValueFaultError(", which does not end in a zero byte")
    return list(texts)


_READERS: Mapping[int, _Reader] = {
    DataType.INT8: _make_signed_reader(8),
    DataType.INT16: _make_signed_reader(16),
    DataType.INT32: _make_signed_reader(32),
    DataType.INT64: _make_signed_reader(64),
    DataType.UINT8: _make_unsigned_reader(8),
    DataType.UINT16: _make_unsigned_reader(16),
    DataType.UINT32: _make_unsigned_reader(32),
    DataType.UINT64: _make_unsigned_reader(64),
    DataType.FLOAT: _make_plain_reader("float_value", "double_value"),
    DataType.DOUBLE: _make_plain_reader("float_value", "double_value"),
    DataType.BOOLEAN: _make_plain_reader("boolean_value"),
    DataType.STRING: _make_plain_reader("string_value"),
    DataType.DATE_TIME: _make_unsigned_reader(64),
    DataType.TEXT: _make_plain_reader("string_value"),
    DataType.UUID: _make_plain_reader("string_value"),
    DataType.INT8_ARRAY: _make_array_reader(_make_number_unpacker("b")),
    DataType.INT16_ARRAY: _make_array_reader(_make_number_unpacker("h")),
    DataType.INT32_ARRAY: _make_array_reader(_make_number_unpacker("i")),
    DataType.INT64_ARRAY: _make_array_reader(_make_number_unpacker("q")),
    DataType.UINT8_ARRAY: _make_array_reader(_make_number_unpacker("B")),
    DataType.UINT16_ARRAY: _make_array_reader(_make_number_unpacker("H")),
    DataType.UINT32_ARRAY: _make_array_reader(_make_number_unpacker("I")),
    DataType.UINT64_ARRAY: _make_array_reader(_make_number_unpacker("Q")),
    DataType.FLOAT_ARRAY: _make_array_reader(_make_number_unpacker("f")),
    DataType.DOUBLE_ARRAY: _make_array_reader(_make_number_unpacker("d")),
    DataType.BOOLEAN_ARRAY: _make_array_reader(_unpack_booleans),
    DataType.STRING_ARRAY: _make_array_reader(_unpack_strings),
    DataType.DATE_TIME_ARRAY: _make_array_reader(_make_number_unpacker("Q")),
}
