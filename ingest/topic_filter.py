"""Topic filters: which topics a subscription has.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019, section 4.7.
"""

import re


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
