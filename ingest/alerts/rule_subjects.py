"""What a rule's file names of the inventory, held against it: a misspelt site would silently never be watched."""

from collections.abc import Collection, Iterator

from ingest.alerts.rule_tables import ExceptTable, RuleTable, SubjectsTable
from ingest.inventory import Category, Inventory
from ingest.near_names import offer_near
from ingest.toml_file import Mistake, TomlFile, TomlPath
from ingest.toml_table import explain_unknown

_CATEGORIES = [category.value for category in Category]


def check_subjects(file: TomlFile, table: RuleTable, inventory: Inventory) -> list[Mistake]:
    """Return what a rule names and the inventory does not have.

    Args:
        file: The rule's.
        table: What stands in it.
        inventory: What is installed.
    """
    mistakes: list[Mistake] = []
    if table.only is not None:
        mistakes += _check(file, ("only",), table.only, inventory)
    for at, one in enumerate(table.otherwise):
        mistakes += _check(file, ("except", at), one, inventory)
    if table.against is not None:
        device = inventory.devices.get(table.against.device)
        path: TomlPath = ("against", "device")
        if device is None:
            mistakes.append(file.mistake(path, explain_unknown(table.against.device, inventory.devices.keys())))
        elif device.type_key != table.device_type:
            mistakes.append(file.mistake(path, f"is of type {device.type_key}, not {table.device_type}"))
    return mistakes


def _check(
    file: TomlFile, path: TomlPath, table: SubjectsTable | ExceptTable, inventory: Inventory
) -> Iterator[Mistake]:
    known: tuple[tuple[str, Collection[str]], ...] = (
        ("sites", inventory.sites.keys()),
        ("categories", _CATEGORIES),
        ("devices", inventory.devices.keys()),
        ("tags", {tag for device in inventory.devices.values() for tag in device.tags} if table.tags else ()),
    )
    for name, keys in known:
        for at, key in enumerate(getattr(table, name) or ()):
            if key not in keys:
                yield file.mistake((*path, name, at), f'"{key}" {_explain(key, keys)}')


def _explain(key: str, keys: Collection[str]) -> str:
    """Return that a key is not known, with the nearest one; never with a whole inventory."""
    near = offer_near(key, keys)
    return f"is not known; {near}" if near else "is not in the inventory"
