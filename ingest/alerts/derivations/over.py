"""How much of the last while a value was above a limit, such as CO2 above 1000 ppm for half the day."""

import sys
from dataclasses import dataclass
from math import inf, nextafter
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, Number, read_duration
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.duration import Duration
from schemas.derivation import Calm, State

_MOST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Over(Mean):
    """Share of the time within a window in which the value was above a limit, 0 to 100 %: a mean of what is 0 or 100.

    Attributes:
        window_ms: Length of the window; what is known of it is as in ``Mean``.
        limit: In the field's unit.
    """

    kind: ClassVar[str] = "over"
    limit: float

    def find_unit(self, unit: str) -> str:  # noqa: ARG002 - see Derivation
        """Return percent; see ``Derivation``."""
        return "%"

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:
        """Remember whether the values of the window were above the limit; see ``Derivation``."""
        share = 100.0 if value > self.limit else 0.0
        if state is None or not state[1] <= share <= state[2] or len(state) + 2 > state[0]:
            return Mean.hear(self, state, time_ms, share, low, high)
        state += (time_ms, share)  # which is all that it does, without the call
        return state

    def find_calm(self, state: State, low: float, high: float) -> Calm | None:
        """Return while values stay on the side of the limit that the last one is on; see ``Steady``."""
        calm = Mean.find_calm(self, state, low, high)
        if calm is None or not calm.least <= state[-1] <= calm.most:
            return None
        calm.kept = state[-1]
        if state[-1]:
            calm.least, calm.most = nextafter(self.limit, inf), _MOST
        else:
            calm.least, calm.most = -_MOST, self.limit
        return calm


class OverTable(DerivationTable):
    """``[derive]`` of kind over.

    Attributes:
        limit: In the field's unit.
        window: Over how long.
    """

    limit: Number
    window: Duration

    def build(self, zone_info: ZoneInfo) -> Over:  # noqa: ARG002 - see DerivationTable
        """Return the Over; see ``DerivationTable``."""
        return Over(read_duration(self.window, "window"), self.limit)


DERIVATION = OverTable
