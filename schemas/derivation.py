"""Derivation: what a Rule makes of the values of a field before it holds them against its limits.

Each kind is one file in ``ingest/alerts/derivations``; a law runs over all of them.
"""

import sys
from math import inf
from typing import Any, ClassVar, Protocol, runtime_checkable

from msgspec import Struct

State = Any
"""What a derivation remembers of one device: numbers, text, None, and lists of them, as JSON keeps them."""


@runtime_checkable
class Derivation(Protocol):
    """Makes a value of the readings of one device, in event time; frozen: whoever asks keeps what it remembers.

    Every reading comes through ``tell`` and ``hear``, so these take no longer than they must while all is well.
    """

    kind: ClassVar[str]
    """Name in a rule's file."""

    def find_unit(self, unit: str) -> str:
        """Return the UCUM code of what it makes of values of a unit.

        Raises:
            ValueError: It makes nothing of them; the message says why.
        """

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:
        """Return what one more value says: what the limits are held against. Nothing changes.

        Args:
            state: What it remembers, this value not included; None at first.
            time_ms: Event time, milliseconds since 1970 in UTC; not earlier than that of the value before.
            value: In the field's unit; a state is 1 or 0.
            low: Finite. What is certainly not below this,
            high: nor above this, likewise, need not be worked out: None is said of it, too.

        Returns:
            None while nothing can be said.
        """

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:
        """Remember one more value, and return what is remembered now.

        Args:
            state: Likewise; it is used up, as it may be changed in place.
            time_ms: Likewise.
            value: Likewise.
            low: As is given to ``tell``; what is said does not depend on it,
            high: nor on this.

        Returns:
            None when the value adds nothing: then the state is as it was.
        """


class Calm(Struct, gc=False):
    """While nobody needs to ask a derivation of a device: what it would tell is between the limits, or nothing.

    That is so of a value from ``least`` to ``most``, before ``until_ms``, while the state is shorter than ``full``.
    These are numbers that devices share wherever that can be: those stay in the processor's cache.

    Attributes:
        state: What is remembered of the device, itself and not a copy.
        least: From here,
        most: up to here.
        until_ms: Event time.
        full: Length.
        kept: What is remembered in place of such a value; None where that is the value.
    """

    state: list[Any]
    least: float
    most: float
    until_ms: int = sys.maxsize
    full: int = sys.maxsize
    kept: float | None = None


@runtime_checkable
class Waiting(Derivation, Protocol):
    """A derivation of a register that tells nothing until a moment comes.

    Its state is a list that begins with that moment, and ends with time and value of the last sample. To remember a
    sample before it, where the register has not shrunk, is to put it in the place of the last; nothing else.
    """

    waits: ClassVar[bool]
    """Always; it tells the kinds that do so from others."""


@runtime_checkable
class Steady(Derivation, Protocol):
    """A derivation that knows for how long it need not be asked.

    Its state is a list that ends with times and values in turns. To remember a value while it is calm is to put its
    time and what is kept of it at the end; nothing else.
    """

    of_register: ClassVar[bool]
    """Whether the field is a register: it is not calm where that shrinks."""

    @property
    def apart_ms(self) -> int:
        """A value that is less later than the last one is not remembered."""

    def find_calm(self, state: State, low: float, high: float) -> Calm | None:
        """Return while a device is calm; None where it is not.

        Args:
            state: What is remembered of it, not None.
            low: Finite, as is given to ``hear``,
            high: likewise.
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

    def tell(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> float | None:  # noqa: ARG002 - see Derivation
        """Return the value."""
        return value

    def hear(self, state: State, time_ms: int, value: float, low: float = inf, high: float = -inf) -> State:  # noqa: ARG002 - see Derivation
        """Return None: nothing is remembered."""
        return None


def copy_state(state: State) -> State:
    """Return a State that does not change with another one."""
    return [copy_state(one) for one in state] if isinstance(state, list) else state
