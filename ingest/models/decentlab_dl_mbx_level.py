"""Decentlab DL-MBX, ultrasonic distance, over water; see ``ingest.frames.decentlab``."""

from collections.abc import Mapping, Sequence

from ingest.frames.decentlab import DISTANCE, find_distance, name_values, read_decentlab
from ingest.frames.mounting import LEVEL_PARAMETERS, find_level
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, DISTANCE)


def _add_level(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    distance = find_distance(members)
    if distance is not None:
        members["level"] = find_level(distance, parameters["mount_height"])


MODEL = Model(
    title="Decentlab DL-MBX (level)",
    device_type="level_sensor",
    formats=("tts", "chirpstack"),
    decode=_decode,
    parameters=LEVEL_PARAMETERS,
    complete=_add_level,
    takes=name_values(
        {
            "level": Take("level", "m"),
            "distance": Take("distance", "mm"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
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
