"""How much of the last while a value was above a limit, such as CO2 above 1000 ppm for half the day."""

from dataclasses import dataclass, field
from typing import ClassVar
from zoneinfo import ZoneInfo

from ingest.alerts.derivation_table import DerivationTable, Number, read_duration
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.duration import Duration
from schemas.derivation import Derived, State


@dataclass(frozen=True, slots=True)
class Over:
    """Share of the time within a window in which the value was above a limit, 0 to 100 %.

    Attributes:
        limit: In the field's unit.
        window_ms: Length of the window; what is known of it is as in ``Mean``.
    """

    kind: ClassVar[str] = "over"
    limit: float
    window_ms: int
    _share: Mean = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the mean that counts the time above the limit."""
        object.__setattr__(self, "_share", Mean(self.window_ms))

    def find_unit(self, unit: str) -> str:  # noqa: ARG002 - see Derivation
        """Return percent; see ``Derivation``."""
        return "%"

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return the share of the window that ends now; see ``Derivation``."""
        return self._share.derive(state, time_ms, 100.0 if value > self.limit else 0.0)


class OverTable(DerivationTable):
    """``[derive]`` of kind over.

    Attributes:
        limit: In the field's unit.
        window: Over how long.
    """

    limit: Number
    window: Duration

    def build(self, zone_info: ZoneInfo) -> Over:  # noqa: ARG002 - see DerivationTable
        """Return the Over; see ``DerivationTable``."""
        return Over(self.limit, read_duration(self.window, "window"))


DERIVATION = OverTable
