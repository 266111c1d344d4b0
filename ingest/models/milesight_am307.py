"""Milesight AM307: climate, CO2, index of volatile substances and motion in a room.

Its second version, which tells an illuminance, is ``milesight_am307_v2``. The illuminance is unknown here, so that a
device with the wrong Model shows at once.

Source: am-series/am307/README.md in https://github.com/Milesight-IoT/SensorDecoders; AM300 Series User Guide.
"""

from ingest.frames.milesight import LORAWAN, build_decode
from ingest.frames.milesight_air import AIR, TAKES, build_history, complete_tvoc, describe_tvoc
from ingest.model import Model, ModelExample

MODEL = Model(
    title="Milesight AM307",
    device_type="indoor_climate",
    formats=LORAWAN,
    takes=TAKES,
    decode=build_decode({**AIR, **build_history()}),
    parameters=describe_tvoc(0.0),
    complete=complete_tvoc,
    hints=("am307", "am307l"),
    examples=(
        ModelExample(
            frame=(85, "01755C03673401046865056A4900"),
            fields="temperature=30.8,humidity=50.5,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, am307-codec.yaml, example 1",
        ),
        ModelExample(
            frame=(85, "01755C03673401046865056A4900" + "077DE704087D070009733F27"),
            fields="temperature=30.8,humidity=50.5,co2=1255.0,pressure=1004.7,tvoc_index=7.0,battery=92.0",
            origin="TheThingsNetwork/lorawan-devices, am307-codec.yaml, examples 1 and 3 in one frame",
        ),
        ModelExample(
            frame=(85, "0367EE0004687C05000106CB02077DA803087D250009736627"),
            fields="temperature=23.8,humidity=62.0,co2=936.0,presence=true,pressure=1008.6,tvoc_index=37.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "20CE9E744663EE007C000102A803250066270367EE00"),
            fields=(
                "temperature=23.8,humidity=62.0,co2=936.0,presence=true,pressure=1008.6,tvoc_index=37.0",
                "temperature=23.8",
            ),
            origin="made by hand",
        ),
        ModelExample(
            members={"temperature": 21.5, "pir": "idle", "light_level": 2, "tvoc": 7},
            parameters={"tvoc_points": 1},
            fields="temperature=21.5,presence=false,tvoc_index=7.0",
            origin="made by hand, names of the older decoder",
        ),
        ModelExample(
            members={"temperature": 21.5, "tvoc": 0.37},
            fields="temperature=21.5,tvoc_index=37.0",
            origin="made by hand, names of the newer decoder",
        ),
        ModelExample(
            members={"temperature": 21.5, "tvoc": 350},
            fields="temperature=21.5",
            origin="made by hand, a number that may be µg/m³",
        ),
    ),
)
