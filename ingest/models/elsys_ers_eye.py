"""Elsys ERS Eye: whether somebody is in a room; see ``ingest.frames.elsys``."""

from ingest.frames.elsys import OCCUPANCY, read_elsys
from ingest.model import Model, ModelExample, Take
from schemas.reason import Reason

MODEL = Model(
    title="Elsys ERS Eye",
    device_type="room_occupancy",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "occupancy": Take("presence", states=OCCUPANCY),
        "temperature": Take("temperature", "Cel"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ers-eye", "ers eye"),
    examples=(
        ModelExample(
            frame=(1, "0100E2022904002705061101"),
            fields="presence=true,temperature=22.6",
            origin="TheThingsNetwork/lorawan-devices: pending",
        ),
        ModelExample(
            members={"temperature": 22.6, "occupancy": 0, "vdd": 3594},
            fields="presence=false,temperature=22.6,voltage=3.594",
            origin="made by hand",
        ),
        ModelExample(
            frame=(5, "0100E21109"),
            fields="temperature=22.6",
            refused={"presence": Reason.WRONG_TYPE},
            origin="made by hand: a state that the maker does not have",
        ),
    ),
)
