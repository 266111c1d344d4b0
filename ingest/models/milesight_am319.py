"""Milesight AM319 with a formaldehyde sensor: climate, CO2, volatile substances, particles and motion in a room.

The edition with an ozone sensor is ``milesight_am319_o3``: its history has ozone where this one has formaldehyde. Its
ozone channel is unknown here, so that a device with the wrong Model shows at once.

Source: am-series/am319-hcho in https://github.com/Milesight-IoT/SensorDecoders; AM300 Series User Guide.
"""

from ingest.frames.milesight import LORAWAN, Channel, Item, build_decode
from ingest.frames.milesight_air import (
    AIR,
    PARTICLE_ITEMS,
    PARTICLES,
    TAKE_PARTICLES,
    TAKES,
    build_history,
    complete_tvoc,
    describe_tvoc,
)
from ingest.model import Model, ModelExample, Take

_HCHO = Item("hcho", "H", 100)

MODEL = Model(
    title="Milesight AM319 (HCHO)",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes={**TAKES, **TAKE_PARTICLES, "hcho": Take("formaldehyde", "mg/m3")},
    decode=build_decode(
        {**AIR, **PARTICLES, (0x0A, 0x7D): Channel(_HCHO), **build_history(*PARTICLE_ITEMS, _HCHO)},
    ),
    parameters=describe_tvoc(0.0),
    complete=complete_tvoc,
    hints=("am319", "am319-hcho", "am319l-hcho"),
    examples=(
        ModelExample(
            frame=(85, "0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"),
            fields="temperature=30.8,humidity=50.5,co2=936.0,presence=true,"
            "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0",
            origin="TheThingsNetwork/lorawan-devices, am319-codec.yaml",
        ),
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
            "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(
                85,
                "20CE9E744663EE007C000102A8032500662720003000040020CEF6764663EB007C000002A803250066272000300004000367F000",
            ),
            fields=(
                (
                    "temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
                    "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0"
                ),
                (
                    "temperature=23.5,humidity=62.0,co2=936.0,presence=false,"
                    "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0"
                ),
                "temperature=24.0",
            ),
            origin="made by hand",
        ),
        ModelExample(
            members={"temperature": 30.8, "activity": "trigger", "tvoc": 37, "hcho": 0.04, "pm2.5": 32, "pm10": 48},
            parameters={"tvoc_points": 1},
            fields="temperature=30.8,presence=true,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0",
            origin="TheThingsNetwork/lorawan-devices, am319-codec.yaml, its values",
        ),
        ModelExample(
            members={"temperature": 23.8, "pir": "trigger", "tvoc": 0.37, "hcho": 0.04, "pm2_5": 32, "pm10": 48},
            fields="temperature=23.8,presence=true,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0",
            origin="maker's decoder, its values",
        ),
    ),
)
