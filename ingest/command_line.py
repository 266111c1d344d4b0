"""What this package's commands share: their options, the store that they mean, and how they end.

Exit codes: 0 done, 1 found a problem, 2 wrong usage or settings. To a program that asked for JSON an error is
``{"error": "..."}`` on standard output, to people a sentence on standard error.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
import typer.core
from typer.exceptions import TyperException

from ingest.local_time import parse_local
from ingest.printed_table import make_lines_visible
from ingest.request import RequestError, WrongRequestError
from ingest.settings import Settings
from ingest.settings_file import load_settings
from ingest.store_file import StoreError
from ingest.toml_file import ConfigurationError
from schemas.registry import RegistryError

PROBLEM, USAGE = 1, 2
SHOWN_MISTAKES = 50
"""Mistakes that people are shown at once; the rest is counted. ``--json`` has all."""
_WANTS_JSON = "gjovik.wants_json"


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


class GroupWithJson(typer.core.TyperGroup):
    """A group of commands whose wrong usage, too, is told as JSON where JSON was asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own type has no public name
        """Take the command's words."""
        ctx.meta[_WANTS_JSON] = _is_json_wanted(self, args)
        with _told_as_json(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - see parse_args
        """Run the command that is named."""
        with _told_as_json(ctx):
            return super().invoke(ctx)


@contextmanager
def _told_as_json(ctx: Any) -> Iterator[None]:  # noqa: ANN401 - see GroupWithJson
    """End the command with JSON when its words are wrong and JSON was asked for."""
    try:
        yield
    except TyperException as error:
        if not ctx.meta[_WANTS_JSON]:
            raise
        end_command(error.format_message(), error.exit_code, as_json=True)


def _is_json_wanted(command: Any, words: list[str]) -> bool:  # noqa: ANN401 - see GroupWithJson
    """Whether JSON is to be printed; a command may have a ``--json`` that takes a file, which is ``-`` then."""
    for word in words:
        if isinstance(command, typer.core.TyperGroup):
            command = command.commands.get(word, command)
    options = [one for one in command.params if "--json" in one.opts]
    if all(one.is_flag for one in options):
        return "--json" in words
    return "--json=-" in words or ("--json", "-") in pairwise(words)


def end_command(message: object, code: int, *, as_json: bool = False) -> NoReturn:
    """End a command that did not do what was asked.

    Args:
        message: Why, in a sentence.
        code: Exit code.
        as_json: Whether a program reads it.
    """
    if as_json:
        print_json({"error": str(message)})
    else:
        typer.echo(make_lines_visible(str(message)), err=True)
    raise typer.Exit(code)


def print_json(plain: Mapping[str, Any] | Collection[Any]) -> None:
    """Print JSON for programs, in one line."""
    text = json.dumps(plain, ensure_ascii=False)
    # A word of the command line that is not UTF-8 has surrogates, which JSON can only have escaped.
    typer.echo(text.encode("utf-8", "backslashreplace").decode())


def _shorten(error: ConfigurationError) -> str:
    """Return the first mistakes, as many as a person reads: a file of 50,000 rows may have one in each."""
    shown = [str(mistake) for mistake in error.mistakes[:SHOWN_MISTAKES]]
    more = len(error.mistakes) - len(shown)
    return "\n".join([*shown, f"and {more} more mistakes"] if more else shown)


@contextmanager
def explained_errors(*, as_json: bool = False) -> Iterator[None]:
    """End the command with one sentence and its exit code when something of ours goes wrong in the block."""
    try:
        yield
    except ConfigurationError as error:
        end_command(error if as_json else _shorten(error), USAGE, as_json=as_json)
    except (RegistryError, WrongRequestError) as error:
        end_command(error, USAGE, as_json=as_json)
    except PermissionError as error:
        # Where even looking is forbidden; what can be looked at has its own sentence.
        message = f"{error.filename} cannot be reached ({error.strerror}); become a user who may."
        end_command(message, PROBLEM, as_json=as_json)
    except (StoreError, RequestError) as error:
        end_command(error, PROBLEM, as_json=as_json)
