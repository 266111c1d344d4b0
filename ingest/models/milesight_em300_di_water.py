"""Milesight EM300-DI at the pulse output of a water meter.

Source: see ``ingest.frames.milesight_pulse``.
"""

from collections.abc import Mapping

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY
from ingest.frames.milesight_pulse import count_pulses, decode
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    pulses = count_pulses(members)
    if pulses is not None:
        members["counted_litres"] = pulses * parameters["litres_per_pulse"]


MODEL = Model(
    title="Milesight EM300-DI (vann)",
    device_type="water_meter",
    formats=LORAWAN,
    takes={"counted_litres": Take("volume", "L"), **TAKE_BATTERY},
    decode=decode,
    parameters={"litres_per_pulse": Parameter("Water of one pulse", "L")},
    complete=_complete,
    hints=("em300-di",),
    examples=(
        ModelExample(
            frame=(85, "01755C05C800010000"),
            parameters={"litres_per_pulse": 10},
            fields="volume=2.56,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em300-di-codec.yaml",
        ),
        ModelExample(
            frame=(85, "01756406E10A000A0000000000"),
            parameters={"litres_per_pulse": 10},
            fields="volume=0.0,battery=100.0",
            origin="maker's table of channels, EM300-DI (Hall)",
        ),
        ModelExample(
            frame=(85, "86E10A0088023393BB4403"),
            parameters={"litres_per_pulse": 1},
            fields="volume=97.23888",
            origin="maker's table of channels, EM300-DI (Hall): 64.8 pulses make 1 of the 1500.6",
        ),
        ModelExample(
            frame=(85, "21CEDFF40B650000000102010A000A000080EC44"),
            parameters={"litres_per_pulse": 1},
            fields="volume=1.892",
            origin="maker's table of channels, EM300-DI (Hall), its history record",
        ),
        ModelExample(
            members={"water_conv": 1, "pluse_conv": 64.8, "water": "1500.60"},
            parameters={"litres_per_pulse": 1},
            fields="volume=97.23888",
            origin="maker's table of channels, EM300-DI (Hall), its values with its spelling",
        ),
    ),
)
