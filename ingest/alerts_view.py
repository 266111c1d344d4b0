"""Incidents and maintenance as people and programs read them. Pure: values in, texts and plain values out."""

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

from ingest.event_time import format_time
from ingest.incidents.incident import Incident, IncidentState, Step, StepKind
from ingest.incidents.maintenance import Maintenance, describe_matcher
from ingest.local_time import format_local, format_span
from ingest.notify.delivery import Stage, StageKind
from ingest.printed_table import make_visible
from schemas.rule import AlertPhase

LIST_HEADINGS = ("Id", "Fired", "Severity", "State", "Where", "Device", "Rule", "Value", "People")
HISTORY_HEADINGS = ("Id", "Fired", "Lasted", "Severity", "State", "Where", "Device", "Rule", "People")
STEP_HEADINGS = ("Time", "What", "Who", "Why")
_STAGES = {
    StageKind.FIRST: "the first message",
    StageKind.RAISED: "that it is more severe",
    StageKind.ESCALATION: "escalation {}, as nobody had acknowledged it",
    StageKind.REMINDER: "reminder {}",
    StageKind.SILENT: "that its sensor is silent",
    StageKind.HEARD: "that its sensor sends again",
    StageKind.CLEARED: "that it is over",
}
MAINTENANCE_HEADINGS = ("Id", "State", "From", "To", "Of", "Reason", "By")


def render_incident(incident: Incident, maintenance: Iterable[Maintenance], now_ms: int) -> Sequence[str]:
    """Return the cells of an Incident as it is now, under ``LIST_HEADINGS``.

    Args:
        incident: The Incident.
        maintenance: What may cover it.
        now_ms: Milliseconds since 1970 in UTC.
    """
    return (
        str(incident.id),
        format_local(incident.fired_ms),
        incident.severity,
        describe_state(incident),
        _name_place(incident),
        incident.device,
        incident.rule,
        _format_value(incident.value),
        "; ".join(_list_people(incident, maintenance, now_ms)),
    )


def render_past(incident: Incident, now_ms: int) -> Sequence[str]:
    """Return the cells of an Incident as it went, under ``HISTORY_HEADINGS``."""
    return (
        str(incident.id),
        format_local(incident.fired_ms),
        _describe_length(incident, now_ms),
        incident.severity,
        describe_state(incident),
        _name_place(incident),
        incident.device,
        incident.rule,
        "; ".join(_list_people(incident, (), now_ms)),
    )


def render_whole(incident: Incident, maintenance: Iterable[Maintenance], now_ms: int) -> list[tuple[str, str]]:
    """Return everything that is known of an Incident but its Steps, name and value; see ``render_incident``."""
    parts = [
        ("Incident", str(incident.id)),
        ("Severity", incident.severity),
        ("State", describe_state(incident)),
        ("Rule", incident.rule),
        ("Device", incident.device),
        ("Where", _name_place(incident)),
        ("Value", _format_value(incident.value)),
        ("Wrong since", format_local(incident.since_ms)),
        ("Fired", format_local(incident.fired_ms)),
        ("Noted", format_local(incident.noted_ms)),
        ("Cleared", _format_moment(incident.cleared_ms)),
        ("Closed", _format_moment(incident.closed_ms)),
        ("Lasted", _describe_length(incident, now_ms)),
        ("Simulated", "yes" if incident.simulated else ""),
        ("People", "; ".join(_list_people(incident, maintenance, now_ms))),
    ]
    return [(name, make_visible(value)) for name, value in parts if value]


def render_step(step: Step) -> Sequence[str]:
    """Return the cells of a Step, under ``STEP_HEADINGS``."""
    return format_local(step.time_ms), step.kind, step.author or "collector", describe_step(step)


def describe_step(step: Step) -> str:
    """Return why a Step was taken, or to whom, in words: of a message to whom it went, and as what it told."""
    if step.kind not in {StepKind.NOTIFIED, StepKind.UNDELIVERED}:
        return step.text
    contact, _, told = step.text.partition(": ")  # see ``ingest.notify.delivery.make_steps``
    text, semicolon, why = told.partition("; ")
    try:
        stage = Stage.parse(text)
    except ValueError:
        return step.text  # of another version
    return f"{contact}: {describe_stage(stage)}{semicolon}{why}"


def describe_stage(stage: Stage) -> str:
    """Return in words as what an Incident was told, and as how severe."""
    return f"{_STAGES[stage.kind].format(stage.number)} ({stage.severity})"


def render_maintenance(one: Maintenance, now_ms: int) -> Sequence[str]:
    """Return the cells of a Maintenance, under ``MAINTENANCE_HEADINGS``."""
    by = f"{one.author}; ended by {one.ended_by}" if one.ended_by else one.author
    return (
        str(one.id),
        one.find_state(now_ms),
        format_local(one.from_ms),
        format_local(one.until_ms),
        describe_matcher(one),
        one.reason,
        by,
    )


def describe_state(incident: Incident) -> str:
    """Return in words how far an Incident is: its state, and what else is to be known of its alert."""
    words = [str(incident.state)]
    if incident.state is IncidentState.CLOSED and incident.cleared_ms is None:
        words.append("not cleared")
    if incident.cleared_ms is None and incident.phase is AlertPhase.SILENT:
        words.append("its device is silent")
    if incident.flapping:
        words.append("flapping")
    return ", ".join(words)


def to_plain(incident: Incident, steps: Iterable[Step] | None = None) -> dict[str, Any]:
    """Return an Incident for ``json.dumps``, with its Steps where they are given."""
    moments = {
        name: None if time_ms is None else format_time(time_ms)
        for name, time_ms in (
            ("since", incident.since_ms),
            ("fired", incident.fired_ms),
            ("noted", incident.noted_ms),
            ("cleared", incident.cleared_ms),
            ("closed", incident.closed_ms),
            ("acknowledged", incident.acknowledged_ms),
            ("snoozed_until", incident.snoozed_until_ms or None),
        )
    }
    value = incident.value if isfinite(incident.value) else None
    plain = incident._asdict() | moments | {"state": incident.state, "value": value}
    return plain if steps is None else plain | {"steps": [to_plain_step(step) for step in steps]}


def to_plain_step(step: Step) -> dict[str, Any]:
    """Return a Step for ``json.dumps``."""
    return step._asdict() | {"time": format_time(step.time_ms), "text": describe_step(step)}


def to_plain_maintenance(one: Maintenance, now_ms: int) -> dict[str, Any]:
    """Return a Maintenance for ``json.dumps``."""
    names = {name: sorted(getattr(one, name)) for name in ("sites", "devices", "rules")}
    moments = {"from": format_time(one.from_ms), "to": format_time(one.to_ms), "until": format_time(one.until_ms)}
    return one._asdict() | names | moments | {"state": one.find_state(now_ms)}


def _list_people(incident: Incident, maintenance: Iterable[Maintenance], now_ms: int) -> Iterator[str]:
    """Yield what people did about it, and why nobody is told of it now."""
    if incident.acknowledged_ms is not None:
        yield f"{StepKind.ACKNOWLEDGED} by {incident.acknowledged_by}"
    if incident.assigned:
        yield f"assigned to {incident.assigned}"
    if incident.cleared_ms is None and incident.snoozed_until_ms > now_ms:
        yield f"snoozed until {format_local(incident.snoozed_until_ms)}"
    yield from (f"maintenance {one.id}" for one in maintenance if one.covers(incident, now_ms))


def _name_place(incident: Incident) -> str:
    return f"{incident.site}/{incident.zone}" if incident.zone else incident.site


def _format_value(value: float) -> str:
    return f"{value:.6g}"


def _format_moment(time_ms: int | None) -> str:
    return "" if time_ms is None else format_local(time_ms)


def _describe_length(incident: Incident, now_ms: int) -> str:
    until_ms = now_ms if incident.cleared_ms is None else incident.cleared_ms
    return format_span((until_ms - incident.fired_ms) / 1000)
