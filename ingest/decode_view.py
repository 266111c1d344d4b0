"""What ``gjovik decode`` shows: a Decoding as tables for people and as plain values for programs."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from ingest.decode import Decoding, Moment, Row, Told, Verdict
from ingest.event_time import format_time
from ingest.models import load_models
from ingest.source import Radio, Said
from schemas.validation import Refusal, shorten

MEMBER_HEADINGS = ("Member", "Value", "Unit")
ROW_HEADINGS = ("Member", "Told", "In", "Field", "Value", "Unit", "Verdict", "Why")


def render_value(value: object) -> str:
    """Return a value for people: texts in quotes, so that "1" is no number."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return shorten(json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value))


def render_time(time_ms: int | None) -> str:
    """Return a moment in UTC; milliseconds since 1970 where no calendar has it, ``none`` where there is none."""
    if time_ms is None:
        return "none"
    try:
        return format_time(time_ms)
    except OverflowError:
        return f"{time_ms} ms since 1970"


def render_refusal(refusal: Refusal) -> str:
    """Return why something is refused."""
    return f"{refusal.reason}: {refusal.detail}"


def render_said(said: Said) -> Iterator[tuple[str, str]]:
    """Yield what a Source says beside its members, by name; what it does not say is left out."""
    if said.address:
        yield "Address", said.address
    yield "Time", "none; the time of receipt stands for it" if said.time_ms is None else render_time(said.time_ms)
    if said.model:
        yield "Product", said.model
    if said.counter is not None:
        yield "Counter", f"{said.counter.number} of session {said.counter.session}"
    if said.seq is not None:
        yield "Seq", str(said.seq)
    if said.frame is not None:
        yield "Frame", f"port {said.frame.port}, {said.frame.body.hex() or 'no bytes'}"
    if said.radio is not None:
        yield "Radio", _render_radio(said.radio)
    if said.simulated:
        yield "Simulated", "yes"
    if said.is_history:
        yield "History", "yes, it is told late"


def _render_radio(radio: Radio) -> str:
    parts = (
        ("RSSI {} dBm", radio.rssi_dbm),
        ("SNR {} dB", radio.snr_db),
        ("SF{}", radio.spreading_factor),
        ("{} gateways", radio.gateways or None),
        ("best {}", radio.gateway or None),
    )
    return ", ".join(text.format(value) for text, value in parts if value is not None) or "nothing"


def render_members(said: Said) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each member, as ``MEMBER_HEADINGS`` says."""
    for name, value in said.members.items():
        yield name, render_value(value), said.units.get(name, "")


def render_row(row: Row) -> tuple[str, ...]:
    """Return what becomes of a member, as ``ROW_HEADINGS`` says."""
    value = "" if row.value is None else render_value(row.value)
    why = f"{row.reason}: {row.detail}" if row.reason is not None else row.detail
    return row.member, render_value(row.told), row.told_in, row.field, value, row.unit, row.verdict, why


def render_choice(told: Told) -> str:
    """Return by which Model something was translated, or why by none."""
    if told.model:
        model = load_models()[told.model]
        how = f", guessed: the source calls it {told.said.model}" if told.is_guessed and told.said is not None else ""
        return f"{told.model} ({model.title}; type {model.device_type}){how}"
    if len(told.guesses) == 1:
        needed = ", ".join(load_models()[told.guesses[0]].parameters)
        return f"{told.guesses[0]} as it seems, which needs parameters: say --parameter NAME=NUMBER ({needed})"
    if told.guesses:
        return f"it may be {' or '.join(told.guesses)}: say --model"
    return "none, and nothing says which: say --model, or --type where the names are those of its fields"


def to_plain(decoding: Decoding) -> dict[str, Any]:
    """Return a Decoding as JSON has it."""
    return {
        "refused": _refusal(decoding.refused),
        "told": [_told(one) for one in decoding.told],
        "events": [
            {"kind": one.kind, "address": one.address, "detail": one.detail, "members": _values(one.members)}
            for one in decoding.events
        ],
        "replies": [{"topic": one.topic, "payload": one.payload.hex()} for one in decoding.replies],
        "accepted": not decoding.has_refusal,
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        "said": None if told.said is None else _said(told.said),
        "model": told.model or None,
        "guessed": told.is_guessed,
        "guesses": list(told.guesses),
        "refused": _refusal(told.refused),
        "moments": [_moment(one) for one in told.moments],
    }


def _said(said: Said) -> dict[str, Any]:
    frame = None if said.frame is None else {"port": said.frame.port, "body": said.frame.body.hex()}
    return {
        "address": said.address,
        "time_ms": said.time_ms,
        "members": _values(said.members),
        "units": dict(said.units),
        "counter": None if said.counter is None else said.counter._asdict(),
        "frame": frame,
        "radio": None if said.radio is None else said.radio._asdict(),
        "seq": said.seq,
        "simulated": said.simulated,
        "history": said.is_history,
        "product": said.model,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    rows = [one._asdict() | {"told": _value(one.told), "value": _value(one.value)} for one in moment.rows]
    return {
        "time_ms": moment.time_ms,
        "simulated": moment.simulated,
        "refused": _refusal(moment.refused),
        "rows": rows,
        "line": moment.line or None,
    }


def _refusal(refusal: Refusal | None) -> dict[str, str] | None:
    return None if refusal is None else {"reason": refusal.reason, "detail": refusal.detail}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:  # noqa: ANN401 - any value that a payload may have
    """Return a value as JSON has it; what it has not, such as inf, as a text."""
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


def count_verdicts(decoding: Decoding) -> str:
    """Return how many members were stored, refused and left, in a sentence; empty where there is none."""
    rows = [row for told in decoding.told for moment in told.moments for row in moment.rows]
    counts = ((sum(row.verdict is one for row in rows), one) for one in Verdict)
    return ", ".join(f"{number} {verdict}" for number, verdict in counts if number)
