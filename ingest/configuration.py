"""Configuration: what people edit and a running collector can take anew, read and checked as a whole."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devices import load_device_types
from ingest.alerts.rules import load_rules
from ingest.codecs.native import CODEC
from ingest.inventory import Inventory
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory
from ingest.local_time import LOCAL
from ingest.notify.apprise_sender import check_address
from ingest.notify.routing import Routing
from ingest.notify.routing_file import Known, load_routing
from ingest.route import RouteTable
from ingest.settings import Mqtt, Settings
from ingest.toml_file import ConfigurationError, Mistake
from schemas.device_type import DeviceType
from schemas.rule import Rule


@dataclass(frozen=True, slots=True)
class Configuration:
    """Inventory, rules, and the device types that both speak of.

    Attributes:
        types: By key.
        inventory: Sites and devices.
        rules: By key; none where no alerts are judged.
        routing: Who is told of what.
    """

    types: Mapping[str, DeviceType]
    inventory: Inventory
    rules: Mapping[str, Rule]
    routing: Routing = Routing()  # noqa: RUF009 - of values that nobody can change

    def make_routes(self, mqtt: Mqtt) -> RouteTable:
        """Return the routes of this inventory for a collector with these settings."""
        sharer = None if mqtt.share is None else mqtt.username
        return RouteTable(self.inventory, self.types, CODEC, mqtt.topic_prefix, sharer)


def read_configuration(settings: Settings, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the folders and files that the settings name.

    Args:
        settings: Where they are.
        environ: Environment variables, for addresses of contacts; those of the process when left out.

    Raises:
        ConfigurationError: Something in them is wrong; it carries everything that is.
        RegistryError: A device type is broken.
    """
    types, inventory, rules = _read_watched(settings)
    routing = Routing()
    if settings.alerts.contacts is not None:
        environ = os.environ if environ is None else environ
        known = Known(inventory.sites, rules, environ, check_address, datetime.now(LOCAL).date())
        routing = load_routing(settings.alerts.contacts, known)
    return Configuration(types, inventory, _choose_rules(settings, rules), routing)


def read_watched(settings: Settings) -> Configuration:
    """Read what alerts can be about, without who is told of them: addresses are not for everybody to read.

    Raises:
        ConfigurationError: The inventory or a rule is wrong; it carries everything that is.
        RegistryError: A device type is broken.
    """
    types, inventory, rules = _read_watched(settings)
    return Configuration(types, inventory, _choose_rules(settings, rules))


def _read_watched(settings: Settings) -> tuple[Mapping[str, DeviceType], Inventory, Mapping[str, Rule]]:
    types = load_device_types()
    accounts = BROKER_ACCOUNTS | {settings.mqtt.username}
    inventory = load_inventory(settings.inventory, types, accounts)
    mistakes = check_sites(settings.mqtt.sites, inventory, settings.inventory)
    if mistakes:
        raise ConfigurationError(mistakes)
    return types, inventory, load_rules(settings.rules, types, inventory.zone_info, inventory)


def _choose_rules(settings: Settings, rules: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """Return the rules that are judged: none where a shared subscription hears only some of a device's readings."""
    return rules if settings.mqtt.share is None else {}


def check_sites(sites: Iterable[str], inventory: Inventory, folder: Path) -> list[Mistake]:
    """Return what is wrong with the choice of sites: nothing would ever come from one that is misspelt.

    Args:
        sites: As ``mqtt.sites`` has them.
        inventory: What is installed.
        folder: Where the inventory is, for messages.
    """
    return [
        Mistake(folder, 0, "", f"has no site {site}, which mqtt.sites names; correct one of them")
        for site in sites
        if site not in inventory.sites
    ]
