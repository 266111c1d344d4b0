"""The plan: which messages are to be sent now, and of what nobody is told. Pure: a Situation in, rows to add out.

What one Route wants one Contact told is one message: one thing in full, or many in a summary. So a thousand alerts at
once are one message to each Contact.

Planned again with its own result it adds nothing: every Delivery has a key, and every Step is said once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ingest.incidents.incident import Incident, Step, StepKind
from ingest.notify.delivery import Delivery, Telling, make_key
from ingest.notify.message import Names, write_message
from ingest.notify.situation import Situation
from ingest.notify.want import BACKLOG_CLEARED, CLEARED_BEFORE, Want, find_wanted

HOUR_MS = 3_600_000
_SAID_IF_NOTHING_ELSE = frozenset({BACKLOG_CLEARED, CLEARED_BEFORE})
"""Reasons that add nothing where another was written down before."""


class Plan(NamedTuple):
    """What is to be added to the store, in one transaction.

    Attributes:
        deliveries: Messages, without ids; one whose key is there already is left out.
        steps: Of kind ``UNTOLD``.
    """

    deliveries: tuple[Delivery, ...]
    steps: tuple[Step, ...]


def make_plan(situation: Situation) -> Plan:
    """Return what is to be sent and written down now."""
    untold = _Untold(situation)
    wants: list[Want] = []
    for incident in situation.incidents:
        wanted = find_wanted(incident, situation)
        wants += wanted.wants
        untold.add(incident.id, wanted.untold)
    incidents = {incident.id: incident for incident in situation.incidents}
    planned = _list_planned(situation.deliveries, situation.now_ms)
    deliveries = []
    for (route, contact), group in _group(wants).items():
        if min(want.ready_ms for want in group) > situation.now_ms:
            continue
        budget = _find_budget(situation, route, planned.get((route, contact), ()))
        if budget.left <= 0:
            for want in group:
                if want.telling.stage.opens:
                    untold.add(want.telling.incident, [f"held back: route {route} has told {contact} enough this hour"])
            continue
        tellings = tuple(sorted(want.telling for want in group))
        held_ms = budget.free_ms if budget.left == 1 else None
        deliveries.append(_make_delivery(situation, route, contact, tellings, incidents, held_ms))
    return Plan(tuple(deliveries), tuple(untold.steps))


class _Untold:
    """Steps that say of what nobody is told, each once."""

    def __init__(self, situation: Situation) -> None:
        self._now_ms = situation.now_ms
        self._said = {(step.incident, step.text) for step in situation.untold}
        self._with_reason = {step.incident for step in situation.untold}
        self.steps: list[Step] = []

    def add(self, incident: int, reasons: Iterable[str]) -> None:
        """Write reasons down that were not before."""
        for reason in reasons:
            is_known = reason in _SAID_IF_NOTHING_ELSE and incident in self._with_reason
            if not is_known and (incident, reason) not in self._said:
                self._said.add((incident, reason))
                self.steps.append(Step(incident, self._now_ms, StepKind.UNTOLD, "", reason))


class _Budget(NamedTuple):
    """How many messages a Contact may still get.

    Attributes:
        left: Within this hour.
        free_ms: When there is one more.
    """

    left: int
    free_ms: int


def _find_budget(situation: Situation, route: str, planned: Sequence[int]) -> _Budget:
    configured = situation.routing.routes.get(route)
    if configured is None:  # it was removed; what is left to say is that something is over
        return _Budget(HOUR_MS, situation.now_ms)
    oldest_ms = min(planned, default=situation.now_ms)
    return _Budget(configured.most_per_hour - len(planned), oldest_ms + HOUR_MS)


def _list_planned(deliveries: Iterable[Delivery], now_ms: int) -> Mapping[tuple[str, str], Sequence[int]]:
    """Return when messages of the last hour were planned, by route and contact."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in deliveries:
        if one.created_ms > now_ms - HOUR_MS:
            found.setdefault((one.route, one.contact), []).append(one.created_ms)
    return found


def _group(wants: Iterable[Want]) -> Mapping[tuple[str, str], Sequence[Want]]:
    found: dict[tuple[str, str], list[Want]] = {}
    for want in wants:
        found.setdefault((want.route, want.contact), []).append(want)
    return found


def _make_delivery(
    situation: Situation,
    route: str,
    contact: str,
    tellings: tuple[Telling, ...],
    incidents: Mapping[int, Incident],
    held_ms: int | None,
) -> Delivery:
    key = make_key(route, contact, tellings)
    told = [(incidents[telling.incident], telling.stage) for telling in tellings]
    routing = situation.routing
    names = Names(situation.inventory, situation.rules, routing.link, routing.desk, situation.last_good)
    language = routing.contacts[contact].language
    message = write_message(told, key, names, language, held_ms)
    severity = max((incident.severity for incident, _ in told), key=lambda one: one.rank)
    return Delivery(
        key, route, contact, tellings, severity, message.title, message.body, situation.now_ms, situation.now_ms
    )
