"""Milesight WS302 in a room: average (LAeq) and highest sound level. Source: see ``ingest.frames.milesight_sound``."""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY
from ingest.frames.milesight_sound import LAEQ, LAMAX, complete, decode
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Milesight WS302",
    device_type="sound_level",
    formats=LORAWAN,
    takes={
        **dict.fromkeys(LAEQ, Take("average", "dB")),
        **dict.fromkeys(LAMAX, Take("peak", "dB")),
        **TAKE_BATTERY,
    },
    decode=decode,
    complete=complete,
    hints=("ws302",),
    examples=(
        ModelExample(
            frame=(85, "017564055B053F02DA016A02"),
            fields="average=47.4,peak=61.8,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            members={"battery": 100, "LAF": 57.5, "LAeq": 47.4, "LAFmax": 61.8},
            fields="average=47.4,peak=61.8,battery=100.0",
            origin="maker's table of channels, its values",
        ),
        ModelExample(
            members={"battery": 100, "freq_weight": "A", "la": 57.5, "laeq": 47.4, "lamax": 61.8},
            fields="average=47.4,peak=61.8,battery=100.0",
            origin="maker's values with the names of its older decoder",
        ),
    ),
)
