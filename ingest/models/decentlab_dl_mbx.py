"""Decentlab DL-MBX, ultrasonic distance, over snow; see ``ingest.frames.decentlab``.

Sound is slower in cold air; the sensor allows for that with the temperature of its own housing, which the sun warms.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.decentlab import DISTANCE, find_distance, name_values, read_decentlab
from ingest.frames.mounting import SNOW_PARAMETERS, find_snow_depth
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, DISTANCE)


def _add_depth(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    distance = find_distance(members)
    if distance is not None:
        members["snow_depth"] = find_snow_depth(distance, parameters["mount_height"])


MODEL = Model(
    title="Decentlab DL-MBX (snow)",
    device_type="snow_depth",
    formats=("tts", "chirpstack"),
    decode=_decode,
    parameters=SNOW_PARAMETERS,
    complete=_add_depth,
    takes=name_values(
        {
            "snow_depth": Take("snow_depth", "cm"),
            "distance": Take("distance", "mm"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
    hints=("dl-mbx",),
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
