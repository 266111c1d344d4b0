"""Adeunis PULSE at a water meter, channel A; see ``ingest.frames.adeunis``."""

from collections.abc import Mapping

from ingest.frames.adeunis import NAMES, PERIOD, find_counter, read_pulse
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain


def _add_volume(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    counter = find_counter(members)
    if counter is not None:
        litres = counter * parameters["litres_per_pulse"]
        members["volume"] = round(parameters["start"] + litres / 1000, 6)


MODEL = Model(
    title="Adeunis PULSE (water meter)",
    device_type="water_meter",
    formats=("tts", "chirpstack"),
    decode=read_pulse,
    parameters={
        "litres_per_pulse": Parameter("What the meter counts with one pulse", "L"),
        "start": Parameter("What the meter showed when the counter was 0", "m3", default=0.0),
        "period": PERIOD,
    },
    complete=_add_volume,
    takes={
        **dict.fromkeys(NAMES, ()),  # of which the volume is made
        "volume": Take("volume", "m3"),
    },
    hints=("adeunis/pulse", "adeunis pulse"),
    examples=(
        ModelExample(
            frame=(1, "5A6700000127000100020003000414ABA3E9"),
            parameters={"litres_per_pulse": 10.0, "start": 100.0},
            fields="volume=102.95",
            origin="TheThingsNetwork/lorawan-devices, at a meter made by hand whose period is not known",
        ),
        ModelExample(
            frame=(1, "5A6700000127000100020003000414ABA3E9"),
            parameters={"litres_per_pulse": 10.0, "start": 100.0, "period": 3600.0},
            fields=("volume=102.85", "volume=102.89", "volume=102.92", "volume=102.94", "volume=102.95"),
            origin="TheThingsNetwork/lorawan-devices, at a meter made by hand",
        ),
        ModelExample(
            frame=(1, "100001000239012C57003C27107530000A0000000300050103060A0D"),
            parameters={"litres_per_pulse": 10.0},
            fields="",
            origin="akenza-io/device-type-library, pulse4: its configuration",
        ),
        ModelExample(
            frame=(1, "466300015C4F0000F74A"),
            parameters={"litres_per_pulse": 1.0},
            fields="volume=89.167",
            origin="maker's manual (counters), frame without time made by hand",
        ),
        ModelExample(
            frame=(1, "5B6700000127000100020003000414ABA3E9"),
            parameters={"litres_per_pulse": 1.0},
            fields="",
            origin="TheThingsNetwork/lorawan-devices, as of channel B",
        ),
        ModelExample(
            members={
                "bytes.type": "0x5a Pulse 4 data - channel A",
                "bytes.counterValues.0": 295,
                "bytes.counterValues.1": 294,
                "bytes.timestamp": "2023-12-28T19:22:17.000",
            },
            parameters={"litres_per_pulse": 100.0},
            fields="volume=29.5",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it",
        ),
    ),
)
