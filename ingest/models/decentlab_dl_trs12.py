"""Decentlab DL-TRS12, water content, temperature and conductivity of soil; see ``ingest.frames.decentlab``.

The water content is that of mineral soil, as the sensor's data sheet has it, in volume for volume.
"""

from collections.abc import Sequence

from ingest.frames.decentlab import BATTERY, Block, name_values, read_decentlab
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame

_BLOCKS = (
    Block(
        3,
        {
            "volumetric_water_content": lambda words: words[0] / 10 * 0.0003879 - 0.6956,
            "soil_temperature": lambda words: (words[1] - 32768) / 10,
            "electrical_conductivity": lambda words: words[2],
        },
    ),
    BATTERY,
)


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, _BLOCKS)


MODEL = Model(
    title="Decentlab DL-TRS12",
    device_type="soil_moisture",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes=name_values(
        {
            "volumetric_water_content": Take("moisture", "1"),
            "soil_temperature": Take("temperature", "Cel"),
            "electrical_conductivity": Take("conductivity", "uS/cm"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
    hints=("dl-trs12",),
    examples=(
        ModelExample(
            frame=(1, "0210D3000346BE813D00000C80"),
            fields="moisture=0.689,temperature=31.7,conductivity=0.0,voltage=3.2",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"volumetric_water_content.value": 0.25, "soil_temperature.value": 31.7},
            fields="moisture=25.0,temperature=31.7",
            origin="made by hand",
        ),
    ),
)
