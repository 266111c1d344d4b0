"""A transition as others hear of it: a line for InfluxDB and a retained message for MQTT.

Both say that a limit was passed, and which. The value is left out where it tells of a person, and where the Rule has
vanished, so that nobody knows whether it does; ``HIDDEN`` stands for it in the text.
"""

import json
from math import isfinite
from typing import Any

from ingest.alerts.words import fill_text
from ingest.event_time import format_time
from ingest.line import build_line
from schemas.reading import Reading
from schemas.rule import Change, Level, Rule, Transition

MEASUREMENT = "alerts"
LATE_MEASUREMENT = "alerts_late"


def format_line(transition: Transition, rule: Rule | None) -> bytes:
    """Return the line of measurement ``alerts``.

    Args:
        transition: What changed.
        rule: Its Rule; None when it has vanished since.
    """
    tags = {
        "device": transition.device,
        "rule": transition.rule,
        "severity": transition.severity.value,
        "site": transition.site,
        "zone": transition.zone,
    }
    fields: dict[str, float | bool | str] = {
        "change": transition.change.value,
        "firing": transition.phase.is_active,
        "flapping": transition.change is Change.FLAPPING,
        "phase": transition.phase.value,
        "since": transition.since_ms / 1000,
    }
    if transition.is_apart or (rule is not None and not rule.hides_value):
        fields["value"] = transition.value
    if rule is not None:
        tags["type"] = rule.device_type
        limit = rule.find_level(transition.severity).find_limit(transition.value)
        fields |= {"limit": limit, "text": _fill_text(rule, transition.value, limit), "unit": rule.unit}
    if transition.simulated:
        tags["simulated"] = "true"
    return build_line(MEASUREMENT, tags, fields, transition.time_ms)


def format_late_line(reading: Reading, rule: Rule, level: Level, value: float) -> bytes:
    """Return the line of measurement ``alerts_late``: a reading that came too late to be judged was beyond a limit."""
    tags = {
        "device": reading.device,
        "rule": rule.key,
        "severity": level.severity.value,
        "site": reading.site,
        "type": reading.type_key,
        "zone": reading.zone,
    }
    if reading.simulated:
        tags["simulated"] = "true"
    fields: dict[str, float | bool | str] = {
        "late": reading.delay_s,
        "limit": level.find_limit(value),
        "text": _fill_text(rule, value, level.find_limit(value)),
        "unit": rule.unit,
    }
    if not rule.hides_value:
        fields["value"] = value
    return build_line(LATE_MEASUREMENT, tags, fields, reading.time_ms)


def _fill_text(rule: Rule, value: float, limit: float) -> str:
    return fill_text(rule, value, limit, hides_value=rule.hides_value)


def format_topic(prefix: str, transition: Transition) -> str:
    """Return the topic under which the alert's latest state is retained."""
    return f"{prefix}/alerts/{transition.device}/{transition.rule}"


def format_id(transition: Transition) -> str:
    """Return what names a transition for ever: who hears it twice knows that it is the same."""
    return f"{transition.device}/{transition.rule}/{transition.time_ms}/{transition.change}"


def format_payload(transition: Transition, rule: Rule | None) -> bytes:
    """Return the state of an alert as JSON for whoever listens; times are RFC 3339 in UTC.

    Args:
        transition: What changed.
        rule: Its Rule; None when it has vanished since, and then the message says less.
    """
    state: dict[str, Any] = {
        "id": format_id(transition),
        "state": transition.phase.value,
        "firing": transition.phase.is_active,
        "change": transition.change.value,
        "severity": transition.severity.value,
        "device": transition.device,
        "site": transition.site,
        "zone": transition.zone,
        "rule": transition.rule,
        "time": format_time(transition.time_ms),
        "since": format_time(transition.since_ms),
    }
    if rule is not None and not rule.hides_value:
        state["value"] = transition.value
    if rule is not None:
        level = rule.find_level(transition.severity)
        limit = level.find_limit(transition.value)
        state |= {"text": _fill_text(rule, transition.value, limit), "unit": rule.unit, "limit": limit}
        if rule.field:
            state["field"] = rule.field
        limits = {"low": level.low, "high": level.high, "clear_low": level.clear_low, "clear_high": level.clear_high}
        state |= {name: limit for name, limit in limits.items() if isfinite(limit)}
    if transition.simulated:
        state["simulated"] = True
    return json.dumps(state, ensure_ascii=False).encode()
