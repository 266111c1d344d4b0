"""Names in commands, held against what is configured: a misspelt one is refused, not done in vain. Pure.

Errors:
    WrongRequestError    see ``ingest.request``
"""

from collections.abc import Collection, Iterator
from itertools import islice

from ingest.configuration import Configuration
from ingest.inventory import Inventory
from ingest.near_names import offer_near
from ingest.request import WrongRequestError
from ingest.request_alert import Asked, BeginMaintenance, ContactTest

MOST_NEAR = 3
"""Names that are offered for one that is not known."""
MOST_TOLD = 5
"""Wrong names of a request that are told: to look for one like each among 100,000 devices takes two seconds."""


def require_known(request: Asked, configuration: Configuration) -> None:
    """Refuse a request that names what is not configured.

    Ids of incidents, messages and maintenance are no such names: what is not in the store is told one by one.

    Args:
        request: What a person asks.
        configuration: Inventory, rules and contacts that are in use.

    Raises:
        WrongRequestError: It names something that is not there; the message has what was meant, perhaps.
    """
    wrong = filter(None, _list_wrong(request, configuration))
    if told := " ".join(islice(wrong, MOST_TOLD)):
        raise WrongRequestError(told)


def describe_unknown(kind: str, name: str, known: Collection[str]) -> str:
    """Return in a sentence that there is no site, device, rule or contact of a name, with those that are called alike.

    Args:
        kind: Which of them.
        name: As it was written.
        known: Those that are there.
    """
    return f'There is no {kind} "{name}"; {offer_near(name, known, MOST_NEAR) or "name one that is configured."}'


def _list_wrong(request: Asked, configuration: Configuration) -> Iterator[str]:
    """Yield what is wrong with each name of a request, empty for nothing."""
    match request:
        case BeginMaintenance(planned):
            yield from _list_unknown("site", planned.sites, configuration.inventory.sites)
            yield from (_tell_device(one, configuration.inventory) for one in sorted(planned.devices))
            yield from _list_unknown("rule", planned.rules, configuration.rules)
        case ContactTest(contact):
            contacts = configuration.routing.contacts
            if not contacts:
                yield "No contacts are in the settings of this collector (alerts.contacts); nobody can be sent a test."
            yield from _list_unknown("contact", [contact] if contact and contacts else [], contacts)


def _list_unknown(kind: str, names: Collection[str], known: Collection[str]) -> Iterator[str]:
    return (describe_unknown(kind, name, known) for name in sorted(names) if name not in known)


def _tell_device(name: str, inventory: Inventory) -> str:
    """Return what is wrong with the name of a device or group; empty for nothing."""
    site, colon, zone = name.partition(":")
    if not colon:
        return "" if name in inventory.devices else describe_unknown("device", name, inventory.devices)
    # What names a group; see ``ingest.alerts.subject.name_group``.
    if name == ":" or (site in inventory.sites and (not zone or zone in inventory.sites[site].zones)):
        return ""
    return f'There is no group "{name}"; a group is named by its site, such as hall: or hall:zone.'
