"""Nwave NPS405, parking sensor (Nwave, "LoRaWAN Parking Sensor - Getting Started", 4.2 "Uplink messages").

Port 1 tells the state when it changes: bit 0, with the duration of the state before in the other seven. Port 2 tells
the state in bit 0 too, battery and temperature; port 3 the state after a start. Port 10 tells whose tag is in the bay:
that is a person's, so nothing of it is read. Port 6 is for the maker. The maker's first decoder took the highest bit
for the state, which its own example of 74 minutes contradicts.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import expect_size, refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame

_STATUS, _HEARTBEAT, _START = 1, 2, 3
_OF_NO_INTEREST = (6, 10)
_SIZES: Mapping[int, int] = {_STATUS: 1, _HEARTBEAT: 6, _START: 5}
_OCCUPIED = 0x01


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port in _OF_NO_INTEREST:
        return []
    if frame.port not in _SIZES:
        refuse(frame, f"nothing is known of port {frame.port}")
    expect_size(frame, _SIZES[frame.port])
    octets = Octets(frame.body)
    if frame.port == _START:
        octets.cut(4)  # firmware, and why it started
        return [Decoded({"occupied": bool(octets.take(">B") & _OCCUPIED)})]
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
    hints=("nps405", "nps405sm", "nps405fm"),
    examples=(
        ModelExample(frame=(1, "95"), fields="occupied=true", origin="TheThingsNetwork/lorawan-devices: state"),
        ModelExample(
            frame=(1, "94"),
            fields="occupied=false",
            origin="made by hand: the bay is free after the same 74 minutes",
        ),
        ModelExample(
            frame=(1, "0B"),
            fields="occupied=true",
            origin="made by hand: occupied after five minutes",
        ),
        ModelExample(
            frame=(2, "01D3D800590B"),
            fields="occupied=true,temperature=-10.0,voltage=3.344",
            origin="TheThingsNetwork/lorawan-devices: heartbeat, made occupied by hand",
        ),
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
