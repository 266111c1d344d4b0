"""What a routing can say that nobody can mean: bounds of a Route's times and of a Rota's days, in words. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from ingest.alerts.duration import count_ms
from ingest.notify.routing_tables import MessageRouteTable
from ingest.toml_table import show

MOST_STAND_IN_MS = 366 * 86_400_000
"""Longest that somebody stands in."""
_HOUR_MS = 3_600_000
_EARLIEST = date(2000, 1, 1)
_AHEAD = timedelta(days=366)


class _Bounds(NamedTuple):
    """Between which durations a key of a Route is, and why."""

    least: str
    most: str
    why: str


_BOUNDS = {
    "escalate_after": _Bounds("1m", "1d", "sooner nobody can have acknowledged, later is too late to ask another one"),
    "remind_every": _Bounds("5m", "7d", "more often is read by nobody; leave it out for no reminders"),
    "group_within": _Bounds("0s", "1h", "so long everybody waits for the first message"),
}


def check_route(table: MessageRouteTable) -> Iterator[tuple[str, str]]:
    """Yield the key and a sentence for each time of a Route that cannot be meant."""
    for key, (least, most, why) in _BOUNDS.items():
        duration = getattr(table, key)
        if duration is not None and not count_ms(least) <= count_ms(duration) <= count_ms(most):
            yield key, f"must be from {least} to {most}, not {show(duration)}: {why}"
    remind_ms = 0 if table.remind_every is None else count_ms(table.remind_every)
    if remind_ms >= count_ms(_BOUNDS["remind_every"].least) and _HOUR_MS // remind_ms > table.most_per_hour:
        why = f"more than most_per_hour = {table.most_per_hour}: nothing new would come through"
        yield "remind_every", f"makes {_HOUR_MS // remind_ms} messages an hour, {why}"


def check_begin(begins: date, today: date, *, is_first: bool) -> str:
    """Return what is wrong with the day on which a Turn begins; empty for nothing.

    Args:
        begins: That day.
        today: The local day.
        is_first: Whether nobody is on call before.
    """
    if begins < _EARLIEST:
        return f"must be {_EARLIEST} or later, not {begins}"
    if is_first and begins > today + _AHEAD:
        return f"must be at most a year ahead, not {begins}: nobody would be on call before"
    return ""
