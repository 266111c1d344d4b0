"""Decentlab DL-CWS, winter road sensor: surface temperature from above; see ``ingest.frames.decentlab``."""

from collections.abc import Sequence

from ingest.frames.decentlab import BATTERY, Block, name_values, read_decentlab
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame

_BLOCKS = (
    Block(
        6,
        {
            "surface_temperature": lambda words: (words[0] - 32768) / 100,
            "air_temperature": lambda words: (words[1] - 32768) / 100,
            "air_humidity": lambda words: (words[2] - 32768) / 100,
            "dew_point": lambda words: (words[3] - 32768) / 100,
            "angle": lambda words: words[4] - 32768,
            "sensor_temperature": lambda words: (words[5] - 32768) / 100,
        },
    ),
    BATTERY,
)


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, _BLOCKS)


MODEL = Model(
    title="Decentlab DL-CWS",
    device_type="road_surface",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes=name_values(
        {
            "surface_temperature": Take("surface_temperature", "Cel"),
            "air_temperature": Take("air_temperature", "Cel"),
            "air_humidity": Take("humidity", "%"),
            "dew_point": Take("dew_point", "Cel"),
            "angle": Take("angle", "deg"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
    hints=("dl-cws", "dl-cws2"),
    examples=(
        ModelExample(
            frame=(1, "02463900038A778A95977A874C80478A5E0B74"),
            fields="surface_temperature=26.79,air_temperature=27.09,humidity=60.1,dew_point=18.68,"
            "angle=71.0,voltage=2.932",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"surface_temperature.value": -4.21, "angle.value": 71},
            fields="surface_temperature=-4.21,angle=71.0",
            origin="made by hand",
        ),
    ),
)
