"""Situation: all that planning looks at, as values of one moment; and what was told of each Incident before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from ingest.incidents.incident import Incident, Step
from ingest.inventory import Inventory
from ingest.notify.delivery import Delivery, Stage
from ingest.notify.routing import Routing
from schemas.rule import Rules

LATE_MS = 600_000
"""A firing that was learned of so long after it happened waits until the collector is caught up."""


class Maintained(Protocol):
    """What planning needs of a Maintenance."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def reason(self) -> str:
        """Why nobody is told, in words."""

    def covers(self, incident: Incident, now_ms: int) -> bool:
        """Whether nobody is told of an Incident at a moment."""


class Told(NamedTuple):
    """That a Contact was told of an Incident; whether it has arrived yet does not matter.

    Attributes:
        route: Key of the Route that asked for it.
        contact: Key.
        stage: As what.
        time_ms: When it was planned.
    """

    route: str
    contact: str
    stage: Stage
    time_ms: int


class LastGood(NamedTuple):
    """The last value of an Incident's subject that was good.

    Attributes:
        value: In the rule's unit.
        time_ms: Event time.
    """

    value: float
    time_ms: int


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What planning looks at.

    Attributes:
        incidents: Those that are not closed.
        deliveries: Those that tell of one of them, and all that were planned within the last hour.
        untold: Steps of kind ``UNTOLD`` of the incidents, of all time.
        now_ms: The collector's clock, milliseconds since 1970 in UTC.
        is_caught_up: Whether the collector has judged all that waited for it.
        routing: Who is told.
        rules: By key.
        inventory: What the sites are called and used for.
        maintenance: Windows in which nobody is told; those that are over do no harm.
        accepts_simulated: Whether people are told of simulated readings.
        late_ms: See ``LATE_MS``.
        last_good: By id of the Incident, where it is known.
    """

    incidents: Sequence[Incident]
    deliveries: Sequence[Delivery]
    untold: Sequence[Step]
    now_ms: int
    is_caught_up: bool
    routing: Routing
    rules: Rules
    inventory: Inventory
    maintenance: Sequence[Maintained] = ()
    accepts_simulated: bool = False
    late_ms: int = LATE_MS
    last_good: Mapping[int, LastGood] = field(default_factory=dict)

    @cached_property
    def told(self) -> Mapping[int, Sequence[Told]]:
        """What was told of each Incident, in order of time."""
        found: dict[int, list[Told]] = {}
        for delivery in sorted(self.deliveries, key=lambda one: one.created_ms):
            for telling in delivery.tellings:
                told = Told(delivery.route, delivery.contact, telling.stage, delivery.created_ms)
                found.setdefault(telling.incident, []).append(told)
        return found

    @cached_property
    def firing_rules(self) -> Mapping[str, frozenset[str]]:
        """Keys of the rules that fire, by Site; what is simulated counts only where people are told of it."""
        found: dict[str, set[str]] = {}
        for one in self.incidents:
            if one.cleared_ms is None and (self.accepts_simulated or not one.simulated):
                found.setdefault(one.site, set()).add(one.rule)
        return {site: frozenset(rules) for site, rules in found.items()}

    @cached_property
    def firing_devices(self) -> Mapping[str, frozenset[str]]:
        """Devices for which a rule fires, by its key; what is simulated likewise."""
        found: dict[str, set[str]] = {}
        for one in self.incidents:
            if one.cleared_ms is None and (self.accepts_simulated or not one.simulated):
                found.setdefault(one.rule, set()).add(one.device)
        return {rule: frozenset(devices) for rule, devices in found.items()}

    def find_gateways(self, incident: Incident) -> Sequence[str]:
        """Return the gateways through which a device is heard, or the devices of a group; none where none is known."""
        device = self.inventory.devices.get(incident.device)
        if device is not None:
            return (device.gateway,) if device.gateway else ()
        if ":" not in incident.device:
            return ()
        return self._gateways_of_sites.get(incident.site, ())

    @cached_property
    def _gateways_of_sites(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, set[str]] = {}
        for device in self.inventory.devices.values():
            if device.gateway:
                found.setdefault(device.placements[-1].site, set()).add(device.gateway)
        return {site: sorted(gateways) for site, gateways in found.items()}

    def is_late(self, incident: Incident) -> bool:
        """Whether an Incident was learned of long after it fired."""
        return incident.noted_ms - incident.fired_ms > self.late_ms


def list_contacts(told: Iterable[Told]) -> tuple[str, ...]:
    """Return the keys of the contacts that were told something, each once."""
    return tuple(dict.fromkeys(one.contact for one in told))
