"""Milesight EM300-DI at the pulse output of an electricity meter.

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
        members["counted"] = pulses
        members["counted_energy"] = float(f"{pulses * parameters['kwh_per_pulse']:.12g}")


MODEL = Model(
    title="Milesight EM300-DI (strøm)",
    device_type="sub_meter",
    formats=LORAWAN,
    takes={"counted_energy": Take("energy", "kW.h"), "counted": Take("pulses"), **TAKE_BATTERY},
    decode=decode,
    parameters={"kwh_per_pulse": Parameter("Energy of one pulse", "kW.h")},
    complete=_complete,
    hints=("em300-di",),
    examples=(
        ModelExample(
            frame=(85, "01755C05C800010000"),
            parameters={"kwh_per_pulse": 0.001},
            fields="energy=0.256,pulses=256.0,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em300-di-codec.yaml",
        ),
        ModelExample(
            frame=(85, "01756403671E0104685E05C800000000"),
            parameters={"kwh_per_pulse": 0.001},
            fields="energy=0.0,pulses=0.0,battery=100.0",
            origin="EM300 Series User Guide, 5.2",
        ),
        ModelExample(
            frame=(85, "20CE9E74466310015D020000010000"),
            parameters={"kwh_per_pulse": 0.1},
            fields="energy=25.6,pulses=256.0",
            origin="maker's table of channels, its history record",
        ),
        ModelExample(
            members={"battery": 92, "pulse": 256, "gpio": 0},
            parameters={"kwh_per_pulse": 0.002},
            fields="energy=0.512,pulses=256.0,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em300-di-codec.yaml, its values",
        ),
    ),
)
