"""Milesight VS341 and VS340: whether a desk or a seat is occupied.

Source: vs-series/vs341 in https://github.com/Milesight-IoT/SensorDecoders.
"""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, Channel, Item, build_decode
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Milesight VS341 / VS340",
    device_type="desk_occupancy",
    formats=LORAWAN,
    takes={
        "occupancy": Take("presence", states={"occupied": True, "vacant": False, 1: True, 0: False}),
        **TAKE_BATTERY,
    },
    decode=build_decode({(0x03, 0x00): Channel(Item("occupancy", "B"))}),
    hints=("vs341", "vs340"),
    examples=(
        ModelExample(
            frame=(85, "017564030001"),
            fields="presence=true,battery=100.0",
            origin="TheThingsNetwork/lorawan-devices, vs341-codec.yaml",
        ),
        ModelExample(
            frame=(85, "017564030000"), fields="presence=false,battery=100.0", origin="maker's table of channels"
        ),
        ModelExample(
            members={"battery": 100, "occupancy": "occupied"},
            fields="presence=true,battery=100.0",
            origin="TheThingsNetwork/lorawan-devices, vs341-codec.yaml, its values",
        ),
    ),
)
