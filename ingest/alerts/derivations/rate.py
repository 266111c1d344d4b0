"""How fast a value changes, such as a river that rises."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, floor, inf, isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, read_duration
from ingest.alerts.duration import Duration
from schemas.derivation import Calm, State

_PARTS = 60
_SPARE = 8
_STEPS = 6
_FAR = 1e9
_HOUR_MS = 3_600_000.0
_NEARLY = 1.0 - 1e-6
_ROUNDING = 1e-12  # more than any: what is good at a glance must be so when it is worked out


@dataclass(frozen=True, slots=True)
class Rate:
    """Change per hour: the newest value of a window minus its oldest, over the hours between them.

    Negative where it falls. It says nothing while they are less than half the window apart. At most one value in 1/60
    of the window is kept.

    Attributes:
        window_ms: Length of the window.
        apart_ms: 1/60 of it.
    """

    kind: ClassVar[str] = "rate"
    of_register: ClassVar[bool] = False
    window_ms: int
    apart_ms: int = field(init=False, repr=False, compare=False)
    _steepest: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out what every value needs."""
        object.__setattr__(self, "apart_ms", self.window_ms // _PARTS)
        object.__setattr__(self, "_steepest", (1.0 + _ROUNDING) * _HOUR_MS / (self.window_ms / 2))

    def find_unit(self, unit: str) -> str:
        """Return the field's unit per hour, such as ``Cel/h``; see ``Derivation``."""
        if unit == "deg":
            raise ValueError("a direction has no rate of this kind: it may turn from 359 to 0 degrees")
        return f"{unit}/h"

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:
        """Return the change per hour within the window that ends now; see ``Derivation``."""
        if state is None:
            return None
        steepest = self._steepest
        if low < 0.0 < high and low <= (value - state[2]) * steepest and (value - state[1]) * steepest <= high:
            return None  # no value of the window is above or below these, or counts when it is half a window old
        times = state[3::2]
        oldest = bisect_left(times, time_ms - self.window_ms)
        if oldest == len(times):
            return None
        elapsed_ms = time_ms - times[oldest]
        if 2 * elapsed_ms < self.window_ms:
            return None
        rate: float = (value - state[4 + 2 * oldest]) * _HOUR_MS / elapsed_ms
        return rate if isfinite(rate) else None

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:
        """Remember the values of the window; see ``Derivation``.

        What is remembered: how long that may become until it is tidied up; what no value is below, and above; times
        and values in turns.
        """
        if state is None:
            return [2 * _SPARE, *self._find_bounds([value], low, high), time_ms, value]
        if time_ms - state[-2] < self.apart_ms:
            return None
        if value < state[1]:
            state[1] = value
        elif value > state[2]:
            state[2] = value
        state += (time_ms, value)
        if len(state) > state[0]:
            past = bisect_left(state[3::2], time_ms - self.window_ms)
            del state[3 : 3 + 2 * past]
            state[:3] = 2 * len(state) + _SPARE, *self._find_bounds(state[4::2], low, high)
        return state

    def find_calm(self, state: State, low: float, high: float) -> Calm | None:
        """Return while no value can be steep, and none moves the bounds of the window; see ``Steady``."""
        if not low < 0.0 < high:
            return None
        least = max(state[1], state[2] + _NEARLY * low / self._steepest)
        most = min(state[2], state[1] + _NEARLY * high / self._steepest)
        return Calm(state, least, most, full=state[0] - 1) if least <= most else None

    def _find_bounds(self, values: Sequence[float], low: float, high: float) -> tuple[float, float]:
        """Return what no value is below, and above: some steps of a size that the limits allow within a window."""
        least, most = min(values), max(values)
        step = min(high, -low) / self._steepest / _STEPS
        if not (step > 0.0 and max(-least, most) / step < _FAR):
            return least, most
        return _share(floor(least / step) - 1, step), _share(ceil(most / step) + 1, step)


@lru_cache
def _share(number: int, step: float) -> float:
    """Return so many steps, the same number for all devices; see ``Mean.hear``."""
    return number * step


class RateTable(DerivationTable):
    """``[derive]`` of kind rate.

    Attributes:
        window: Within how long.
    """

    window: Duration

    def build(self, zone_info: ZoneInfo) -> Rate:  # noqa: ARG002 - see DerivationTable
        """Return the Rate; see ``DerivationTable``."""
        return Rate(read_duration(self.window, "window"))


DERIVATION = RateTable
