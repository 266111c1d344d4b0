"""Milesight WS302 as a gauge of noise: LAeq and LAmax. Source: see ``ingest.frames.milesight_sound``."""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY
from ingest.frames.milesight_sound import LAEQ, LAMAX, complete, decode
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Milesight WS302 (støy)",
    device_type="noise",
    formats=LORAWAN,
    takes={**dict.fromkeys(LAEQ, Take("laeq", "dB")), **dict.fromkeys(LAMAX, Take("lamax", "dB")), **TAKE_BATTERY},
    decode=decode,
    complete=complete,
    hints=("ws302 noise",),
    examples=(
        ModelExample(
            frame=(85, "017564055B053F02DA016A02"),
            fields="laeq=47.4,lamax=61.8,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            members={"battery": 100, "freq_weight": "A", "la": 57.5, "laeq": 47.4, "lamax": 61.8},
            fields="laeq=47.4,lamax=61.8,battery=100.0",
            origin="maker's values with the names of its older decoder",
        ),
    ),
)
