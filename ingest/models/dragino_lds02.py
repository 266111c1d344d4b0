"""Dragino LDS02, door sensor.

Ten bytes on port 10: battery with the state of the door in its highest bit, mode, how often it was opened, how long it
was open last in minutes, alarm (LDS02 user manual, "Payload"). In mode 1 it watches a door, in mode 3 a door and a
leak, which share the highest bits; in mode 2 it watches no door.
"""

from collections.abc import Sequence

from ingest.frames.broken_frame import expect_port, expect_size, refuse
from ingest.frames.dragino import STATUS_PORT, take_battery
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain

_DOOR, _DOOR_AND_LEAK = 1, 3
_OPEN = 0b10


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port == STATUS_PORT:
        return []
    expect_port(frame, 10)
    expect_size(frame, 10)
    octets = Octets(frame.body)
    voltage, flags = take_battery(octets)
    mode = octets.take(">B")
    if mode not in (_DOOR, _DOOR_AND_LEAK):
        refuse(frame, f"mode {mode} watches no door")
    members: dict[str, Plain] = {"BAT_V": voltage, "DOOR_OPEN_STATUS": int(bool(flags & _OPEN))}
    if mode == _DOOR:
        members["DOOR_OPEN_TIMES"] = int.from_bytes(octets.cut(3), "big")
    return [Decoded(members)]


MODEL = Model(
    title="Dragino LDS02",
    device_type="door_contact",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes={
        "DOOR_OPEN_STATUS": Take("door_open"),
        "DOOR_OPEN_TIMES": Take("openings"),
        "BAT_V": Take("voltage", "V"),
    },
    hints=("lds02", "lds01"),
    examples=(
        ModelExample(
            members={
                "ALARM": 0,
                "BAT_V": 2.952,
                "DOOR_OPEN_STATUS": 0,
                "DOOR_OPEN_TIMES": 9472,
                "LAST_DOOR_OPEN_DURATION": 65536,
                "MOD": 1,
            },
            fields="door_open=false,openings=9472.0,voltage=2.952",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it; its bytes are three too few",
        ),
        ModelExample(
            frame=(10, "8C960100000200001200"),
            fields="door_open=true,openings=2.0,voltage=3.222",
            origin="akenza-io/device-type-library, lds02",
        ),
        ModelExample(
            frame=(10, "8B880100250000000100"),
            fields="door_open=true,openings=9472.0,voltage=2.952",
            origin="TheThingsNetwork/lorawan-devices, completed by hand",
        ),
        ModelExample(
            frame=(10, "0B880300000000000000"),
            fields="door_open=false,voltage=2.952",
            origin="made by hand: a door and a leak",
        ),
    ),
)
