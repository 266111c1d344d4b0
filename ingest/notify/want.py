"""Want: who is to be told of one Incident now, and as what; or why nobody is. Pure.

Invariants:
    - While an Incident is snoozed or in maintenance, nothing is wanted, not even its end.
    - A Contact is told of an Incident as the same Stage once, whichever routes ask for it.
    - Who was told that its sensor is silent is told when it is heard again, or that it is over; acknowledged or not.
    - What was told stays told: whom a rota meant then does not change when the next one takes over.
    - An Incident that fires is told, or wanted later, or there is a reason.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.alerts.schedule import is_watched
from ingest.incidents.incident import Incident
from ingest.inventory import GATEWAY
from ingest.notify.delivery import Stage, StageKind, Telling
from ingest.notify.routing import Route
from ingest.notify.situation import Situation, Told, list_contacts
from schemas.rule import AlertPhase, Severity

BACKLOG_CLEARED = "it was over in the backlog already, before anybody could be told"
CLEARED_BEFORE = "it was over before anybody was told"
ACKNOWLEDGED_BEFORE = "it was acknowledged before anybody was told"
SIMULATED = "the reading is simulated"
NO_ROUTE = "no route is for it now"
SILENT_AGAIN_MS = 3_600_000
"""So long after a Contact was told that a sensor is silent it is not told so again."""


class Want(NamedTuple):
    """That a Contact is to be told.

    Attributes:
        route: Key of the Route that asks for it.
        contact: Key.
        telling: Of which Incident, as what.
        ready_ms: It may be held until then, so that what comes with it is told in the same message.
    """

    route: str
    contact: str
    telling: Telling
    ready_ms: int


class Wanted(NamedTuple):
    """What is to be told of an Incident.

    Attributes:
        wants: To whom, as what.
        untold: Why somebody or everybody is not told; empty where there is nothing to say.
    """

    wants: tuple[Want, ...] = ()
    untold: tuple[str, ...] = ()


NOTHING = Wanted()


def find_wanted(incident: Incident, situation: Situation) -> Wanted:
    """Return who is to be told of an Incident now."""
    if incident.closed_ms is not None:
        return NOTHING
    told = situation.told.get(incident.id, ())
    quiet = _find_quiet(incident, situation)
    if incident.cleared_ms is not None:
        return _want_end(incident, situation, told, is_quiet=bool(quiet))
    if quiet:
        return Wanted(untold=(quiet,))
    if situation.is_late(incident) and not situation.is_caught_up and not told:
        return NOTHING  # what still fires when the backlog is judged is told then
    silence = _want_silence(incident, situation, told)
    if incident.acknowledged_ms is not None:
        return Wanted(silence) if told else Wanted(untold=(ACKNOWLEDGED_BEFORE,))
    wanted = _want_routes(incident, situation, told)
    return wanted._replace(wants=wanted.wants + silence)


def _find_quiet(incident: Incident, situation: Situation) -> str:
    """Return why nobody is told of an Incident that fires, whatever the routes say; empty where people are."""
    if incident.simulated and not situation.accepts_simulated:
        return SIMULATED
    covering = next((one for one in situation.maintenance if one.covers(incident, situation.now_ms)), None)
    if covering is not None:
        return f"maintenance {covering.id}: {covering.reason}"
    if situation.now_ms < incident.snoozed_until_ms:
        return "it is snoozed"
    if incident.cleared_ms is not None:
        return ""
    return _find_inhibition(incident, situation)


def _find_inhibition(incident: Incident, situation: Situation) -> str:
    """Return in words which rule that fires explains an Incident; empty for none.

    It fires at the same site, or at one that this is a part of; or, where it is about gateways, for one through which
    the device is heard. Two rules that inhibit each other inhibit nothing: somebody must be told.
    """
    rule = situation.rules.get(incident.rule)
    if rule is None or not rule.inhibited_by:
        return ""
    for key in rule.inhibited_by:
        other = situation.rules.get(key)
        if key == rule.key or (other is not None and rule.key in other.inhibited_by):
            continue
        gateways = situation.find_gateways(incident) if other is not None and other.device_type == GATEWAY else ()
        silent = [one for one in gateways if one in situation.firing_devices.get(key, ())]
        if silent:
            return f"{key} fires for {silent[0]}, through which it is heard, which explains it"
        wholes = () if gateways else situation.inventory.list_wholes(incident.site)
        firing = [site for site in wholes if key in situation.firing_rules.get(site, frozenset())]
        if firing:
            return f"{key} fires at {firing[0]}, which explains it"
    return ""


def _want_end(incident: Incident, situation: Situation, told: Sequence[Told], *, is_quiet: bool) -> Wanted:
    """Return who is to be told that an Incident is over: whoever was told that it began."""
    if not told:
        return Wanted(untold=(BACKLOG_CLEARED if situation.is_late(incident) else CLEARED_BEFORE,))
    if is_quiet:
        return NOTHING
    telling = Telling(incident.id, Stage(StageKind.CLEARED, incident.severity))
    ended = {one.contact for one in told if one.stage.kind is StageKind.CLEARED}
    wants = []
    for contact in list_contacts(told):
        asked = [one.route for one in told if one.contact == contact]
        routes = situation.routing.routes
        says = any(route not in routes or routes[route].say_cleared for route in asked)
        if says and contact not in ended and contact in situation.routing.contacts:
            wants.append(Want(asked[0], contact, telling, situation.now_ms))
    return Wanted(tuple(wants))


def _want_silence(incident: Incident, situation: Situation, told: Sequence[Told]) -> tuple["Want", ...]:
    """Return who is to be told that nobody knows whether it is still so, and who that its sensor is heard again.

    The first is for whoever was told that it began, the second for whoever was told the first. A sensor that comes and
    goes is told silent once in ``SILENT_AGAIN_MS``.
    """
    is_silent = incident.phase is AlertPhase.SILENT
    if not is_silent and all(one.stage.kind is not StageKind.SILENT for one in told):
        return ()
    routes = {one.contact: one.route for one in reversed(told)}
    wants = []
    for contact in list_contacts(told):
        if contact not in situation.routing.contacts:
            continue
        silent_ms = _list_times(told, contact, StageKind.SILENT)
        heard_ms = _list_times(told, contact, StageKind.HEARD)
        believes_silent = len(silent_ms) > len(heard_ms)
        rests = bool(silent_ms) and situation.now_ms - silent_ms[-1] < SILENT_AGAIN_MS
        if is_silent is believes_silent or (is_silent and rests):
            continue
        kind, number = (StageKind.SILENT, len(silent_ms)) if is_silent else (StageKind.HEARD, len(heard_ms))
        telling = Telling(incident.id, Stage(kind, incident.severity, number))
        wants.append(Want(routes[contact], contact, telling, situation.now_ms))
    return tuple(wants)


def _list_times(told: Iterable[Told], contact: str, kind: StageKind) -> Sequence[int]:
    """Return when a Contact was told something of a kind, in order."""
    return [one.time_ms for one in told if one.contact == contact and one.stage.kind is kind]


def _want_routes(incident: Incident, situation: Situation, told: Sequence[Told]) -> Wanted:
    # One that eased is followed up as what it was when it was told.
    severity = max([incident.severity, *(one.stage.severity for one in told)], key=lambda one: one.rank)
    routes = _find_routes(incident, severity, situation)
    heard = {(one.contact, one.stage) for one in told}
    is_told = any(one.stage.opens and one.stage.severity is severity for one in told)
    wants: list[Want] = []
    untold: list[str] = []
    for route in routes:
        asked = _Asked(route, incident, severity, situation, told)
        wants += [want for want in asked.list_wants() if (want.contact, want.telling.stage) not in heard]
        untold += asked.list_nobody()
    if not routes and not is_told:
        untold.append(NO_ROUTE)
    return Wanted(tuple(_take_soonest(wants)), tuple(untold))


def _find_routes(incident: Incident, severity: Severity, situation: Situation) -> Sequence[Route]:
    """Return the routes that are for an Incident, and in use now."""
    inventory = situation.inventory
    site = inventory.sites.get(incident.site)
    category, hours = (site.category, site.opening_hours) if site is not None else ("", ())
    return [
        route
        for route in situation.routing.routes.values()
        if route.matches(incident, severity, category)
        and is_watched(route.schedule, hours, situation.now_ms, inventory.zone_info)
    ]


def _take_soonest(wants: Sequence[Want]) -> Iterator[Want]:
    """Yield what is wanted, without what another Route has the same Contact told sooner."""
    taken: set[tuple[str, Stage]] = set()
    for want in sorted(wants, key=lambda one: one.ready_ms):
        if (want.contact, want.telling.stage) not in taken:
            taken.add((want.contact, want.telling.stage))
            yield want


class _Asked(NamedTuple):
    """What one Route asks for one Incident."""

    route: Route
    incident: Incident
    severity: Severity
    situation: Situation
    told: Sequence[Told]

    def list_wants(self) -> Iterator[Want]:
        """Yield what is wanted by now; some of it may have been told before."""
        yield from self._open()
        for stage, keys in self._list_due():
            for contact in self._find_contacts(keys, self._find_time(stage)):
                yield self._want(contact, stage, self.situation.now_ms)

    def list_nobody(self) -> Iterator[str]:
        """Yield what cannot be told because nobody is on call."""
        if not self._find_contacts(self.route.to, self._find_opening() or self.situation.now_ms):
            yield f"nobody is on call for route {self.route.key}"
        for stage, keys in self._list_due():
            if stage.kind is StageKind.ESCALATION and not self._find_contacts(keys, self._find_time(stage)):
                yield f"nobody is on call for escalation {stage.number} of route {self.route.key}"

    def _open(self) -> Iterator[Want]:
        """Yield the first that a Contact hears, or that it is more severe than it heard."""
        ready_ms = self.incident.noted_ms + self.route.group_within_ms
        for contact in self._find_contacts(self.route.to, self._find_opening() or self.situation.now_ms):
            ranks = [one.stage.severity.rank for one in self.told if one.contact == contact]
            if not ranks:
                yield self._want(contact, Stage(StageKind.FIRST, self.severity), ready_ms)
            elif max(ranks) < self.severity.rank:
                yield self._want(contact, Stage(StageKind.RAISED, self.severity), self.situation.now_ms)

    def _list_due(self) -> Iterator[tuple[Stage, tuple[str, ...]]]:
        """Yield the escalations that are due, and the newest reminder, each with who is to be told."""
        since_ms = self._find_opening() or self._find_opening_elsewhere()
        if since_ms is None:
            return
        waited_ms = self.situation.now_ms - since_ms
        for number, keys in enumerate(self.route.escalate_to, start=1):
            if waited_ms >= number * self.route.escalate_after_ms:
                yield Stage(StageKind.ESCALATION, self.severity, number), keys
        if self.route.remind_every_ms and waited_ms >= self.route.remind_every_ms:
            yield Stage(StageKind.REMINDER, self.severity, waited_ms // self.route.remind_every_ms), self.route.to

    def _find_opening(self) -> int | None:
        """Return when this Route first told it as severe as it is; None before."""
        return next((one.time_ms for one in self._list_openings() if one.route == self.route.key), None)

    def _find_opening_elsewhere(self) -> int | None:
        """Return when any Route did; None before. So one that had nobody left to tell still escalates."""
        return next((one.time_ms for one in self._list_openings()), None)

    def _list_openings(self) -> Iterator[Told]:
        return (one for one in self.told if one.stage.opens and one.stage.severity is self.severity)

    def _find_time(self, stage: Stage) -> int:
        """Return when this Route first told a Stage; now, where it has not."""
        route = self.route.key
        told = (one.time_ms for one in self.told if one.route == route and one.stage == stage)
        return next(told, self.situation.now_ms)

    def _find_contacts(self, keys: tuple[str, ...], time_ms: int) -> tuple[str, ...]:
        return self.situation.routing.find_contacts(keys, time_ms)

    def _want(self, contact: str, stage: Stage, ready_ms: int) -> Want:
        return Want(self.route.key, contact, Telling(self.incident.id, stage), ready_ms)
