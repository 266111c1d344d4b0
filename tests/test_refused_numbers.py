"""Payloads in quarantine whose number cannot be read, held against the numbers that are missing."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.refused_numbers import Hole, cover

TIMES = st.integers(0, 12)
HOLES = st.builds(
    lambda missing, one, other: Hole(missing, min(one, other), max(one, other)), st.integers(1, 2), TIMES, TIMES
)


def test_a_payload_covers_a_hole_in_whose_time_it_came() -> None:
    assert cover([Hole(1, 10, 20)], [9, 21]) == ([0], [9, 21])
    assert cover([Hole(1, 10, 20)], [10]) == ([1], [])
    assert cover([Hole(1, 10, 20)], [20, 20]) == ([1], [20])
    assert cover([Hole(3, 10, 20)], [12, 15]) == ([2], [])
    assert cover([None], [12]) == ([0], [12])
    assert cover([Hole(1, 20, 10)], [12]) == ([0], [12])


def count_most(holes: list[Hole], times: list[int]) -> int:
    """Return how many numbers can be covered, by trying all ways."""
    if not times:
        return 0
    first, *rest = times
    most = count_most(holes, rest)
    for place, hole in enumerate(holes):
        if hole.missing and hole.from_ms <= first <= hole.to_ms:
            less = [*holes[:place], hole._replace(missing=hole.missing - 1), *holes[place + 1 :]]
            most = max(most, 1 + count_most(less, rest))
    return most


@given(st.lists(HOLES, max_size=4), st.lists(TIMES, max_size=5).map(sorted))
def test_as_many_are_covered_as_can_be_each_payload_once(holes: list[Hole], times: list[int]) -> None:
    covered, free = cover(holes, times)
    assert sum(covered) + len(free) == len(times)
    assert all(count <= hole.missing for count, hole in zip(covered, holes, strict=True))
    assert sum(covered) == count_most(holes, times)
