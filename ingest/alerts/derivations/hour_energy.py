"""What a register used in the last clock hour, such as energy against what the grid tariff's hour may cost."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.register import HOUR_MS, check_register_unit, find_hour_end, has_grown, read_between
from schemas.derivation import State


@dataclass(frozen=True, slots=True)
class HourEnergy:
    """What a growing register used in the last whole clock hour; told once, when the hour has closed.

    The register at full hours (of UTC, which are those of Norway) lies on the line between the samples before and
    after. A register that has shrunk is another meter and starts over. A gap of more than two hours says nothing; of
    the hours in a shorter one, the last is told.
    """

    kind: ClassVar[str] = "hour_energy"
    of_register: ClassVar[bool] = True
    waits: ClassVar[bool] = True

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return what was used when an hour has closed, otherwise None; see ``Derivation``."""
        if state is None or time_ms < state[0] or not has_grown(state[3], value):
            return None
        _, begin, before_ms, before = state
        end_ms = time_ms - time_ms % HOUR_MS
        end = read_between(before_ms, before, time_ms, value, end_ms)
        if before_ms < end_ms - HOUR_MS:
            begin = read_between(before_ms, before, time_ms, value, end_ms - HOUR_MS)
        used = None if begin is None or end is None else end - begin
        return used if used is not None and isfinite(used) else None

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Remember when the hour ends, the register when it began, and the last sample; see ``Derivation``."""
        if state is None or not 0.0 <= value - state[3] < inf:  # has_grown, without the call
            return [find_hour_end(time_ms), None if time_ms % HOUR_MS else value, time_ms, value]
        if time_ms >= state[0]:
            state[0] = find_hour_end(time_ms)
            state[1] = read_between(state[2], state[3], time_ms, value, state[0] - HOUR_MS)
        state[2] = time_ms
        state[3] = value
        return state


class HourEnergyTable(DerivationTable):
    """``[derive]`` of kind hour_energy."""

    def build(self, zone_info: ZoneInfo) -> HourEnergy:  # noqa: ARG002 - see DerivationTable
        """Return the HourEnergy; see ``DerivationTable``."""
        return HourEnergy()


DERIVATION = HourEnergyTable
