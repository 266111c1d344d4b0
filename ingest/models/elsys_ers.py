"""Elsys ERS, ERS CO2 and ERS VOC in a room: climate, light and motion; see ``ingest.frames.elsys``.

What the ERS VOC calls TVOC is in parts per billion, which is no index, and is left out.
"""

from ingest.frames.elsys import read_elsys
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Elsys ERS, ERS CO2, ERS VOC",
    device_type="indoor_climate",
    formats=("tts", "chirpstack"),
    decode=read_elsys,
    takes={
        "temperature": Take("temperature", "Cel"),
        "humidity": Take("humidity", "%"),
        "light": Take("illuminance", "lx"),
        "motion": Take("motion"),
        "co2": Take("co2", "[ppm]"),
        "vdd": Take("voltage", "mV"),
    },
    hints=("ers", "ers-lite", "ers-voc", "ers-co2", "ers co2", "ers-co2-lite", "elsys ers"),
    examples=(
        ModelExample(
            frame=(1, "0100E202290400270506060308"),
            fields="temperature=22.6,humidity=41.0,co2=776.0,illuminance=39.0,motion=6.0",
            origin="TheThingsNetwork/lorawan-devices (ERS CO2)",
        ),
        ModelExample(
            frame=(1, "0100E202290400270506"),
            fields="temperature=22.6,humidity=41.0,illuminance=39.0,motion=6.0",
            origin="TheThingsNetwork/lorawan-devices (ERS)",
        ),
        ModelExample(
            frame=(5, "01FF9C021E0400000500070E0A"),
            fields="temperature=-10.0,humidity=30.0,illuminance=0.0,motion=0.0,voltage=3.594",
            origin="made by hand",
        ),
        ModelExample(
            members={"temperature": 22.6, "humidity": 41, "light": 39, "motion": 6, "co2": 776, "vdd": 3594},
            fields="temperature=22.6,humidity=41.0,co2=776.0,illuminance=39.0,motion=6.0,voltage=3.594",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it, with a battery made by hand",
        ),
    ),
)
