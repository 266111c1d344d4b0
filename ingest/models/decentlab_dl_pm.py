"""Decentlab DL-PM, particulate matter; see ``ingest.frames.decentlab``. Its counts of particles are left out.

The particles are missing where their sensor was not asked, as in the maker's second example.
"""

from collections.abc import Sequence

from ingest.frames.decentlab import BATTERY, Block, name_values, read_decentlab
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame

_BLOCKS = (
    BATTERY,
    Block(
        10,
        {
            "pm1_0_mass_concentration": lambda words: words[0] / 10,
            "pm2_5_mass_concentration": lambda words: words[1] / 10,
            "pm4_mass_concentration": lambda words: words[2] / 10,
            "pm10_mass_concentration": lambda words: words[3] / 10,
        },
    ),
    Block(
        2,
        {
            "air_temperature": lambda words: 175.72 * words[0] / 65536 - 46.85,
            "air_humidity": lambda words: 125 * words[1] / 65536 - 6,
        },
    ),
    Block(1, {"barometric_pressure": lambda words: words[0] * 2}),  # pascals
)


def _decode(frame: Frame) -> Sequence[Decoded]:
    return read_decentlab(frame, _BLOCKS)


MODEL = Model(
    title="Decentlab DL-PM",
    device_type="air_quality",
    formats=("tts", "chirpstack"),
    decode=_decode,
    takes=name_values(
        {
            "pm10_mass_concentration": Take("pm10", "ug/m3"),
            "pm2_5_mass_concentration": Take("pm2_5", "ug/m3"),
            "pm1_0_mass_concentration": Take("pm1", "ug/m3"),
            "pm4_mass_concentration": Take("pm4", "ug/m3"),
            "air_temperature": Take("temperature", "Cel"),
            "air_humidity": Take("humidity", "%"),
            "barometric_pressure": Take("pressure", "Pa"),
            "battery_voltage": Take("voltage", "V"),
        }
    ),
    hints=("dl-pm",),
    examples=(
        ModelExample(
            frame=(1, "021B50000F0C25002500270027002701F50107012C012D012D012D67BD618DBD10"),
            fields="pm10=3.9,pm2_5=3.9,pm1=3.7,pm4=3.9,temperature=24.3566,humidity=41.63222,pressure=968.0,voltage=3.109",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(1, "021B50000D0C2567BD618DBD10"),
            fields="temperature=24.3566,humidity=41.63222,pressure=968.0,voltage=3.109",
            origin="TheThingsNetwork/lorawan-devices, example 2: without particles",
        ),
        ModelExample(
            frame=(1, "021B5000010C25"),
            fields="voltage=3.109",
            origin="TheThingsNetwork/lorawan-devices, example 3: the battery alone",
        ),
        ModelExample(
            members={
                "pm10_mass_concentration.value": 3.9,
                "pm2_5_mass_concentration.value": 3.9,
                "barometric_pressure.value": 96800,
            },
            fields="pm10=3.9,pm2_5=3.9,pressure=968.0",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it",
        ),
    ),
)
