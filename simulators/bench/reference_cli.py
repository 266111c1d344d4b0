"""The ``gjovik bench reference`` command."""

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.printed_table import print_table
from simulators.bench_cli import (
    DEFAULT_FOLDER,
    BenchDevices,
    BenchFolder,
    BenchJson,
    BenchRate,
    BenchSeconds,
    explained_bench,
    print_result,
    shown_progress,
    write_json,
)
from simulators.cli import PROBLEM
from simulators.errors import UsageError

if TYPE_CHECKING:
    from simulators.bench.comparison import Comparison

LIBRARIES = {"aiomqtt": "aiomqtt", "influxdb_client": "influxdb-client"}
"""What the reference is made of, by the name of its module."""


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``bench``."""
    app.command("reference")(bench_reference)


def bench_reference(  # noqa: PLR0913  a command has as many parameters as it has options
    *,
    rate: BenchRate = 0.0,
    devices: BenchDevices = 1_000,
    seconds: BenchSeconds = 20.0,
    compare: Annotated[
        bool, typer.Option("--compare", help="Collector and reference in turn, three times: medians and ratios.")
    ] = False,
    mqtt5: Annotated[bool, typer.Option("--mqtt5", help="The reference speaks MQTT 5 instead of 3.1.1.")] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="The reference compresses what it writes.")] = False,
    folder: BenchFolder = DEFAULT_FOLDER,
    json: BenchJson = None,
) -> None:
    """Measure the obvious Python stack under the same load as the collector: aiomqtt, pydantic, influxdb-client.

    It checks each field's type and range and writes batches of 1,000 lines. It has no inventory, alerts, deduplication,
    quarantine or disk, and acknowledges readings that it has only in memory.
    """
    with explained_bench():
        _require_libraries()
        from simulators.bench.comparison import compare as compare_subjects  # noqa: PLC0415 - an extra's libraries
        from simulators.bench.driver import measure  # noqa: PLC0415
        from simulators.bench.plan import Plan  # noqa: PLC0415
        from simulators.bench.reference_process import Reference  # noqa: PLC0415
        from simulators.bench.subject import Collector  # noqa: PLC0415

        plan = Plan(rate=rate, devices=devices, seconds=seconds)
        reference = Reference(*(["--protocol", "5"] if mqtt5 else []), *(["--gzip"] if gzip else []))
        with shown_progress() as tell:
            if not compare:
                result = asyncio.run(measure(reference, plan, folder, tell))
            else:
                comparison = asyncio.run(compare_subjects((Collector(), reference), plan, folder, tell))
    if compare:
        _print_comparison(comparison, json)
        raise typer.Exit(0 if comparison.balances else PROBLEM)
    print_result(result, json)
    raise typer.Exit(0 if result.balances else PROBLEM)


def _require_libraries() -> None:
    """Raise UsageError unless the reference's libraries are installed: it is another process that imports them."""
    missing = [name for module, name in LIBRARIES.items() if find_spec(module) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} not installed; run: pip install 'gjovik-sensors[bench]'")


def _print_comparison(comparison: "Comparison", file: Path | None) -> None:
    if write_json(comparison.to_json(), file):
        return
    first, second = (results[0].subject for results in (comparison.first, comparison.second))
    print_table(
        ("Median", first, second, "Ratio"), comparison.list_rows(), numbers=(first, second, "Ratio"), whole=("Median",)
    )
    for result in (*comparison.first, *comparison.second):
        if not result.balances:
            typer.echo(f"{result.subject}: {result.published - result.stored} readings are not stored", err=True)
