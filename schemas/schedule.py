"""Schedule: when a Rule is watched, in the municipality's local time."""

from enum import StrEnum
from typing import NamedTuple


class Use(StrEnum):
    """When, by the opening hours of the site."""

    ALWAYS = "always"
    OPEN = "open"  # within them, and not on a public holiday
    CLOSED = "closed"  # outside of them


class Schedule(NamedTuple):
    """When a Rule is watched; every part must allow it.

    Attributes:
        use: By the opening hours of the site; a site without any is always open.
        months: 1 to 12; all where empty.
        weekdays: 0 is Monday; all where empty.
        from_min: Minutes since local midnight.
        to_min: Likewise, not included; below ``from_min`` where the window is over midnight: it belongs to the day on
            which it begins.
        holidays: Whether it is watched on Norwegian public holidays; of ``use``, they are days on which all is closed.
    """

    use: Use = Use.ALWAYS
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    from_min: int = 0
    to_min: int = 24 * 60
    holidays: bool = True


ALWAYS = Schedule()
