"""Plug or relay that measures, with Tasmota.

Its readings come in two messages: ``SENSOR`` has what is measured, ``STATE`` whether it is on.
"""

from collections.abc import Mapping

from ingest.model import Model, ModelExample, Take
from ingest.source import Plain

_ON: Mapping[Plain, bool] = {"ON": True, "OFF": False}

MODEL = Model(
    title="Tasmota plug",
    device_type="smart_plug",
    formats=("tasmota",),
    takes={
        "ENERGY.Power": Take("power", "W"),
        "ENERGY.Total": Take("energy", "kW.h"),
        "ENERGY.Voltage": Take("voltage", "V"),
        "ENERGY.Current": Take("current", "A"),
        "ENERGY.Frequency": Take("frequency", "Hz"),
        "ENERGY.Factor": Take("power_factor"),
        "POWER": Take("on", states=_ON),
        "POWER1": Take("on", states=_ON),
        "ANALOG.Temperature": Take("temperature", "Cel"),
        "ESP32.Temperature": Take("temperature", "Cel"),
    },
    hints=("tasmota plug", "sonoff pow", "sonoff s31", "nous a1t"),
    examples=(
        ModelExample(
            members={
                "ENERGY.TotalStartTime": "2021-10-25T15:22:04",
                "ENERGY.Total": 9098.245,
                "ENERGY.Yesterday": 6822.685,
                "ENERGY.Today": 2275.560,
                "ENERGY.Period": 9,
                "ENERGY.Power": 170,
                "ENERGY.Current": 1.000,
                "ENERGY.Load": 6,
                "ESP32.Temperature": 36.1,
            },
            units={"ESP32.Temperature": "Cel"},
            fields="power=170.0,energy=9098.245,current=1.0,temperature=36.1",
            origin="Tasmota's documentation, Teleinfo",
        ),
        ModelExample(
            members={
                "ENERGY.Total": 3.185,
                "ENERGY.Yesterday": 3.058,
                "ENERGY.Today": 0.127,
                "ENERGY.Power": 0,
                "ENERGY.Factor": 0.00,
                "ENERGY.Voltage": 221,
                "ENERGY.Current": 0.000,
            },
            fields="power=0.0,energy=3.185,voltage=221.0,current=0.0,power_factor=0.0",
            origin="Tasmota's documentation, JSON Status Responses",
        ),
        ModelExample(members={"POWER": "OFF"}, fields="on=false", origin="Tasmota's documentation"),
        ModelExample(
            members={"ENERGY.Power": 42, "ESP32.Temperature": 97},
            units={"ESP32.Temperature": "[degF]"},
            fields="power=42.0,temperature=36.1111111111",
            origin="made by hand: set to Fahrenheit",
        ),
    ),
)
