"""``gjovik dashboards``: list the boards, and send them to a Grafana that runs.

Exit codes: 0 done, 1 Grafana could not be reached or did not take them, 2 wrong usage.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from dashboards.boards import load_boards
from dashboards.render import render_all
from ingest.command_line import PROBLEM, USAGE, end_command

TOKEN_VARIABLE = "GRAFANA_TOKEN"  # noqa: S105 - the name of a variable, not a secret

app = typer.Typer(help="Boards in Grafana.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.callback()
def main() -> None:
    """Boards in Grafana."""


@app.command("list")
def list_boards(*, as_json: AsJson = False) -> None:
    """List the boards."""
    boards = [
        {"file": f"{key}.json", "uid": board.uid, "title": board.title, "panels": len(list(board.panels))}
        for key, board in load_boards().items()
    ]
    if as_json:
        typer.echo(json.dumps(boards, ensure_ascii=False))
        return
    table = Table("File", "Uid", "Title", "Panels")
    for board in boards:
        table.add_row(*(str(value) for value in board.values()))
    Console().print(table)


@app.command()
def push(
    *,
    url: Annotated[str, typer.Option(help="Address of Grafana.", envvar="GRAFANA_URL")],
    token_file: Annotated[
        Path | None, typer.Option(help=f"File that holds the token; otherwise it is taken from ${TOKEN_VARIABLE}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send the boards to a Grafana that runs, into the folder Gjøvik. Pushing again updates them."""
    if not _is_address(url):
        raise typer.BadParameter(f"{url!r} must be like http://host:3000", param_hint="--url")
    token = _read_token(token_file)
    try:
        from dashboards.push import PushError, push_boards  # noqa: PLC0415 - its library is an extra
    except ModuleNotFoundError:
        end_command(
            "grafana-client is not installed; run: pip install 'gjovik-sensors[grafana]'", USAGE, as_json=as_json
        )
    try:
        pushed = push_boards(url, token, render_all())
    except PushError as error:
        end_command(error, PROBLEM, as_json=as_json)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(board) for board in pushed], ensure_ascii=False))
        return
    for board in pushed:
        typer.echo(f"{board.title}: {board.url}")


def _is_address(url: str) -> bool:
    """Whether a text is the address of a server: with a host, and a port that there can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and url.split() == [url]
    except ValueError:  # a port out of range, or a bracket that is not closed
        return False


def _read_token(token_file: Path | None) -> str:
    """Return the token from the file, else from the environment; it is no option, because others can see those."""
    if token_file is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            token = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{token_file} cannot be read: {error}", param_hint="--token-file") from None
    if not token.strip():
        raise typer.BadParameter(
            f"no token: name a file that holds one, or set {TOKEN_VARIABLE}", param_hint="--token-file"
        )
    return token.strip()
