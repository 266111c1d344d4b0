"""Milesight EM500-CO2: CO2, climate and pressure.

Source: em-series/em500-co2 in https://github.com/Milesight-IoT/SensorDecoders; EM500 Series User Guide.
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
from ingest.model import Model, ModelExample, Take

_CO2 = Item("co2", "H")
_PRESSURE = Item("pressure", "H", 10)

MODEL = Model(
    title="Milesight EM500-CO2",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes={**TAKE_CLIMATE, "co2": Take("co2", "[ppm]"), "pressure": Take("pressure", "hPa")},
    decode=build_decode(
        {
            **CLIMATE,
            (0x05, 0x7D): Channel(_CO2),
            (0x06, 0x73): Channel(_PRESSURE),
            (0x83, 0xD7): Channel(TEMPERATURE, Item("", "3x")),  # changed by how much, and which alarm
            (0x20, 0xCE): Channel(TIME, _CO2, _PRESSURE, TEMPERATURE, HUMIDITY),
        }
    ),
    hints=("em500-co2",),
    examples=(
        ModelExample(
            frame=(85, "01755C03673401046865057D670406736827"),
            fields="temperature=30.8,humidity=50.5,co2=1127.0,pressure=1008.8,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, em500-co2-codec.yaml, example 1",
        ),
        ModelExample(
            frame=(85, "03671001046871057D670406736827"),
            fields="temperature=27.2,humidity=56.5,co2=1127.0,pressure=1008.8",
            origin="TheThingsNetwork/lorawan-devices, em500-co2-codec.yaml, example 2",
        ),
        ModelExample(
            frame=(85, "01756403671901046873057D670406736827"),
            fields="temperature=28.1,humidity=57.5,co2=1127.0,pressure=1008.8,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "20CE9E74466367046827190173"),
            fields="temperature=28.1,humidity=57.5,co2=1127.0,pressure=1008.8",
            origin="made by hand",
        ),
        ModelExample(
            frame=(85, "83D719013C0002057DFFFF"),
            fields="temperature=28.1",
            origin="made by hand: alarm, CO2 not measured",
        ),
    ),
)
