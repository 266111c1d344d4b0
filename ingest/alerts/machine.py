"""The alert machine: where a Rule stands for a Device after one more value. Pure, in event time.

::

    OK ──beyond the limit──> PENDING ──held for hold_ms──> FIRING
     ^                          │                            │
     ├──no longer beyond────────┘                            │
     └──────────────clear reached (hysteresis)───────────────┘

A hold of 0 fires at once. Only readings are evidence: two readings beyond the limit with silence between them count as
held, because nothing says otherwise; that the device was silent is reported as silence.
"""

from schemas.rule import AlertPhase, Direction, Rule


def judge(rule: Rule, phase: AlertPhase, since_ms: int, time_ms: int, value: float) -> AlertPhase:
    """Return the phase after a value.

    Args:
        rule: The condition.
        phase: Where it stood.
        since_ms: Event time at which the condition began to hold; without meaning when OK.
        time_ms: Event time of the value; not before that of the value judged last.
        value: In the rule's unit.
    """
    if phase is AlertPhase.FIRING:
        return AlertPhase.OK if is_clear(rule, value) else AlertPhase.FIRING
    if not is_beyond(rule, value):
        return AlertPhase.OK
    began_ms = since_ms if phase is AlertPhase.PENDING else time_ms
    return AlertPhase.FIRING if time_ms - began_ms >= rule.hold_ms else AlertPhase.PENDING


def is_beyond(rule: Rule, value: float) -> bool:
    """Whether a value is strictly on the wrong side of the limit."""
    return value > rule.limit if rule.direction is Direction.ABOVE else value < rule.limit


def is_clear(rule: Rule, value: float) -> bool:
    """Whether a value lets a firing alert clear: at the clear level or on its good side."""
    return value <= rule.clear if rule.direction is Direction.ABOVE else value >= rule.clear
