"""Contact on a door behind Zigbee2MQTT; one on a window is another Model. A ``contact`` is true where it is closed."""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import CLOSED, TAKE_BATTERY, TAKE_TAMPER, ZIGBEE

MODEL = Model(
    title="Zigbee door contact",
    device_type="door_contact",
    formats=ZIGBEE,
    takes={"contact": Take("door_open", states=CLOSED), **TAKE_BATTERY, **TAKE_TAMPER},
    hints=("mccgq11lm", "mccgq01lm", "snzb-04", "e2013"),
    examples=(
        ModelExample(
            members={"battery": 100, "voltage": 3055, "contact": False, "linkquality": 18},
            fields="door_open=true,battery=100.0,voltage=3.055",
            origin="recorded: Aqara MCCGQ11LM",
        ),
        ModelExample(
            members={"battery": 100, "battery_low": False, "contact": True, "linkquality": 123, "tamper": True},
            fields="door_open=false,battery=100.0,tamper=true",
            origin="recorded",
        ),
    ),
)
