"""What a register used in a night, such as the energy of a building that nobody is in."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.night import Night, read_night
from ingest.alerts.register import check_register_unit, has_grown, read_between
from ingest.inventory_tables import Clock
from schemas.derivation import State


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
    waits: ClassVar[bool] = True
    night: Night

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return what was used when a night has ended, otherwise None; see ``Derivation``."""
        if state is None or time_ms < state[0]:
            return None
        begin_ms, end_ms, begin, before_ms, before = state[1:]
        if time_ms < end_ms or not has_grown(before, value):
            return None
        if before_ms < begin_ms:
            begin = read_between(before_ms, before, time_ms, value, begin_ms)
        end = read_between(before_ms, before, time_ms, value, end_ms)
        used = None if begin is None or end is None else end - begin
        return used if used is not None and isfinite(used) else None

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Remember the last sample, and the night; see ``Derivation``.

        What is remembered: when the night that runs ends, or that comes next begins; begin and end of the night; the
        register when it began; time and value of the last sample.
        """
        if state is None or not 0.0 <= value - state[5] < inf:  # has_grown, without the call
            begin_ms, end_ms = self.night.find(time_ms)
            due_ms = begin_ms if time_ms < begin_ms else end_ms
            return [due_ms, begin_ms, end_ms, value if time_ms == begin_ms else None, time_ms, value]
        if time_ms >= state[0]:
            begin_ms, end_ms, begin, before_ms, before = state[1:]
            if time_ms >= end_ms:
                begin_ms, end_ms = self.night.find(time_ms)
                begin = None
            if time_ms >= begin_ms > before_ms:
                begin = read_between(before_ms, before, time_ms, value, begin_ms)
            state[0] = begin_ms if time_ms < begin_ms else end_ms
            state[1:4] = begin_ms, end_ms, begin
        state[4] = time_ms
        state[5] = value
        return state


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
