"""Elsys ERS Desk and EMS Desk: whether somebody sits at a desk; see ``ingest.frames.elsys``."""

from ingest.frames.elsys import OCCUPANCY, read_elsys
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Elsys ERS Desk, EMS Desk",
    device_type="desk_occupancy",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "occupancy": Take("presence", states=OCCUPANCY),
        "temperature": Take("temperature", "Cel"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ers-desk", "ems-desk", "ers desk", "ems desk"),
    examples=(
        ModelExample(
            frame=(1, "0100E20229030127051102"),
            fields="presence=true,temperature=22.6",
            origin="TheThingsNetwork/lorawan-devices (EMS Desk)",
        ),
        ModelExample(
            frame=(5, "0100E202291100070E0A"),
            fields="presence=false,temperature=22.6,voltage=3.594",
            origin="made by hand",
        ),
    ),
)
