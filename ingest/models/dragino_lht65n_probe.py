"""Dragino LHT65N outside a refrigerator with its probe inside; see ``ingest.frames.lht65n``.

The built-in sensor measures the room, so its values are left out: a probe that fell off must not show the room's
temperature as that of the food.
"""

from ingest.frames.lht65n import NOT_CONNECTED, read_lht65n
from ingest.model import Model, ModelExample, Take

_PROBE = Take("temperature", "Cel", sentinels=(NOT_CONNECTED,))

MODEL = Model(
    title="Dragino LHT65N (probe in a refrigerator)",
    device_type="refrigerator",
    formats=("tts", "chirpstack"),
    decode=read_lht65n,
    takes={
        "TempC_DS": _PROBE,
        "TempC_TMP117": _PROBE,
        "Ext_TempC_SHT": _PROBE,
        "BatV": Take("voltage", "V"),
    },
    hints=("lht65n probe", "lht65 probe"),
    examples=(
        ModelExample(
            frame=(2, "CBF60B0D0376010ADD7FFF"),
            fields="temperature=27.81,voltage=3.062",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(2, "CCB5026C039F010A857FFF"),
            fields="temperature=26.93,voltage=3.253",
            origin="akenza-io/device-type-library, lht65n",
        ),
        ModelExample(
            frame=(2, "CBF60B0D037601FE707FFF"),
            fields="temperature=-4.0,voltage=3.062",
            origin="made by hand",
        ),
        ModelExample(
            members={"BatV": 3.062, "TempC_SHT": 21.4, "TempC_TMP117": 4.06},
            fields="temperature=4.06,voltage=3.062",
            origin="made by hand",
        ),
    ),
)
