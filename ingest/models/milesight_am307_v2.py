"""Milesight AM307, second version: as the first, with an illuminance besides, in its history too.

Source: am-series/am300-v2/README.md in https://github.com/Milesight-IoT/SensorDecoders; AM300 Series User Guide. The
AM308's and the AM319's second versions send what their first ones do.
"""

from ingest.frames.milesight import LORAWAN, Channel, build_decode
from ingest.frames.milesight_air import AIR, ILLUMINANCE, TAKES, build_history, complete_tvoc, describe_tvoc
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Milesight AM307 v2",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes=TAKES,
    decode=build_decode({**AIR, (0x06, 0x94): Channel(ILLUMINANCE), **build_history(ILLUMINANCE)}),
    parameters=describe_tvoc(0.0),
    complete=complete_tvoc,
    hints=("am307-v2", "am307 v2"),
    examples=(
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D250009736627"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,pressure=1008.6,tvoc_index=37.0",
            origin="maker's table of channels, second version",
        ),
        ModelExample(
            frame=(85, "0367EE0004687C069401020000"),
            fields="temperature=23.8,humidity=62.0,illuminance=513.0",
            origin="made by hand of the maker's table of channels",
        ),
        ModelExample(
            frame=(
                85,
                "20CE9E744663EE007C000102A803250066270367000021CE9E744663EE007C000002A80325006627010200000367EE00",
            ),
            fields=(
                (
                    "temperature=23.8,humidity=62.0,co2=936.0,illuminance=26371.0,presence=true,pressure=1008.6,"
                    "tvoc_index=37.0"
                ),
                "temperature=23.8,humidity=62.0,co2=936.0,illuminance=513.0,presence=false,pressure=1008.6",
                "temperature=23.8",
            ),
            origin="made by hand: history, whose first illuminance looks like a temperature of 0 degrees",
        ),
    ),
)
