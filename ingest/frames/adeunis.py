"""Frames of Adeunis' pulse counters PULSE V3 and V4: channel A's counter, now and at earlier moments.

A frame is a code, a status byte and what the code says, big endian (PULSE V4 Technical Reference Manual, "Radio
protocol"). A bit of the status says that the device's clock ends the frame, in seconds since 2013. That clock is not
read: the network server's is better, the device's may never have been set, and of a frame that was cut a growth would
be taken for it. Frame 0x5A has the counter now and how much it grew in each period before, the newest first; how long a
period is only the configuration knows: register 321 times two seconds, a day in a PULSE V3 as delivered (PULSE V3
Technical Reference Manual, 1.2). Who has history sent has mostly set that too, and for V4 no document could be found
that says it: so the inventory says it, or the counter now alone is taken.
"""

from collections.abc import Mapping

from ingest.frames.broken_frame import refuse
from ingest.frames.finite_number import find_number
from ingest.frames.octets import Octets
from ingest.model import Decoded, Parameter
from ingest.source import Frame, Plain

PERIOD = Parameter(
    "Between two stored counters: register 321 times two; 0 where only the counter now is wanted", "s", default=0.0
)
NAMES = ("counter", "bytes.counterValues.0")
"""What the counter is called, by our decoder and by the maker's."""

_BOTH, _CHANNEL_A, _CHANNEL_B = 0x46, 0x5A, 0x5B
_OTHERS = frozenset({0x10, 0x11, 0x12, 0x20, 0x30, 0x33, 0x47, _CHANNEL_B})
"""Configuration, answers, signs of life, alarms; and the other channel."""
_HAS_TIME = 0x04
_CLOCK = 4
"""Bytes."""


def read_pulse(frame: Frame) -> list[Decoded]:
    """Return ``counter`` at each moment that a frame tells of, the newest first; nothing where it tells of none.

    Raises:
        CodecError: Its code is unknown, it has another length than that has, or a counter that grew from less than
            nothing (BROKEN_FRAME).
    """
    octets = Octets(frame.body)
    code, status = octets.take(">B"), octets.take(">B")
    if code in _OTHERS:
        return []
    if code not in (_BOTH, _CHANNEL_A):
        refuse(frame, f"code {code:#04x} is unknown")
    counter = octets.take(">I")
    size_after = _CLOCK if status & _HAS_TIME else 0
    growths: list[int] = []
    if code == _BOTH:
        octets.take(">I")
    else:
        while octets.left > size_after:
            growths.append(octets.take(">H"))
    if octets.left != size_after:
        refuse(frame, f"{octets.left} bytes are left, not {size_after}")
    moments = [Decoded({"counter": counter})]
    for number, growth in enumerate(growths, start=1):
        counter -= growth
        if counter < 0:
            refuse(frame, f"the counter would have been {counter}")
        moments.append(Decoded({"counter": counter}, periods=number))
    return moments


def find_counter(members: Mapping[str, Plain]) -> float | None:
    """Return channel A's counter, by our name or by that of the maker's decoder; None where there is none.

    That decoder gives channel B the same name where a frame tells of it alone.
    """
    if str(members.get("bytes.type")).startswith(f"{_CHANNEL_B:#04x}"):
        return None
    counters = (find_number(members.get(name))[0] for name in NAMES)
    return next((counter for counter in counters if counter is not None), None)
