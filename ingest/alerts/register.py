"""A register that only grows, read at moments between its samples."""

from functools import lru_cache
from math import inf

from schemas.quantities import QUANTITIES, Kind

HOUR_MS = 3_600_000
LONGEST_GAP_MS = 2 * HOUR_MS
"""Between samples further apart nothing is known of a moment in between."""

_UNITS = sorted({quantity.unit for quantity in QUANTITIES.values() if quantity.kind is Kind.TOTAL})


def find_hour_end(time_ms: int) -> int:
    """Return when the hour ends that a moment is in; the same number for all devices, see ``Mean.hear``."""
    return _find_end(time_ms // HOUR_MS)


@lru_cache
def _find_end(hour: int) -> int:
    return (hour + 1) * HOUR_MS


def has_grown(before: float, value: float) -> bool:
    """Whether a register went on; otherwise the meter was swapped, or it rolled over."""
    return 0.0 <= value - before < inf


def read_between(before_ms: int, before: float, time_ms: int, value: float, at_ms: int) -> float | None:
    """Return what a register was at a moment after one sample and not after the next, on the line between them.

    Args:
        before_ms: When it was read before; milliseconds since 1970 in UTC, as all times here.
        before: What it was then.
        time_ms: When it was read next.
        value: What it was then; it has grown.
        at_ms: The moment.

    Returns:
        None when the moment is not between them, or they are too far apart to say.
    """
    if at_ms == time_ms:
        return value
    if not before_ms < at_ms < time_ms or time_ms - before_ms > LONGEST_GAP_MS:
        return None
    return before + (value - before) * ((at_ms - before_ms) / (time_ms - before_ms))


def check_register_unit(unit: str) -> str:
    """Return a register's unit.

    Raises:
        ValueError: No register is in it.
    """
    if unit not in _UNITS:
        raise ValueError(f"needs a register that only grows, in one of {', '.join(_UNITS)}, not in {unit}")
    return unit
