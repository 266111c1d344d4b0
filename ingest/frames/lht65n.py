"""Frames of Dragino LHT65N, a logger of temperature and humidity with a socket for a probe.

Eleven bytes on port 2: battery or probe, temperature and humidity of the built-in sensor, a byte that says what is in
the socket, and four bytes of that (LHT65N user manual, "Uplink Payload"). Readings that were stored while there was no
network come on request, eleven bytes each, with their time.
"""

from collections.abc import Mapping

from ingest.frames.broken_frame import expect_port, expect_size, refuse
from ingest.frames.dragino import STATUS_PORT, take_battery
from ingest.frames.octets import Octets
from ingest.model import Decoded
from ingest.source import Frame, Plain

NOT_CONNECTED = 327.67
"""Temperature of a probe that is not connected."""

_SIZE = 11
_STORED = 0x40
_IN_TIME = 0x20
"""Bits of the byte that says what is in the socket: a stored reading; the clock was set by the network."""
_DS18B20, _TMP117, _DS18B20_IN_TIME, _DS18B20_NUMBER = 1, 2, 9, 15
_SOCKETS: Mapping[int, str] = {
    0: "",
    _DS18B20: "TempC_DS",
    _TMP117: "TempC_TMP117",
    4: "",  # a switch
    5: "",  # light
    6: "",  # a voltage
    7: "",  # a counter
    8: "",  # a larger counter
    _DS18B20_IN_TIME: "TempC_DS",
}
"""What can be in the socket, and the name of its temperature where it has one."""


def read_lht65n(frame: Frame) -> list[Decoded]:
    """Return what a frame says: one moment, or those that were stored; nothing where there were none.

    Raises:
        CodecError: It is no such frame (BROKEN_FRAME).
    """
    if frame.port == STATUS_PORT:
        return []
    expect_port(frame, 2)
    if len(frame.body) > _SIZE and frame.body[6] & _STORED:
        expect_size(frame, len(frame.body) // _SIZE * _SIZE)
    else:
        expect_size(frame, _SIZE)
    if not any(frame.body):  # the answer where nothing was stored: 0.00 degrees it is not
        return []
    octets = Octets(frame.body)
    records = [Octets(octets.cut(_SIZE)) for _ in range(len(frame.body) // _SIZE)]
    if frame.body[6] & _STORED:
        return [_read_stored(frame, record) for record in records]
    return _read_now(frame, records[0])


def _read_now(frame: Frame, record: Octets) -> list[Decoded]:
    socket = frame.body[6]
    kind = socket & 0x0F
    if kind == _DS18B20_NUMBER:
        return []
    name = _find_name(frame, kind)
    members: dict[str, Plain] = {}
    if kind == _DS18B20_IN_TIME:
        members[name] = record.take(">h") / 100
    else:
        members["BatV"], _ = take_battery(record)
    members |= _take_climate(record)
    record.take(">B")
    if kind == _DS18B20_IN_TIME:
        seconds = record.take(">I")
        return [Decoded(members, seconds * 1000 if socket & _IN_TIME else None)]
    if name:
        members[name] = record.take(">h") / 100
    return [Decoded(members)]


def _read_stored(frame: Frame, record: Octets) -> Decoded:
    external = record.take(">h") / 100
    climate = _take_climate(record)
    socket = record.take(">B")
    if not socket & _STORED:
        refuse(frame, "a stored reading does not say that it is one")
    name = _find_name(frame, socket & 0x0F)
    return Decoded({**climate, name: external} if name else climate, record.take(">I") * 1000)


def _take_climate(record: Octets) -> dict[str, Plain]:
    return {"TempC_SHT": record.take(">h") / 100, "Hum_SHT": (record.take(">H") & 0x0FFF) / 10}


def _find_name(frame: Frame, kind: int) -> str:
    name = _SOCKETS.get(kind)
    if name is None:
        refuse(frame, f"what is in the socket is unknown: {kind}")
    return name
