"""Bosch TPS110, parking lot sensor (Bosch, "Communication Interface - Technical Description", v0.23.3 and v0.29.4).

Port 1 tells the state when it changes, port 2 once a day with the temperature in whole degrees (older firmware without
it), port 3 after a start. Ports 4, 5 and 6 tell of the device.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import expect_size, refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain

_STATUS, _HEARTBEAT, _START = 1, 2, 3
_OF_THE_DEVICE = (4, 5, 6)
_SIZES: Mapping[int, tuple[int, ...]] = {_STATUS: (1,), _HEARTBEAT: (1, 2), _START: (17,)}


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port in _OF_THE_DEVICE:
        return []
    if frame.port not in _SIZES:
        refuse(frame, f"nothing is known of port {frame.port}")
    expect_size(frame, *_SIZES[frame.port])
    octets = Octets(frame.body)
    if frame.port == _START:
        octets.cut(16)  # faults, firmware, and why it started
    members: dict[str, Plain] = {"occupied": bool(octets.take(">B") & 1)}
    if octets.left:
        members["temperature"] = octets.take(">b")
    return [Decoded(members)]


MODEL = Model(
    title="Bosch TPS110",
    device_type="parking_bay",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes={"occupied": Take("occupied"), "temperature": Take("temperature", "Cel")},
    hints=("tps110", "tps110-0292", "bosch parking"),
    examples=(
        ModelExample(frame=(1, "01"), fields="occupied=true", origin="TheThingsNetwork/lorawan-devices: state"),
        ModelExample(
            frame=(2, "01FF"),
            fields="occupied=true,temperature=-1.0",
            origin="TheThingsNetwork/lorawan-devices: heartbeat",
        ),
        ModelExample(
            frame=(3, "240300007503000000000000001D020301"),
            fields="occupied=true",
            origin="TheThingsNetwork/lorawan-devices: start",
        ),
        ModelExample(frame=(4, "0102030405"), fields="", origin="made by hand"),
        ModelExample(
            members={"type": "heartbeat", "occupied": False, "temperature": 12},
            fields="occupied=false,temperature=12.0",
            origin="made by hand",
        ),
    ),
)
