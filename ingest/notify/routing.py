"""Routing: which incidents are told to whom, as configured. Values only; see ``ingest.notify.routing_file``."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest.incidents.incident import Incident
from ingest.notify.contact import Contact
from ingest.notify.rota import Rota, find_on_call
from schemas.rule import Severity
from schemas.schedule import ALWAYS, Schedule


class Route(NamedTuple):
    """Which incidents go to which contacts. An incident is meant if it fits each set that is not empty.

    Attributes:
        key: Name in the configuration.
        to: Keys of contacts and rotas.
        severities: How severe it is.
        sites: Keys of Sites.
        categories: Values of ``Category``.
        rules: Keys of Rules.
        schedule: When the Route is in use, by the time of telling.
        escalate_after_ms: How long after telling ``to`` the first of ``escalate_to`` is told, and then each other,
            while nobody has acknowledged.
        escalate_to: Keys of contacts and rotas, a step each.
        remind_every_ms: How often ``to`` is told again while nobody has acknowledged; 0 for never.
        group_within_ms: How long what fires is gathered before it is told in one message.
        most_per_hour: Messages that one contact gets within an hour; what is above it waits, and comes as one.
        say_cleared: Whether whoever was told is told that it is over.
    """

    key: str
    to: tuple[str, ...]
    severities: frozenset[Severity] = frozenset()
    sites: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    schedule: Schedule = ALWAYS
    escalate_after_ms: int = 0
    escalate_to: tuple[tuple[str, ...], ...] = ()
    remind_every_ms: int = 0
    group_within_ms: int = 0
    most_per_hour: int = 20
    say_cleared: bool = True

    def matches(self, incident: Incident, severity: Severity, category: str) -> bool:
        """Whether an Incident is meant, whatever the time.

        Args:
            incident: What may be told.
            severity: As which it is told.
            category: Of its Site; empty where that is not known.
        """
        return (
            (not self.severities or severity in self.severities)
            and (not self.sites or incident.site in self.sites)
            and (not self.categories or category in self.categories)
            and (not self.rules or incident.rule in self.rules)
        )


class Routing(NamedTuple):
    """Everything about who is told.

    Attributes:
        contacts: By key.
        rotas: By key; none has the key of a Contact.
        routes: By key, in the order of the configuration.
        link: Address of the dashboards for people, without a slash at its end; empty for none.
        desk: Who acknowledges for those who cannot run the command, and how they are reached; empty for nobody named.
    """

    contacts: Mapping[str, Contact] = {}
    rotas: Mapping[str, Rota] = {}
    routes: Mapping[str, Route] = {}
    link: str = ""
    desk: str = ""

    def find_contacts(self, keys: Iterable[str], time_ms: int) -> tuple[str, ...]:
        """Return the keys of the contacts that keys of contacts and rotas mean at a moment, each once."""
        found = (key if key in self.contacts else self._find_on_call(key, time_ms) for key in keys)
        return tuple(dict.fromkeys(key for key in found if key is not None and key in self.contacts))

    def _find_on_call(self, key: str, time_ms: int) -> str | None:
        return find_on_call(self.rotas[key], time_ms) if key in self.rotas else None
