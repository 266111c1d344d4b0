"""Event time: RFC 3339 text to and from milliseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# RFC 3339, section 5.6, with the offset that it demands; datetime.fromisoformat alone accepts far more.
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_time(text: str) -> int:
    """Return the milliseconds since 1970 in UTC of an RFC 3339 date-time; finer fractions are cut off.

    Raises:
        ValueError: The text is not RFC 3339, has no offset, or names a moment that does not exist.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not RFC 3339 with an offset")
    if text[17:19] == "60":
        # A leap second (RFC 3339, section 5.7) is the second that follows :59.
        return parse_time(f"{text[:17]}59{text[19:]}") + 1000
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND


def format_time(time_ms: int) -> str:
    """Return RFC 3339 in UTC with milliseconds.

    Raises:
        OverflowError: The moment is outside the years 1 to 9999.
    """
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
