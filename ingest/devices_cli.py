"""``gjovik devices list|show``: look at the inventory's devices, as the settings have it. It connects to nothing.

What was counted of a LoRaWAN device's uplinks comes from the collector's store, where that can be read.

How devices get in is in ``ingest.adoption_cli`` and ``ingest.device_csv_cli``.

Exit codes: 0 done, also when nothing matches; 1 there is no such device; 2 wrong usage, settings or inventory.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from devices import load_device_types
from ingest.batch import UplinkFault
from ingest.codecs import load_formats
from ingest.command_line import PROBLEM, AsJson, SettingsFile, end_command, explained_errors, print_json
from ingest.event_time import format_time
from ingest.inventory import OPEN_END_MS, Device, Inventory, Placement
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory
from ingest.known_names import describe_unknown
from ingest.local_time import format_local
from ingest.models import load_models
from ingest.payloads.lorawan import Counting
from ingest.printed_table import make_visible, print_table
from ingest.request import WrongRequestError
from ingest.settings_file import load_settings
from ingest.source_files import load_sources
from ingest.store_file import StoreError
from ingest.store_reader import open_reader
from schemas.device_type import DeviceType, Field

LIST_HEADINGS = ("Device", "Type", "Site", "Zone", "Since", "Source", "Address", "Model")
PLACEMENT_HEADINGS = ("From", "To", "Site", "Zone")
FIELD_HEADINGS = ("Field", "Title", "Required", "Unit", "Low", "High")
UPLINK_WORDS = {
    UplinkFault.MISSED: "missed",
    UplinkFault.DUPLICATE: "duplicates",
    UplinkFault.CODEC_FAILED: "not decoded",
}

Uplinks = Mapping[UplinkFault, int] | StoreError | None
"""What was counted of a device's uplinks; why that cannot be read; None for a device that has none."""

app = typer.Typer(help="The inventory's devices: which there are, and how they get in.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """The inventory's devices: which there are, and how they get in."""


@app.command("list")
def list_devices(
    *,
    site: Annotated[str | None, typer.Option(help="Only those whose last placement is at this site.")] = None,
    type_key: Annotated[str | None, typer.Option("--type", help="Only of this device type.")] = None,
    source: Annotated[str | None, typer.Option(help="Only those that this source tells of.")] = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List devices by id, each with its type, last placement, source, address and model."""
    with explained_errors(as_json=as_json):
        inventory = read_inventory_of(settings)
        _require("site", site, inventory.sites)
        _require("type", type_key, load_device_types())
        _require("source", source, {one.source for one in inventory.devices.values()} - {""})
    found = [
        device
        for _, device in sorted(inventory.devices.items())
        if site in (None, device.placements[-1].site)
        and type_key in (None, device.type_key)
        and source in (None, device.source)
    ]
    if as_json:
        print_json({"devices": [_to_plain(one) for one in found]})
    elif not found:
        typer.echo("No device matches.")
    else:
        print_table(LIST_HEADINGS, map(_render_device, found))
        typer.echo(f"{len(found)} of {len(inventory.devices)} devices")


@app.command("show")
def show_device(
    device: Annotated[str, typer.Argument(metavar="ID", help="Id of the device, as `list` shows it.")],
    *,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of a device: its placements, how it is heard, its fields with units and ranges.

    Of a LoRaWAN device also how many uplinks were missed, came twice, or could not be decoded.
    """
    with explained_errors(as_json=as_json):
        inventory = read_inventory_of(settings)
    found = inventory.devices.get(device)
    if found is None:
        end_command(describe_unknown("device", device, inventory.devices), PROBLEM, as_json=as_json)
    device_type = load_device_types()[found.type_key]
    uplinks = _read_uplinks(found, settings)
    if as_json:
        fields = [_to_plain_field(name, one) for name, one in device_type.fields.items()]
        print_json(_to_plain(found) | _to_plain_uplinks(uplinks) | {"fields": fields})
        return
    parts = [*_list_parts(found, device_type, inventory), *_list_uplinks(uplinks)]
    width = max(len(name) for name, _ in parts)
    for name, value in parts:
        typer.echo(f"{name:<{width}}  {make_visible(value)}")
    typer.echo()
    print_table(PLACEMENT_HEADINGS, map(_render_placement, found.placements))
    typer.echo()
    print_table(FIELD_HEADINGS, (_render_field(*one) for one in device_type.fields.items()), ("Low", "High"))


def read_inventory_of(settings_file: Path | None) -> Inventory:
    """Return the inventory of the settings.

    Raises:
        ConfigurationError: Settings, sources or inventory are wrong.
        RegistryError: A device type, a format or a model is broken.
    """
    settings = load_settings(settings_file, os.environ)
    sources = load_sources(settings.sources, settings.mqtt.topic_prefix)
    accounts = BROKER_ACCOUNTS | {settings.mqtt.username}
    keeps_apart = settings.health.database is not None
    return load_inventory(settings.inventory, load_device_types(), accounts, sources, keeps_apart=keeps_apart)


def _read_uplinks(device: Device, settings_file: Path | None) -> Uplinks:
    """Return what was counted of a device's uplinks since the store was made; see ``Uplinks``."""
    settings = load_settings(settings_file, os.environ)
    source = load_sources(settings.sources, settings.mqtt.topic_prefix).get(device.source)
    if source is None or not isinstance(load_formats()[source.format_key].open(source), Counting):
        return None
    try:
        with open_reader(settings.store.folder) as reader:
            return reader.uplinks(device.id)
    except StoreError as error:
        return error


def _list_uplinks(uplinks: Uplinks) -> Iterator[tuple[str, str]]:
    """Yield what is said of a device's uplinks, by name."""
    if isinstance(uplinks, StoreError):
        yield "Uplinks", f"not known: {uplinks}"
    elif uplinks is not None:
        counts = ", ".join(f"{uplinks[fault]} {words}" for fault, words in UPLINK_WORDS.items())
        yield "Uplinks", f"{counts}, since the store was made"


def _to_plain_uplinks(uplinks: Uplinks) -> dict[str, Any]:
    """Return what is known of a device's uplinks as JSON has it: null where the store cannot be read."""
    if uplinks is None:
        return {}
    return {"uplinks": None if isinstance(uplinks, StoreError) else {str(one): uplinks[one] for one in UplinkFault}}


def _require(kind: str, name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        raise WrongRequestError(describe_unknown(kind, name, known))


def _render_device(device: Device) -> tuple[str, ...]:
    last = device.placements[-1]
    where = (last.site, last.zone, format_local(last.from_ms))
    return device.id, device.type_key, *where, device.source, device.address, device.model


def _render_placement(placement: Placement) -> tuple[str, ...]:
    until = "" if placement.to_ms == OPEN_END_MS else format_local(placement.to_ms)
    return format_local(placement.from_ms), until, placement.site, placement.zone


def _render_field(name: str, field: Field) -> tuple[str, ...]:
    required = "yes" if field.required else ""
    if field.is_state:
        return name, field.title, required, "true/false", "", ""
    low, high = field.bounds
    return name, field.title, required, field.measures.unit, f"{low:g}", f"{high:g}"


def _list_parts(device: Device, device_type: DeviceType, inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Yield what is said of a device once, by name; what is empty is left out."""
    site = inventory.sites[device.placements[-1].site]
    model = load_models().get(device.model)
    interval_s = device_type.interval.total_seconds()
    parts = (
        ("Device", device.id),
        ("Type", f"{device.type_key} ({device_type.title})"),
        ("Area", device_type.area),
        ("Privacy", device_type.privacy),
        ("Interval", f"{interval_s:g} s"),
        ("Component", device.component),
        ("Site", f"{site.key} ({site.title})"),
        ("Gateway", device.gateway),
        ("Tags", ", ".join(device.tags)),
        ("Source", device.source),
        ("Address", device.address),
        ("Model", "" if model is None else f"{device.model} ({model.title})"),
        ("Parameters", ", ".join(f"{name}={value:g}" for name, value in device.parameters.items())),
    )
    yield from ((name, str(value)) for name, value in parts if value)


def _to_plain(device: Device) -> dict[str, Any]:
    """Return a device as JSON has it."""
    return {
        "id": device.id,
        "type": device.type_key,
        "component": device.component,
        "gateway": device.gateway,
        "tags": list(device.tags),
        "source": device.source,
        "address": device.address,
        "model": device.model,
        "parameters": dict(device.parameters),
        "placements": [_to_plain_placement(one) for one in device.placements],
    }


def _to_plain_placement(placement: Placement) -> dict[str, str | None]:
    until = None if placement.to_ms == OPEN_END_MS else format_time(placement.to_ms)
    return {"from": format_time(placement.from_ms), "to": until, "site": placement.site, "zone": placement.zone}


def _to_plain_field(name: str, field: Field) -> dict[str, Any]:
    low, high = (None, None) if field.is_state else field.bounds
    unit = None if field.is_state else field.measures.unit
    about = {"field": name, "title": field.title, "quantity": field.quantity, "required": field.required}
    return about | {"unit": unit, "low": low, "high": high}
