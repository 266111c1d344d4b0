"""Radiator thermostat behind Zigbee2MQTT.

What tells that a window is open differs from product to product, and on some it is a setting; only ``window_open`` and
``window`` are taken.
"""

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import TAKE_BATTERY, ZIGBEE

MODEL = Model(
    title="Zigbee radiator thermostat",
    device_type="radiator_valve",
    formats=ZIGBEE,
    takes={
        "local_temperature": Take("temperature", "Cel"),
        "current_heating_setpoint": Take("setpoint", "Cel"),
        "occupied_heating_setpoint": Take("setpoint", "Cel"),
        "pi_heating_demand": Take("valve_position", "%"),
        "position": Take("valve_position", "%"),
        "valve_position": Take("valve_position", "%"),
        "humidity": Take("humidity", "%"),
        "window_open": Take("window_open"),
        "window": Take("window_open", states={"OPEN": True, "CLOSED": False, "open": True, "closed": False}),
        **TAKE_BATTERY,
    },
    hints=("014g2461", "bth-ra", "ts0601_thermostat", "trvzb"),
    examples=(
        ModelExample(
            members={
                "abs_max_heat_setpoint_limit": None,
                "algorithm_scale_factor": 1,
                "battery": 74,
                "external_measured_room_sensor": -8000,
                "heat_available": True,
                "linkquality": 58,
                "load_room_mean": -8000,
                "local_temperature": 22.34,
                "occupied_heating_setpoint": 22.5,
                "occupied_heating_setpoint_scheduled": 22.5,
                "pi_heating_demand": 69,
                "running_state": "heat",
                "system_mode": "heat",
                "window_open_external": True,
                "window_open_feature": False,
            },
            fields="temperature=22.34,setpoint=22.5,valve_position=69.0,battery=74.0",
            origin="recorded (Koenkk/zigbee2mqtt, issue 31595): a Danfoss Ally 014G2461",
        ),
        ModelExample(
            members={
                "local_temperature": 20.1,
                "current_heating_setpoint": 21.5,
                "position": 40,
                "battery": 92,
                "child_lock": "LOCK",
                "preset": "manual",
                "window": "CLOSED",
            },
            fields="temperature=20.1,setpoint=21.5,valve_position=40.0,window_open=false,battery=92.0",
            origin="made by hand, names of Zigbee2MQTT's documentation",
        ),
        ModelExample(
            members={
                "local_temperature": 19.8,
                "occupied_heating_setpoint": 21,
                "pi_heating_demand": 35,
                "voltage": 3100,
            },
            fields="temperature=19.8,setpoint=21.0,valve_position=35.0,voltage=3.1",
            origin="made by hand, names of Zigbee2MQTT's documentation",
        ),
    ),
)
