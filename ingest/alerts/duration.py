"""Durations as people write them in rules and routes: ``"30s"``, ``"10m"``, ``"2h"``, ``"1d"``."""

from typing import Annotated

from pydantic import StringConstraints

_DURATION = r"^[0-9]{1,6}(s|m|h|d)$"
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

PATTERNS = {_DURATION: 'must be a duration such as "30s", "10m", "2h" or "1d"'}
"""What each regular expression asks for, in words."""

Duration = Annotated[str, StringConstraints(pattern=_DURATION)]


def count_ms(duration: Duration) -> int:
    """Return a duration as milliseconds."""
    return int(duration[:-1]) * _UNIT_MS[duration[-1]]
