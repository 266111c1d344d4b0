"""The mean over the last while, such as CO2 as a mean of twenty minutes."""

from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, read_duration
from ingest.alerts.duration import Duration
from schemas.derivation import Derived, State

_PARTS = 60
_SCALE = 2.0**-50  # exact, and so small that no sum of finite areas is infinite
_ROUNDING = 1e-12  # relative: values that are all at a limit must have a mean that is at it, not beyond


@dataclass(frozen=True, slots=True)
class Mean:
    """Time-weighted mean of the values within a window; each counts until the next, at most for half the window.

    It says nothing while less than half the window is known. Values less than 1/60 of the window apart are put
    together, so that at most 130 numbers and their times are kept; the mean is exact for all others.

    Attributes:
        window_ms: Length of the window.
    """

    kind: ClassVar[str] = "mean"
    window_ms: int

    def find_unit(self, unit: str) -> str:
        """Return the field's own unit; see ``Derivation``."""
        if unit == "deg":
            raise ValueError("a direction has no mean of this kind: between 350 and 10 degrees lies north, not south")
        return unit

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return the mean of the window that ends now; see ``Derivation``."""
        # The state: the last value; from when the open part is, and its area; the length and area of the closed parts
        # together; end, length and area of each of these, one after the other.
        if state is None:
            return Derived([time_ms, value, time_ms, 0.0, 0, 0.0, []], None)
        before_ms, held, open_ms, open_area, closed_ms, closed_area, parts = state
        window_ms = self.window_ms
        from_ms = time_ms - window_ms
        span_ms = time_ms - before_ms
        is_same = time_ms - open_ms <= window_ms // _PARTS
        if is_same:
            open_area += held * (span_ms * _SCALE)
        else:
            if before_ms > open_ms:
                parts = [*parts, before_ms, before_ms - open_ms, open_area]
                closed_ms += before_ms - open_ms
            if span_ms <= window_ms // _PARTS:
                open_ms, open_area = before_ms, held * (span_ms * _SCALE)
            else:
                span_ms = min(span_ms, window_ms // 2)
                parts = [*parts, before_ms + span_ms, span_ms, held * (span_ms * _SCALE)]
                closed_ms += span_ms
                open_ms, open_area = time_ms, 0.0
        if parts and parts[0] <= from_ms:
            past = 0
            while past < len(parts) and parts[past] <= from_ms:
                closed_ms -= parts[past + 1]
                past += 3
            parts, is_same = parts[past:], False
        if not is_same:
            closed_area = sum(parts[2::3])  # anew: what is added to and taken from drifts
        known_ms, area = closed_ms + time_ms - open_ms, closed_area + open_area
        if parts and (outside_ms := from_ms - parts[0] + parts[1]) > 0:
            area -= parts[2] * (outside_ms / parts[1])
            known_ms -= outside_ms
        after = [time_ms, value, open_ms, open_area, closed_ms, closed_area, parts]
        if 2 * known_ms < window_ms:
            return Derived(after, None)
        mean = area / (known_ms * _SCALE)
        return Derived(after, held if abs(mean - held) <= abs(held) * _ROUNDING else mean)


class MeanTable(DerivationTable):
    """``[derive]`` of kind mean.

    Attributes:
        window: Over how long.
    """

    window: Duration

    def build(self, zone_info: ZoneInfo) -> Mean:  # noqa: ARG002 - see DerivationTable
        """Return the Mean; see ``DerivationTable``."""
        return Mean(read_duration(self.window, "window"))


DERIVATION = MeanTable
