"""Configuration: what people edit and a running collector can take anew, read and checked as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from devices import load_device_types
from ingest.alerts.rules import load_rules
from ingest.codecs.native import CODEC
from ingest.inventory import Inventory
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory
from ingest.route import RouteTable
from ingest.settings import Settings
from schemas.device_type import DeviceType
from schemas.rule import Rule


@dataclass(frozen=True, slots=True)
class Configuration:
    """Inventory, rules, and the device types that both speak of.

    Attributes:
        types: By key.
        inventory: Sites and devices.
        rules: By key.
    """

    types: Mapping[str, DeviceType]
    inventory: Inventory
    rules: Mapping[str, Rule]

    def make_routes(self, topic_prefix: str) -> RouteTable:
        """Return the routes of this inventory."""
        return RouteTable(self.inventory, self.types, CODEC, topic_prefix)


def read_configuration(settings: Settings) -> Configuration:
    """Read the folders that the settings name.

    Raises:
        ConfigurationError: Something in them is wrong; it carries everything that is.
        RegistryError: A device type is broken.
    """
    types = load_device_types()
    accounts = BROKER_ACCOUNTS | {settings.mqtt.username}
    inventory = load_inventory(settings.inventory, types, accounts)
    return Configuration(types, inventory, load_rules(settings.rules, types))
