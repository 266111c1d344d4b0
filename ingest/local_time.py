"""Time for people: Europe/Oslo to and from milliseconds since 1970 in UTC. Days of 23 and 25 hours exist."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ingest.event_time import parse_time

LOCAL = ZoneInfo("Europe/Oslo")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LOCAL_TEXT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}))?)?", re.ASCII)
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def parse_local(text: str) -> int:
    """Return the milliseconds since 1970 in UTC of what a person wrote.

    Args:
        text: A day (its beginning), a day and a time of day in Oslo, or RFC 3339 with an offset. Of the hour that
            autumn has twice, the first is meant; an offset names the other.

    Raises:
        ValueError: It is none of these, or a moment that does not exist, such as 02:30 when summer time begins.
    """
    match = _LOCAL_TEXT.fullmatch(text)
    if match is None:
        try:
            return parse_time(text.replace(" ", "T", 1))
        except ValueError:
            raise ValueError(
                f"{text[:40]!r} is no time; write 2026-01-15, 2026-01-15T12:00 (Oslo), or 2026-01-15T12:00:00+01:00"
            ) from None
    day, minute, second = match.groups()
    try:
        written = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}")
        moment = written.replace(tzinfo=LOCAL).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not in the calendar") from None
    if moment.astimezone(LOCAL).replace(tzinfo=None) != written:
        raise ValueError(f"{text!r} does not exist in Oslo: summer time begins in that hour")
    return (moment - _EPOCH) // _MILLISECOND


def format_local(time_ms: int) -> str:
    """Return a moment in Oslo, to the second, as ``parse_local`` reads it.

    With its offset only in the hours that autumn has twice; the bare number where no calendar reaches it.
    """
    try:
        moment = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(LOCAL)
    except OverflowError:
        return f"{time_ms} ms"
    is_twice = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return moment.isoformat(" ", "seconds") if is_twice else moment.replace(tzinfo=None).isoformat(" ", "seconds")


def format_span(seconds: float) -> str:
    """Return a length of time in its two largest units: ``3 d 4 h``, ``12 min 5 s``, ``0 s``."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in _SPANS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:  # noqa: PLR2004 - two, as promised
            break
    return " ".join(part for part in parts if part) or "0 s"
