"""Whether a value is a certain one, such as the code of a fault."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, Number
from schemas.derivation import State


@dataclass(frozen=True, slots=True)
class Matches:
    """1 where the value equals another, otherwise 0.

    Attributes:
        value: In the field's unit; a state is 1 or 0.
    """

    kind: ClassVar[str] = "matches"
    value: float

    def find_unit(self, unit: str) -> str:  # noqa: ARG002 - see Derivation
        """Return the unit of what has none; see ``Derivation``."""
        return "1"

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return whether it equals; see ``Derivation``."""
        return 1.0 if value == self.value else 0.0

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Return None: nothing is remembered; see ``Derivation``."""
        return None


class MatchesTable(DerivationTable):
    """``[derive]`` of kind matches.

    Attributes:
        value: The number, or true or false for a state.
    """

    value: Number | bool

    def build(self, zone_info: ZoneInfo) -> Matches:  # noqa: ARG002 - see DerivationTable
        """Return the Matches; see ``DerivationTable``."""
        return Matches(float(self.value))


DERIVATION = MatchesTable
