"""Rule and Transition: a condition on a field of a DeviceType, and a change of its state for one Device."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How soon a person must look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Direction(StrEnum):
    """Which side of the limit is wrong."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class RuleExample:
    """A series and when it must fire and clear; run by a test for every Rule.

    Attributes:
        series: Minutes since the start, and the value then.
        fires: Minutes since the start at which it fires; None for never.
        clears: Minutes since the start at which it clears after firing; None for never.
    """

    series: tuple[tuple[float, float], ...]
    fires: float | None
    clears: float | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a field of every device of one DeviceType.

    Attributes:
        key: Name of its file.
        device_type: Key of the DeviceType.
        field: Field of it.
        unit: UCUM code that ``limit`` and ``clear`` are in; it is the field's own.
        direction: Whether values above or below ``limit`` are wrong.
        limit: A value strictly beyond it is wrong.
        clear: A firing alert clears at this value or on its good side (hysteresis).
        hold_ms: How long the condition must hold in event time before the alert fires.
        severity: How soon a person must look.
        text: What the alert says to people, in Norwegian.
        examples: Series with what must become of them.
    """

    key: str
    device_type: str
    field: str
    unit: str
    direction: Direction
    limit: float
    clear: float
    hold_ms: int
    severity: Severity
    text: str
    examples: tuple[RuleExample, ...]


class AlertPhase(StrEnum):
    """Where one Rule stands for one Device."""

    OK = "ok"
    PENDING = "pending"  # the condition holds, but not yet for long enough
    FIRING = "firing"


class Transition(NamedTuple):
    """An alert that fired or cleared.

    Attributes:
        device: Id in the inventory.
        site: Where the device was placed at ``time_ms``.
        zone: Part of the site.
        rule: Key of the Rule.
        phase: FIRING when it fired, OK when it cleared.
        time_ms: Event time of the reading that decided it, milliseconds since 1970 in UTC.
        since_ms: Event time at which the condition began to hold.
        value: The value that decided it, in the rule's unit.
        simulated: Whether that reading was simulated.
    """

    device: str
    site: str
    zone: str
    rule: str
    phase: AlertPhase
    time_ms: int
    since_ms: int
    value: float
    simulated: bool
