"""Backoff: the law of its waits."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.backoff import Backoff

bounds = st.tuples(st.floats(0.001, 1_000), st.floats(0.001, 1_000)).map(sorted)
seeds = st.integers(0, 2**32)


class Highest(Random):
    """Jitter that always draws the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper end."""
        return max(a, b)


def _seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - jitter, not cryptography


def test_the_bound_doubles_until_its_most() -> None:
    backoff = Backoff(first_s=0.5, most_s=5.0, random=Highest())
    assert [backoff.next_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_reset_begins_again_at_the_first_bound() -> None:
    backoff = Backoff(first_s=0.5, most_s=60.0, random=Highest())
    before = [backoff.next_s() for _ in range(4)]
    backoff.reset()
    assert [backoff.next_s() for _ in range(4)] == before


@given(bounds, seeds)
def test_every_wait_lies_between_nothing_and_the_bound(limits: list[float], seed: int) -> None:
    first_s, most_s = limits
    jittered = Backoff(first_s=first_s, most_s=most_s, random=_seeded(seed))
    highest = Backoff(first_s=first_s, most_s=most_s, random=Highest())
    for _ in range(40):
        assert 0 <= jittered.next_s() <= highest.next_s() <= most_s


@given(bounds)
def test_bounds_never_shrink_and_reach_the_most(limits: list[float]) -> None:
    first_s, most_s = limits
    highest = Backoff(first_s=first_s, most_s=most_s, random=Highest())
    waits = [highest.next_s() for _ in range(40)]
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[-1] == most_s


def test_jitter_is_full_and_repeats_with_its_seed() -> None:
    def waits(seed: int) -> list[float]:
        backoff = Backoff(first_s=1.0, most_s=1.0, random=_seeded(seed))
        return [backoff.next_s() for _ in range(1_000)]

    drawn = waits(7)
    assert waits(7) == drawn
    assert waits(8) != drawn
    assert min(drawn) < 0.05
    assert max(drawn) > 0.95


def test_two_clients_without_a_seed_do_not_wait_alike() -> None:
    one, other = Backoff(first_s=1, most_s=60), Backoff(first_s=1, most_s=60)
    assert [one.next_s() for _ in range(8)] != [other.next_s() for _ in range(8)]


@pytest.mark.parametrize(("first_s", "most_s"), [(0, 1), (-1, 1), (2, 1), (float("nan"), 1)])
def test_impossible_bounds_are_refused(first_s: float, most_s: float) -> None:
    with pytest.raises(ValueError, match="first_s"):
        Backoff(first_s=first_s, most_s=most_s)
