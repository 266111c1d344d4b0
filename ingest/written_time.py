"""Times as people write them in TOML files: dates and date-times, clocks, days of the week."""

from datetime import UTC, date, datetime, timedelta

from ingest.local_time import LOCAL
from ingest.toml_table import show

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: date) -> int:
    """Return a placement's time in milliseconds since 1970 in UTC.

    Args:
        moment: A date, which means its local midnight, or a date-time with an offset.

    Raises:
        ValueError: A date-time without an offset, or a time before 1970.
    """
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=LOCAL)
    elif moment.tzinfo is None:
        raise ValueError(
            f"{moment.isoformat()} has no offset: write a date (local midnight), "
            f"or add the offset as in {moment.isoformat()}+01:00"
        )
    if moment < _EPOCH:
        raise ValueError(f"{moment.isoformat()} is before 1970")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_minutes(clock: str) -> int:
    """Return minutes since midnight of ``HH:MM``."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def to_weekdays(days: str) -> list[int]:
    """Return the weekdays of ``mon-fri,sun``; 0 is Monday.

    Raises:
        ValueError: A day is not known, or a range runs backwards.
    """
    found: list[int] = []
    for part in days.split(","):
        names = [name.strip() for name in part.split("-")]
        if len(names) > 2 or any(name not in DAYS for name in names):  # noqa: PLR2004 - a range has two ends
            raise ValueError(f'must be days such as "mon-fri" or "sat,sun", of {", ".join(DAYS)}, not {show(days)}')
        first, last = DAYS.index(names[0]), DAYS.index(names[-1])
        if last < first:
            raise ValueError(f"runs backwards: the week begins with mon; write {show(days)} as two parts with a comma")
        found += range(first, last + 1)
    return found
