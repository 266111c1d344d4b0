"""For how long a value has been exactly the same: a meter or sensor that is stuck."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from schemas.derivation import State

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Minutes since the first of the last readings with exactly the same value."""

    kind: ClassVar[str] = "unchanged"
    of_doubtful: ClassVar[bool] = True
    """It is told what is not believed, too: a value that is stuck is what it looks for."""

    def find_unit(self, unit: str) -> str:  # noqa: ARG002 - see Derivation
        """Return minutes; see ``Derivation``."""
        return "min"

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return for how long it has been the same; see ``Derivation``."""
        return (time_ms - state[0]) / _MINUTE_MS if state is not None and state[1] == value else 0.0

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Remember another value, and since when it is there; see ``Derivation``."""
        if state is None:
            return [time_ms, value]
        if state[1] == value:
            return None
        state[0] = time_ms
        state[1] = value
        return state


class UnchangedTable(DerivationTable):
    """``[derive]`` of kind unchanged."""

    def build(self, zone_info: ZoneInfo) -> Unchanged:  # noqa: ARG002 - see DerivationTable
        """Return the Unchanged; see ``DerivationTable``."""
        return Unchanged()


DERIVATION = UnchangedTable
