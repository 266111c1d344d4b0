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
                "child_lock": "UNLOCK",
                "current": 0.1,
                "energy": 8.42,
                "indicator_mode": None,
                "linkquality": 48,
                "power": 3,
                "power_outage_memory": "on",
                "state": "ON",
                "update.state": None,
                "voltage": 241,
            },
            fields="power=3.0,energy=8.42,voltage=241.0,current=0.1,on=true",
            origin="recorded (Koenkk/zigbee2mqtt, issue 14934): a Tuya TS011F_plug_3",
        ),
        ModelExample(
            members={"countdown": 0, "current": 0, "energy": 12.05, "power": 0, "state": "OFF", "voltage": 243},
            fields="power=0.0,energy=12.05,voltage=243.0,current=0.0,on=false",
            origin="recorded (Koenkk/zigbee2mqtt, issue 32463): a TS011F_plug_1_1 that is off",
        ),
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
