"""What this package's commands share: their options, the store that they mean, and how they end.

Exit codes: 0 done, 1 found a problem, 2 wrong usage or settings.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from ingest.local_time import parse_local
from ingest.request import RequestError
from ingest.settings import Settings
from ingest.settings_file import load_settings
from ingest.store_file import StoreError
from ingest.toml_file import ConfigurationError
from schemas.registry import RegistryError

PROBLEM, USAGE = 1, 2


def refuse_nul(path: Path | None) -> Path | None:
    """Return the name of a file or folder; end the command where no system can have it."""
    if path is not None and "\0" in str(path):
        raise typer.BadParameter("a name of a file cannot hold a NUL character")
    return path


SettingsFile = Annotated[
    Path | None, typer.Option("--settings", callback=refuse_nul, help="TOML file; see docs/reference/settings.md.")
]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store", callback=refuse_nul, help="Folder of the store instead of the settings' own; none are read then."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead.")]


class ChosenStore(NamedTuple):
    """The store that a command means.

    Attributes:
        folder: Of the store.
        settings: Those of its collector, with this folder; None where only the folder was named.
    """

    folder: Path
    settings: Settings | None


def choose_store(settings_file: Path | None, folder: Path | None) -> ChosenStore:
    """Return the store of the settings, or of a folder that is named.

    Raises:
        ConfigurationError: The settings are wrong.
    """
    if folder is not None and settings_file is None:
        return ChosenStore(folder, None)
    settings = load_settings(settings_file, os.environ)
    if folder is not None:
        store = settings.store.model_copy(update={"folder": folder})
        settings = settings.model_copy(update={"store": store})
    return ChosenStore(settings.store.folder, settings)


def read_moment(text: str | None, option: str) -> int | None:
    """Return the milliseconds since 1970 in UTC of an option; see ``parse_local``.

    Raises:
        typer.BadParameter: It is no time.
    """
    if text is None:
        return None
    try:
        return parse_local(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


@contextmanager
def explained_errors() -> Iterator[None]:
    """End the command with one sentence and its exit code when something of ours goes wrong in the block."""
    try:
        yield
    except (ConfigurationError, RegistryError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(USAGE) from None
    except PermissionError as error:
        # Where even looking is forbidden; what can be looked at has its own sentence.
        typer.echo(f"{error.filename} cannot be reached ({error.strerror}); become a user who may.", err=True)
        raise typer.Exit(PROBLEM) from None
    except (StoreError, RequestError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(PROBLEM) from None
