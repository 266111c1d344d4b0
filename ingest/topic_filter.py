"""Topic filters: which topics a subscription has.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019, section 4.7.
"""

import re
from collections.abc import Sequence


def compile_filter(pattern: str) -> "re.Pattern[str]":
    """Return what matches the topics of a filter.

    Args:
        pattern: With ``+`` for one level and, at its end, ``#`` for all that follow and what stands before it.
    """
    parts = ["[^/]*" if level == "+" else re.escape(level) for level in pattern.split("/")]
    if pattern.endswith("/#"):
        return re.compile("/".join(parts[:-1]) + "(?:/.*)?", re.DOTALL)
    if pattern == "#":
        return re.compile(".*", re.DOTALL)
    return re.compile("/".join(parts))


def overlap(first: str, second: str) -> bool:
    """Whether there is a topic that both filters have.

    That a broker keeps topics that begin with ``$`` from filters that begin with a wildcard is not looked at.

    Args:
        first: As ``compile_filter`` takes it.
        second: Likewise.
    """
    return _meet(first.split("/"), second.split("/"))


def is_wide(pattern: str) -> bool:
    """Whether a filter begins with a wildcard: it says nothing of what stands first in its topics.

    Args:
        pattern: As ``compile_filter`` takes it.
    """
    return pattern.startswith(("+", "#"))


def _meet(first: Sequence[str], second: Sequence[str]) -> bool:
    for one, other in zip(first, second, strict=False):
        if "#" in (one, other):
            return True
        if one != other and "+" not in (one, other):
            return False
    # Behind what the shorter one has only # may follow: it stands for nothing, too.
    longer = max(first, second, key=len)
    return longer[min(len(first), len(second)) :] in ([], ["#"])
