"""Milesight AM308: climate, CO2, index of volatile substances, particles and motion in a room.

Source: am-series/am308 in https://github.com/Milesight-IoT/SensorDecoders; AM300 Series User Guide. Every published
decoder divides the index by a hundred; a ``tvoc`` above 5 is in µg/m3, and refused as out of range.
"""

from ingest.frames.milesight import LORAWAN, build_decode
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
from ingest.model import Model, ModelExample
from schemas.reason import Reason

MODEL = Model(
    title="Milesight AM308",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes={**TAKES, **TAKE_PARTICLES},
    decode=build_decode({**AIR, **PARTICLES, **build_history(*PARTICLE_ITEMS)}),
    parameters=describe_tvoc(100.0),
    complete=complete_tvoc,
    hints=("am308", "am308l"),
    examples=(
        ModelExample(
            frame=(85, "01755C03673401046865056A4900"),
            fields="temperature=30.8,humidity=50.5,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, am308-codec.yaml, example 1",
        ),
        ModelExample(
            frame=(85, "01755C03673401046865056A4900" + "077DE704087D070009733F270B7D20000C7D3000"),
            fields="temperature=30.8,humidity=50.5,co2=1255.0,"
            "pressure=1004.7,pm2_5=32.0,pm10=48.0,tvoc_index=7.0,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, am308-codec.yaml, examples 1 and 2 in one frame",
        ),
        ModelExample(
            frame=(85, "03670A0104685805000106CB01077DFF02087DE3000973FE270B7D07000C7D0800017562"),
            fields="temperature=26.6,humidity=44.0,co2=767.0,presence=true,"
            "pressure=1023.8,pm2_5=7.0,pm10=8.0,tvoc_index=227.0,battery=98.0",
            origin="Milesight-IoT/SensorDecoders, am308-codec.json",
        ),
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D2500097366270B7D20000C7D3000"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
            "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "0367EE00077DFFFF08E6A8030B7DFDFF0C7D3000"),
            fields="temperature=23.8,pm10=48.0",
            origin="made by hand: no CO2, volatile substances in µg/m³, particles out of range",
        ),
        ModelExample(
            frame=(85, "21CE9E744663EE007C000002A80325016627200030000367EE00"),
            fields=(
                "temperature=23.8,humidity=62.0,co2=936.0,presence=false,pressure=1008.6,pm2_5=32.0,pm10=48.0",
                "temperature=23.8",
            ),
            origin="made by hand: history with volatile substances in µg/m³",
        ),
        ModelExample(
            members={"temperature": 30.8, "tvoc": 0.07},
            fields="temperature=30.8,tvoc_index=7.0",
            origin="TheThingsNetwork/lorawan-devices, am308-codec.yaml, the value of example 2",
        ),
        ModelExample(
            members={"temperature": 30.8, "tvoc": 350},
            fields="temperature=30.8",
            refused={"tvoc_index": Reason.OUT_OF_RANGE},
            origin="made by hand: µg/m³",
        ),
    ),
)
