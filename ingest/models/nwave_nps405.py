"""Nwave NPS405, parking sensor (Nwave, "LoRaWAN message format").

Port 1 tells the state when it changes, in the highest bit; port 2 the state, battery and temperature; port 3 the state
after a start. Port 10 tells whose tag is in the bay: that is a person's, so nothing of it is read. Port 6 is for the
maker.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import expect_size, refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame

_STATUS, _HEARTBEAT, _START = 1, 2, 3
_OF_NO_INTEREST = (6, 10)
_SIZES: Mapping[int, int] = {_STATUS: 1, _HEARTBEAT: 6, _START: 5}
_OCCUPIED = 0x80


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port in _OF_NO_INTEREST:
        return []
    if frame.port not in _SIZES:
        refuse(frame, f"nothing is known of port {frame.port}")
    expect_size(frame, _SIZES[frame.port])
    octets = Octets(frame.body)
    if frame.port == _START:
        octets.cut(4)  # firmware, and why it started
        return [Decoded({"occupied": bool(octets.take(">B") & 1)})]
    occupied = bool(octets.take(">B") & _OCCUPIED)
    if frame.port == _STATUS:
        return [Decoded({"occupied": occupied})]
    voltage = (2500 + octets.take(">B") * 4) / 1000
    return [Decoded({"occupied": occupied, "battery_voltage": voltage, "temperature": octets.take(">b") / 2 + 10})]


MODEL = Model(
    title="Nwave NPS405",
    device_type="parking_bay",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes={
        "occupied": Take("occupied"),
        "temperature": Take("temperature", "Cel"),
        "battery_voltage": Take("voltage", "V"),
    },
    hints=("nps405", "nwave"),
    examples=(
        ModelExample(frame=(1, "95"), fields="occupied=true", origin="TheThingsNetwork/lorawan-devices: state"),
        ModelExample(
            frame=(2, "00D3D800590B"),
            fields="occupied=false,temperature=-10.0,voltage=3.344",
            origin="TheThingsNetwork/lorawan-devices: heartbeat",
        ),
        ModelExample(
            frame=(3, "0204090200"), fields="occupied=false", origin="TheThingsNetwork/lorawan-devices: start"
        ),
        ModelExample(frame=(10, "D1201F345678"), fields="", origin="TheThingsNetwork/lorawan-devices: a person's tag"),
        ModelExample(
            members={"type": "user_registration", "occupied": True, "tag_id": "1F345678", "tag_battery_voltage": 3.2},
            fields="occupied=true",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it: the tag is left out",
        ),
    ),
)
