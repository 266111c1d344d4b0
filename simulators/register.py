"""Register: a total that grows with time and can be read at any moment without a history.

Invariants:
    - The reading never falls, and is the same in every process: it follows from its two functions alone.
    - Its growth over a day is that day's amount exactly; within the day it follows the weights of the quarter-hours.
    - ``rate`` is the slope of ``total``: power and energy agree.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate

from simulators.days import FIRST_DATE, SLOT_MS, SLOTS_PER_HOUR, LocalDay, find_day, make_day

DAYS_REMEMBERED = 3
"""Days whose quarter-hours are kept: registers are read in the order of time."""


class Register:
    """A total, counted from the first simulated day.

    Args:
        start: What it showed on the first day.
        amount: Growth of a whole day, not negative; cheap, for it is asked for every day since the first.
        weights: How the growth is spread over the day's quarter-hours; not negative, of any scale.
    """

    def __init__(
        self, start: float, amount: Callable[[LocalDay], float], weights: Callable[[LocalDay], Sequence[float]]
    ) -> None:
        self._amount = amount
        self._weights = weights
        self._before = [start]
        self._shares: OrderedDict[int, list[float]] = OrderedDict()

    def total(self, time_ms: int) -> float:
        """Return what it shows.

        Raises:
            TooEarlyError: The moment is before the first simulated day.
        """
        day = find_day(time_ms)
        shares = self._cumulate(day)
        slot, rest = divmod(time_ms - day.start_ms, SLOT_MS)
        share = shares[slot] + (shares[slot + 1] - shares[slot]) * rest / SLOT_MS
        start = self._sum_before(day.number)
        return start + (self._sum_before(day.number + 1) - start) * share

    def rate(self, time_ms: int) -> float:
        """Return how fast it grows, per hour.

        Raises:
            TooEarlyError: The moment is before the first simulated day.
        """
        day = find_day(time_ms)
        shares = self._cumulate(day)
        slot = (time_ms - day.start_ms) // SLOT_MS
        grown = self._sum_before(day.number + 1) - self._sum_before(day.number)
        return grown * (shares[slot + 1] - shares[slot]) * SLOTS_PER_HOUR

    def _sum_before(self, number: int) -> float:
        while len(self._before) <= number:
            day = make_day(FIRST_DATE + timedelta(days=len(self._before) - 1))
            self._before.append(self._before[-1] + self._amount(day))
        return self._before[number]

    def _cumulate(self, day: LocalDay) -> list[float]:
        known = self._shares.get(day.number)
        if known is not None:
            return known
        sums = list(accumulate(self._weights(day), initial=0.0))
        shares = [part / sums[-1] for part in sums] if sums[-1] > 0.0 else sums
        self._shares[day.number] = shares
        if len(self._shares) > DAYS_REMEMBERED:
            self._shares.popitem(last=False)
        return shares
