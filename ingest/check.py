"""Check of everything that people configure, before anything is started with it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from devices import load_device_types
from ingest.alerts.rules import LOCAL, read_rules
from ingest.bound_device import list_private
from ingest.configuration import check_sites
from ingest.inventory_files import BROKER_ACCOUNTS, read_inventory
from ingest.notify.apprise_sender import check_address
from ingest.notify.hints import list_routing_hints
from ingest.notify.routing_file import Known, read_routing
from ingest.settings import Settings
from ingest.settings_file import load_settings, read_secret
from ingest.source_files import read_sources
from ingest.toml_file import ConfigurationError, Mistake
from schemas.compatibility import find_breaks
from schemas.device_type import DeviceType
from schemas.json_schema import FOLDER, read_committed
from schemas.registry import RegistryError


def check_configuration(
    settings_file: Path | None,
    environ: Mapping[str, str],
    *,
    inventory: Path | None = None,
    rules: Path | None = None,
) -> list[Mistake]:
    """Return all that is wrong with settings, device types, sources, inventory, rules and routing; nothing connects.

    The examples of the rules are run, files of passwords are opened, and device types are held against their committed
    JSON Schemas, where these are there. Where the settings are wrong, inventory and rules are checked only if their
    folders are given, and sources and routing are not; where a device type is broken, nothing else can be.

    Args:
        settings_file: TOML file of the settings; None for defaults and variables only.
        environ: Environment variables.
        inventory: Folder to check instead of the one in the settings.
        rules: Likewise.
    """
    mistakes: list[Mistake] = []
    accounts = set(BROKER_ACCOUNTS)
    settings: Settings | None = None
    try:
        settings = load_settings(settings_file, environ)
    except ConfigurationError as error:
        mistakes += error.mistakes
    else:
        mistakes += _check_secrets(settings)
        inventory, rules = inventory or settings.inventory, rules or settings.rules
        accounts.add(settings.mqtt.username)
    try:
        types = load_device_types()
    except RegistryError as error:
        return [*mistakes, Mistake(Path("devices"), 0, "", str(error))]
    mistakes += _check_versions(types, FOLDER)
    sources, found = ({}, []) if settings is None else read_sources(settings.sources, settings.mqtt.topic_prefix)
    mistakes += found
    known_sources = None if settings is None or found else sources
    town, found = None, []
    if inventory is not None:
        keeps_apart = settings is not None and settings.health.database is not None
        town, found = read_inventory(inventory, types, accounts, known_sources, keeps_apart=keeps_apart)
    mistakes += found
    if town is not None and inventory is not None and settings is not None and not found:
        mistakes += check_sites(settings.mqtt.sites, town, inventory)
    zone_info = LOCAL if town is None else town.zone_info
    by_key, found = ({}, []) if rules is None else read_rules(rules, types, zone_info, town)
    mistakes += found
    if settings is not None and settings.alerts.contacts is not None and town is not None:
        known = Known(town.sites, by_key, environ, check_address, datetime.now(LOCAL).date())
        mistakes += read_routing(settings.alerts.contacts, known)[1]
    return mistakes


def list_hints(
    settings_file: Path | None,
    environ: Mapping[str, str],
    *,
    inventory: Path | None = None,
    rules: Path | None = None,
) -> list[str]:
    """Return what is right and perhaps not meant so, in sentences; nothing where the settings are wrong.

    The arguments are those of ``check_configuration``.
    """
    try:
        settings = load_settings(settings_file, environ)
    except ConfigurationError:
        return []
    private = _list_private_sources(settings, inventory or settings.inventory)
    hints = [*list_rule_hints(rules or settings.rules), *private]
    if settings.sources is not None and (settings.mqtt.share is not None or settings.mqtt.sites):
        hints.append(
            "this collector is one of several (mqtt.share or mqtt.sites) and reads sources: each message of a source "
            "comes to every collector that has it, so leave sources out of the settings of all the others."
        )
    if settings.alerts.contacts is None and settings.mqtt.share is None:
        return [*hints, "nobody is told of alerts, as alerts.contacts is not set; see docs/notifications.md."]
    if settings.alerts.contacts is None:
        return hints
    now = datetime.now(LOCAL)
    routing, _ = read_routing(settings.alerts.contacts, Known((), (), environ, check_address, now.date()))
    return hints + list_routing_hints(routing, round(now.timestamp() * 1000))


def list_rule_hints(folder: Path) -> list[str]:
    """Return what rules say that is right and perhaps not meant, in sentences; nothing where they cannot be read."""
    try:
        types = load_device_types()
    except RegistryError:
        return []
    rules, _ = read_rules(folder, types)
    # What a derivation hears anyhow nobody asked for.
    asked = [one for one in rules.values() if one.doubtful and not getattr(one.derivation, "of_doubtful", False)]
    fields = [types[one.device_type].fields.get(one.field) for one in asked]
    return [
        f"{rule.key}.toml says doubtful = true, and no value of {rule.device_type}.{rule.field} ever is: "
        f"devices/{rule.device_type}.py declares no steepness, stuck_after or rollovers of it."
        for rule, field in zip(asked, fields, strict=True)
        if field is not None and not field.is_doubted
    ]


def _list_private_sources(settings: Settings, folder: Path) -> Iterator[str]:
    """Yield a hint for each Source that keeps less than its file says, as one of its devices is private.

    Args:
        settings: Where the Sources are.
        folder: Of the inventory.
    """
    sources, _ = read_sources(settings.sources, settings.mqtt.topic_prefix)
    if not any(one.keeps_payloads for one in sources.values()):
        return
    try:
        types = load_device_types()
    except RegistryError:
        return
    inventory, mistakes = read_inventory(folder, types, keeps_apart=settings.health.database is not None)
    if mistakes:
        return
    for key, devices in list_private(inventory, types).items():
        if key in sources and sources[key].keeps_payloads:
            yield (
                f"source {key} is private, as {devices[0]}{_count_others(devices)} of class personal or health: of "
                "what cannot be read, and of devices that the inventory does not have, quarantine keeps length, hash "
                f"and reason alone. Say keep_payloads = false in {key}.toml, or give these devices a source of their "
                "own."
            )


def _count_others(devices: Sequence[str]) -> str:
    """Return how many more devices are like the first, with the verb."""
    others = len(devices) - 1
    return " is" if not others else f" and {others} more are"


def _check_versions(types: Mapping[str, DeviceType], folder: Path) -> list[Mistake]:
    """Return what device types break of their committed JSON Schemas."""
    try:
        committed = read_committed(folder)
    except OSError as error:
        return [Mistake(folder, 0, "", f"cannot be read: {error}")]
    return [Mistake(Path(one.file), 0, one.member, one.message) for one in find_breaks(committed, types)]


def _check_secrets(settings: Settings) -> list[Mistake]:
    """Return what is wrong with the files of passwords; that there is none is no mistake yet."""
    mistakes: list[Mistake] = []
    for part, name in ((settings.mqtt, "mqtt"), (settings.influx, "influx"), (settings.health, "health")):
        if part.password_file is not None:
            try:
                read_secret(part, name)
            except ConfigurationError as error:
                mistakes += error.mistakes
    return mistakes
