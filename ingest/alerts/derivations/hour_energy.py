"""What a register used in the last clock hour, such as energy against what the grid tariff's hour may cost."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.register import check_register_unit, has_grown, read_between
from schemas.derivation import Derived, State

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class HourEnergy:
    """What a growing register used in the last whole clock hour; told once, when the hour has closed.

    The register at full hours (of UTC, which are those of Norway) lies on the line between the samples before and
    after. A register that has shrunk is another meter and starts over. A gap of more than two hours says nothing; of
    the hours in a shorter one, the last is told.
    """

    kind: ClassVar[str] = "hour_energy"
    of_register: ClassVar[bool] = True

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return what was used when an hour has closed, otherwise None; see ``Derivation``."""
        # The state: the last sample, and the register when its hour began.
        if state is None or not has_grown(state[1], value):
            return Derived([time_ms, value, None if time_ms % _HOUR_MS else value], None)
        before_ms, before, begin = state
        hour_ms = time_ms - time_ms % _HOUR_MS
        if before_ms >= hour_ms:
            return Derived([time_ms, value, begin], None)
        end = read_between(before_ms, before, time_ms, value, hour_ms)
        if before_ms < hour_ms - _HOUR_MS:
            begin = read_between(before_ms, before, time_ms, value, hour_ms - _HOUR_MS)
        used = None if begin is None or end is None else end - begin
        return Derived([time_ms, value, end], used if used is not None and isfinite(used) else None)


class HourEnergyTable(DerivationTable):
    """``[derive]`` of kind hour_energy."""

    def build(self, zone_info: ZoneInfo) -> HourEnergy:  # noqa: ARG002 - see DerivationTable
        """Return the HourEnergy; see ``DerivationTable``."""
        return HourEnergy()


DERIVATION = HourEnergyTable
