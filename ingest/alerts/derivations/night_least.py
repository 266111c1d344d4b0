"""The least value of a night, such as a flow that is never zero: water leaks."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from ingest.alerts.derivation_table import DerivationTable, read_duration
from ingest.alerts.duration import Duration
from ingest.alerts.night import Night, read_night
from ingest.inventory_tables import Clock
from schemas.derivation import State


@dataclass(frozen=True, slots=True)
class NightLeast:
    """Least value read between two times of the local day; told once, when the night has ended.

    A night is told only when at least 80 % of it lie between readings that are near each other: what was not measured
    may have been less.

    Attributes:
        night: From when to when, the end not included.
        gap_ms: Readings further apart are not near.
    """

    kind: ClassVar[str] = "night_least"
    night: Night
    gap_ms: int

    def find_unit(self, unit: str) -> str:
        """Return the field's own unit; see ``Derivation``."""
        return unit

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return the least value when a night has ended, otherwise None; see ``Derivation``."""
        if state is None or time_ms < state[2]:
            return None
        before_ms, begin_ms, end_ms, covered_ms, least = state
        covered_ms += self._cover(before_ms, time_ms, begin_ms, end_ms)
        return least if 5 * covered_ms >= 4 * (end_ms - begin_ms) else None

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Remember the last time, the night that runs or comes next, its coverage, and its least value."""
        if state is None:
            begin_ms, end_ms = self.night.find(time_ms)
            return [time_ms, begin_ms, end_ms, 0, value if time_ms >= begin_ms else None]
        if time_ms >= state[2]:
            state[1], state[2] = self.night.find(time_ms)
            state[3], state[4] = 0, None
        if time_ms >= state[1]:
            state[3] += self._cover(state[0], time_ms, state[1], state[2])
            state[4] = value if state[4] is None or value < state[4] else state[4]
        state[0] = time_ms
        return state

    def _cover(self, before_ms: int, time_ms: int, begin_ms: int, end_ms: int) -> int:
        """Return how much of a night two readings cover."""
        if time_ms - before_ms > self.gap_ms:
            return 0
        return max(0, min(time_ms, end_ms) - max(before_ms, begin_ms))


class NightLeastTable(DerivationTable):
    """``[derive]`` of kind night_least.

    Attributes:
        begins: Time of the local day, such as ``01:00``.
        ends: Likewise.
        gap: How far apart readings may be.
    """

    begins: Annotated[Clock, Field(alias="from")]
    ends: Annotated[Clock, Field(alias="to")]
    gap: Duration = "30m"

    def build(self, zone_info: ZoneInfo) -> NightLeast:
        """Return the NightLeast; see ``DerivationTable``."""
        return NightLeast(read_night(self.begins, self.ends, zone_info), read_duration(self.gap, "gap"))


DERIVATION = NightLeastTable
