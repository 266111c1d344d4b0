"""Decentlab DL-IAM, indoor ambience monitor, in a classroom; see ``ingest.frames.decentlab``."""

from ingest.frames.decentlab import TAKE_INDOOR_AMBIENCE, decode_indoor_ambience
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Decentlab DL-IAM (classroom)",
    device_type="classroom_climate",
    formats=("tts", "chirpstack"),
    decode=decode_indoor_ambience,
    takes=TAKE_INDOOR_AMBIENCE,
    hints=("dl-iam classroom",),
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
