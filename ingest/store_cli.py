"""``gjovik store``: care for the collector's store.

Exit codes: 0 done, 1 found a problem, 2 wrong usage.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ingest.command_line import AsJson, SettingsFile, StoreFolder, choose_store, explained_errors, refuse_nul
from ingest.printed_table import format_bytes
from ingest.store_file import StoreError
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
    with explained_errors():
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
    typer.echo(json.dumps({"file": str(file), "bytes": size}) if as_json else f"{file}: {format_bytes(size)}")
