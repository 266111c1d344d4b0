"""Dingtek DF703 and DF702, distance to the waste in a bin; see ``ingest.frames.dingtek``.

A frame has the distance in millimetres, whether a position comes, the position, temperature, tilt, alarms and a
number. The temperature is one byte, which the maker's decoders of these two take for positive, though its bins stand in
frost; that of the sister DO201 has a sign (do201.js in TheThingsNetwork/lorawan-devices). The alarm of a fire can be
set to any byte, so what a sensor outlives is taken for a fire here, and what is hotter for below zero.
Decoders for network servers give DF703's values as numbers, DF702's as texts with their unit.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import refuse
from ingest.frames.dingtek import open_frame
from ingest.frames.mounting import BIN_PARAMETERS, find_fill, read_metres
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain
from schemas.reason import Reason

_PRODUCT = 0x0001
_WITHOUT_POSITION, _WITH_POSITION = 11, 19
_HOTTEST = 160


def _decode(frame: Frame) -> Sequence[Decoded]:
    octets = open_frame(frame, _PRODUCT, _WITHOUT_POSITION, _WITH_POSITION)
    if octets is None:
        return []
    has_position = octets.left == _WITH_POSITION
    level = octets.take(">H")
    if octets.take(">B") != has_position:
        refuse(frame, "its length and its flag do not agree whether a position comes")
    if has_position:
        octets.cut(8)  # where the bin stands, the inventory knows
    temperature = octets.take(">B")
    return [Decoded({"level": level, "temperature": temperature - 256 if temperature > _HOTTEST else temperature})]


def _add_fill(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    distance = read_metres(members.get("level"), "mm")
    if distance is not None and parameters["depth"] > 0:
        members["fill"] = find_fill(distance, parameters["depth"])


MODEL = Model(
    title="Dingtek DF703, DF702",
    device_type="waste_bin",
    formats=("tts", "chirpstack"),
    decode=_decode,
    parameters=BIN_PARAMETERS,
    complete=_add_fill,
    takes={
        "fill": Take("fill", "%"),
        "level": Take("distance", "mm"),
        "temperature": Take("temperature", "Cel"),
    },
    hints=("df703", "df702"),
    examples=(
        ModelExample(
            frame=(3, "800001011107D000190000000000010081"),
            parameters={"depth": 2.5},
            fields="fill=20.0,distance=2.0,temperature=25.0",
            origin="TheThingsNetwork/lorawan-devices, in a bin made by hand",
        ),
        ModelExample(
            frame=(3, "800001011907D001CD03E942EF272042190000000000010081"),
            parameters={"depth": 2.5},
            fields="fill=20.0,distance=2.0,temperature=25.0",
            origin="TheThingsNetwork/lorawan-devices, with a position, in a bin made by hand",
        ),
        ModelExample(
            frame=(3, "800001021907D001CD03E942EF272042190000000000010081"),
            parameters={"depth": 2.5},
            fields="fill=20.0,distance=2.0,temperature=25.0",
            origin="cndingtek/Chirpstack_codec: an event, with a position, in a bin made by hand",
        ),
        ModelExample(
            frame=(3, "8000010319010418011E4B1E00000000000000000000000081"),
            parameters={"depth": 2.5},
            fields="",
            origin="TheThingsNetwork/lorawan-devices: its configuration",
        ),
        ModelExample(
            frame=(3, "800001011107D000F80000000000010081"),
            parameters={"depth": 1.98},
            fields="fill=0.0,distance=2.0,temperature=-8.0",
            origin="made by hand: frost, and an empty bin",
        ),
        ModelExample(
            members={"level": "2000 mm", "temperature": "25 ℃", "full": False, "angle": "0 °"},
            parameters={"depth": 4.0},
            fields="fill=50.0,distance=2.0,temperature=25.0",
            origin="TheThingsNetwork/lorawan-devices, as DF702's decoder names it, in a bin made by hand",
        ),
        ModelExample(
            members={"level": 2000, "temperature": -117, "alarmFire": False},
            parameters={"depth": 4.0},
            fields="fill=50.0,distance=2.0",
            refused={"temperature": Reason.OUT_OF_RANGE},
            origin="TheThingsNetwork/lorawan-devices, with the temperature of its sister DO201's",
        ),
    ),
)
