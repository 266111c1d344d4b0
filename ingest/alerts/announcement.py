"""A transition as others hear of it: a line for InfluxDB and a retained message for MQTT."""

import json
from typing import Any

from ingest.event_time import format_time
from ingest.line import build_line
from schemas.rule import AlertPhase, Rule, Transition

MEASUREMENT = "alerts"


def format_line(transition: Transition, rule: Rule | None) -> bytes:
    """Return the line of measurement ``alerts``.

    Args:
        transition: The alert that fired or cleared.
        rule: Its Rule; None when it has vanished since.
    """
    tags = {"device": transition.device, "rule": transition.rule, "site": transition.site, "zone": transition.zone}
    fields: dict[str, float | bool | str] = {
        "firing": transition.phase is AlertPhase.FIRING,
        "value": transition.value,
        "since": transition.since_ms / 1000,
    }
    if rule is not None:
        tags |= {"severity": rule.severity.value, "type": rule.device_type}
        fields |= {"limit": rule.limit, "text": rule.text, "unit": rule.unit}
    if transition.simulated:
        tags["simulated"] = "true"
    return build_line(MEASUREMENT, tags, fields, transition.time_ms)


def format_topic(prefix: str, transition: Transition) -> str:
    """Return the topic under which the alert's latest state is retained."""
    return f"{prefix}/alerts/{transition.device}/{transition.rule}"


def format_id(transition: Transition) -> str:
    """Return what names a transition for ever: who hears it twice knows that it is the same."""
    return f"{transition.device}/{transition.rule}/{transition.time_ms}/{transition.phase}"


def format_payload(transition: Transition, rule: Rule | None) -> bytes:
    """Return the state of an alert as JSON for whoever listens; times are RFC 3339 in UTC.

    Args:
        transition: The alert that fired or cleared.
        rule: Its Rule; None when it has vanished since, and then the message says less.
    """
    state: dict[str, Any] = {
        "id": format_id(transition),
        "state": transition.phase.value,
        "device": transition.device,
        "site": transition.site,
        "zone": transition.zone,
        "rule": transition.rule,
        "time": format_time(transition.time_ms),
        "since": format_time(transition.since_ms),
        "value": transition.value,
    }
    if rule is not None:
        state |= {
            "severity": rule.severity.value,
            "text": rule.text,
            "field": rule.field,
            "unit": rule.unit,
            "direction": rule.direction.value,
            "limit": rule.limit,
            "clear": rule.clear,
        }
    if transition.simulated:
        state["simulated"] = True
    return json.dumps(state, ensure_ascii=False).encode()
