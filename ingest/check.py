"""Check of everything that people configure, before anything is started with it."""

from collections.abc import Mapping
from pathlib import Path

from devices import load_device_types
from ingest.alerts.rules import read_rules
from ingest.inventory_files import BROKER_ACCOUNTS, read_inventory
from ingest.settings_file import load_settings
from ingest.toml_file import ConfigurationError, Mistake
from schemas.registry import RegistryError


def check_configuration(
    settings_file: Path | None,
    environ: Mapping[str, str],
    *,
    inventory: Path | None = None,
    rules: Path | None = None,
) -> list[Mistake]:
    """Return everything that is wrong with settings, device types, inventory and rules; nothing connects.

    The examples of the rules are run. Where the settings are wrong, inventory and rules are checked only if their
    folders are given; where a device type is broken, neither can be.

    Args:
        settings_file: TOML file of the settings; None for defaults and variables only.
        environ: Environment variables.
        inventory: Folder to check instead of the one in the settings.
        rules: Likewise.
    """
    mistakes: list[Mistake] = []
    accounts = set(BROKER_ACCOUNTS)
    try:
        settings = load_settings(settings_file, environ)
    except ConfigurationError as error:
        mistakes += error.mistakes
    else:
        inventory, rules = inventory or settings.inventory, rules or settings.rules
        accounts.add(settings.mqtt.username)
    try:
        types = load_device_types()
    except RegistryError as error:
        return [*mistakes, Mistake(Path("devices"), 0, "", str(error))]
    if inventory is not None:
        mistakes += read_inventory(inventory, types, accounts)[1]
    if rules is not None:
        mistakes += read_rules(rules, types)[1]
    return mistakes
