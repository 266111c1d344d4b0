"""SenML packs, resolved: base fields are applied, times are absolute and in order.

In CBOR, labels are integers and data are bytes; else both encodings say the same. A record of base fields alone says
nothing itself. How soon the next value is due (``ut``) is left out: a DeviceType says how often its devices report.

Sources: RFC 8428 (sections 4 to 6); RFC 9100, by which the version is a sum of features; RFC 8798, secondary units.
"""

import base64
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from ingest.codec import CodecError
from ingest.payloads.cbor_payload import DECIMAL_FRACTION, read_cbor
from ingest.payloads.json_payload import MOST_MEMBERS, read_json, show
from ingest.source import Plain
from schemas.reason import Reason
from schemas.validation import shorten

NOW_S = 2**28
"""Times below are relative to when the pack is received, those from it on are seconds since 1970."""
_LATEST_S = 253_402_300_799
"""The end of the year 9999."""
VERSION = 10
SECONDARY_UNITS = 26
"""The version of a pack whose reader must know secondary units: 10, and feature 4 as 2^4."""

_CBOR_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_LABELS = frozenset(_CBOR_LABELS.values())
_VALUES = ("v", "vs", "vb", "vd")
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9:./_-]*")
_BASE64URL = re.compile("[A-Za-z0-9_-]*")


class Record(NamedTuple):
    """What a pack says of one thing at one moment.

    Attributes:
        name: Resolved.
        unit: As SenML writes it; empty for none.
        time_ms: Milliseconds since 1970 in UTC; None for now.
        is_relative: Whether that was told relative to when the pack is received.
        value: Data as base64url text; None where there is only a sum.
        sum: Of the value over time, in its unit times seconds; None for none.
    """

    name: str
    unit: str
    time_ms: int | None
    value: Plain
    sum: float | None
    is_relative: bool = False


def read_pack(payload: bytes) -> list[dict[str, Any]]:
    """Return the records of a pack as they came, with the labels of JSON.

    The first byte tells CBOR, where an array has 0x80 to 0x9F, which no JSON begins with.

    Raises:
        CodecError: Neither JSON nor CBOR, no array of records, or more than ``MOST_MEMBERS`` of them.
    """
    is_cbor = payload[:1] >= b"\x80"
    pack = read_cbor(payload, {DECIMAL_FRACTION: None}, allow_indefinite=True) if is_cbor else read_json(payload)
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise _refuse("the payload is no SenML pack, which is an array of records")
    if not 0 < len(pack) <= MOST_MEMBERS:
        raise _refuse(f"the pack has {len(pack)} records, not 1 to {MOST_MEMBERS}")
    return [_name_labels(record) for record in pack] if is_cbor else pack


def _name_labels(record: Mapping[Any, Any]) -> dict[str, Any]:
    named: dict[Any, Any] = {
        _CBOR_LABELS.get(label, label) if type(label) is int else label: one for label, one in record.items()
    }
    if len(named) < len(record):
        raise _refuse("a record has a label both as a number and as a text")
    data = named.get("vd")
    if "vd" in named:
        if not isinstance(data, bytes):
            raise _refuse("vd is no byte string")
        named["vd"] = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return named


def resolve(pack: list[dict[str, Any]], received_ms: int) -> list[Record]:
    """Return the records of a pack in the order of their times.

    Args:
        pack: As ``read_pack`` returns it.
        received_ms: Milliseconds since 1970 in UTC.

    Raises:
        CodecError: A record breaks a rule of RFC 8428, or must be understood and is not.
    """
    _check_version(pack)
    base: dict[str, Any] = {}
    records: list[Record] = []
    for record in pack:
        _check_labels(record)
        base |= {label: record[label] for label in ("bn", "bt", "bu", "bv", "bs") if label in record}
        if any(label in record for label in ("n", "u", "t", "s", *_VALUES)):
            records.append(_resolve_record(record, MappingProxyType(base), received_ms))
    return sorted(records, key=lambda one: received_ms if one.time_ms is None else one.time_ms)


def _check_version(pack: list[dict[str, Any]]) -> None:
    """Refuse a pack of another version than the known ones, or of several."""
    version = pack[0].get("bver", VERSION)
    for record in pack:
        if record.get("bver", version) != version:
            raise _refuse("the records have different versions (bver)")
    if type(version) is not int or not (1 <= version <= VERSION or version == SECONDARY_UNITS):
        raise _refuse(f"bver is {show(version)}, not 1 to {VERSION}, nor {SECONDARY_UNITS}")


def _check_labels(record: Mapping[Any, Any]) -> None:
    """Refuse what must be understood; all else that is not known is to be ignored."""
    for label in record:
        if isinstance(label, str) and label.endswith("_") and label not in _LABELS:
            raise _refuse(f"{shorten(label)} must be understood, and is not")


def _resolve_record(record: Mapping[str, Any], base: Mapping[str, Any], received_ms: int) -> Record:
    name = _text(base, "bn") + _text(record, "n")
    if not _NAME.fullmatch(name):
        raise _refuse(f"{shorten(repr(name))} is no name: letters, digits and -:./_, first a letter or digit")
    total = _number(record, "s") + _number(base, "bs") if "s" in record or "bs" in base else None
    value = _read_value(record, base)
    if value is None and total is None:
        raise _refuse(f"{shorten(name)} has neither a value nor a sum")
    seconds = _number(base, "bt") + _number(record, "t")
    time_ms = _read_time(seconds, received_ms)
    _number(record, "ut")
    unit = _text(record, "u") or _text(base, "bu")
    return Record(name, unit, time_ms, value, total, is_relative=time_ms is not None and seconds < NOW_S)


def _read_value(record: Mapping[str, Any], base: Mapping[str, Any]) -> Plain:
    """Return the value of a record; None for none."""
    labels = [label for label in _VALUES if label in record]
    if len(labels) > 1:
        raise _refuse(f"a record has {' and '.join(labels)}, not one value")
    match labels:
        case ["vs"]:
            return _text(record, "vs")
        case ["vb"]:
            return _truth(record)
        case ["vd"]:
            return _data(record)
    # What is missing of value and base value counts as zero; a sum may stand without either.
    if "v" in record or ("bv" in base and "s" not in record):
        return _number(base, "bv") + _number(record, "v")
    return None


def _read_time(seconds: float, received_ms: int) -> int | None:
    if not math.isfinite(seconds) or abs(seconds) > _LATEST_S:
        raise CodecError(Reason.INVALID_TIME, f"{seconds:g} s is no time between the years 1 and 9999")
    if not seconds:
        return None
    time_ms = round(seconds * 1000)
    return time_ms if seconds >= NOW_S else received_ms + time_ms


def _text(record: Mapping[str, Any], label: str) -> str:
    found = record.get(label, "")
    if not isinstance(found, str):
        raise _refuse(f"{label} is {show(found)}, not a text")
    return found


def _truth(record: Mapping[str, Any]) -> bool:
    found = record["vb"]
    if not isinstance(found, bool):
        raise _refuse(f"vb is {show(found)}, neither true nor false")
    return found


def _number(record: Mapping[str, Any], label: str) -> float:
    """Return a number, 0 where it is missing; NaN, which CBOR has, stays what it is."""
    found = record.get(label, 0)
    if not isinstance(found, int | float | Decimal) or isinstance(found, bool):
        raise _refuse(f"{label} is {show(found)}, not a number")
    return float(found)


def _data(record: Mapping[str, Any]) -> str:
    text = _text(record, "vd").rstrip("=")  # drafts of the RFC had the padding
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise CodecError(Reason.MALFORMED_PAYLOAD, f"vd is {show(text)}, not base64url")
    return text


def _refuse(detail: str) -> CodecError:
    return CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
