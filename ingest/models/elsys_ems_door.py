"""Elsys EMS Door and EMS: whether a door is open and how often it was opened; see ``ingest.frames.elsys``.

The digital input is the reed switch: 1 while the magnet is near, that is while the door is closed. Where the
magnet is mounted the other way round, the parameter says so.
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
            frame=(5, "030127050B000A00110D00070E0A"),
            fields="door_open=true,openings=655377.0,voltage=3.594",
            origin="TheThingsNetwork/lorawan-devices, with a digital input and a battery made by hand",
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
