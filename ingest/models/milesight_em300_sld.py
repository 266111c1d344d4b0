"""Milesight EM300-SLD and EM300-ZLD: water at a spot or along a cable, temperature and humidity.

The EM300-MLD has no climate sensor, but zeros for it in its history: it is ``milesight_em300_mld``.

Source: em-series/em300-sld and em300-zld in https://github.com/Milesight-IoT/SensorDecoders; EM300 Series User Guide.
"""

from ingest.frames.milesight import (
    CLIMATE,
    HUMIDITY,
    LORAWAN,
    TAKE_CLIMATE,
    TEMPERATURE,
    TIME,
    Channel,
    Item,
    build_decode,
)
from ingest.frames.milesight_contact import TAKE_LEAK
from ingest.model import Model, ModelExample

_LEAK = Item("leakage_status", "B")

MODEL = Model(
    title="Milesight EM300-SLD / EM300-ZLD",
    device_type="leak_detector",
    formats=LORAWAN,
    takes={**TAKE_LEAK, **TAKE_CLIMATE},
    decode=build_decode(
        {**CLIMATE, (0x05, 0x00): Channel(_LEAK), (0x20, 0xCE): Channel(TIME, TEMPERATURE, HUMIDITY, _LEAK)}
    ),
    hints=("em300-sld", "em300-zld"),
    examples=(
        ModelExample(frame=(85, "050001"), fields="leak=true", origin="part of a documented frame"),
        ModelExample(
            frame=(85, "01756403671001046871050001"),
            fields="leak=true,temperature=27.2,humidity=56.5,battery=100.0",
            origin="EM300 Series User Guide, 5.2",
        ),
        ModelExample(
            frame=(85, "01755C03673401046865050000"),
            fields="leak=false,temperature=30.8,humidity=50.5,battery=92.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "20CE9E74466310015D01"),
            fields="leak=true,temperature=27.2,humidity=46.5",
            origin="maker's table of channels",
        ),
        ModelExample(
            members={"battery": 92, "temperature": 30.8, "humidity": 50.5, "water_leak": "normal"},
            fields="leak=false,temperature=30.8,humidity=50.5,battery=92.0",
            origin="made by hand, names of TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            members={"leakage_status": "leak", "battery": 92},
            fields="leak=true,battery=92.0",
            origin="made by hand, names of the maker's decoder",
        ),
    ),
)
