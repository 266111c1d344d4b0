"""Configuration: what people edit and a running collector can take anew, read and checked as a whole."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from devices import load_device_types
from ingest.alerts.rules import load_rules
from ingest.codecs import list_filters
from ingest.codecs.native import CODEC
from ingest.inventory import Inventory
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory
from ingest.local_time import LOCAL
from ingest.notify.apprise_sender import check_address
from ingest.notify.routing import Routing
from ingest.notify.routing_file import Known, load_routing
from ingest.route import RouteTable
from ingest.settings import Mqtt, Settings
from ingest.source import Source
from ingest.source_files import load_sources, place_sources
from ingest.source_table import SourceTable
from ingest.toml_file import NO_DRAFTS, ConfigurationError, Mistake
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
        sources: By key.
    """

    types: Mapping[str, DeviceType]
    inventory: Inventory
    rules: Mapping[str, Rule]
    routing: Routing = Routing()  # noqa: RUF009 - of values that nobody can change
    sources: Mapping[str, Source] = field(default_factory=dict)

    def make_routes(self, mqtt: Mqtt) -> RouteTable:
        """Return the routes of this inventory for a collector with these settings."""
        sharer = None if mqtt.share is None else mqtt.username
        return RouteTable(self.inventory, self.types, CODEC, mqtt.topic_prefix, sharer)

    def make_sources(self, before: SourceTable | None = None) -> SourceTable:
        """Return the Sources of this inventory; what those of the table before were told stays known."""
        return SourceTable(self.sources, self.inventory, self.types, before)

    def list_source_filters(self) -> list[str]:
        """Return the topic filters of all Sources."""
        return [one for source in self.sources.values() for one in list_filters(source)]


def read_configuration(settings: Settings, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the folders and files that the settings name.

    Args:
        settings: Where they are.
        environ: Environment variables, for addresses of contacts; those of the process when left out.

    Raises:
        ConfigurationError: Something in them is wrong; it carries everything that is.
        RegistryError: A device type is broken.
    """
    watched = _read_watched(settings)
    routing = Routing()
    if settings.alerts.contacts is not None:
        environ = os.environ if environ is None else environ
        known = Known(watched.inventory.sites, watched.rules, environ, check_address, datetime.now(LOCAL).date())
        routing = load_routing(settings.alerts.contacts, known)
    return replace(watched, rules=_choose_rules(settings, watched.rules), routing=routing)


def read_watched(settings: Settings, drafts: Mapping[Path, bytes] = NO_DRAFTS) -> Configuration:
    """Read what alerts can be about, without who is told of them: addresses are not for everybody to read.

    Args:
        settings: Where it is.
        drafts: What files of the inventory are to hold, by their path, in place of what they do.

    Raises:
        ConfigurationError: The inventory, a source or a rule is wrong; it carries everything that is.
        RegistryError: A device type, a format or a model is broken.
    """
    watched = _read_watched(settings, drafts)
    return replace(watched, rules=_choose_rules(settings, watched.rules))


def _read_watched(settings: Settings, drafts: Mapping[Path, bytes] = NO_DRAFTS) -> Configuration:
    types = load_device_types()
    accounts = BROKER_ACCOUNTS | {settings.mqtt.username}
    sources = load_sources(settings.sources, settings.mqtt.topic_prefix)
    keeps_apart = settings.health.database is not None
    inventory = load_inventory(settings.inventory, types, accounts, sources, drafts, keeps_apart=keeps_apart)
    mistakes = check_sites(settings.mqtt.sites, inventory, settings.inventory)
    if mistakes:
        raise ConfigurationError(mistakes)
    rules = load_rules(settings.rules, types, inventory.zone_info, inventory)
    return Configuration(types, inventory, rules, sources=place_sources(sources, inventory.zone_info))


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
