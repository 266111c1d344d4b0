"""The ``gjovik bench stages`` command."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingest.printed_table import print_table
from simulators.bench_cli import BenchJson, explained_bench, write_json

if TYPE_CHECKING:
    from simulators.bench.stage_costs import StageReport


NUMBERS = ("CPU of process", "To native", "To its lane")


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``bench``."""
    app.command("stages")(bench_stages)


def bench_stages(
    *,
    devices: Annotated[int, typer.Option(min=1, max=1_000_000, help="Devices that take turns.")] = 1_000,
    readings: Annotated[int, typer.Option(min=1, max=1_000_000, help="Readings in a round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Rounds; of each stage the median counts.")] = 5,
    json: BenchJson = None,
) -> None:
    """Measure what each stage of the path costs a reading: microseconds, in one process, without servers.

    Each stage is the collector's own function on the same readings of heat meters, three rules watching them. A stage
    is a part of the one in the column Within. Below, what the core costs for readings of each type of device, for
    those that are not as they should be, and for a documented message of each format of a Source.
    """
    with explained_bench():
        from simulators.bench.stage_costs import measure_stages  # noqa: PLC0415 - its libraries are an extra

        report = measure_stages(devices, readings, rounds)
    if not write_json(report.to_json(), json):
        _print(report)


def _print(report: "StageReport") -> None:
    typer.echo(
        f"{report.readings:,} readings of {report.payload_bytes} bytes from {report.devices:,} devices, "
        f"median of {report.rounds} rounds, microseconds a reading\n"
    )
    print_table(
        ("Stage", "Within", "CPU", "Elapsed"),
        [(one.name, one.within, f"{one.cost.cpu_us:.2f}", f"{one.cost.elapsed_us:.2f}") for one in report.stages],
        numbers=("CPU", "Elapsed"),
        whole=("Stage", "Within"),
    )
    typer.echo(f"\nSum of the stages that are no part of another: {report.total_us:.2f} us of CPU a reading\n")
    print_table(
        ("Reading", "CPU of process"),
        [(name, f"{cost.cpu_us:.2f}") for name, cost in report.cases.items()],
        numbers=("CPU of process",),
    )
    typer.echo("")
    print_table(("Format", "CPU of process", "To native", "To its lane"), report.list_sources(), numbers=NUMBERS)
