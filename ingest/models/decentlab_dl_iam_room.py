"""Decentlab DL-IAM, indoor ambience monitor, in any room; see ``ingest.frames.decentlab``.

It counts volatile compounds in parts per billion, which is no index, so that is left out.
"""

from ingest.frames.decentlab import TAKE_INDOOR_AMBIENCE, decode_indoor_ambience
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Decentlab DL-IAM",
    device_type="indoor_climate",
    formats=("tts", "chirpstack"),
    decode=decode_indoor_ambience,
    takes=TAKE_INDOOR_AMBIENCE,
    hints=("dl-iam",),
    examples=(
        ModelExample(
            frame=(1, "020BBD007F0B926A515D48BC4E0262006981C7000093D4000B0111"),
            fields="temperature=27.67834,humidity=36.43854,co2=455.0,illuminance=678.76512,pressure=964.12,"
            "motion=11.0,voltage=2.962",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(1, "020BBD006F0B926A515D48BC4E02620069000B0111"),
            fields="temperature=27.67834,humidity=36.43854,illuminance=678.76512,pressure=964.12,"
            "motion=11.0,voltage=2.962",
            origin="TheThingsNetwork/lorawan-devices: without the block of CO2",
        ),
    ),
)
