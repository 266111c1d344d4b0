"""Milesight WS302: sound levels, whose frequency and time weighting the frame tells with them.

Only levels with the A weighting are taken. Older decoders call them ``la``, ``laeq`` and ``lamax`` whatever the
weighting, and tell it beside them; newer ones put it into the names.

Source: ws-series/ws302 in https://github.com/Milesight-IoT/SensorDecoders; WS302 User Guide.
"""

from collections.abc import Mapping

from ingest.codec import CodecError
from ingest.frames.milesight import Channel, Item, build_decode
from ingest.source import Plain
from schemas.reason import Reason

_LEVELS = ("level", "equivalent", "maximum")
_FREQUENCY = {0: "Z", 1: "A", 2: "C"}
_TIME = {0: "I", 1: "F", 2: "S"}


def _refine(members: dict[str, Plain]) -> None:
    """Name the levels by their weighting."""
    if "weighting" not in members:
        return
    weighting = members.pop("weighting")
    bits = int(weighting) if isinstance(weighting, int) else 0xFF
    frequency, time = _FREQUENCY.get(bits & 3), _TIME.get(bits >> 2)
    if frequency is None or time is None:
        raise CodecError(Reason.BROKEN_FRAME, f"the weighting of the sound level is {bits:#04x}, which has no meaning")
    level, equivalent, maximum = (members.pop(name) for name in _LEVELS)
    members[f"L{frequency}{time}"] = level
    members[f"L{frequency}eq"] = equivalent
    members[f"L{frequency}{time}max"] = maximum


decode = build_decode(
    {(0x05, 0x5B): Channel(Item("weighting", "B"), *(Item(name, "H", 10) for name in _LEVELS))}, _refine
)

LAEQ = ("LAeq", "laeq")
LAMAX = ("LAFmax", "LASmax", "LAImax", "lamax")


def complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:  # noqa: ARG001 - as Model wants it
    """Leave out levels that an older decoder calls A, and that have another weighting."""
    if members.get("freq_weight", "A") != "A":
        for name in ("laeq", "lamax"):
            members.pop(name, None)
