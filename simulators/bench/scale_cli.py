"""The ``gjovik bench scale`` command."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.printed_table import print_table
from simulators.bench_cli import (
    DEFAULT_FOLDER,
    BenchFolder,
    BenchJson,
    BenchRate,
    BenchSeconds,
    explained_bench,
    shown_progress,
    write_json,
)
from simulators.cli import PROBLEM

if TYPE_CHECKING:
    from simulators.bench.scale import Scale

DEFAULT_DEVICES = (100, 1_000, 10_000, 100_000)


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``bench``."""
    app.command("scale")(bench_scale)


def bench_scale(
    *,
    devices: Annotated[
        list[int] | None,
        typer.Option(
            min=100,
            max=1_000_000,
            help="How many publish; once for each measurement. 100, 1,000, 10,000 and 100,000 when left out.",
        ),
    ] = None,
    divided: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How many publish to two collectors; 0 leaves those out.")
    ] = 1_000,
    rate: BenchRate = 0.0,
    seconds: BenchSeconds = 10.0,
    folder: BenchFolder = DEFAULT_FOLDER,
    json: BenchJson = None,
) -> None:
    """Measure the collector with ever more devices, and two collectors that divide the load.

    Two collectors divide it by sites (mqtt.sites) and on a shared subscription (mqtt.share). Of two, processor times
    are added up, and how long their PUBACKs take is not known: which of them has which reading is not seen.
    """
    with explained_bench():
        from simulators.bench.scale import list_plans, measure_scale  # noqa: PLC0415 - its libraries are an extra
        from simulators.bench.subject import Collector  # noqa: PLC0415

        plans = list_plans(devices or DEFAULT_DEVICES, divided, rate, seconds)
        with shown_progress() as tell:
            scale = asyncio.run(measure_scale(Collector(), plans, folder, tell))
    if not write_json(scale.to_json(), json):
        _print(scale)
    raise typer.Exit(0 if scale.balances else PROBLEM)


def _print(scale: "Scale") -> None:
    from simulators.bench.scale import COLUMNS  # noqa: PLC0415 - as above

    print_table(COLUMNS, list(scale.list_rows()), numbers=[name for name in COLUMNS if name != "Collectors"])
    typer.echo(f"\nWith one collector a reading costs at most {scale.spread:.0%} more than where it costs least.")
