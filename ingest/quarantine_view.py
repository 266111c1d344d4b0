"""Entries of the quarantine as people and programs read them. Pure: values in, texts and plain values out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ingest.batch import Quarantined, QuarantineRow
from ingest.bound_device import describe_part
from ingest.event_time import format_time
from ingest.local_time import format_local
from ingest.printed_table import format_bytes, make_visible
from ingest.settings import Quarantine
from ingest.store_announced import DAY_MS
from ingest.store_groups import Group
from ingest.store_requests import PastRequest
from ingest.target import Target
from schemas.reason import explain

LIST_HEADINGS = ("Id", "Received", "Reason", "From", "Schema", "Detail")
REASON_HEADINGS = ("Reason", "Devices", "Entries", "Bytes", "Oldest", "Expires")
GROUP_HEADINGS = ("Reason", "Device", "Entries", "Quota", "Expires")
REQUEST_HEADINGS = ("Begun", "Request", "By", "Of", "Outcome")
_HEX_ROW = 16


HIDDEN = "a line of the database for health; --reveal shows it"
"""Stands for what an entry holds that is kept apart."""


def hide_line(row: QuarantineRow) -> QuarantineRow:
    """Return an entry as it is shown where nobody asked for more: of a line for health neither it nor what quotes it.

    Its length and hash stay.
    """
    one = row.quarantined
    if one.target is not Target.HEALTH:
        return row
    return row._replace(quarantined=one._replace(payload=b"", detail=HIDDEN))


def render_row(row: QuarantineRow) -> Sequence[str]:
    """Return the cells of an entry, under ``LIST_HEADINGS``."""
    one = row.quarantined
    # The topic of a device that is known says little more, and folds the table; `show` has it.
    sender = one.device or one.topic
    return str(row.id), format_local(one.received_ms), one.reason, sender, one.schema, one.detail


def render_entry(row: QuarantineRow) -> Sequence[tuple[str, str]]:
    """Return everything that is known of an entry but its payload, name and value."""
    one = row.quarantined
    explanation = explain(one.reason)
    parts = [
        ("Id", str(row.id)),
        ("Reason", one.reason),
        ("What happened", explanation.happened),
        ("What to do", explanation.remedy),
        ("Detail", one.detail),
        ("Level", one.level),
        ("Device", one.device),
        ("Schema", one.schema),
        ("Topic", one.topic),
        ("Received", _describe_moment(one.received_ms)),
        ("Time given", "" if one.given_ms is None else _describe_moment(one.given_ms)),
        ("Retained", "yes" if one.retain else ""),
        ("Observation", describe_part(one.part)),
        ("Fields left", ", ".join(one.fields)),
        ("Bytes", _describe_length(one)),
        ("SHA-256", one.sha256.hex()),
    ]
    return [(name, make_visible(value)) for name, value in parts if value]


def _describe_moment(time_ms: int) -> str:
    return f"{format_local(time_ms)} in Oslo, {time_ms} ms since 1970"


def _describe_length(one: Quarantined) -> str:
    if len(one.payload) == one.length:
        return str(one.length)
    if one.target is Target.HEALTH and not one.payload:
        return f"{one.length}; they are kept and not shown"
    return f"{one.length}, of which the first {len(one.payload)} are kept; it cannot be reprocessed"


def render_payload(payload: bytes) -> str:
    """Return a payload as text where it is text, else its bytes in hexadecimal with what is readable beside them."""
    text = _read_text(payload)
    if text is not None:
        return text
    lines = []
    for start in range(0, len(payload), _HEX_ROW):
        part = payload[start : start + _HEX_ROW]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * _HEX_ROW - 1}}  {shown}")
    return "\n".join(lines)


def _read_text(payload: bytes) -> str | None:
    """Return a payload as text; None where it is none, or would make a terminal do something."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\n\t" for character in text) else None


def to_plain(row: QuarantineRow) -> dict[str, Any]:
    """Return an entry for ``json.dumps``; its payload as text where it is UTF-8, else in hexadecimal."""
    one = row.quarantined
    explanation = explain(one.reason)
    plain: dict[str, Any] = {
        "id": row.id,
        "received": format_time(one.received_ms),
        "received_ms": one.received_ms,
        "level": one.level,
        "reason": one.reason,
        "device": one.device,
        "schema": one.schema,
        "topic": one.topic,
        "detail": one.detail,
        "length": one.length,
        "kept": len(one.payload),
        "sha256": one.sha256.hex(),
        "retain": one.retain,
        "part": one.part,
        "given_ms": one.given_ms,
        "fields": list(one.fields),
        "happened": explanation.happened,
        "remedy": explanation.remedy,
    }
    try:
        plain["payload"] = one.payload.decode()
    except UnicodeDecodeError:
        plain["payload_hex"] = one.payload.hex()
    return plain


def render_reasons(groups: Iterable[Group], quotas: Quarantine) -> list[Sequence[str]]:
    """Return the rows of each reason, under ``REASON_HEADINGS``, the one with the most entries first."""
    found: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        found[group.reason].append(group)
    counted = [(sum(group.entries for group in same), same) for same in found.values()]
    rows: list[Sequence[str]] = []
    for entries, same in sorted(counted, key=lambda one: -one[0]):
        oldest_ms = min(group.oldest_ms for group in same)
        size = format_bytes(sum(group.bytes for group in same))
        days = _name_day(oldest_ms), _name_day(oldest_ms + quotas.days * DAY_MS)
        rows.append((same[0].reason, str(len(same)), str(entries), size, *days))
    return rows


def render_group(group: Group, quotas: Quarantine) -> Sequence[str]:
    """Return the cells of a group, under ``GROUP_HEADINGS``."""
    return (
        group.reason,
        group.sender,
        str(group.entries),
        f"{group.entries / quotas.most_entries_each:.0%}",
        _name_day(group.oldest_ms + quotas.days * DAY_MS),
    )


def _name_day(time_ms: int) -> str:
    return format_local(time_ms).partition(" ")[0]


def to_plain_group(group: Group, quotas: Quarantine) -> dict[str, Any]:
    """Return a group for ``json.dumps``."""
    return group._asdict() | {
        "quota_share": group.entries / quotas.most_entries_each,
        "first_expires_ms": group.oldest_ms + quotas.days * DAY_MS,
    }


def render_request(request: PastRequest) -> Sequence[str]:
    """Return the cells of a request, under ``REQUEST_HEADINGS``."""
    same = request.login == request.author
    author = request.author if same else f"{request.author} (login {request.login})"
    begun = format_local(request.begun_ms)
    return begun, request.kind, author, request.meant, request.outcome or "not ended: under way, or killed"


def to_plain_request(request: PastRequest) -> dict[str, Any]:
    """Return a request for ``json.dumps``."""
    return request._asdict() | {"begun": format_time(request.begun_ms)}
