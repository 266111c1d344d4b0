"""The collector's commands: collector, check, accounts; those of files of their own are added here."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from devices import load_device_types
from ingest import (
    adoption_cli,
    alerts_cli,
    alerts_trial_cli,
    decode_cli,
    delivery_cli,
    described_cli,
    device_csv_cli,
    devices_cli,
    explain_cli,
    maintenance_cli,
    quarantine_cli,
    reconcile_cli,
    status_cli,
    store_cli,
)
from ingest.accounts import AccountError, Owners, write_accounts
from ingest.check import check_configuration, list_hints
from ingest.command_line import PROBLEM, USAGE, AsJson, SettingsFile, end_command, print_json
from ingest.event_loop import find_loop
from ingest.influx import MisconfiguredError
from ingest.inventory_files import load_inventory
from ingest.metrics_server import MetricsError
from ingest.mqtt_error import TlsUnusable
from ingest.printed_table import make_visible
from ingest.run import run_collector, set_up_logging
from ingest.settings_file import load_settings
from ingest.store_file import StoreError
from ingest.toml_file import ConfigurationError
from schemas.registry import RegistryError

SHOWN_OTHERS = 10
"""Accounts of others that are named; the rest is counted."""


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands to the application."""
    app.command("collector")(collect)
    app.command("check")(check)
    app.command("accounts")(make_accounts)
    decode_cli.add_commands(app)
    status_cli.add_commands(app)
    reconcile_cli.add_commands(app)
    maintenance_cli.add_commands(alerts_cli.alerts_app)
    delivery_cli.add_commands(alerts_cli.alerts_app)
    alerts_trial_cli.add_commands(alerts_cli.alerts_app)
    explain_cli.add_commands(alerts_cli.alerts_app)
    app.add_typer(alerts_cli.alerts_app, name="alerts")
    adoption_cli.add_commands(devices_cli.app)
    described_cli.add_commands(devices_cli.app)
    device_csv_cli.add_commands(devices_cli.app)
    app.add_typer(devices_cli.app, name="devices")
    app.add_typer(quarantine_cli.app, name="quarantine")
    app.add_typer(store_cli.app, name="store")


def collect(settings: SettingsFile = None) -> None:
    """Run the collector until SIGTERM or Ctrl-C. SIGHUP makes it read inventory, sources, rules and contacts again."""
    set_up_logging()
    try:
        loaded = load_settings(settings, os.environ)
        with asyncio.Runner(loop_factory=find_loop()) as runner:
            runner.run(run_collector(loaded, os.environ))
    except (ConfigurationError, RegistryError, TlsUnusable, MisconfiguredError, MetricsError) as error:
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
    """Check settings, device types, sources, inventory, rules and contacts; name file, line and field of every mistake.

    Exit code 1 if there is one. A device type that breaks its committed JSON Schema is one.

    A hint on standard error is no mistake: it says what works, and is perhaps not meant so.
    """
    mistakes = check_configuration(settings, os.environ, inventory=inventory, rules=rules)
    for hint in list_hints(settings, os.environ, inventory=inventory, rules=rules):
        typer.echo(f"Hint: {hint}", err=True)
    if as_json:
        rows = [one._asdict() | {"file": str(one.file)} for one in mistakes]
        print_json(rows)
    else:
        for mistake in mistakes:
            typer.echo(make_visible(str(mistake)))
        if not mistakes:
            typer.echo("Settings, sources, inventory, rules and contacts are in order.")
    raise typer.Exit(PROBLEM if mistakes else 0)


def make_accounts(
    secrets: Annotated[Path, typer.Argument(help="File of passwords, one name:password a line; made or extended.")],
    password_file: Annotated[Path, typer.Argument(help="Mosquitto's file of hashes; written anew.")],
    settings: SettingsFile = None,
    collector_file: Annotated[
        Path | None, typer.Option(help="File that gets the collector's password alone, for mqtt.password_file.")
    ] = None,
    collector: Annotated[
        list[str] | None, typer.Option(help="Account of a further collector; may be given several times.")
    ] = None,
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove accounts that neither this inventory nor a collector needs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a broker account for every device of the inventory and for the collector; who has one keeps their password.

    Accounts of others, of another inventory for example, are left alone unless you say --prune.

    Send Mosquitto a SIGHUP afterwards, and it reads the file of hashes again.
    """
    try:
        loaded = load_settings(settings, os.environ)
        keeps_apart = loaded.health.database is not None
        inventory = load_inventory(loaded.inventory, load_device_types(), keeps_apart=keeps_apart)
        owners = Owners(loaded.mqtt.username, tuple(collector or ()), prune)
        change = write_accounts(inventory, secrets, password_file, collector_file, owners)
    except (ConfigurationError, RegistryError) as error:
        end_command(error, USAGE, as_json=as_json)
    except AccountError as error:
        end_command(error, PROBLEM, as_json=as_json)
    if as_json:
        print_json(asdict(change))
    else:
        typer.echo(
            f"{len(change.added)} accounts added, {len(change.kept)} kept, {len(change.removed)} removed;"
            f" passwords in {secrets}"
        )
        if change.others:
            shown = ", ".join(change.others[:SHOWN_OTHERS]) + (" …" if len(change.others) > SHOWN_OTHERS else "")
            typer.echo(f"{len(change.others)} accounts of others are left as they were (--prune removes them): {shown}")
