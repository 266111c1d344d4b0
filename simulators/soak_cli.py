"""The ``gjovik soak`` command.

Exit codes: 0 nothing was lost, 1 something was lost, repeated or did not start, 2 wrong usage, 130 interrupted.
"""

import asyncio
import secrets
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.command_line import end_command
from simulators.cli import PROBLEM, AsJson, explained_errors
from simulators.demo_cli import INTERRUPTED
from simulators.testbed.process import ProgramError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.trials.trial import Result, Tell

DEFAULT_FOLDER = Path("var/soak")
REFRESH_S = 0.5


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("soak")(soak)


def soak(
    *,
    minutes: Annotated[float, typer.Option(min=0.2, max=1440, help="How long disturbances fall.")] = 10.0,
    seed: Annotated[int | None, typer.Option(help="Decides load and disturbances; random when left out.")] = None,
    folder: Annotated[
        Path, typer.Option(help="New, empty or an earlier soak's; logs, settings and stores are left in it.")
    ] = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Disturb a running system in every way that there is, at random, and prove that nothing was lost.

    Starts Mosquitto, InfluxDB, a collector and simulated devices on free loopback ports, kills, stops, cuts, fills and
    misleads them from a seed, waits until they have recovered, and compares what the devices published with what
    InfluxDB and the quarantine hold. The same seed gives the same disturbances in the same order.
    """
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    with explained_errors(as_json=as_json):
        from simulators.trials.soak import Options, run_soak  # noqa: PLC0415 - its libraries are an extra

        try:
            with _shown(Console(stderr=True), minutes * 60, chosen) as tell:
                result = asyncio.run(run_soak(Options(folder, minutes * 60, chosen), tell))
        except ProgramError as error:
            end_command(f"{error}\nseed {chosen}", PROBLEM, as_json=as_json)
        except KeyboardInterrupt:
            typer.echo(f"interrupted; nothing is proved; seed {chosen}", err=True)
            raise typer.Exit(INTERRUPTED) from None
    _print(result, minutes, as_json=as_json)
    raise typer.Exit(0 if result.holds else PROBLEM)


@contextmanager
def _shown(console: Console, seconds: float, seed: int) -> "Iterator[Tell]":
    """Show how far it is: a bar at a terminal, elsewhere a line for each disturbance."""
    begun_s = time.monotonic()
    console.print(f"seed {seed}", highlight=False)
    if not console.is_terminal:
        yield lambda text: console.print(f"{time.monotonic() - begun_s:6.1f} s  {text}", highlight=False)
        return
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("the servers start", total=seconds)
        yield lambda text: bar.update(task, completed=time.monotonic() - begun_s, description=text)
        bar.update(task, completed=seconds)


def _print(result: "Result", minutes: float, *, as_json: bool) -> None:
    if as_json:
        typer.echo(result.to_json())
        return
    typer.echo(
        f"published {result.messages} = stored {result.stored} + quarantined {result.quarantined} + lost {result.lost};"
        f" disturbed {result.blows} times; {result.transitions} alert transitions; stored twice: {result.duplicated}"
    )
    if result.holds:
        typer.echo("Nothing was lost.")
        return
    for problem in result.problems:
        typer.echo(problem, err=True)
    typer.echo(f"seed {result.seed}; to repeat it: gjovik soak --minutes {minutes:g} --seed {result.seed}", err=True)
