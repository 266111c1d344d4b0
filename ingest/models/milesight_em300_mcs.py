"""Milesight EM300-MCS: whether a door is open. Its temperature and humidity are not taken: a door contact has none.

Source: em-series/em300-mcs in https://github.com/Milesight-IoT/SensorDecoders; EM300 Series User Guide.
"""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TIME, Channel, Item, build_decode, skip
from ingest.frames.milesight_contact import TAKE_DOOR
from ingest.model import Model, ModelExample

_MAGNET = Item("magnet_status", "B")

MODEL = Model(
    title="Milesight EM300-MCS",
    device_type="door_contact",
    formats=LORAWAN,
    takes={**TAKE_DOOR, **TAKE_BATTERY},
    decode=build_decode(
        {
            (0x03, 0x67): skip(2),
            (0x04, 0x68): skip(1),
            (0x06, 0x00): Channel(_MAGNET),
            (0x20, 0xCE): Channel(TIME, Item("", "3x"), _MAGNET),
        }
    ),
    hints=("em300-mcs",),
    examples=(
        ModelExample(
            frame=(85, "01755C03673401046865060001"),
            fields="door_open=true,battery=92.0",
            origin="maker's table of channels",
        ),
        ModelExample(frame=(85, "20CE9E74466310015D01"), fields="door_open=true", origin="maker's table of channels"),
        ModelExample(
            members={"battery": 92, "temperature": 30.8, "magnet": 0},
            fields="door_open=false,battery=92.0",
            origin="made by hand, names of TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"battery": 92, "magnet_status": "open"},
            fields="door_open=true,battery=92.0",
            origin="made by hand, names of the maker's decoder",
        ),
    ),
)
