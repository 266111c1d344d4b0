"""Decentlab DL-IAM, indoor ambience monitor, in any room; see ``ingest.frames.decentlab``.

It counts volatile compounds in parts per billion, which is no index, so that is left out.
"""

from collections.abc import Sequence

from ingest.frames.decentlab import INDOOR_AMBIENCE, name_values, read_decentlab
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, INDOOR_AMBIENCE)


MODEL = Model(
    title="Decentlab DL-IAM",
    device_type="indoor_climate",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes=name_values(
        {
            "air_temperature": Take("temperature", "Cel"),
            "air_humidity": Take("humidity", "%"),
            "barometric_pressure": Take("pressure", "Pa"),
            "illuminance": Take("illuminance", "lx"),
            "co2_concentration": Take("co2", "[ppm]"),
            "activity_counter": Take("motion"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
    hints=("dl-iam",),
    examples=(
        ModelExample(
            frame=(1, "020BBD006F0B926A515D48BC4E02620069000B0111"),
            fields="temperature=27.67834,humidity=36.43854,illuminance=678.76512,pressure=964.12,"
            "motion=11.0,voltage=2.962",
            origin="TheThingsNetwork/lorawan-devices: without the block of CO2",
        ),
    ),
)
