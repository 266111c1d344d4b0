"""``gjovik store``: care for the collector's store.

Exit codes: 0 done, 1 found a problem, 2 wrong usage.
"""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ingest.command_line import (
    USAGE,
    AsJson,
    SettingsFile,
    StoreFolder,
    choose_store,
    explained_errors,
    print_json,
    refuse_nul,
)
from ingest.configuration import read_watched
from ingest.printed_table import format_bytes, make_visible
from ingest.request import WrongRequestError
from ingest.request_alone import require_owner
from ingest.settings import Settings
from ingest.settings_file import load_settings
from ingest.store import Store
from ingest.store_file import StoreError
from ingest.store_forget import Forgotten, forget_device, wipe
from ingest.store_reader import open_reader

app = typer.Typer(help="Care for the collector's store.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Care for the collector's store."""


@app.command("backup")
def back_up(
    file: Annotated[Path, typer.Argument(callback=refuse_nul, help="New file that gets the copy; it must not exist.")],
    settings: SettingsFile = None,
    store: StoreFolder = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a consistent copy of the store, also while the collector runs.

    To go back to it, stop the collector and put the copy in the store's folder as store.sqlite, without the files
    store.sqlite-wal and store.sqlite-shm. Lines that were written since the copy are then written again, to the same
    points.
    """
    with explained_errors(as_json=as_json):
        folder = choose_store(settings, store).folder
        if file.exists() or file.is_symlink():
            raise StoreError(f"{file} exists already; a backup never replaces a file, name a new one.")
        console = Console(stderr=True)
        columns = (TextColumn("backup"), BarColumn(), TaskProgressColumn())
        with (
            open_reader(folder) as reader,
            Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
        ):
            task = bar.add_task("backup", total=None)
            reader.backup(file, lambda done, of: bar.update(task, completed=done, total=of))
        size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        typer.echo(f"{file}: {format_bytes(size)}")


@app.command("forget")
def forget(
    device: Annotated[
        str, typer.Argument(help="Its id, or what stands for it in the quarantine, such as SOURCE:ADDRESS.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove everything that the store remembers of a device, for good; the collector must not run meanwhile.

    The device must be out of the inventory, and nothing of it may wait for InfluxDB. What goes: its alerts, incidents
    and the messages about them, its entries of the quarantine, and what deduplication, rules and `gjovik reconcile`
    remember. Of a device of a source ask for SOURCE:ADDRESS, too: entries from before it was in the inventory, and the
    session of a LoRaWAN device. The file is written anew, which takes as much room again. What the databases hold is
    not touched: docs/privacy.md.
    """
    with explained_errors(as_json=as_json):
        told = load_settings(settings, os.environ)
        if device in read_watched(told).inventory.devices:
            raise WrongRequestError(
                f"{device} is in the inventory, and what it sends would be remembered anew; take it out, reload, and "
                "let what waits be written."
            )
        if not yes and not typer.confirm(f"Forget all of {make_visible(device)} for good?", err=True):
            raise typer.Exit(USAGE)
        gone = _forget(told, device)
    if as_json:
        print_json(gone._asdict())
    elif not any(gone):
        typer.echo(f"The store remembers nothing of {make_visible(device)}.")
    else:
        typer.echo(
            f"Forgotten: {gone.incidents} incidents, {gone.messages} messages, {gone.quarantined} entries of the "
            f"quarantine; {gone.rows} rows of what is remembered are written anew."
        )


def _forget(settings: Settings, device: str) -> Forgotten:
    """Have the store forget a device; raise RequestError or StoreError where that cannot be done."""
    if not settings.store.folder.is_dir():
        raise StoreError(f"There is no store in {settings.store.folder}; name its settings with --settings.")
    require_owner(settings.store.folder)
    store = Store.open(settings.store, settings.quarantine)
    try:
        gone = store.change(partial(forget_device, device=device))
        store.read(wipe)
    finally:
        store.close()
    return gone
