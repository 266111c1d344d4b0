"""Dingtek DC520, people counter; see ``ingest.frames.dingtek``.

After the maker's decoder of 2024: it tells how many are inside, came and went, alarms, and a voltage whose unit
nothing says (its 5 is volts where its sisters' 360 is 3.60 V), which is left out. More can go than came: then its 65535
inside is one too few.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.dingtek import open_frame
from ingest.frames.finite_number import find_number
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain
from schemas.reason import Reason

_PRODUCT = 0x0052
_MOST_INSIDE = 0x7FFF


def _decode(frame: Frame) -> Sequence[Decoded]:
    octets = open_frame(frame, _PRODUCT, 13)
    if octets is None:
        return []
    names = ("balanceCounter", "inCounter", "outCounter")
    return [Decoded({name: octets.take(">H") for name in names})]


def _sign(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    inside, _unit = find_number(members.get("balanceCounter"))
    if inside is not None and inside > _MOST_INSIDE:
        members["balanceCounter"] = inside - 0x10000


MODEL = Model(
    title="Dingtek DC520",
    device_type="people_counter",
    formats=("tts", "chirpstack"),
    decode=_decode,
    complete=_sign,
    takes={
        "inCounter": Take("entered"),
        "outCounter": Take("left"),
        "balanceCounter": Take("inside"),
    },
    hints=("dc520",),
    examples=(
        ModelExample(
            frame=(3, "80005202130001000200010000000500000181"),
            fields="entered=2.0,left=1.0,inside=1.0",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(3, "800052031201020100050023003200141481"),
            fields="",
            origin="TheThingsNetwork/lorawan-devices: its configuration",
        ),
        ModelExample(
            members={"balanceCounter": 65535, "inCounter": 2, "outCounter": 3, "volt": 5, "frameCounter": 1},
            fields="entered=2.0,left=3.0",
            refused={"inside": Reason.OUT_OF_RANGE},
            origin="made by hand: one more went than came",
        ),
    ),
)
