"""Frames of Adeunis' pulse counters PULSE V3 and V4: channel A's counter, now and at earlier moments.

A frame is a code, a status byte and what the code says, big endian (PULSE V4 Technical Reference Manual, "Radio
protocol"). A bit of the status says that the device's clock ends the frame, in seconds since 2013 in UTC. Frame 0x5A
has the counter now and how much it grew in each period before, the newest first; how long a period is only the
configuration knows: register 321 times two seconds. As delivered a PULSE V3 has 43,200 there, a day (PULSE V3 Technical
Reference Manual, 1.2); of V4 that could not be checked, so the inventory should say it.
"""

from ingest.frames.broken_frame import refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded, Parameter
from ingest.source import Frame

PERIOD = Parameter("Between two stored counters: register 321 times two", "s", default=86_400.0)
"""The default is the maker's for PULSE V3."""

_BOTH, _CHANNEL_A, _CHANNEL_B = 0x46, 0x5A, 0x5B
_OTHERS = frozenset({0x10, 0x11, 0x12, 0x20, 0x30, 0x33, 0x47, _CHANNEL_B})
"""Configuration, answers, signs of life, alarms; and the other channel."""
_HAS_TIME = 0x04
_YEAR_2013 = 1_356_998_400
_YEAR_2017 = 1_483_228_800
"""No PULSE V3 is older."""


def read_pulse(frame: Frame) -> list[Decoded]:
    """Return ``counter`` at each moment that a frame tells of, the newest first; nothing where it tells of none.

    Raises:
        CodecError: Its code is unknown, it has another length than that has, a counter that grew from less than
            nothing, or a clock that was never set (BROKEN_FRAME).
    """
    octets = Octets(frame.body)
    code, status = octets.take(">B"), octets.take(">B")
    if code in _OTHERS:
        return []
    if code not in (_BOTH, _CHANNEL_A):
        refuse(frame, f"code {code:#04x} is unknown")
    counter = octets.take(">I")
    size_after = 4 if status & _HAS_TIME else 0
    growths: list[int] = []
    if code == _BOTH:
        octets.take(">I")
    else:
        while octets.left > size_after:
            growths.append(octets.take(">H"))
    if octets.left != size_after:
        refuse(frame, f"{octets.left} bytes are left, not {size_after}")
    time_ms = _take_time(frame, octets) if size_after else None
    moments = [Decoded({"counter": counter}, time_ms)]
    for number, growth in enumerate(growths, start=1):
        counter -= growth
        if counter < 0:
            refuse(frame, f"the counter would have been {counter}")
        moments.append(Decoded({"counter": counter}, time_ms, periods=number))
    return moments


def _take_time(frame: Frame, octets: Octets) -> int:
    seconds = octets.take(">I") + _YEAR_2013
    if seconds < _YEAR_2017:
        refuse(frame, "its clock was never set, or the frame was cut")
    return seconds * 1000
