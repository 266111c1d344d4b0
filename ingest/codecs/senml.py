"""SenML (RFC 8428): packs of records in JSON or CBOR; the first byte tells which.

- Topics: all below the root, ``senml/#``; or patterns such as ``bygg/{address}/senml``.
- A resolved name names a device and a member of it. The address is, and the member is what follows, in

  - ``urn:dev:{kind}:{id}`` (RFC 9039) and ``urn:uuid:{id}``: these, before ``:``, ``/`` or, where there is neither, the
    first ``_``: ``urn:dev:ow:10e2073a01080063:voltage``;
  - other names: what stands before the last ``/``, or else before the last ``:``: ``2001:db8::2/temperature``;
  - a name without either, an IPv6 address and a MAC address: all of it, and there is no member.

  Where a pattern names the device in the topic, that is the address, and the member is the last part of the name.
- What has no member in its name is called as its unit, such as ``Cel``, ``lat`` and ``%EL``, for one device says
  several such things at once (RFC 8428, 5.1.3); ``value`` where it has no unit. A sum is called as its value, with
  ``.sum`` behind it.
- What a pack says of one device at one time is told together. Times near zero are relative to when it is received: a
  pack that a broker delivers twice says the same at two times, and one that it kept says nothing of when.
- Units are those of RFC 8428 and RFC 8798; one that the platform does not know is told as it is, so that no number in
  it passes for one in another.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address

from ingest.payloads.senml import Record, read_pack, resolve
from ingest.payloads.topic_pattern import TopicPatterns, make_filter
from ingest.source import Format, Heard, Plain, Said, Source
from ingest.stripping import Traits

UNITS = {
    # RFC 8428, 12.1
    "m": "m", "s": "s", "A": "A", "K": "K", "Hz": "Hz", "Pa": "Pa", "J": "J", "W": "W", "V": "V", "Cel": "Cel",
    "lx": "lx", "m3": "m3", "l": "L", "m/s": "m/s", "m3/s": "m3/s", "l/s": "L/s", "W/m2": "W/m2", "S/m": "S/m",
    "pH": "[pH]", "dB": "dB",
    "lat": "deg", "lon": "deg", "count": "1", "/": "1", "%": "%", "%RH": "%", "%EL": "%", "EL": "s", "beats": "1",
    # RFC 8798, 2 and 3
    "var": "var", "deg": "deg", "ms": "ms", "min": "min", "h": "h", "kW": "kW", "kvar": "kvar", "Wh": "W.h",
    "kWh": "kW.h", "varh": "var.h", "kvarh": "kvar.h", "mV": "mV", "mA": "mA", "ug/m3": "ug/m3", "mm/h": "mm/h",
    "m/h": "m/h", "ppm": "[ppm]", "/100": "%", "hPa": "hPa", "mm": "mm", "cm": "cm", "km": "km", "km/h": "km/h",
}  # fmt: skip
"""UCUM codes by what SenML writes."""
SUM_UNITS = {"W": "J", "m3/s": "m3", "l/s": "L", "m/s": "m", "/": "s"}
"""UCUM codes of the sum of a value over time, in its unit times seconds, by what SenML writes for the value."""

_URN = re.compile(r"(urn:dev:[^:/]+:[^:/]+|urn:uuid:[^:/]+)(?:[:/](.*))?", re.IGNORECASE)
_URN_COMPONENT = re.compile(r"(urn:dev:[^:/]+:[^:/_]+)_(.+)", re.IGNORECASE)
_MAC = re.compile("[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5,7}")


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._patterns = TopicPatterns(source.patterns) if source.patterns else None

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is no SenML pack, or its topic is of no pattern.
        """
        told = self._patterns.read(topic).address if self._patterns else ""
        records = resolve(read_pack(payload), received_ms)
        return Heard(said=_gather((*_name(record, told), record) for record in records))


def _list_filters(source: Source) -> Sequence[str]:
    """Return the topic filters to subscribe to."""
    return tuple(dict.fromkeys(map(make_filter, source.patterns))) or (f"{source.root}/#",)


FORMAT = Format(
    title="SenML",
    root="senml",
    is_lossless=True,
    is_partial=True,
    traits=Traits(own=frozenset({"bn", "n", "bu", "u", "vd", "-2", "-4", "0", "1", "8"})),
    open=_Interpreter,
    list_filters=_list_filters,
)


def _name(record: Record, told: str) -> tuple[str, str]:
    """Return the address and the member of a record.

    Args:
        record: Resolved.
        told: The address that the topic tells; empty where it tells none.
    """
    device, member = split_name(record.name)
    if not member and told not in ("", device) and ":" not in device:
        member = device  # the name says nothing of the device, which the topic names
    return told or device, member or record.unit or "value"


def split_name(name: str) -> tuple[str, str]:
    """Return the device and the member that a resolved name names; the member is empty for none."""
    if urn := _URN.fullmatch(name):
        if urn[2] is None and (with_component := _URN_COMPONENT.fullmatch(name)):
            return with_component[1], with_component[2]
        return urn[1], urn[2] or ""
    if _is_one(name):
        return name, ""
    device, _, member = name.rpartition("/" if "/" in name else ":")
    return (device, member) if device else (name, "")


def _is_one(name: str) -> bool:
    """Whether a name is an address that only looks as if it had parts."""
    if _MAC.fullmatch(name):
        return True
    try:
        IPv6Address(name)
    except ValueError:
        return False
    return True


def _gather(named: Iterable[tuple[str, str, Record]]) -> list[Said]:
    """Return what is said of each device at each time; what is said twice is told twice."""
    said: list[Said] = []
    latest: dict[tuple[str, int | None, bool], tuple[dict[str, Plain], dict[str, str]]] = {}
    for address, member, record in named:
        key = (address, record.time_ms, record.is_relative)
        members, units = _say(member, record)
        known = latest.get(key)
        if known is None or not known[0].keys().isdisjoint(members):
            known = latest[key] = ({}, {})
            said.append(Said(address, *known, time_ms=record.time_ms, is_reckoned=record.is_relative))
        known[0].update(members)
        known[1].update(units)
    return said


def _say(member: str, record: Record) -> tuple[dict[str, Plain], dict[str, str]]:
    """Return the members of a record and their units."""
    members: dict[str, Plain] = {}
    units: dict[str, str] = {}
    if record.value is not None:
        members[member] = record.value
        if record.unit:
            units[member] = UNITS.get(record.unit, record.unit)
    if record.sum is not None:
        total = f"{member}.sum"
        members[total] = record.sum
        if record.unit:
            units[total] = SUM_UNITS.get(record.unit, f"{record.unit}.s")
    return members, units
