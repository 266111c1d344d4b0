"""``gjovik devices import|export``: devices as CSV, as Excel in Norway reads and writes it.

Exit codes: 0 done, also when nothing is new; 1 a file cannot be written, or the collector cannot be asked; 2 the file
cannot be read, or something in it, the settings or the inventory is wrong, and nothing was changed.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.adoption_cli import TrialOption
from ingest.command_line import AsJson, SettingsFile, explained_errors, print_json, refuse_nul
from ingest.device_csv import MOST_BYTES, Sheet, read_sheet, write_sheet
from ingest.device_import import FILE, Plan, plan_import
from ingest.devices_cli import read_inventory_of
from ingest.input_file import read_input
from ingest.inventory_change import Changed, InventoryChange
from ingest.inventory_writing import locked, replace_file
from ingest.quarantine_cli import AuthorOption
from ingest.request import RequestError
from ingest.request_socket import find_login
from ingest.settings_file import load_settings
from ingest.toml_file import ConfigurationError, Mistake, parse_toml


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the group ``devices``."""
    app.command("import")(import_devices)
    app.command("export")(export_devices)


def import_devices(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv", callback=refuse_nul, help="Its columns: docs/inventory.md; - is standard input."
        ),
    ],
    *,
    author: AuthorOption = None,
    is_trial: TrialOption = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Put the devices of a CSV file into the inventory; the running collector reloads.

    They are written to imported.toml in the inventory's folder, all or none: every mistake is told with its row and
    column. What is as it was is left alone; what differs is changed where an import wrote it, and refused elsewhere.
    """
    with explained_errors(as_json=as_json):
        told = load_settings(settings, os.environ)
        sheet, mistakes = read_sheet(file, read_input(file, MOST_BYTES))
        if mistakes:
            raise ConfigurationError(_sort(mistakes))
        with locked(told.inventory):
            change = InventoryChange(told, FILE)
            plan = _plan(sheet, change)
            changed = Changed(is_written=False, devices=None)
            if (plan.added or plan.changed) and not is_trial:
                changed = change.write(plan.write(), author or find_login(os.getuid()))
    if as_json:
        print_json(_to_plain(plan, change, changed))
        return
    typer.echo(f"{len(plan.added)} new, {len(plan.changed)} changed, {len(plan.unchanged)} as they were.")
    if changed.is_written:
        typer.echo(f"Written to {change.path}.")
        typer.echo(
            "No collector runs; it reads them when it starts."
            if changed.devices is None
            else f"The collector has reloaded, and knows {changed.devices} devices."
        )
        typer.echo("What they sent before: gjovik quarantine reprocess --reason unknown_device")
        native = sum(one.id in plan.added and not one.source for one in plan.devices)
        if native:
            typer.echo(
                f"{native} new publish for themselves, and need an account at the broker: gjovik accounts --help"
            )
    else:
        typer.echo("Nothing was written.")


def export_devices(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.csv", callback=refuse_nul, help="Replaced; standard output when left out."),
    ] = None,
    *,
    settings: SettingsFile = None,
) -> None:
    """Write all devices as a CSV file that Excel in Norway opens, and that `import` takes; a row a placement."""
    with explained_errors():
        devices = read_inventory_of(settings).devices
        data = write_sheet(device for _, device in sorted(devices.items()))
        if file is None:
            _write_out(data)
            return
        replace_file(file, data)
    typer.echo(f"{len(devices)} devices are in {file}.")


def _write_out(data: bytes) -> None:
    """Write to standard output.

    Raises:
        RequestError: What it leads to is full.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read it has seen enough; typer ends the command
            raise
        raise RequestError(f"Standard output cannot be written ({error.strerror}).") from error


def _plan(sheet: Sheet, change: InventoryChange) -> Plan:
    """Return what an import does.

    Raises:
        ConfigurationError: The inventory is wrong already, or would be with the import; or that would change what is
            not its own.
    """
    present = change.check(change.before).inventory.devices
    values = parse_toml(change.path, change.before).values
    others = [key for key in values if key != "device"]
    if others:
        message = f"holds {', '.join(others)}, and imports write the file anew: move that to another file"
        raise ConfigurationError([Mistake(change.path, 0, "", message)])
    plan, mistakes = plan_import(sheet, present, [one["id"] for one in values.get("device", ())])
    try:
        if plan.added or plan.changed:
            change.check(plan.write())
    except ConfigurationError as error:
        mistakes += [sheet.place(one, plan.devices) if one.file == change.path else one for one in error.mistakes]
    if mistakes:
        raise ConfigurationError(_sort(mistakes))
    return plan


def _sort(mistakes: list[Mistake]) -> list[Mistake]:
    """Return mistakes as they stand in their files; each once: a device of several rows would tell it again."""
    return sorted(dict.fromkeys(mistakes), key=lambda one: one[:2])


def _to_plain(plan: Plan, change: InventoryChange, changed: Changed) -> dict[str, Any]:
    return {
        "file": str(change.path),
        "added": list(plan.added),
        "changed": list(plan.changed),
        "unchanged": list(plan.unchanged),
        "written": changed.is_written,
        "reloaded": changed.devices is not None,
    }
