"""The least value of a night, such as a flow that is never zero: water leaks."""

from dataclasses import dataclass
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from ingest.alerts.derivation_table import DerivationTable, read_duration
from ingest.alerts.duration import Duration
from ingest.alerts.night import Night, read_night
from ingest.inventory_tables import Clock
from schemas.derivation import Derived, State


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

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return the least value when a night has ended, otherwise None; see ``Derivation``."""
        # The state: the last time, the night that runs or comes next, how much of it is covered, its least value.
        if state is None:
            begin_ms, end_ms = self.night.find(time_ms)
            return Derived([time_ms, begin_ms, end_ms, 0, value if time_ms >= begin_ms else None], None)
        before_ms, begin_ms, end_ms, covered_ms, least = state
        if time_ms < begin_ms:
            return Derived([time_ms, begin_ms, end_ms, 0, None], None)
        covered_ms += self._cover(before_ms, time_ms, begin_ms, end_ms)
        if time_ms < end_ms:
            least = value if least is None or value < least else least
            return Derived([time_ms, begin_ms, end_ms, covered_ms, least], None)
        told = least if 5 * covered_ms >= 4 * (end_ms - begin_ms) else None
        begin_ms, end_ms = self.night.find(time_ms)
        covered_ms = self._cover(before_ms, time_ms, begin_ms, end_ms)
        return Derived([time_ms, begin_ms, end_ms, covered_ms, value if time_ms >= begin_ms else None], told)

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
