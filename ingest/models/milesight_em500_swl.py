"""Milesight EM500-SWL: a probe under water, which tells how much water is above it.

The frame has centimetres. Decoders call them ``distance``, ``level``, ``water_level`` and ``depth``; for some months of
2025 the maker's gave ``depth`` in metres, which the inventory must say. Numbers of centimetres are whole: a fraction
that is told as centimetres is not taken.

Source: em-series/em500-swl in https://github.com/Milesight-IoT/SensorDecoders; EM500 Series User Guide.
"""

from collections.abc import Mapping

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TIME, Channel, Item, build_decode
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain

_DEPTH = Item("depth_cm", "H")


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    scales = {"depth_cm": 1.0, "distance": 1.0, "level": 1.0, "water_level": 1.0, "depth": parameters["depth_unit"]}
    for name, scale in scales.items():
        value = members.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        centimetres = round(value * scale, 6)
        if float(centimetres).is_integer():
            members["above_zero"] = float(f"{centimetres / 100 + parameters['probe_height']:.12g}")


MODEL = Model(
    title="Milesight EM500-SWL",
    device_type="river_level",
    formats=LORAWAN,
    takes={"above_zero": Take("level", "m"), **TAKE_BATTERY},
    decode=build_decode({(0x03, 0x77): Channel(_DEPTH), (0x20, 0xCE): Channel(TIME, _DEPTH)}),
    parameters={
        "probe_height": Parameter("Height of the probe above the gauge's zero", "m", default=0.0),
        "depth_unit": Parameter(
            "Centimetres in one unit of `depth`, where only names come: 1 or 100", "1", default=1.0
        ),
    },
    complete=_complete,
    hints=("em500-swl",),
    examples=(
        ModelExample(
            frame=(85, "01755C03770200"),
            fields="level=0.02,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em500-swl-codec.yaml",
        ),
        ModelExample(
            frame=(85, "01756403770200"),
            parameters={"probe_height": -0.3},
            fields="level=-0.28,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(frame=(85, "20CE9E744663C800"), fields="level=2.0", origin="made by hand"),
        *(
            ModelExample(
                members={name: 2, "battery": 92},
                fields="level=0.02,battery=92.0",
                origin=f"em500-swl, {version}, its values",
            )
            for name, version in (
                ("distance", "TheThingsNetwork/lorawan-devices, 2024"),
                ("level", "TheThingsNetwork/lorawan-devices"),
                ("water_level", "maker's decoder, earlier"),
                ("depth", "maker's decoder"),
            )
        ),
        ModelExample(
            members={"depth": 0.02, "battery": 92},
            parameters={"depth_unit": 100},
            fields="level=0.02,battery=92.0",
            origin="em500-swl, maker's decoder of spring 2025, its values",
        ),
    ),
)
