"""What a register used in a night, such as the energy of a building that nobody is in."""

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.night import Night, read_night
from ingest.alerts.register import check_register_unit, has_grown, read_between
from ingest.inventory_tables import Clock
from schemas.derivation import Derived, State


@dataclass(frozen=True, slots=True)
class NightUse:
    """What a growing register used between two times of the local day; told once, when the night has ended.

    The register at both times lies on the line between the samples before and after, which are at most two hours
    apart. A register that has shrunk is another meter, and the night is not told. Nights on which the clocks change
    have an hour more or less, and so much more or less use.

    Attributes:
        night: From when to when.
    """

    kind: ClassVar[str] = "night_use"
    of_register: ClassVar[bool] = True
    night: Night

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return what was used when a night has ended, otherwise None; see ``Derivation``."""
        # The state: the last sample, the night that runs or comes next, and the register when it began.
        if state is None or not has_grown(state[1], value):
            begin_ms, end_ms = self.night.find(time_ms)
            return Derived([time_ms, value, begin_ms, end_ms, value if time_ms == begin_ms else None], None)
        before_ms, before, begin_ms, end_ms, begin = state
        if time_ms >= begin_ms > before_ms:
            begin = read_between(before_ms, before, time_ms, value, begin_ms)
        if time_ms < end_ms:
            return Derived([time_ms, value, begin_ms, end_ms, begin], None)
        end = read_between(before_ms, before, time_ms, value, end_ms)
        used = None if begin is None or end is None else end - begin
        begin_ms, end_ms = self.night.find(time_ms)
        begin = read_between(before_ms, before, time_ms, value, begin_ms)
        after = [time_ms, value, begin_ms, end_ms, begin]
        return Derived(after, used if used is not None and isfinite(used) else None)


class NightUseTable(DerivationTable):
    """``[derive]`` of kind night_use.

    Attributes:
        begins: Time of the local day, such as ``01:00``.
        ends: Likewise.
    """

    begins: Annotated[Clock, Field(alias="from")]
    ends: Annotated[Clock, Field(alias="to")]

    def build(self, zone_info: ZoneInfo) -> NightUse:
        """Return the NightUse; see ``DerivationTable``."""
        return NightUse(read_night(self.begins, self.ends, zone_info))


DERIVATION = NightUseTable
