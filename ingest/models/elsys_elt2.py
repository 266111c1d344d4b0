"""Elsys ELT-2 in a technical room: its own climate and, where fitted, the air's pressure; see ``ingest.frames.elsys``.

Its external inputs can be anything, so they are left out.
"""

from ingest.frames.elsys import read_elsys
from ingest.model import Model, ModelExample, Take
from schemas.reason import Reason

MODEL = Model(
    title="Elsys ELT-2 (climate of a technical room)",
    device_type="indoor_climate",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "temperature": Take("temperature", "Cel"),
        "humidity": Take("humidity", "%"),
        "pressure": Take("pressure", "hPa"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("elt-2", "elt2", "elt-lite"),
    examples=(
        ModelExample(
            frame=(1, "0100E20229030127051406010111"),
            fields="temperature=22.6,humidity=41.0",
            refused={"pressure": Reason.OUT_OF_RANGE},
            origin="TheThingsNetwork/lorawan-devices: it says 100729.105 hPa",
        ),
        ModelExample(
            frame=(5, "0100E2022914000F6D6A"),
            fields="temperature=22.6,humidity=41.0,pressure=1011.05",
            origin="made by hand",
        ),
    ),
)
