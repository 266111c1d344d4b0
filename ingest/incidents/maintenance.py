"""Maintenance: a while with an end in which nobody is told of some incidents, because somebody works there. Pure.

Incidents begin and end in it as always, and people can look at them; only the telling waits.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from ingest.incidents.act import LONGEST_TEXT, Refused
from ingest.incidents.incident import Incident
from ingest.local_time import format_local, format_span

MOST_MS = 30 * 86_400_000
"""How long one may last."""
MOST_AHEAD_MS = 366 * 86_400_000
"""How far ahead one may be planned."""


class MaintenanceState(StrEnum):
    """How far a Maintenance is."""

    PLANNED = "planned"
    ACTIVE = "active"
    ENDED = "ended"


class Maintenance(NamedTuple):
    """When nobody is told of what.

    An Incident is meant if it fits each of the three sets that is not empty; at least one is not.

    Attributes:
        id: Grows with time, from 1; never used again.
        sites: Keys of Sites.
        devices: Ids.
        rules: Keys of Rules.
        reason: Why, in words.
        author: Who began it.
        from_ms: Its beginning, milliseconds since 1970 in UTC.
        to_ms: Its planned end.
        ended_ms: When a person ended it before; None where nobody did.
        ended_by: Who; empty where nobody did.
    """

    id: int
    sites: frozenset[str]
    devices: frozenset[str]
    rules: frozenset[str]
    reason: str
    author: str
    from_ms: int
    to_ms: int
    ended_ms: int | None = None
    ended_by: str = ""

    @property
    def until_ms(self) -> int:
        """When it ends, or ended."""
        return self.to_ms if self.ended_ms is None else min(self.to_ms, self.ended_ms)

    def find_state(self, now_ms: int) -> MaintenanceState:
        """Return how far it is at a moment, milliseconds since 1970 in UTC."""
        if now_ms >= self.until_ms:
            return MaintenanceState.ENDED
        return MaintenanceState.PLANNED if now_ms < self.from_ms else MaintenanceState.ACTIVE

    def covers(self, incident: Incident, now_ms: int) -> bool:
        """Whether nobody is told of an Incident at a moment, because of this."""
        return self.find_state(now_ms) is MaintenanceState.ACTIVE and self.matches(incident)

    def matches(self, incident: Incident) -> bool:
        """Whether an Incident is meant, at any time."""
        pairs = ((self.sites, incident.site), (self.devices, incident.device), (self.rules, incident.rule))
        named = [(names, name) for names, name in pairs if names]
        return bool(named) and all(name in names for names, name in named)


def begin(planned: Maintenance, now_ms: int) -> Maintenance | Refused:
    """Return a Maintenance that may begin, its reason without blanks at the ends; or why it may not."""
    planned = planned._replace(reason=planned.reason.strip(), ended_ms=None, ended_by="")
    why = next(_list_faults(planned, now_ms), None)
    return planned if why is None else Refused(why)


def end(one: Maintenance, author: str, now_ms: int) -> Maintenance | Refused:
    """Return a Maintenance that a person ends before its time; one that has not begun never will."""
    if one.find_state(now_ms) is MaintenanceState.ENDED:
        by = f", by {one.ended_by}" if one.ended_by else ""
        return Refused(f"it ended at {format_local(one.until_ms)}{by}")
    return one._replace(ended_ms=now_ms, ended_by=author)


def describe_matcher(one: Maintenance) -> str:
    """Return in words what is meant: ``site hall, rules a, b``."""
    parts = (("site", one.sites), ("device", one.devices), ("rule", one.rules))
    return ", ".join(
        f"{name}{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}" for name, names in parts if names
    )


def _list_faults(planned: Maintenance, now_ms: int) -> Iterator[str]:
    if not (planned.sites or planned.devices or planned.rules):
        yield "it must say for which sites, devices or rules; for all of them it cannot be"
    if not planned.reason:
        yield "it must have a reason"
    if len(planned.reason) > LONGEST_TEXT:
        yield f"its reason has {len(planned.reason)} characters, and {LONGEST_TEXT} are the most"
    if planned.to_ms <= planned.from_ms:
        yield f"it would end at {format_local(planned.to_ms)}, before it begins"
    if planned.to_ms <= now_ms:
        yield f"it would have ended at {format_local(planned.to_ms)}; name a time to come"
    if planned.to_ms - planned.from_ms > MOST_MS:
        length = format_span((planned.to_ms - planned.from_ms) / 1000)
        yield f"{length} is too long, {format_span(MOST_MS / 1000)} is the most; begin another when it ends"
    if planned.from_ms - now_ms > MOST_AHEAD_MS:
        yield f"it would begin at {format_local(planned.from_ms)}, more than a year from now"
