"""Dragino LHT65N in a room: its built-in thermometer and hygrometer; see ``ingest.frames.lht65n``."""

from ingest.frames.lht65n import read_lht65n
from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Dragino LHT65N (room)",
    device_type="indoor_climate",
    formats=("tts", "chirpstack"),
    decode=read_lht65n,
    takes={
        "TempC_SHT": Take("temperature", "Cel"),
        "Hum_SHT": Take("humidity", "%"),
        "BatV": Take("voltage", "V"),
    },
    hints=("lht65n", "lht65"),
    examples=(
        ModelExample(
            frame=(2, "CBC6008200F2017FFF7FFF"),
            fields="temperature=1.3,humidity=24.2,voltage=3.014",
            origin="TheThingsNetwork/lorawan-devices: an external probe is expected and not connected",
        ),
        ModelExample(
            frame=(2, "CBF60B0D0376010ADD7FFF"),
            fields="temperature=28.29,humidity=88.6,voltage=3.062",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(2, "CC5609C001EC01096C7FFF"),
            fields="temperature=24.96,humidity=49.2,voltage=3.158",
            origin="akenza-io/device-type-library, lht65n",
        ),
        ModelExample(
            frame=(2, "CCB5026C039F010A857FFF"),
            fields="temperature=6.2,humidity=92.7,voltage=3.253",
            origin="akenza-io/device-type-library, lht65n",
        ),
        ModelExample(
            frame=(2, "CC2C0A2901DC017FFF7FFF"),
            fields="temperature=26.01,humidity=47.6,voltage=3.116",
            origin="akenza-io/device-type-library, lht65: no probe is connected",
        ),
        ModelExample(
            frame=(2, "0AF009C001EC8160065F97"),
            fields="temperature=24.96,humidity=49.2",
            origin="made by hand: sent again because nobody acknowledged it",
        ),
        ModelExample(
            frame=(2, "7FFF089801464160065F97" + "7FFF088E014B4160066003"),
            fields=("temperature=22.0,humidity=32.6", "temperature=21.9,humidity=33.1"),
            origin="values of the maker's example of stored readings, bytes made by hand",
        ),
        ModelExample(
            members={"BatV": 3.062, "Bat_status": 3, "Hum_SHT": 88.6, "TempC_DS": 327.67, "TempC_SHT": "28.29"},
            fields="temperature=28.29,humidity=88.6,voltage=3.062",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it, with a probe pulled out by hand",
        ),
    ),
)
