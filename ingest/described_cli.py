"""``gjovik devices described``: what devices tell of themselves by Home Assistant discovery, and entries of them.

It connects to nothing.

Exit codes: 0 done; 1 a line could not be read; 2 wrong usage, settings or inventory.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from devices import load_device_types
from ingest.adoption import choose_place
from ingest.collector import read_clock
from ingest.command_line import PROBLEM, AsJson, SettingsFile, explained_errors, print_json, read_moment, refuse_nul
from ingest.described_entry import Entries, propose_entries
from ingest.description import DescribedDevice, NotRead, read_descriptions
from ingest.device_csv import write_sheet
from ingest.devices_cli import read_inventory_of
from ingest.input_file import read_input
from ingest.inventory import OPEN_END_MS, Inventory, Placement
from ingest.inventory_writing import find_day, replace_file
from ingest.known_names import describe_unknown
from ingest.printed_table import make_visible, print_table
from ingest.request import WrongRequestError
from ingest.settings_file import load_settings
from ingest.source import Source
from ingest.source_files import load_sources
from ingest.type_proposal import Proposal
from ingest.written_time import to_ms

MOST_BYTES = 64 * 1024 * 1024
"""More than thousands of devices tell of themselves; a file that never ends is not read to its end."""
HEADINGS = ("Device", "Name", "Product", "May be", "Fields", "Lacks")
SHOWN_PROPOSALS = 3
SHOWN_FAULTS = 10


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``devices``."""
    app.command("described")(list_described)


def list_described(  # noqa: PLR0913 - a command has as many parameters as it has options
    file: Annotated[Path, typer.Argument(callback=refuse_nul, help="Lines of topic and payload; - is standard input.")],
    *,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", callback=refuse_nul, help="Write an entry for each new device; replaced."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="Site of all entries; to be filled in when left out.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone in the site; the only one when left out.")] = None,
    type_key: Annotated[
        str | None, typer.Option("--type", help="Device type of those that it fits as well as others.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Since when they are there, in Oslo; today when left out.")
    ] = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List devices that describe themselves by Home Assistant discovery, and the device types that they may be.

    The descriptions are retained at the broker:

    mosquitto_sub -v -W 5 -t 'homeassistant/#' | gjovik devices described - --csv new.csv --site hall

    With --csv an entry of each device that the inventory does not have is written to a file. Complete it, and put it in
    with `gjovik devices import`. Exit code 1 if a line could not be read.
    """
    with explained_errors(as_json=as_json):
        if csv is None and any((site, zone, type_key, since)):
            raise WrongRequestError("Say --csv FILE.csv: --site, --zone, --type and --from are of the entries in it.")
        found, wrong = read_descriptions(read_input(file, MOST_BYTES), load_device_types())
        entries = None
        if csv is not None:
            inventory = read_inventory_of(settings)
            placement = _place(site, zone, read_moment(since, "--from"), inventory)
            sources = _load_sources(settings)
            entries = propose_entries(found, sources, inventory.devices.values(), placement, _check(type_key))
            notes = {one.device.id: one.note for one in entries.proposed}
            replace_file(csv, write_sheet((one.device for one in entries.proposed), notes))
    if as_json:
        plain = {"devices": [_to_plain(one) for one in found], "not_read": [one._asdict() for one in wrong]}
        print_json(plain | _to_plain_entries(csv, entries))
    else:
        _print(found, wrong)
        if csv is not None and entries is not None:
            _print_entries(csv, entries)
        elif found:
            typer.echo("To put them into the inventory: say --csv FILE.csv, then gjovik devices import FILE.csv")
    raise typer.Exit(PROBLEM if wrong else 0)


def _place(site: str | None, zone: str | None, from_ms: int | None, inventory: Inventory) -> Placement:
    """Return where all entries are, from today unless said otherwise; nowhere where no Site is said.

    Raises:
        WrongRequestError: There is no such place.
    """
    begins_ms = to_ms(find_day(read_clock())) if from_ms is None else from_ms
    if site is not None:
        return Placement(begins_ms, OPEN_END_MS, *choose_place(site, zone or "", inventory))
    if zone is not None:
        raise WrongRequestError("Say --site: a zone is in a site.")
    return Placement(begins_ms, OPEN_END_MS, "", "")


def _check(type_key: str | None) -> str:
    if type_key is not None and type_key not in load_device_types():
        raise WrongRequestError(describe_unknown("type", type_key, load_device_types()))
    return type_key or ""


def _load_sources(settings: Path | None) -> dict[str, Source]:
    told = load_settings(settings, os.environ)
    return load_sources(told.sources, told.mqtt.topic_prefix)


def _print(found: tuple[DescribedDevice, ...], wrong: tuple[NotRead, ...]) -> None:
    if found:
        print_table(HEADINGS, map(_render, found))
    else:
        typer.echo("No device describes itself.")
    for one in wrong[:SHOWN_FAULTS]:
        typer.echo(make_visible(f"line {one.line}: {one.why}"), err=True)
    if len(wrong) > SHOWN_FAULTS:
        typer.echo(f"{len(wrong) - SHOWN_FAULTS} more lines could not be read", err=True)


def _print_entries(csv: Path, entries: Entries) -> None:
    """Tell what was written, and what is left to do."""
    complete = sum(bool(one.device.type_key) for one in entries.proposed)
    typer.echo(
        f"{len(entries.proposed)} new devices are in {csv}, {complete} of them with type and model; {entries.known} "
        f"are in the inventory already, {len(entries.silent)} tell nothing that is measured."
    )
    if entries.proposed:
        typer.echo(f"Fill in what is empty, the notes say what fits, then: gjovik devices import {csv} --dry-run")


def _to_plain_entries(csv: Path | None, entries: Entries | None) -> dict[str, Any]:
    """Return entries as JSON has them; nothing where none were asked for."""
    if csv is None or entries is None:
        return {}
    proposed = [
        {
            "id": one.device.id,
            "type": one.device.type_key,
            "source": one.device.source,
            "address": one.device.address,
            "model": one.device.model,
            "note": one.note,
        }
        for one in entries.proposed
    ]
    return {"file": str(csv), "proposed": proposed, "known": entries.known, "silent": list(entries.silent)}


def _render(one: DescribedDevice) -> tuple[str, ...]:
    shown = one.proposals[:SHOWN_PROPOSALS]
    best = shown[0] if shown else None
    fields = "" if best is None else ", ".join(f"{name} ({_locate(best, name)})" for name in best.fields)
    lacking = "" if best is None else ", ".join(best.missing)
    return one.id, one.name, one.product, " or ".join(each.type_key for each in shown) or "?", fields, lacking


def _locate(proposal: Proposal, field: str) -> str:
    """Return where the values of a field come from."""
    described = proposal.fields[field]
    return f"{described.topic} {described.member}".strip() if described.member is not None else described.topic


def _to_plain(one: DescribedDevice) -> dict[str, Any]:
    """Return a device as JSON has it."""
    return {
        "id": one.id,
        "name": one.name,
        "product": one.product,
        "values": [value._asdict() for value in one.values],
        "proposals": [
            {
                "type": each.type_key,
                "fields": {
                    name: {"topic": value.topic, "member": value.member, "unit": value.unit}
                    for name, value in each.fields.items()
                },
                "missing": list(each.missing),
            }
            for each in one.proposals
        ],
    }
