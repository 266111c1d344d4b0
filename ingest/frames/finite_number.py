"""Numbers that a Model reckons with before its fields are checked: what a Source says can be anything."""

import math

from ingest.model import read_number
from ingest.source import Plain


def find_number(value: Plain, unit: str = "") -> tuple[float | None, str]:
    """Return what a Source says as a finite number, and its unit; None where it is none.

    Args:
        value: A number, or a text such as ``2799 mm``.
        unit: UCUM code of what has no unit in a text.
    """
    if isinstance(value, str):
        value, unit = read_number(value, unit)
    if value is None or isinstance(value, bool | str):
        return None, unit
    try:
        number = float(value)
    except OverflowError:  # an integer that no float can hold
        return None, unit
    return (number if math.isfinite(number) else None), unit
