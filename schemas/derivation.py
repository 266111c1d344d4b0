"""Derivation: what a Rule makes of the values of a field before it holds them against its limits.

Each kind is one file in ``ingest/alerts/derivations``; a law runs over all of them.
"""

from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

State = Any
"""What a derivation remembers of one device: numbers, text, None, and lists of them, as JSON keeps them."""


class Derived(NamedTuple):
    """What a derivation makes of a value.

    Attributes:
        state: What it remembers from now on; never changed in place.
        value: What the limits are held against; None while nothing can be said.
    """

    state: State
    value: float | None


@runtime_checkable
class Derivation(Protocol):
    """Makes a value of the readings of one device. Pure, in event time; frozen."""

    kind: ClassVar[str]
    """Name in a rule's file."""

    def find_unit(self, unit: str) -> str:
        """Return the UCUM code of what it makes of values of a unit.

        Raises:
            ValueError: It makes nothing of them; the message says why.
        """

    def derive(self, state: State, time_ms: int, value: float) -> Derived:
        """Return what becomes of one more value.

        Args:
            state: What it remembers; None at first.
            time_ms: Event time, milliseconds since 1970 in UTC; later than that of the value before.
            value: In the field's unit; a state is 1 or 0.
        """


class Given:
    """The value itself."""

    kind: ClassVar[str] = "value"

    def __eq__(self, other: object) -> bool:
        """Whether it is the same; every one is."""
        return isinstance(other, Given)

    def __hash__(self) -> int:
        """Return a hash that goes with equality."""
        return hash(Given)

    def __repr__(self) -> str:
        """Return what says no more than equality does."""
        return "Given()"

    def find_unit(self, unit: str) -> str:
        """Return the field's own unit."""
        return unit

    def derive(self, state: State, time_ms: int, value: float) -> Derived:  # noqa: ARG002 - see Derivation
        """Return the value."""
        return Derived(state, value)
