"""Backoff: how long to wait before trying again.

Exponential with full jitter: the wait is uniform between nothing and a bound, and the bound doubles with each failure
until it reaches its most. Many clients that lost one server so spread over the whole interval instead of returning
together. Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from random import Random, SystemRandom


class Backoff:
    """The waits between tries, in order. Pure: it neither sleeps nor reads a clock.

    Args:
        first_s: Bound of the first wait, seconds, above 0.
        most_s: Bound that later waits grow to, seconds, at least ``first_s``.
        random: Source of the jitter; a seeded one repeats its waits. The system's when left out.

    Raises:
        ValueError: The bounds are not ``0 < first_s <= most_s``.
    """

    def __init__(self, *, first_s: float, most_s: float, random: Random | None = None) -> None:
        if not 0 < first_s <= most_s:
            raise ValueError(f"backoff needs 0 < first_s <= most_s, not first_s={first_s} and most_s={most_s}")
        self._first_s = first_s
        self._most_s = most_s
        self._random = random or SystemRandom()
        self._bound_s = first_s

    def next_s(self) -> float:
        """Return the seconds to wait before the next try; the bound of the one after doubles."""
        wait_s = self._random.uniform(0.0, self._bound_s)
        self._bound_s = min(self._most_s, self._bound_s * 2)
        return wait_s

    def reset(self) -> None:
        """Begin again at the first bound: the last try succeeded."""
        self._bound_s = self._first_s
