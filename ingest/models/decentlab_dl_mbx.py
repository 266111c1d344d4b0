"""Decentlab DL-MBX, ultrasonic distance, over snow; see ``ingest.frames.decentlab``.

Sound is slower in cold air; the sensor allows for that with the temperature of its own housing, which the sun warms.
"""

from ingest.frames.decentlab import complete_distance, decode_distance, take_distance
from ingest.frames.mounting import SNOW_PARAMETERS, find_snow_depth
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Decentlab DL-MBX (snow)",
    device_type="snow_depth",
    formats=("tts", "chirpstack"),
    decode=decode_distance,
    parameters=SNOW_PARAMETERS,
    complete=complete_distance("snow_depth", find_snow_depth),
    takes=take_distance(Take("snow_depth", "cm")),
    hints=("dl-mbx snow",),
    examples=(
        ModelExample(
            frame=(1, "02012F000304D200010BB1"),
            parameters={"mount_height": 2.5},
            fields="snow_depth=126.6,distance=1.234,voltage=2.993",
            origin="TheThingsNetwork/lorawan-devices, in a mounting made by hand",
        ),
        ModelExample(
            members={"distance.value": 1234, "distance.unit": "mm", "battery_voltage.value": 2.993},
            parameters={"mount_height": 1.2},
            fields="snow_depth=0.0,distance=1.234,voltage=2.993",
            origin="TheThingsNetwork/lorawan-devices, bare ground 3 cm too low by hand",
        ),
    ),
)
