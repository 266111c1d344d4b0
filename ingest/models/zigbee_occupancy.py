"""Motion or presence sensor behind Zigbee2MQTT. After a motion it says for a while, its own time, that there is one."""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import TAKE_BATTERY, ZIGBEE

MODEL = Model(
    title="Zigbee occupancy sensor",
    device_type="room_occupancy",
    formats=ZIGBEE,
    takes={
        "occupancy": Take("presence"),
        "presence": Take("presence"),
        "temperature": Take("temperature", "Cel"),
        **TAKE_BATTERY,
    },
    hints=("rtcgq01lm", "rtcgq11lm", "snzb-03", "e1525", "rtczcgq11lm"),
    examples=(
        ModelExample(
            members={"occupancy": True},
            fields="presence=true",
            origin="Zigbee2MQTT's documentation, RTCGQ01LM",
        ),
        ModelExample(
            members={"battery": 100, "voltage": 3055, "linkquality": 44, "occupancy": True},
            fields="presence=true,battery=100.0,voltage=3.055",
            origin="recorded: MiJia RTCGQ01LM",
        ),
        ModelExample(
            members={"presence": False, "temperature": 21.5, "illuminance": 16994},
            fields="presence=false,temperature=21.5",
            origin="made by hand",
        ),
    ),
)
