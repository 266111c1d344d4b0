"""Frames of Dragino LHT65N, a logger of temperature and humidity with a socket for a probe.

Eleven bytes on port 2: battery or probe, temperature and humidity of the built-in sensor, a byte that says what is in
the socket, and four bytes of that (LHT65N user manual, "Uplink Payload"). Readings that were stored while there was no
network come on request, eleven bytes each, with their time; so does one that was not acknowledged, when it is sent
again. The highest bit says the latter. Until firmware 1.4 it said that the probe is not connected, and then the probe's
temperature says so too, which no time before 2038 looks like. What the numbers in the socket mean, to firmware 1.5.6:
``LHT65N`` in https://github.com/dragino/dragino-end-node-decoder.
"""

from collections.abc import Mapping

from ingest.frames.broken_frame import expect_port, expect_size, refuse
from ingest.frames.dragino import STATUS_PORT, take_battery
from ingest.frames.octets import Octets
from ingest.model import Decoded
from ingest.source import Frame, Plain

NOT_CONNECTED = 327.67
"""Temperature of a probe that is not connected."""

_NOT_CONNECTED_WORD = bytes.fromhex("7FFF")

_SIZE = 11
_SOCKET = 6
"""Where the byte is that says what is in the socket."""
_RESENT, _STORED, _IN_TIME = 0x80, 0x40, 0x20
"""Its bits: a reading that is sent again, one that was stored, and that the clock was set by the network."""
_DS18B20, _TMP117, _DS18B20_IN_TIME, _TMP117_IN_TIME, _SHT31, _DS18B20_NUMBER = 1, 2, 9, 10, 11, 15
_NUMBERS = frozenset({_DS18B20_NUMBER, 0x10, 0x20})
"""The whole byte of frames that tell a probe's own number where the climate would be."""
_WITH_TIME = frozenset({_DS18B20_IN_TIME, _TMP117_IN_TIME})
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
    _TMP117_IN_TIME: "TempC_TMP117",
    _SHT31: "Ext_TempC_SHT",
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
    is_stored = _is_stored(frame.body[:_SIZE])
    expect_size(frame, max(len(frame.body) // _SIZE, 1) * _SIZE if is_stored else _SIZE)
    if not any(frame.body):  # the answer where nothing was stored: 0.00 degrees it is not
        return []
    records = [frame.body[at : at + _SIZE] for at in range(0, len(frame.body), _SIZE)]
    return [_read_stored(frame, record) for record in records] if is_stored else _read_now(frame, records[0])


def _is_stored(record: bytes) -> bool:
    socket = record[_SOCKET] if len(record) == _SIZE else 0
    resent = socket & _RESENT and record[_SOCKET + 1 : _SOCKET + 3] != _NOT_CONNECTED_WORD
    return bool(socket & _STORED or resent)


def _read_now(frame: Frame, body: bytes) -> list[Decoded]:
    socket = body[_SOCKET]
    if socket in _NUMBERS:
        return []
    kind = socket & 0x0F
    name = _find_name(frame, kind)
    record = Octets(body)
    members: dict[str, Plain] = {}
    if kind in _WITH_TIME:
        members[name] = record.take(">h") / 100
    else:
        members["BatV"], _ = take_battery(record)
    members |= _take_climate(record)
    record.take(">B")
    if kind in _WITH_TIME:
        seconds = record.take(">I")
        return [Decoded(members, seconds * 1000 if socket & _IN_TIME else None)]
    if name:
        members[name] = record.take(">h") / 100
    return [Decoded(members)]


def _read_stored(frame: Frame, body: bytes) -> Decoded:
    if not _is_stored(body):
        refuse(frame, "a stored reading does not say that it is one")
    record = Octets(body)
    external = record.take(">h") / 100
    climate = _take_climate(record)
    name = _find_name(frame, record.take(">B") & 0x0F)
    return Decoded({**climate, name: external} if name else climate, record.take(">I") * 1000)


def _take_climate(record: Octets) -> dict[str, Plain]:
    return {"TempC_SHT": record.take(">h") / 100, "Hum_SHT": (record.take(">H") & 0x0FFF) / 10}


def _find_name(frame: Frame, kind: int) -> str:
    name = _SOCKETS.get(kind)
    if name is None:
        refuse(frame, f"what is in the socket is unknown: {kind}")
    return name
