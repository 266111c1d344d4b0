"""Leak detector behind Zigbee2MQTT."""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import TAKE_BATTERY, ZIGBEE

MODEL = Model(
    title="Zigbee leak detector",
    device_type="leak_detector",
    formats=ZIGBEE,
    takes={
        "water_leak": Take("leak"),
        "temperature": Take("temperature", "Cel"),
        "humidity": Take("humidity", "%"),
        **TAKE_BATTERY,
    },
    hints=("sjcgq11lm", "sjcgq12lm", "snzb-05p", "e2202"),
    examples=(
        ModelExample(
            members={"battery": "100.00", "voltage": 3045, "linkquality": 99, "water_leak": False},
            fields="leak=false,battery=100.0,voltage=3.045",
            origin="Zigbee2MQTT's tests, SJCGQ11LM: battery as old versions wrote it",
        ),
        ModelExample(
            members={"water_leak": True, "battery": 92, "temperature": 17.2},
            fields="leak=true,temperature=17.2,battery=92.0",
            origin="made by hand",
        ),
    ),
)
