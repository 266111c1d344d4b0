"""Plug or relay that measures, behind Zigbee2MQTT. Its voltage is in volts, where that of a battery is in millivolts.

Its register was called ``consumption`` once, and the temperature in it ``temperature``.
"""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import ZIGBEE

MODEL = Model(
    title="Zigbee plug",
    device_type="smart_plug",
    formats=ZIGBEE,
    takes={
        "power": Take("power", "W"),
        "energy": Take("energy", "kW.h"),
        "consumption": Take("energy", "kW.h"),
        "voltage": Take("voltage", "V"),
        "current": Take("current", "A"),
        "ac_frequency": Take("frequency", "Hz"),
        "power_factor": Take("power_factor"),
        "state": Take("on", states={"ON": True, "OFF": False}),
        "device_temperature": Take("temperature", "Cel"),
        "temperature": Take("temperature", "Cel"),
    },
    hints=("zncz02lm", "zncz04lm", "ts011f", "e2204"),
    examples=(
        ModelExample(
            members={
                "state": "ON",
                "power": 42.7,
                "energy": 1.52,
                "voltage": 232.8,
                "current": 0.19,
                "linkquality": 87,
            },
            fields="power=42.7,energy=1.52,voltage=232.8,current=0.19,on=true",
            origin="made by hand, names of Zigbee2MQTT's documentation",
        ),
        ModelExample(
            members={"state": "OFF", "power": 0, "consumption": 3.21, "temperature": 28},
            fields="power=0.0,energy=3.21,on=false,temperature=28.0",
            origin="made by hand, names of older versions",
        ),
    ),
)
