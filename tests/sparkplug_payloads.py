"""Sparkplug B payloads by hand, byte for byte, from the field numbers of the specification: no library makes them."""

import struct
from collections.abc import Iterable, Mapping

import pytest

from ingest.codec import CodecError
from ingest.codecs.sparkplug import FORMAT
from ingest.local_time import LOCAL
from ingest.source import Event, EventKind, Heard, Interpreter, Said, Source, UnbornError

NOW_MS = 1_768_478_402_000
TOLD_MS = 1_486_144_502_122
"""Of the specification's samples."""
SOURCE = Source(key="bygg", format_key="sparkplug", root=FORMAT.root, zone_info=LOCAL)
NODE = "Sparkplug B Devices/Raspberry Pi"

_KINDS = {
    "int": 10,
    "long": 11,
    "float": 12,
    "double": 13,
    "boolean": 14,
    "string": 15,
    "bytes": 16,
    "dataset": 17,
    "template": 18,
}


def varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*encoded, number))


def field(number: int, value: float | bytes | str) -> bytes:
    """Return a field: whole numbers and truths as varint, what is a float as double, the rest with its length."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    body = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(body)) + body


def value(kind: str, told: float | bytes | str) -> bytes:
    """Return the value of a metric in the field of a kind."""
    if kind == "float":
        return varint(_KINDS[kind] << 3 | 5) + struct.pack("<f", told)
    return field(_KINDS[kind], told)


def metric(
    name: str | int | None = None,
    datatype: int | None = None,
    *values: bytes,
    time_ms: int | None = None,
    properties: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a metric.

    Args:
        name: Or its alias.
        datatype: Left out for None.
        values: Further fields, such as the value.
        time_ms: Left out for None.
        properties: Each as it is encoded.
    """
    parts = [field(1, name)] if isinstance(name, str) else [] if name is None else [field(2, name)]
    parts += [] if time_ms is None else [field(3, time_ms)]
    parts += [] if datatype is None else [field(4, datatype)]
    if properties is not None:
        keys = b"".join(field(1, key) for key in properties)
        parts.append(field(9, keys + b"".join(field(2, one) for one in properties.values())))
    return b"".join((*parts, *values))


def number(name: str | int | None, told: float, *, alias: int | None = None, time_ms: int | None = None) -> bytes:
    """Return a metric with a Double; its type is left out where the name is."""
    datatype = 10 if isinstance(name, str) else None
    also = [] if alias is None else [field(2, alias)]
    return metric(name, datatype, *also, value("double", told), time_ms=time_ms)


def write(metrics: Iterable[bytes], seq: int | None = None, time_ms: int | None = TOLD_MS) -> bytes:
    """Return a payload of metrics."""
    parts = [] if time_ms is None else [field(1, time_ms)]
    parts += [field(2, one) for one in metrics]
    return b"".join([*parts, *([] if seq is None else [field(3, seq)])])


def bd_seq(told: int) -> bytes:
    """Return the metric that a birth and its death have in common."""
    return metric("bdSeq", 4, value("long", told), time_ms=TOLD_MS)


REBIRTH = metric("Node Control/Rebirth", 11, value("boolean", told=False), time_ms=TOLD_MS)

# "NBIRTH", "DBIRTH", "NDATA", "DDATA" and "NDEATH" in chapter 6 of the specification.
NBIRTH = write(
    [
        bd_seq(0),
        REBIRTH,
        metric("Node Control/Scan Rate", 4, value("long", 3000), time_ms=TOLD_MS),
        metric("Properties/Hardware Make", 12, value("string", "Raspberry Pi"), time_ms=TOLD_MS),
        metric("Properties/Hardware Model", 12, value("string", "Pi 3 Model B"), time_ms=TOLD_MS),
        metric("Supply Voltage", 9, value("float", 12.1), time_ms=TOLD_MS),
    ],
    seq=0,
)
DBIRTH = write([metric(f"Inputs/{one}", 11, value("boolean", told=False), time_ms=TOLD_MS) for one in "ABC"], seq=1)
NDATA = write([metric("Supply Voltage", 9, value("float", 12.3), time_ms=TOLD_MS)], seq=2)
DDATA = write([metric(f"Inputs/{one}", 11, value("boolean", told=True), time_ms=TOLD_MS + 1000) for one in "AC"], seq=3)
NDEATH = write([bd_seq(0)])
DDEATH = write([], seq=2)
ALIASED = write([bd_seq(0), number("T", 20.5, alias=0), number("P", 118.0, alias=1)], seq=0)


class Host:
    """Hears the messages of one group, one after another.

    Args:
        interpreter: One that has heard something; else a new one.
    """

    def __init__(self, interpreter: Interpreter | None = None) -> None:
        self.interpreter = FORMAT.open(SOURCE) if interpreter is None else interpreter
        self.now_ms = NOW_MS

    def hear(self, verb: str, payload: bytes, device: str = "", node: str = NODE) -> Heard:
        """Return what a message says."""
        group, name = node.split("/")
        topic = f"spBv1.0/{group}/{verb}/{name}" + (f"/{device}" if device else "")
        return self.interpreter.read(topic, payload, self.now_ms)

    def said(self, verb: str, payload: bytes, device: str = "") -> Said:
        """Return the one thing that a message says."""
        (said,) = self.hear(verb, payload, device).said
        return said

    def refuse(self, verb: str, payload: bytes, device: str = "", node: str = NODE) -> UnbornError:
        """Return why a message cannot be understood yet."""
        with pytest.raises(UnbornError) as error:
            self.hear(verb, payload, device, node)
        return error.value

    def fault(self, verb: str, payload: bytes, device: str = "") -> CodecError:
        """Return why a message is refused."""
        with pytest.raises(CodecError) as error:
            self.hear(verb, payload, device)
        assert not isinstance(error.value, UnbornError)
        return error.value


def list_events(heard: Heard) -> list[tuple[EventKind, str]]:
    """Return kind and address of each event."""
    return [(event.kind, event.address) for event in heard.events]


def list_faults(heard: Heard) -> list[Event]:
    """Return what is told to be wrong."""
    return [event for event in heard.events if event.kind is EventKind.FAILED]
