"""Milesight EM300-MLD: water under a membrane. It has no climate sensor; its history has zeros in that place.

Source: em-series/em300-mld in https://github.com/Milesight-IoT/SensorDecoders. Its table says channel 06, its samples
and the user guide channel 05.
"""

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TIME, Channel, Item, build_decode
from ingest.frames.milesight_contact import TAKE_LEAK
from ingest.model import Model, ModelExample

_LEAK = Item("leakage_status", "B")

MODEL = Model(
    title="Milesight EM300-MLD",
    device_type="leak_detector",
    formats=LORAWAN,
    takes={**TAKE_LEAK, **TAKE_BATTERY},
    decode=build_decode({(0x05, 0x00): Channel(_LEAK), (0x20, 0xCE): Channel(TIME, Item("", "3x"), _LEAK)}),
    hints=("em300-mld",),
    examples=(
        ModelExample(frame=(85, "01755C050001"), fields="leak=true,battery=92.0", origin="part of documented frames"),
        ModelExample(frame=(85, "01755C050000"), fields="leak=false,battery=92.0", origin="maker's table of channels"),
        ModelExample(frame=(85, "20CE9E74466300000001"), fields="leak=true", origin="maker's table of channels"),
    ),
)
