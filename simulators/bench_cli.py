"""The ``gjovik bench`` commands: what the path costs, measured on real servers.

Exit codes: 0 done, 1 something was not stored or a server failed, 2 wrong usage, 130 interrupted.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ingest.printed_table import print_table
from simulators.bench.rules import RULES, USUAL_RULES
from simulators.cli import PROBLEM, USAGE, explained_errors
from simulators.demo_cli import INTERRUPTED
from simulators.testbed.process import ProgramError

if TYPE_CHECKING:
    from simulators.bench.plan import Tell
    from simulators.bench.result import Result

DEFAULT_FOLDER = Path("var/bench")
STDOUT = Path("-")

BenchRate = Annotated[
    float, typer.Option(min=0, max=100_000, help="Readings a second; 0 for as many as the subject acknowledges.")
]
BenchDevices = Annotated[int, typer.Option(min=100, max=1_000_000, help="How many publish in turn.")]
BenchSeconds = Annotated[float, typer.Option(min=1, max=600, help="How long, without the warm-up.")]
BenchRules = Annotated[
    int,
    typer.Option(min=1, max=len(RULES), help="How many rules judge each reading; the fifth is a mean of an hour."),
]
BenchFolder = Annotated[
    Path, typer.Option(help="On the disk to be measured; each run has a folder of its own in it, removed afterwards.")
]
BenchJson = Annotated[
    Path | None, typer.Option("--json", help="File that gets the result for programs; - for the standard output.")
]

app = typer.Typer(no_args_is_help=True, help="What a reading costs, measured on real servers.")


@app.command("collector")
def bench_collector(
    *,
    rate: BenchRate = 0.0,
    devices: BenchDevices = 1_000,
    seconds: BenchSeconds = 20.0,
    rules: BenchRules = USUAL_RULES,
    folder: BenchFolder = DEFAULT_FOLDER,
    json: BenchJson = None,
) -> None:
    """Measure the collector: processor time a reading, throughput, latencies, memory.

    Starts Mosquitto, InfluxDB and the collector on free loopback ports, publishes heat meters' readings with QoS 1 over
    one connection, and compares what was published with what InfluxDB holds.
    """
    with explained_bench():
        from simulators.bench.driver import measure  # noqa: PLC0415 - its libraries are an extra
        from simulators.bench.plan import Plan  # noqa: PLC0415
        from simulators.bench.subject import Collector  # noqa: PLC0415

        plan = Plan(rate=rate, devices=devices, seconds=seconds, rules=rules)
        with shown_progress() as tell:
            result = asyncio.run(measure(Collector(), plan, folder, tell))
    print_result(result, json)
    raise typer.Exit(0 if result.balances else PROBLEM)


@contextmanager
def explained_bench() -> Iterator[None]:
    """End the command with one sentence and its exit code when something goes wrong in the block."""
    with explained_errors():
        try:
            yield
        except ProgramError as error:
            typer.echo(error, err=True)
            raise typer.Exit(PROBLEM) from None
        except KeyboardInterrupt:
            typer.echo("interrupted; nothing was measured", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("matplotlib", "numpy"):
                raise
            typer.echo(f"{error.name} is not installed; run: pip install 'gjovik-sensors[bench]'", err=True)
            raise typer.Exit(USAGE) from None


@contextmanager
def shown_progress() -> "Iterator[Tell]":
    """Show on the standard error what happens: in one line at a terminal, elsewhere in a line for each step."""
    console, begun_s = Console(stderr=True), time.monotonic()
    if not console.is_terminal:
        yield lambda text: console.print(f"{time.monotonic() - begun_s:6.1f} s  {text}", highlight=False)
        return
    with Progress(SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"), console=console) as shown:
        task = shown.add_task("", total=None)
        yield lambda text: shown.update(task, description=text)


def write_json(text: str, file: Path | None) -> bool:
    """Write JSON where ``--json`` says; return whether that is the standard output, which gets nothing else."""
    if file == STDOUT:
        typer.echo(text)
        return True
    if file is not None:
        file.write_text(text + "\n", encoding="utf-8")
    return False


def print_result(result: "Result", file: Path | None) -> None:
    """Print a result for people, and write it for programs."""
    if write_json(result.to_json(), file):
        return
    load = f"{result.rate:g} readings/s" if result.rate else "flat out"
    typer.echo(f"{result.subject}, {load}, {result.devices:,} devices, {result.seconds:g} s\n")
    print_table(("Figure", "Value"), list(result.list_figures()), whole=("Figure", "Value"))
    if not result.balances:
        typer.echo(f"{result.published - result.stored} readings are not stored", err=True)
