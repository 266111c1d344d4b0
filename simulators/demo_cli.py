"""The ``gjovik demo`` command.

Exit codes: 0 nothing was lost, 1 the counts differ, nothing was published or a server did not start, 2 wrong usage,
130 interrupted before the proof.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulators.cli import DEFAULT_INVENTORY, PROBLEM, explained_errors
from simulators.testbed.process import ProgramError

INTERRUPTED = 130
"""As shells report what SIGINT ended."""
DEFAULT_FOLDER = Path("var/demo")
DEFAULT_RULES = Path("deploy/rules")


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo")(demo)


def demo(  # noqa: PLR0913 - a command has as many parameters as it has options
    *,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End after this time; runs until Ctrl-C when left out.")
    ] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="How many devices take part; all when left out.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Readings a second of the whole fleet.")] = 50.0,
    history: Annotated[
        str, typer.Option(help="Publish this much of the past first, for example 30d or 12h; 0 for none.")
    ] = "1d",
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of messages that are bad input.")] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed gives the same values at the same time.")] = 1,
    folder: Annotated[
        Path, typer.Option(help="New, empty or an earlier demo's; all that the demo leaves behind is in it.")
    ] = DEFAULT_FOLDER,
    inventory: Annotated[Path, typer.Option(help="Folder of the inventory.")] = DEFAULT_INVENTORY,
    rules: Annotated[Path, typer.Option(help="Folder of the alert rules.")] = DEFAULT_RULES,
) -> None:
    """Run the whole path on real servers with a simulated town, then prove that nothing was lost.

    Starts Mosquitto, InfluxDB, the collector and the fleet on free loopback ports, and Grafana where it is installed.
    Ctrl-C stops everything in order. Exit code 0 only if something was published, the broker refused none of it, and
    what the fleet published, by device and sequence number, equals what InfluxDB holds plus what is in quarantine or
    was given up there.
    """
    console = Console()
    with explained_errors():
        from simulators.demo import Options, run_demo  # noqa: PLC0415 - its libraries are an extra
        from simulators.history import parse_duration  # noqa: PLC0415 - likewise
        from simulators.testbed.influxd import QueryError  # noqa: PLC0415 - likewise

        past = None if history in {"0", ""} else parse_duration(history)
        options = Options(folder, inventory, rules, devices, seed, rate, seconds, past, faults)
        try:
            proof = asyncio.run(run_demo(options, console))
        except (ProgramError, QueryError) as error:
            typer.echo(error, err=True)
            raise typer.Exit(PROBLEM) from None
        except KeyboardInterrupt:
            typer.echo("interrupted; everything that was started is stopped, and nothing is proved", err=True)
            raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if proof.holds else PROBLEM)
