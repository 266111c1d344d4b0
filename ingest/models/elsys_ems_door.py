"""Elsys EMS Door and EMS: whether a door is open and how often it was opened; see ``ingest.frames.elsys``.

The digital input is the reed switch: 1 while the magnet is near, that is while the door is closed (so also
allthingstalk/device-types, ELSYS/EMS, "Door Closed"; akenza-io/device-type-library, "true if reed is detected"). Where
the magnet is mounted the other way round, the parameter says so. A frame may tell the counter alone, as the maker's
example does.
"""

from collections.abc import Mapping

from ingest.frames.elsys import read_elsys
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain


def _add_door(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    if members.get("digital") in (0, 1):
        members["door_open"] = members["digital"] == parameters["open_input"]


MODEL = Model(
    title="Elsys EMS Door, EMS",
    device_type="door_contact",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    parameters={"open_input": Parameter("What the digital input is while the door is open: 0 or 1", "1", default=0.0)},
    complete=_add_door,
    takes={
        "door_open": Take("door_open"),
        "pulseAbs": Take("openings"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ems-door", "ems door", "ems", "ems-lite"),
    examples=(
        ModelExample(
            frame=(1, "030127050A11010B000A0011"),
            fields="openings=655377.0",
            origin="TheThingsNetwork/lorawan-devices: without a digital input",
        ),
        ModelExample(
            frame=(5, "033E01FF070E2F0B000007920D010F00"),
            fields="door_open=false,openings=1938.0,voltage=3.631",
            origin="akenza-io/device-type-library, ems-door",
        ),
        ModelExample(frame=(5, "0D01"), fields="door_open=false", origin="akenza-io/device-type-library, ems-door"),
        ModelExample(frame=(5, "0D00"), fields="door_open=true", origin="akenza-io/device-type-library, ems-door"),
        ModelExample(
            frame=(5, "0100E8021A0300FF3D070E360B0000000D0D010F141200"),
            fields="door_open=false,openings=13.0,voltage=3.638",
            origin="akenza-io/device-type-library, ems",
        ),
        ModelExample(
            members={"x": 1, "y": 39, "z": 5, "pulse1": 4353, "pulseAbs": 655377, "digital": 1},
            parameters={"open_input": 1.0},
            fields="door_open=true,openings=655377.0",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it, with a digital input made by hand",
        ),
        ModelExample(
            members={"digital": 1, "pulseAbs": 17},
            fields="door_open=false,openings=17.0",
            origin="made by hand",
        ),
    ),
)
