"""Elsys ERS Sound: average and peak of the sound in a room; see ``ingest.frames.elsys``."""

from ingest.frames.elsys import read_elsys
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Elsys ERS Sound",
    device_type="sound_level",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "soundAvg": Take("average", "dB"),
        "soundPeak": Take("peak", "dB"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ers-sound", "ers sound"),
    examples=(
        ModelExample(
            frame=(1, "0100E202290400270506150101"),
            fields="average=1.0,peak=1.0",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"soundPeak": 61, "soundAvg": 43, "vdd": 3594},
            fields="average=43.0,peak=61.0,voltage=3.594",
            origin="made by hand",
        ),
    ),
)
