"""Milesight WS301: whether a door is open, and whether the sensor was taken off it.

It may send the seal alone; such a frame says nothing of the door, and is stored without it. A seal of 1 is
"uninstalled" in the maker's table and decoders, though the sample in the latest table is captioned "installed".

Source: ws-series/ws301 in https://github.com/Milesight-IoT/SensorDecoders; WS301 User Guide.
"""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, Channel, Item, build_decode
from ingest.frames.milesight_contact import TAKE_DOOR, TAKE_TAMPER
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Milesight WS301",
    device_type="door_contact",
    formats=LORAWAN,
    takes={**TAKE_DOOR, **TAKE_TAMPER, **TAKE_BATTERY},
    decode=build_decode(
        {(0x03, 0x00): Channel(Item("magnet_status", "B")), (0x04, 0x00): Channel(Item("tamper_status", "B"))}
    ),
    hints=("ws301",),
    examples=(
        ModelExample(
            frame=(85, "030001"),
            fields="door_open=true",
            origin="TheThingsNetwork/lorawan-devices, ws301-codec.yaml",
        ),
        ModelExample(
            frame=(85, "017564030001040001"),
            fields="door_open=true,battery=100.0,tamper=true",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "017564040001"),
            fields="battery=100.0,tamper=true",
            origin="part of the maker's documented frame",
        ),
        ModelExample(
            members={"battery": 100, "door": "close", "install": "yes"},
            fields="door_open=false,battery=100.0,tamper=false",
            origin="made by hand, names of TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"battery": 100, "state": "open", "install": "no"},
            fields="door_open=true,battery=100.0,tamper=true",
            origin="maker's table of channels, earlier version, its values",
        ),
        ModelExample(
            members={"battery": 100, "magnet_status": "open", "tamper_status": "uninstalled"},
            fields="door_open=true,battery=100.0,tamper=true",
            origin="made by hand, names of the maker's decoder",
        ),
    ),
)
