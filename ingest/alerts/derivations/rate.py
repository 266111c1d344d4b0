"""How fast a value changes, such as a river that rises."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, read_duration
from ingest.alerts.duration import Duration
from schemas.derivation import Derived, State

_PARTS = 60
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Change per hour: the newest value of a window minus its oldest, over the hours between them.

    Negative where it falls. It says nothing while they are less than half the window apart. At most one value in 1/60
    of the window is kept.

    Attributes:
        window_ms: Length of the window.
    """

    kind: ClassVar[str] = "rate"
    window_ms: int

    def find_unit(self, unit: str) -> str:
        """Return the field's unit per hour, such as ``Cel/h``; see ``Derivation``."""
        if unit == "deg":
            raise ValueError("a direction has no rate of this kind: it may turn from 359 to 0 degrees")
        return f"{unit}/h"

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return the change per hour within the window that ends now; see ``Derivation``."""
        if state is None:
            return Derived([[time_ms], [value]], None)
        times, values = state
        window_ms = self.window_ms
        if times[0] < time_ms - window_ms:
            past = 1
            while past < len(times) and times[past] < time_ms - window_ms:
                past += 1
            times, values = times[past:], values[past:]
            if not times:
                return Derived([[time_ms], [value]], None)
            state = [times, values]
        if time_ms - times[-1] >= window_ms // _PARTS:
            state = [[*times, time_ms], [*values, value]]
        elapsed_ms = time_ms - times[0]
        if 2 * elapsed_ms < window_ms:
            return Derived(state, None)
        rate = (value - values[0]) * _HOUR_MS / elapsed_ms
        return Derived(state, rate if isfinite(rate) else None)


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
