"""Milesight EM300-TH: temperature and humidity.

Source: em-series/em300-th in https://github.com/Milesight-IoT/SensorDecoders; EM300 Series User Guide.
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
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Milesight EM300-TH",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes=TAKE_CLIMATE,
    decode=build_decode({**CLIMATE, (0x20, 0xCE): Channel(TIME, TEMPERATURE, HUMIDITY, Item("", "1x"))}),
    hints=("em300-th",),
    examples=(
        ModelExample(
            frame=(85, "01755C03673401046865"),
            fields="temperature=30.8,humidity=50.5,battery=92.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "20CE9E74466310015D00"),
            fields="temperature=27.2,humidity=46.5",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "0367E3FF0468FF"),
            fields="temperature=-2.9",
            origin="made by hand: below zero, no humidity",
        ),
        ModelExample(
            frame=(85, "FF0BFFFF0101FF166329C42503920003FF090100FF0A0101FF0F00"),
            fields="",
            origin="EM400-TLD User Guide, 5.1: what every product sends when it joins",
        ),
        ModelExample(
            members={"battery": 92, "temperature": 30.8, "humidity": 50.5},
            fields="temperature=30.8,humidity=50.5,battery=92.0",
            origin="maker's decoder, its values",
        ),
    ),
)
