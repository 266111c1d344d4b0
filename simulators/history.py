"""History: the past moments at which each device of a fleet would have reported."""

import re
from collections.abc import Sequence
from datetime import timedelta

from simulators.days import FIRST_DATE, make_day
from simulators.device import SimulatedDevice
from simulators.errors import DurationError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """Return the duration of a text such as ``30d``, ``12h``, ``15m`` or ``45s``.

    Raises:
        DurationError: It is something else, or nothing.
    """
    found = _DURATION.fullmatch(text.strip())
    if not found or int(found[1]) == 0:
        raise DurationError(f"{text!r} is not a duration; write for example 30d, 12h, 15m or 45s")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise DurationError(f"{text!r} is too long") from None


def plan_history(device: SimulatedDevice, span: timedelta, step: timedelta | None, now_ms: int) -> Sequence[int]:
    """Return the past moments of one device, oldest first, milliseconds since 1970 in UTC.

    A device without a clock has none: its readings get the time of receipt, and so have no past.

    Args:
        device: Of the fleet.
        span: How far back.
        step: Time between two; None for the interval of the device's type.
        now_ms: Present time; the newest moment is before it.
    """
    if not device.has_clock:
        return ()
    step_ms = round(step.total_seconds() * 1000) if step else device.interval_ms
    placed_ms = max(device.device.placements[0].from_ms, make_day(FIRST_DATE).end_ms)
    begin_ms = max(placed_ms, now_ms - round(span.total_seconds() * 1000))
    first_ms = -(-begin_ms // step_ms) * step_ms
    return range(first_ms, now_ms, step_ms)
