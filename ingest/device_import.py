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
    """Return what an import does, and what it must not do.

    Args:
        sheet: The CSV file.
        present: Devices of the inventory by id.
        own: Ids of those that stand in the file that imports write, in its order.
    """
    mistakes: list[Mistake] = []
    came = {device.id: _complete(device) for device in sheet.devices}
    added = [name for name in came if name not in present]
    changed = [name for name, device in came.items() if name in present and present[name] != device]
    for name in changed:
        if name not in own:
            differing = _list_differing(present[name], came[name])
            message = (
                f"{name} stands in another file of the inventory, with another {' and '.join(differing)}: change it "
                "there, or take it out of there"
            )
            mistakes.append(sheet.mistake(sheet.rows[name][0], differing[0], message))
    devices = [came.get(name, present[name]) for name in own]
    devices += [came[name] for name in added]
    unchanged = [name for name in came if name in present and name not in changed]
    return Plan(tuple(devices), tuple(added), tuple(changed), tuple(unchanged)), mistakes


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
