"""``gjovik status``: how the collector is doing, from the file that it writes each second.

Exit codes: 0 all is well; 1 something is wrong, the collector not running among it; 2 wrong usage.
"""

import json
import time
from pathlib import Path
from typing import Any

import typer

from ingest.command_line import PROBLEM, AsJson, SettingsFile, StoreFolder, choose_store, explained_errors, print_json
from ingest.printed_table import make_visible, print_table
from ingest.status_file import STATUS_FILE
from ingest.status_view import describe_status, is_running, list_problems, measure_age
from ingest.store_file import StoreError


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("status")(show_status)


def show_status(settings: SettingsFile = None, store: StoreFolder = None, *, as_json: AsJson = False) -> None:
    """Show how the collector is doing: connections, what waits, for how long there is room, and what is wrong.

    Exit code 1 when something is wrong, the collector not running among it.
    """
    now_ms = time.time_ns() // 1_000_000
    with explained_errors(as_json=as_json):
        folder = choose_store(settings, store).folder
        status = read_status(folder)
        try:
            problems, rows = list_problems(status, now_ms), describe_status(status, now_ms)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(
                f"{folder / STATUS_FILE} is not as this program knows it ({type(error).__name__}: {error}); is the "
                "collector of another version?"
            ) from None
    if as_json:
        judged = {"running": is_running(status, now_ms), "age_s": measure_age(status, now_ms), "problems": problems}
        print_json(status | judged)
    else:
        for problem in problems:
            typer.echo(make_visible(problem))
        print_table(("What", "State"), rows, whole=("What",))
        if not problems:
            typer.echo("All is well.")
    raise typer.Exit(PROBLEM if problems else 0)


def read_status(folder: Path) -> dict[str, Any]:
    """Return the status in a store's folder.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    path = folder / STATUS_FILE
    try:
        # It is replaced as a whole; what is not a file now never becomes one.
        if path.exists() and not path.is_file():
            raise StoreError(f"{path} is not a file; the collector writes one there.")
        status = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StoreError(
            f"There is no {path}: no collector has run with this store; name its folder with --store, or its "
            "settings with --settings."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}); become its user, or a member of its group."
        ) from None
    except (ValueError, RecursionError):
        raise StoreError(f"{path} is not JSON; the collector writes it anew each second while it runs.") from None
    if not isinstance(status, dict) or not isinstance(status.get("time_ms"), int):
        raise StoreError(f"{path} is not the status of a collector.")
    return status
