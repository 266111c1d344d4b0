"""For how long a value has been exactly the same: a meter or sensor that is stuck."""

from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable
from schemas.derivation import Derived, State

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Minutes since the first of the last readings with exactly the same value."""

    kind: ClassVar[str] = "unchanged"

    def find_unit(self, unit: str) -> str:  # noqa: ARG002 - see Derivation
        """Return minutes; see ``Derivation``."""
        return "min"

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return for how long it has been the same; see ``Derivation``."""
        if state is None or state[1] != value:
            return Derived([time_ms, value], 0.0)
        return Derived(state, (time_ms - state[0]) / _MINUTE_MS)


class UnchangedTable(DerivationTable):
    """``[derive]`` of kind unchanged."""

    def build(self, zone_info: ZoneInfo) -> Unchanged:  # noqa: ARG002 - see DerivationTable
        """Return the Unchanged; see ``DerivationTable``."""
        return Unchanged()


DERIVATION = UnchangedTable
