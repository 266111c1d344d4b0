"""Wall clocks: what a device tells that knows the time of day where it hangs, and neither its offset nor its zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WALL = re.compile(r"(\d{4})([-.])(\d{2})\2(\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,6})?", re.ASCII)


def read_wall_clock(text: str, zone_info: ZoneInfo, near_ms: int) -> int:
    """Return the milliseconds since 1970 in UTC of a day and a time of day.

    Of the hour that autumn has twice, and of the one that spring leaves out (a clock that was not put forward), the
    text alone says two moments: the one is meant that is nearer to when the text was received. What was held back for
    longer than half an hour in that night may so be an hour off.

    Args:
        text: ``2026-01-15T12:00:00`` or, as older firmware writes it, ``2026.01.15 12:00:00``.
        zone_info: Where the device hangs.
        near_ms: When the text was received, in milliseconds since 1970 in UTC.

    Raises:
        ValueError: It is none of these, or not in the calendar.
    """
    match = _WALL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time of day without an offset")
    year, _, month, day, clock, fraction = match.groups()
    written = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}")
    fraction_ms = int(float(fraction or 0) * 1000)
    moments = [(written.replace(tzinfo=zone_info, fold=fold) - _EPOCH) // _MILLISECOND for fold in (0, 1)]
    return min(moments, key=lambda one: abs(one - near_ms)) + fraction_ms
