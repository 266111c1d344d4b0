"""Spread: an order in which the beginning of a mixed collection is mixed as the whole is."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(groups: Mapping[str, Sequence[T]]) -> list[T]:
    """Return all items so that any beginning holds each group in proportion, after one of each to start with.

    Args:
        groups: Items by group; the order within a group is kept.
    """
    first = [items[0] for _, items in sorted(groups.items()) if items]
    rest = [
        ((index + 0.5) / len(items), name, item)
        for name, items in groups.items()
        for index, item in enumerate(items[1:], start=1)
    ]
    return first + [item for _, _, item in sorted(rest, key=lambda entry: entry[:2])]
