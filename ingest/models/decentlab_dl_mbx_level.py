"""Decentlab DL-MBX, ultrasonic distance, over water; see ``ingest.frames.decentlab``."""

from ingest.frames.decentlab import complete_distance, decode_distance, take_distance
from ingest.frames.mounting import LEVEL_PARAMETERS, find_level
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Decentlab DL-MBX (level)",
    device_type="level_sensor",
    formats=("tts", "chirpstack"),
    decode=decode_distance,
    parameters=LEVEL_PARAMETERS,
    complete=complete_distance("level", find_level),
    takes=take_distance(Take("level", "m")),
    hints=("dl-mbx",),
    examples=(
        ModelExample(
            frame=(1, "02012F000304D200010BB1"),
            fields="distance=1.234,voltage=2.993",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(1, "02012F000304D200010BB1"),
            parameters={"mount_height": 4.0},
            fields="level=2.766,distance=1.234,voltage=2.993",
            origin="TheThingsNetwork/lorawan-devices, in a mounting made by hand",
        ),
    ),
)
