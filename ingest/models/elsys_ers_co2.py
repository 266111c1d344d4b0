"""Elsys ERS CO2 in a classroom, with sound where the model has it; see ``ingest.frames.elsys``."""

from ingest.frames.elsys import read_elsys
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Elsys ERS CO2 (classroom)",
    device_type="classroom_climate",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "temperature": Take("temperature", "Cel"),
        "humidity": Take("humidity", "%"),
        "light": Take("illuminance", "lx"),
        "motion": Take("motion"),
        "co2": Take("co2", "[ppm]"),
        "soundAvg": Take("sound_average", "dB"),
        "soundPeak": Take("sound_peak", "dB"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ers-co2 classroom", "ers co2 classroom"),
    examples=(
        ModelExample(
            frame=(1, "0100E202290400270506060308"),
            fields="temperature=22.6,humidity=41.0,co2=776.0,illuminance=39.0,motion=6.0",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(5, "0100E202290400270506060308155A28070E0A"),
            fields="temperature=22.6,humidity=41.0,co2=776.0,illuminance=39.0,motion=6.0,"
            "sound_average=40.0,sound_peak=90.0,voltage=3.594",
            origin="made by hand",
        ),
    ),
)
