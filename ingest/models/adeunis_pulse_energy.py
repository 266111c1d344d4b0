"""Adeunis PULSE at an electricity sub-meter, channel A; see ``ingest.frames.adeunis``."""

from collections.abc import Mapping

from ingest.frames.adeunis import NAMES, PERIOD, find_counter, read_pulse
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain


def _add_energy(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    members["pulses"] = counter = find_counter(members)
    if counter is not None and parameters["pulses_per_kwh"] > 0:
        members["energy"] = round(parameters["start"] + counter / parameters["pulses_per_kwh"], 6)


MODEL = Model(
    title="Adeunis PULSE (electricity sub-meter)",
    device_type="sub_meter",
    formats=("tts", "chirpstack"),
    decode=read_pulse,
    parameters={
        "pulses_per_kwh": Parameter("How many pulses the meter gives for one kWh", "1"),
        "start": Parameter("What the meter showed when the counter was 0", "kW.h", default=0.0),
        "period": PERIOD,
    },
    complete=_add_energy,
    takes={
        **dict.fromkeys(NAMES, ()),  # of which the others are made
        "energy": Take("energy", "kW.h"),
        "pulses": Take("pulses"),
    },
    hints=("adeunis/pulse", "adeunis pulse"),
    examples=(
        ModelExample(
            frame=(1, "5A6700000127000100020003000414ABA3E9"),
            parameters={"pulses_per_kwh": 100.0, "period": 3600.0},
            fields=(
                "energy=2.85,pulses=285.0",
                "energy=2.89,pulses=289.0",
                "energy=2.92,pulses=292.0",
                "energy=2.94,pulses=294.0",
                "energy=2.95,pulses=295.0",
            ),
            origin="TheThingsNetwork/lorawan-devices, at a meter made by hand",
        ),
        ModelExample(
            members={"bytes.type": "0x46 Pulse 4 data", "bytes.counterValues.0": 8000, "bytes.counterValues.1": 3},
            parameters={"pulses_per_kwh": 1000.0, "start": 500.0},
            fields="energy=508.0,pulses=8000.0",
            origin="made by hand",
        ),
    ),
)
