"""The collector's commands: collector, check, accounts."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from devices import load_device_types
from ingest.accounts import AccountError, write_accounts
from ingest.check import check_configuration
from ingest.influx import MisconfiguredError
from ingest.inventory_files import load_inventory
from ingest.mqtt_error import TlsUnusable
from ingest.run import run_collector, set_up_logging
from ingest.settings_file import load_settings
from ingest.store_file import StoreError
from ingest.toml_file import ConfigurationError
from schemas.registry import RegistryError

SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML file; see docs/reference/settings.md.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead.")]
PROBLEM, USAGE = 1, 2


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands to the application."""
    app.command("collector")(collect)
    app.command("check")(check)
    app.command("accounts")(make_accounts)


def collect(settings: SettingsFile = None) -> None:
    """Run the collector until SIGTERM or Ctrl-C. SIGHUP makes it read inventory and rules again."""
    set_up_logging()
    try:
        loaded = load_settings(settings, os.environ)
        asyncio.run(run_collector(loaded, os.environ))
    except (ConfigurationError, RegistryError, TlsUnusable, MisconfiguredError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(USAGE) from None
    except StoreError as error:
        typer.echo(error, err=True)
        raise typer.Exit(PROBLEM) from None


def check(
    settings: SettingsFile = None,
    inventory: Annotated[Path | None, typer.Option(help="Folder to check instead of the settings' own.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Folder to check instead of the settings' own.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check settings, inventory and rules; name file, line and field of every mistake. Exit code 1 if there is one."""
    mistakes = check_configuration(settings, os.environ, inventory=inventory, rules=rules)
    if as_json:
        rows = [one._asdict() | {"file": str(one.file)} for one in mistakes]
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for mistake in mistakes:
            typer.echo(mistake)
        if not mistakes:
            typer.echo("Settings, inventory and rules are in order.")
    raise typer.Exit(PROBLEM if mistakes else 0)


def make_accounts(
    secrets: Annotated[Path, typer.Argument(help="File of passwords, one name:password a line; made or extended.")],
    password_file: Annotated[Path, typer.Argument(help="Mosquitto's file of hashes; written anew.")],
    settings: SettingsFile = None,
    collector_file: Annotated[
        Path | None, typer.Option(help="File that gets the collector's password alone, for mqtt.password_file.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a broker account for every device of the inventory; who has one keeps their password.

    Send Mosquitto a SIGHUP afterwards, and it reads the file of hashes again.
    """
    try:
        loaded = load_settings(settings, os.environ)
        inventory = load_inventory(loaded.inventory, load_device_types())
        change = write_accounts(inventory, secrets, password_file, collector_file)
    except (ConfigurationError, RegistryError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(USAGE) from None
    except AccountError as error:
        typer.echo(error, err=True)
        raise typer.Exit(PROBLEM) from None
    if as_json:
        typer.echo(json.dumps({"added": change.added, "kept": change.kept, "removed": change.removed}))
    else:
        typer.echo(
            f"{len(change.added)} accounts added, {len(change.kept)} kept, {len(change.removed)} removed;"
            f" passwords in {secrets}"
        )
