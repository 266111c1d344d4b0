"""Decentlab DL-IAM, indoor ambience monitor, in a classroom; see ``ingest.frames.decentlab``."""

from collections.abc import Sequence

from ingest.frames.decentlab import INDOOR_AMBIENCE, name_values, read_decentlab
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, INDOOR_AMBIENCE)


MODEL = Model(
    title="Decentlab DL-IAM (classroom)",
    device_type="classroom_climate",
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
            frame=(1, "020BBD007F0B926A515D48BC4E0262006981C7000093D4000B0111"),
            fields="temperature=27.67834,humidity=36.43854,co2=455.0,illuminance=678.76512,motion=11.0,"
            "pressure=964.12,voltage=2.962",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={
                "air_temperature.displayName": "Air temperature",
                "air_temperature.unit": "°C",
                "air_temperature.value": 27.67833981841764,
                "barometric_pressure.value": 96412,
                "co2_concentration.value": 455,
                "battery_voltage.value": 2.962,
            },
            fields="temperature=27.67833981841764,co2=455.0,pressure=964.12,voltage=2.962",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it",
        ),
    ),
)
