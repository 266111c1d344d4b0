"""Contact on a window behind Zigbee2MQTT. A ``contact`` is true where it is closed."""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import CLOSED, TAKE_BATTERY, TAKE_TAMPER, ZIGBEE

MODEL = Model(
    title="Zigbee window contact",
    device_type="window_contact",
    formats=ZIGBEE,
    takes={"contact": Take("window_open", states=CLOSED), **TAKE_BATTERY, **TAKE_TAMPER},
    hints=("mccgq11lm", "mccgq01lm", "snzb-04", "e2013"),
    examples=(
        ModelExample(
            members={"battery": 100, "voltage": 3055, "linkquality": 89, "contact": True},
            fields="window_open=false,battery=100.0,voltage=3.055",
            origin="recorded: Xiaomi MCCGQ01LM",
        ),
        ModelExample(
            members={"contact": False, "tamper": False, "battery": "71.00"},
            fields="window_open=true,battery=71.0,tamper=false",
            origin="made by hand",
        ),
    ),
)
