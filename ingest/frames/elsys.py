"""Frames of Elsys' sensors (ERS, EMS, ELT): one byte says what comes, then it comes; big endian, as many as there are.

The types are those of Elsys' "LoRa payload" document (https://www.elsys.se/en/elsys-payload/); the names are those of
the decoder that the maker gives to network servers. The port is the installer's choice, so none is asked for.
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ingest.frames.broken_frame import refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded
from ingest.source import Frame, Plain


class _Kind(NamedTuple):
    """What follows a type byte.

    Attributes:
        form: As in ``struct``, with byte order; ``x`` for what is not read.
        names: Of its numbers.
        divisor: Of its numbers, to the unit of the maker's decoder.
    """

    form: str
    names: tuple[str, ...] = ()
    divisor: int = 1


_KINDS: Mapping[int, _Kind] = MappingProxyType(
    {
        0x01: _Kind(">h", ("temperature",), 10),
        0x02: _Kind(">B", ("humidity",)),
        0x03: _Kind(">3b", ("x", "y", "z")),  # 63 is the acceleration of the Earth
        0x04: _Kind(">H", ("light",)),
        0x05: _Kind(">B", ("motion",)),
        0x06: _Kind(">H", ("co2",)),
        0x07: _Kind(">H", ("vdd",)),  # millivolts
        0x08: _Kind(">H", ("analog1",)),  # millivolts
        0x09: _Kind(">6x"),  # a position
        0x0A: _Kind(">H", ("pulse1",)),
        0x0B: _Kind(">I", ("pulseAbs",)),
        0x0C: _Kind(">h", ("externalTemperature",), 10),
        0x0D: _Kind(">B", ("digital",)),
        0x0E: _Kind(">H", ("distance",)),  # millimetres
        0x0F: _Kind(">B", ("accMotion",)),
        0x10: _Kind(">2h", ("irInternalTemperature", "irExternalTemperature"), 10),
        0x11: _Kind(">B", ("occupancy",)),
        0x12: _Kind(">B", ("waterleak",)),
        0x13: _Kind(">65x"),  # a picture in temperatures
        0x14: _Kind(">i", ("pressure",), 1000),
        0x15: _Kind(">2B", ("soundPeak", "soundAvg")),
        0x16: _Kind(">H", ("pulse2",)),
        0x17: _Kind(">I", ("pulseAbs2",)),
        0x18: _Kind(">H", ("analog2",)),  # millivolts
        0x19: _Kind(">h", ("externalTemperature2",), 10),
        0x1A: _Kind(">B", ("digital2",)),
        0x1B: _Kind(">i", ("analogUv",)),  # microvolts
        0x1C: _Kind(">H", ("tvoc",)),  # parts per billion
        0x3D: _Kind(">4x"),  # for the maker
    }
)
_CHAIN = 0x19
"""External thermometers on one wire."""
_SETTINGS = 0x3E
"""Begins the frame in which a sensor tells its settings, after a start or a change."""

OCCUPANCY: Mapping[Plain, bool] = MappingProxyType({0: False, 1: True, 2: True})
"""0 is nobody; 1 is pending, somebody comes or goes, so somebody is there; 2 is occupied."""


def read_elsys(frame: Frame) -> list[Decoded]:
    """Return what a frame says: nothing for one with settings, or with nothing that is read.

    Of a chain of thermometers the first is read. Anything else that comes twice is of a sensor that was set to send
    several samples at once; which is the newer one nothing says.

    Raises:
        CodecError: It has a type that is unknown or comes twice, or ends early (BROKEN_FRAME).
    """
    if frame.body[:1] == bytes((_SETTINGS,)):
        return []
    octets = Octets(frame.body)
    if not octets.left:
        refuse(frame, "the frame is empty")
    members: dict[str, Plain] = {}
    read: set[int] = set()
    while octets.left:
        key = octets.take(">B")
        kind = _KINDS.get(key)
        if kind is None:
            refuse(frame, f"type {key:#04x} is unknown")
        if key in read and key != _CHAIN:
            refuse(frame, f"type {key:#04x} comes twice: set the sensor to send one sample at a time")
        numbers = struct.unpack(kind.form, octets.cut(struct.calcsize(kind.form)))
        if key not in read:
            members |= {
                name: number if kind.divisor == 1 else number / kind.divisor
                for name, number in zip(kind.names, numbers, strict=True)
            }
        read.add(key)
    return [Decoded(members)] if members else []
