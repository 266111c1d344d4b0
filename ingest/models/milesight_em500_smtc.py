"""Milesight EM500-SMTC with one probe: moisture, temperature and conductivity of soil.

The edition with three probes has the same channels for its first one, at another scale: ``milesight_em500_smtc3``.
All three values can say "failed" (FFFF) and "out of range" (FFFD), which are -0.1 and -0.3 degrees of temperature:
these two temperatures are left out.

Source: EM500-SMTC in https://github.com/Milesight-IoT/SensorDecoders, versions until 2025; EM500 Series User Guide.
"""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TEMPERATURE, TIME, Channel, Item, build_decode
from ingest.model import Model, ModelExample, Take

_TEMPERATURE = TEMPERATURE._replace(missing=(-1, -3))
_MOISTURE = Item("moisture", "H", 100)
_CONDUCTIVITY = Item("electricity", "H")
_TAKE_CONDUCTIVITY = Take("conductivity", "uS/cm")

MODEL = Model(
    title="Milesight EM500-SMTC",
    device_type="soil_moisture",
    formats=LORAWAN,
    takes={
        "moisture": Take("moisture", "%"),
        "humidity": Take("moisture", "%"),  # in older decoders
        "temperature": Take("temperature", "Cel"),
        "electricity": _TAKE_CONDUCTIVITY,
        "ec": _TAKE_CONDUCTIVITY,
        "conductivity": _TAKE_CONDUCTIVITY,
        **TAKE_BATTERY,
    },
    decode=build_decode(
        {
            (0x03, 0x67): Channel(_TEMPERATURE),
            (0x04, 0x68): Channel(Item("moisture", "B", 2)),  # until the resolution became finer
            (0x04, 0xCA): Channel(_MOISTURE),
            (0x05, 0x7F): Channel(_CONDUCTIVITY),
            (0x83, 0xD7): Channel(_TEMPERATURE, Item("", "3x")),  # changed by how much, and which alarm
            (0x20, 0xCE): Channel(TIME, _CONDUCTIVITY, _TEMPERATURE, _MOISTURE),
        }
    ),
    hints=("em500-smtc", "em500-smt"),
    examples=(
        ModelExample(
            frame=(85, "01756403671901046873057FF000"),
            fields="moisture=57.5,temperature=28.1,conductivity=240.0,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "0367FFFF04CA8D0B057FFDFF"),
            fields="moisture=29.57",
            origin="made by hand: temperature failed, conductivity out of range",
        ),
        ModelExample(
            frame=(85, "20CE9E744663F00019018D0B"),
            fields="moisture=29.57,temperature=28.1,conductivity=240.0",
            origin="made by hand",
        ),
        ModelExample(
            members={"battery": 100, "temperature": 28.1, "humidity": 57.5, "conductivity": 240},
            fields="moisture=57.5,temperature=28.1,conductivity=240.0,battery=100.0",
            origin="maker's values with the names of TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"battery": 100, "temperature": 28.1, "moisture": 57.5, "ec": 240},
            fields="moisture=57.5,temperature=28.1,conductivity=240.0,battery=100.0",
            origin="maker's table of channels, its values",
        ),
    ),
)
