"""Milesight EM400-TLD in the lid of a waste bin: how far the laser sees down to the waste.

How full the bin is follows from two distances that the inventory gives. A laser that sees a little below the bottom
sees the bottom; one that sees further than a tenth of the depth below sees no bin, and then there is no fill. What the
frame says of tilt is not used: sloping lids are always tilted, and the device itself can be set not to measure then.

Source: em-series/em400-tld in https://github.com/Milesight-IoT/SensorDecoders; EM400-TLD User Guide.
"""

from collections.abc import Mapping

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TEMPERATURE, Channel, Item, build_decode, skip
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain

_DISTANCE = Item("distance", "H")
_ALARM = Item("", "1x")
_TOLERANCE = 0.1


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    distance = members.get("distance")
    empty, full = parameters["empty_distance"], parameters["full_distance"]
    if not isinstance(distance, int | float) or isinstance(distance, bool) or empty <= full:
        return
    fill = (empty - distance / 1000) / (empty - full)
    if fill >= -_TOLERANCE:
        members["computed_fill"] = float(f"{100 * min(max(fill, 0.0), 1.0):.12g}")


MODEL = Model(
    title="Milesight EM400-TLD",
    device_type="waste_bin",
    formats=LORAWAN,
    takes={
        "computed_fill": Take("fill", "%"),
        "distance": Take("distance", "mm"),
        "temperature": Take("temperature", "Cel"),
        **TAKE_BATTERY,
    },
    decode=build_decode(
        {
            (0x03, 0x67): Channel(TEMPERATURE),
            (0x04, 0x82): Channel(_DISTANCE),
            (0x05, 0x00): skip(1),  # tilt
            (0x06, 0x88): skip(9),  # place
            (0x83, 0x67): Channel(TEMPERATURE, _ALARM),
            (0x84, 0x82): Channel(_DISTANCE, _ALARM),
        }
    ),
    parameters={
        "empty_distance": Parameter("Distance from the sensor to the bottom of the empty bin", "m"),
        "full_distance": Parameter("Distance at which the bin is full", "m", default=0.0),
    },
    complete=_complete,
    hints=("em400-tld",),
    examples=(
        ModelExample(
            frame=(85, "01755C0367010104824408050001"),
            parameters={"empty_distance": 2.645},
            fields="fill=20.0,distance=2.116,temperature=25.7,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em400-tld-codec.yaml",
        ),
        ModelExample(
            frame=(85, "0175640367F80004820101050000"),
            parameters={"empty_distance": 1.2, "full_distance": 0.25},
            fields="fill=99.2631578947,distance=0.257,temperature=24.8,battery=100.0",
            origin="EM400-TLD User Guide, 5.2",
        ),
        ModelExample(
            frame=(85, "01756403670B0104823B01050001"),
            parameters={"empty_distance": 1.26},
            fields="fill=75.0,distance=0.315,temperature=26.7,battery=100.0",
            origin="maker's table of channels, the payload in its NB-IoT frame",
        ),
        ModelExample(
            frame=(85, "8367E800018482410601"),
            parameters={"empty_distance": 1.6},
            fields="fill=0.0,distance=1.601,temperature=23.2",
            origin="maker's table of channels: alarms, a millimetre below the bottom",
        ),
        ModelExample(
            members={"battery": 92, "temperature": 25.7, "distance": 2116, "position": "tilt"},
            parameters={"empty_distance": 2.645},
            fields="fill=20.0,distance=2.116,temperature=25.7,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em400-tld-codec.yaml, its values",
        ),
    ),
)
