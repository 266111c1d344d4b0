"""Act: what a person does about an Incident. Pure: an Incident and an Act in, the Incident and its Step out.

Each is either done or refused in words, whatever state the Incident is in; what changes nothing, such as acknowledging
twice, is done and says so.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from ingest.incidents.incident import Incident, IncidentState, Step, StepKind
from ingest.local_time import format_local, format_span

MOST_SNOOZED_MS = 7 * 86_400_000
"""Nobody has forgotten an alert for longer than this without being reminded."""
LONGEST_TEXT = 2_000
"""Characters of what a person writes with an Act."""


class ActKind(StrEnum):
    """What a person can do."""

    ACKNOWLEDGE = "ack"  # has taken note of it: nobody else needs to be told
    ASSIGN = "assign"  # says who sees to it
    COMMENT = "comment"
    SNOOZE = "snooze"  # wants nobody told for a while
    CLOSE = "close"  # nothing remains to be done


class Act(NamedTuple):
    """What a person does.

    Attributes:
        kind: What.
        text: Why, in the person's words; of an assignment, to whom, empty for nobody; may be empty otherwise.
        until_ms: Of a snooze, its end, milliseconds since 1970 in UTC; 0 ends it now.
        is_forced: Of a closing, whether also one is meant that has not cleared.
    """

    kind: ActKind
    text: str = ""
    until_ms: int = 0
    is_forced: bool = False


class Acted(NamedTuple):
    """An Act that was done.

    Attributes:
        incident: After it.
        step: What it adds to the audit trail; None where it changed nothing.
        told: What came of it, in words.
    """

    incident: Incident
    step: Step | None
    told: str


class Refused(NamedTuple):
    """What was not done.

    Attributes:
        why: In words, with what to do instead.
    """

    why: str


def act(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Do what a person wants done about an Incident.

    Args:
        one: What.
        incident: As it is.
        author: Who.
        now_ms: By the collector's clock, milliseconds since 1970 in UTC.
    """
    if why := find_fault(one, now_ms):
        return Refused(why)
    return _ACTS[one.kind](one._replace(text=one.text.strip()), incident, author, now_ms)


def find_fault(one: Act, now_ms: int) -> str:
    """Return why an Act cannot be done whatever the Incident is, in words; empty where it can.

    The arguments are those of ``act``.
    """
    text = one.text.strip()
    if len(text) > LONGEST_TEXT:
        return f"the text has {len(text)} characters, and {LONGEST_TEXT} are the most"
    if one.kind is ActKind.COMMENT and not text:
        return "a comment says something; write its text"
    if one.kind is ActKind.SNOOZE and one.until_ms:
        return _find_fault_of_end(one.until_ms, now_ms)
    return ""


def _find_fault_of_end(until_ms: int, now_ms: int) -> str:
    if until_ms <= now_ms:
        return f"the snooze would have ended at {format_local(until_ms)}; name a time to come"
    if until_ms - now_ms > MOST_SNOOZED_MS:
        longest, length = format_span(MOST_SNOOZED_MS / 1000), format_span((until_ms - now_ms) / 1000)
        return f"{length} is too long, {longest} is the most; for planned work there is maintenance"
    return ""


def acknowledge(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Take note of it. Whoever does so second is told who was first, and their words are kept as a comment."""
    if incident.state is IncidentState.CLOSED:
        return _refuse_closed(incident)
    if incident.acknowledged_ms is None:
        taken = incident._replace(acknowledged_ms=now_ms, acknowledged_by=author)
        return Acted(taken, _make_step(StepKind.ACKNOWLEDGED, one, incident, author, now_ms), "acknowledged")
    step = _make_step(StepKind.COMMENTED, one, incident, author, now_ms) if one.text else None
    first = f"{incident.acknowledged_by} at {format_local(incident.acknowledged_ms)}"
    return Acted(incident, step, f"was acknowledged already, by {first}")


def assign(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Say who sees to it; ``text`` is the name, empty for nobody."""
    if incident.state is IncidentState.CLOSED:
        return _refuse_closed(incident)
    named = one.text or "nobody"
    if incident.assigned == one.text:
        return Acted(incident, None, f"was assigned to {named} already")
    step = _make_step(StepKind.ASSIGNED, one._replace(text=f"to {named}"), incident, author, now_ms)
    return Acted(incident._replace(assigned=one.text), step, f"assigned to {named}")


def comment(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Write something down, also after it is closed."""
    return Acted(incident, _make_step(StepKind.COMMENTED, one, incident, author, now_ms), "commented")


def snooze(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Have nobody told for a while that has an end, or end that while."""
    if incident.state is not IncidentState.OPEN:
        return Refused(f"it is {incident.state}: there is nothing to snooze")
    if not one.until_ms:
        if incident.snoozed_until_ms <= now_ms:
            return Acted(incident, None, "was not snoozed")
        ended = one._replace(text=f"ended; {one.text}" if one.text else "ended")
        step = _make_step(StepKind.SNOOZED, ended, incident, author, now_ms)
        return Acted(incident._replace(snoozed_until_ms=0), step, "no longer snoozed")
    until = f"until {format_local(one.until_ms)}"
    step = _make_step(
        StepKind.SNOOZED, one._replace(text=f"{until}; {one.text}" if one.text else until), incident, author, now_ms
    )
    return Acted(incident._replace(snoozed_until_ms=one.until_ms), step, f"snoozed {until}")


def close(one: Act, incident: Incident, author: str, now_ms: int) -> Acted | Refused:
    """Say that nothing remains to be done; while it is open only by force, and with a reason."""
    if incident.closed_ms is not None:
        return Acted(incident, None, f"was closed already, at {format_local(incident.closed_ms)}")
    if incident.cleared_ms is None:
        if not one.is_forced:
            return Refused("it is open still; snooze it, or close it with --force and say why with --text")
        if not one.text:
            return Refused("it is open still; whoever closes it by force says why with --text")
        one = one._replace(text=f"before it cleared; {one.text}")
    step = _make_step(StepKind.CLOSED, one, incident, author, now_ms)
    return Acted(incident._replace(closed_ms=now_ms), step, "closed")


_ACTS: Mapping[ActKind, Callable[[Act, Incident, str, int], Acted | Refused]] = {
    ActKind.ACKNOWLEDGE: acknowledge,
    ActKind.ASSIGN: assign,
    ActKind.COMMENT: comment,
    ActKind.SNOOZE: snooze,
    ActKind.CLOSE: close,
}


def _make_step(kind: StepKind, one: Act, incident: Incident, author: str, now_ms: int) -> Step:
    return Step(incident.id, now_ms, kind, author, one.text)


def _refuse_closed(incident: Incident) -> Refused:
    closed = "" if incident.closed_ms is None else f", since {format_local(incident.closed_ms)}"
    return Refused(f"it is closed{closed}; a comment can still be added")
