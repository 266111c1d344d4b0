"""What a register will use in the clock hour that runs, for a capacity limit: a warning while there is time to act."""

import sys
from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.register import HOUR_MS, check_register_unit, find_hour_end, has_grown, read_between
from schemas.derivation import Calm, State

_SLOPE_MS = 600_000
_LEAST_MS = 300_000
_KEPT_MS = 30_000
_MOST = 122
_TURN = 32
_GREATEST = 1e300  # between registers not greater than this the difference is finite
_ROUNDING = 1e-12  # more than any: what is calm must be good when it is worked out
_ANY = -sys.float_info.max


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
    apart_ms: ClassVar[int] = 0

    def find_unit(self, unit: str) -> str:
        """Return the register's own unit; see ``Derivation``."""
        return check_register_unit(unit)

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:
        """Return what the running hour is expected to use; see ``Derivation``."""
        if state is None:
            return None
        end_ms, begin = state[0], state[1]
        if low <= _ANY and time_ms < end_ms and begin is not None and state[2] <= time_ms - _SLOPE_MS:
            # More is not expected than if all since the oldest sample had been used in ten minutes.
            most = value - begin + (value - state[3]) * ((end_ms - time_ms) / _SLOPE_MS)
            if most <= high:
                return None
        return self._expect(state, time_ms, value)

    def _expect(self, state: State, time_ms: int, value: float) -> float | None:
        end_ms, begin = state[0], state[1]
        if not has_grown(state[-1], value):
            return None
        if time_ms >= end_ms:
            end_ms = find_hour_end(time_ms)
            begin = read_between(state[-2], state[-1], time_ms, value, end_ms - HOUR_MS)
        left_ms = end_ms - time_ms
        oldest = _find_oldest(state, time_ms)
        elapsed_ms = time_ms - state[oldest]
        if begin is None or left_ms > HOUR_MS - _LEAST_MS or elapsed_ms < _LEAST_MS:
            return None
        expected: float = value - begin + (value - state[oldest + 1]) * (left_ms / elapsed_ms)
        return expected if isfinite(expected) else None

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Remember what the hour and the slope need; see ``Derivation``.

        What is remembered: when the hour ends; the register when it began; times and values in turns, of which those
        that are too old are forgotten at every sixteenth.
        """
        if state is None or not 0.0 <= value - state[-1] < inf:  # has_grown, without the call
            return [find_hour_end(time_ms), None if time_ms % HOUR_MS else value, time_ms, value]
        if time_ms >= state[0]:
            state[0] = find_hour_end(time_ms)
            state[1] = read_between(state[-2], state[-1], time_ms, value, state[0] - HOUR_MS)
        state += (time_ms, value)
        if len(state) % _TURN == 0:
            del state[2 : _find_oldest(state, time_ms)]
            if len(state) > _MOST:
                _thin_out(state)
        return state

    def find_calm(self, state: State, low: float, high: float) -> Calm | None:
        """Return while not more is expected than if all since the oldest sample had been used in ten minutes."""
        end_ms, begin, time_ms = state[0], state[1], state[-2]
        oldest = _find_oldest(state, time_ms)
        if begin is None or low > _ANY or state[-1] < -_GREATEST or state[oldest] > time_ms - _SLOPE_MS:
            return None
        steep, before = (end_ms - time_ms) / _SLOPE_MS, state[oldest + 1]
        rounding = _ROUNDING * (abs(high) + abs(begin) + abs(before))
        most = min((high - rounding + begin + steep * (before - rounding)) / (1.0 + steep), _GREATEST)
        return (
            Calm(state, -_GREATEST, most, end_ms, len(state) + _TURN - 2 - len(state) % _TURN)
            if isfinite(most)
            else None
        )


def _find_oldest(state: State, time_ms: int) -> int:
    """Return where the sample stands that the slope begins with."""
    from_ms, at, last = time_ms - _SLOPE_MS, 2, len(state) - 2
    while at < last and state[at + 2] <= from_ms:  # few: what is older was forgotten not long ago
        at += 2
    return at


def _thin_out(state: State) -> None:
    """Keep samples half a minute apart, and the last."""
    kept = state[:4]
    for time_ms, value in zip(state[4:-2:2], state[5:-2:2], strict=True):
        if time_ms - kept[-2] >= _KEPT_MS:
            kept += (time_ms, value)
    state[:] = kept + state[-2:]


class HourForecastTable(DerivationTable):
    """``[derive]`` of kind hour_forecast."""

    def build(self, zone_info: ZoneInfo) -> HourForecast:  # noqa: ARG002 - see DerivationTable
        """Return the HourForecast; see ``DerivationTable``."""
        return HourForecast()


DERIVATION = HourForecastTable
