"""An import: what becomes of the devices of a CSV file beside those that the inventory has. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import NamedTuple

from ingest.device_csv import Sheet
from ingest.inventory import Device
from ingest.inventory_writing import format_device
from ingest.models import load_models
from ingest.toml_file import Mistake

FILE = "imported.toml"
"""What an import writes to, in the folder of the inventory."""
HEADING = """\
# Devices that `gjovik devices import` has put in. Each import writes this file anew: what it does not name stays,
# comments do not. A device that is to be kept by hand belongs in another file of this folder.
"""


class Plan(NamedTuple):
    """What an import does.

    Attributes:
        devices: That the file is to hold, in its order.
        added: Ids of those that are new.
        changed: Ids of those that stood in the file and said otherwise.
        unchanged: Ids of those that are as they were, wherever they stand.
    """

    devices: tuple[Device, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]

    def write(self) -> bytes:
        """Return the file; nothing where it holds no device."""
        if not self.devices:
            return b""
        return "\n".join([HEADING, *map(format_device, self.devices)]).encode()


def plan_import(sheet: Sheet, present: Mapping[str, Device], own: Collection[str]) -> tuple[Plan, list[Mistake]]:
    """Return what an import does, and what it must not do, which is left out of that.

    Args:
        sheet: The CSV file.
        present: Devices of the inventory by id.
        own: Ids of those that stand in the file that imports write, in its order.
    """
    came = {device.id: _complete(device) for device in sheet.devices}
    written = set(own)
    elsewhere = {name: device for name, device in present.items() if name not in written}
    refused = _refuse_elsewhere(sheet, came, elsewhere) | _refuse_taken(sheet, came, elsewhere)
    right = {name: device for name, device in came.items() if name not in refused}
    added = [name for name in right if name not in present]
    unchanged = [name for name, device in right.items() if present.get(name) == device]
    changed = [name for name, device in right.items() if name in present and present[name] != device]
    devices = [came.get(name, present[name]) for name in own if name not in refused]
    devices += [came[name] for name in added]
    return Plan(tuple(devices), tuple(added), tuple(changed), tuple(unchanged)), list(refused.values())


def _refuse_elsewhere(sheet: Sheet, came: Mapping[str, Device], elsewhere: Mapping[str, Device]) -> dict[str, Mistake]:
    """Return a mistake for each device that stands in another file, and says otherwise there; by id."""
    found = {}
    for name, device in came.items():
        if elsewhere.get(name, device) == device:
            continue
        differing = _list_differing(elsewhere[name], device)
        message = (
            f"{name} stands in another file of the inventory, and differs in {', '.join(differing)}: change it there, "
            "or take it out of there"
        )
        found[name] = sheet.mistake(sheet.rows[name][0], differing[0], message)
    return found


def _refuse_taken(sheet: Sheet, came: Mapping[str, Device], elsewhere: Mapping[str, Device]) -> dict[str, Mistake]:
    """Return a mistake for each device whose address is that of one that stands in another file; by id."""
    taken = {_bind(device): name for name, device in elsewhere.items() if device.address}
    found = {}
    for name, device in came.items():
        other = taken.get(_bind(device), name) if device.source else name
        if other != name:
            message = f'is that of device "{other}" at source {device.source}, in another file of the inventory'
            found[name] = sheet.mistake(sheet.rows[name][0], "address", message)
    return found


def _bind(device: Device) -> tuple[str, str]:
    return device.source, device.address.lower()


def _complete(device: Device) -> Device:
    """Return a device as the inventory has it: with the usual parameters of its Model."""
    model = load_models().get(device.model)
    if model is None or not device.source:
        return device
    return replace(device, parameters=model.complete_parameters(device.parameters))


def _list_differing(one: Device, other: Device) -> list[str]:
    """Return in what two devices differ, in the words of the inventory."""
    names: Iterable[str] = (each.name for each in fields(Device))
    return [{"type_key": "type"}.get(name, name) for name in names if getattr(one, name) != getattr(other, name)]
