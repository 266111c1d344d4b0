"""What a register will use in the clock hour that runs, for a capacity limit: a warning while there is time to act."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.register import check_register_unit, has_grown, read_between
from schemas.derivation import Derived, State

_HOUR_MS = 3_600_000
_SLOPE_MS = 600_000
_LEAST_MS = 300_000
_KEPT_MS = 30_000


@dataclass(frozen=True, slots=True)
class HourForecast:
    """Expected use of the running clock hour: used so far, and the present slope for the time that is left.

    ``E = E_so_far + P_now * t_left``; of a register in kWh, it is the hour's mean in kW too. The slope is that of the
    last ten minutes, or between the last two samples where they are further apart. It says nothing in the first five
    minutes of the hour, nor before the slope is known over five, nor of an hour whose beginning is not known: where a
    meter was swapped, or after a gap of more than two hours.
    """

    kind: ClassVar[str] = "hour_forecast"
    of_register: ClassVar[bool] = True

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return what the running hour is expected to use; see ``Derivation``."""
        # The state: the last sample, the register when its hour began, and samples half a minute apart for the slope.
        if state is None or not has_grown(state[1], value):
            return Derived([time_ms, value, None if time_ms % _HOUR_MS else value, [time_ms], [value]], None)
        before_ms, before, begin, times, values = state
        passed_ms = time_ms % _HOUR_MS
        if before_ms < time_ms - passed_ms:
            begin = read_between(before_ms, before, time_ms, value, time_ms - passed_ms)
        if time_ms - times[-1] >= _KEPT_MS:
            past = 0
            while past + 1 < len(times) and times[past + 1] <= time_ms - _SLOPE_MS:
                past += 1
            times, values = [*times[past:], time_ms], [*values[past:], value]
        after = [time_ms, value, begin, times, values]
        elapsed_ms = time_ms - times[0]
        if begin is None or passed_ms < _LEAST_MS or elapsed_ms < _LEAST_MS:
            return Derived(after, None)
        expected = value - begin + (value - values[0]) * (_HOUR_MS - passed_ms) / elapsed_ms
        return Derived(after, expected if isfinite(expected) else None)


class HourForecastTable(DerivationTable):
    """``[derive]`` of kind hour_forecast."""

    def build(self, zone_info: ZoneInfo) -> HourForecast:  # noqa: ARG002 - see DerivationTable
        """Return the HourForecast; see ``DerivationTable``."""
        return HourForecast()


DERIVATION = HourForecastTable
