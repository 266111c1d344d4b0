"""Incident: one firing of an alert, from its beginning until a person or time closes it, and each Step of its life.

::

    fired ──> cleared ──> closed
      └─ escalated, eased, silent, heard, flapping: what the engine says
      └─ notified, acknowledged, assigned, commented, snoozed, reminded: what people do and are told

Between two firings of a Rule for a subject there is a clearing; so of each subject and Rule at most one Incident is
not cleared. A person may close one that still fires: it goes on to follow its alert, and an escalation opens it again.
"""

from enum import StrEnum
from math import isnan
from typing import NamedTuple

from ingest.local_time import format_local
from schemas.rule import AlertPhase, Change, Severity, Transition

TOLD_DELAY_MS = 60_000
"""A change that was learned of later than this after it was measured is written down with the time of measuring."""


class StepKind(StrEnum):
    """What happened to an Incident."""

    # what the engine says: the values of ``Change``
    FIRED = "fired"
    ESCALATED = "escalated"
    EASED = "eased"
    SILENT = "silent"
    HEARD = "heard"
    FLAPPING = "flapping"
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"
    # what people are told
    NOTIFIED = "notified"
    UNDELIVERED = "undelivered"
    UNTOLD = "untold"  # nobody is told: the text says why
    # what people do
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class IncidentState(StrEnum):
    """How far an Incident is."""

    OPEN = "open"  # it fires, and nobody has closed it
    CLEARED = "cleared"  # it fires no more, and waits for somebody to close it
    CLOSED = "closed"


class Step(NamedTuple):
    """One step of an Incident's life; the audit trail. Never changed, never removed before its Incident.

    Attributes:
        incident: Id.
        time_ms: When, milliseconds since 1970 in UTC, by the collector's clock.
        kind: What happened.
        author: Who did it: a person as told, ``login`` of the system in parentheses; empty for the collector.
        text: Why, or to whom, in words; may be empty.
    """

    incident: int
    time_ms: int
    kind: StepKind
    author: str
    text: str


class Incident(NamedTuple):
    """One firing of an alert.

    Attributes:
        id: Grows with time, from 1; never used again.
        device: Id in the inventory; of a group, what names it.
        rule: Key of the Rule.
        site: Where it fired.
        zone: Part of the site.
        severity: Now; when it cleared, the most severe that it was.
        phase: Now.
        since_ms: Event time at which the condition began to hold.
        fired_ms: Event time of the reading that made it fire.
        noted_ms: When the collector learned of it, by its own clock.
        value: The value that decided the last change, in the rule's unit.
        simulated: Whether the reading that made it fire was simulated.
        flapping: Whether it is held because it fired so often.
        cleared_ms: Event time at which it cleared; None while it fires.
        closed_ms: When it was closed, by the collector's clock; None before.
        acknowledged_ms: When a person took note of it, by the collector's clock; None before.
        acknowledged_by: Who; empty before.
        assigned: Who sees to it; empty for nobody.
        snoozed_until_ms: Nobody is told of it before; 0 where it is not snoozed.
        fired_value: The value that made it fire, or made it more severe; None where that is not known.
    """

    id: int
    device: str
    rule: str
    site: str
    zone: str
    severity: Severity
    phase: AlertPhase
    since_ms: int
    fired_ms: int
    noted_ms: int
    value: float
    simulated: bool
    flapping: bool = False
    cleared_ms: int | None = None
    closed_ms: int | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str = ""
    assigned: str = ""
    snoozed_until_ms: int = 0
    fired_value: float | None = None

    @property
    def state(self) -> IncidentState:
        """How far it is."""
        if self.closed_ms is not None:
            return IncidentState.CLOSED
        return IncidentState.OPEN if self.cleared_ms is None else IncidentState.CLEARED


def begin_incident(incident_id: int, transition: Transition, now_ms: int) -> Incident:
    """Return the Incident of an alert that fired."""
    return Incident(
        id=incident_id,
        device=transition.device,
        rule=transition.rule,
        site=transition.site,
        zone=transition.zone,
        severity=transition.severity,
        phase=transition.phase,
        since_ms=transition.since_ms,
        fired_ms=transition.time_ms,
        noted_ms=now_ms,
        value=transition.value,
        simulated=transition.simulated,
        fired_value=transition.value,
    )


def follow_transition(incident: Incident, transition: Transition) -> Incident:
    """Return an Incident after a later change of its alert."""
    has_ended = transition.change in {Change.CLEARED, Change.WITHDRAWN}
    followed = incident._replace(
        severity=transition.severity,
        phase=transition.phase,
        value=transition.value,
        fired_value=transition.value if transition.change in {Change.FIRED, Change.ESCALATED} else incident.fired_value,
        flapping=incident.flapping or transition.change is Change.FLAPPING,
        cleared_ms=transition.time_ms if has_ended else None,
    )
    if transition.change not in {Change.ESCALATED, Change.FIRED}:
        return followed
    # It is news to whoever acknowledged, snoozed or closed what was milder.
    return followed._replace(acknowledged_ms=None, acknowledged_by="", snoozed_until_ms=0, closed_ms=None)


def make_step(incident_id: int, transition: Transition, now_ms: int) -> Step:
    """Return the Step that a change of an alert is; one that was learned of late says when it was measured."""
    text = str(transition.severity) if isnan(transition.value) else f"{transition.severity}, at {transition.value:.6g}"
    if abs(now_ms - transition.time_ms) > TOLD_DELAY_MS:
        text += f", measured {format_local(transition.time_ms)}"
    return Step(incident_id, now_ms, StepKind(transition.change), "", text)
