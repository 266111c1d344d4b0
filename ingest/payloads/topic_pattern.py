"""Topics of Sources: below their root, or of patterns.

A pattern is a topic with ``{address}`` and ``{member}`` in it, each a whole segment.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ingest.codec import CodecError
from schemas.reason import Reason

_ADDRESS, _MEMBER = "{address}", "{member}"
_GROUPS = {_ADDRESS: "(?P<address>[^/]+)", _MEMBER: "(?P<member>[^/]+)"}


def split_below(root: str, topic: str) -> list[str]:
    """Return the levels of a topic below a root; none where it is not below it."""
    return topic[len(root) + 1 :].split("/") if topic.startswith(f"{root}/") else []


class Named(NamedTuple):
    """What a topic names.

    Attributes:
        address: Of the device.
        member: Empty where the pattern has none.
    """

    address: str
    member: str


class TopicPatterns:
    """The patterns of a Source.

    Args:
        patterns: Such as ``hage/{address}/{member}``; each has ``{address}``.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._compiled = [re.compile("/".join(map(_compile, pattern.split("/")))) for pattern in self._patterns]

    def read(self, topic: str) -> Named:
        """Return what a topic names by the first pattern that it is of.

        Raises:
            CodecError: It is of none.
        """
        for compiled in self._compiled:
            if match := compiled.fullmatch(topic):
                groups = match.groupdict()
                return Named(groups["address"], groups.get("member") or "")
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {' or '.join(self._patterns)}")


def _compile(segment: str) -> str:
    return _GROUPS.get(segment) or re.escape(segment)


def make_filter(pattern: str) -> str:
    """Return the topic filter that has every topic of a pattern."""
    return pattern.replace(_ADDRESS, "+").replace(_MEMBER, "+")
