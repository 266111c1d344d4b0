"""Milesight AM319 with an ozone sensor. The ozone itself is not taken: indoor climate has no field for it.

Source: am-series/am319-o3 in https://github.com/Milesight-IoT/SensorDecoders; AM300 Series User Guide.
"""

from ingest.frames.milesight import LORAWAN, Item, build_decode, skip
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

MODEL = Model(
    title="Milesight AM319 (O₃)",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes={**TAKES, **TAKE_PARTICLES},
    decode=build_decode({**AIR, **PARTICLES, (0x0D, 0x7D): skip(2), **build_history(*PARTICLE_ITEMS, Item("", "2x"))}),
    parameters=describe_tvoc(0.0),
    complete=complete_tvoc,
    hints=("am319-o3", "am319l-o3"),
    examples=(
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D2500097366270B7D20000C7D30000D7D0200"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
            "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0",
            origin="made by hand of the maker's table of channels",
        ),
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D2500097366270B7D20000C7D3000"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
            "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "03670A0104685805000106CB01077DFF02087DE3000973FE270B7D07000C7D0800017562"),
            fields="temperature=26.6,humidity=44.0,co2=767.0,presence=true,"
            "pressure=1023.8,pm2_5=7.0,pm10=8.0,tvoc_index=227.0,battery=98.0",
            origin="Milesight-IoT/SensorDecoders, am319-o3-codec.json",
        ),
        ModelExample(
            frame=(85, "20CE9E744663EE007C000102A803250066272000300002000367EE00"),
            fields=(
                (
                    "temperature=23.8,humidity=62.0,co2=936.0,presence=true,"
                    "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0"
                ),
                "temperature=23.8",
            ),
            origin="made by hand",
        ),
    ),
)
