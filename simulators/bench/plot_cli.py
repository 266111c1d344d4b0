"""The ``gjovik bench plot`` command."""

from pathlib import Path
from typing import Annotated

import typer

from simulators.bench_cli import explained_bench
from simulators.errors import UsageError

DEFAULT_RESULTS = Path("deploy/bench")
DEFAULT_PICTURE = Path("docs/performance.png")


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``bench``."""
    app.command("plot")(bench_plot)


def bench_plot(
    *,
    results: Annotated[Path, typer.Option(help="Folder of results that other commands of bench wrote with --json.")] = (
        DEFAULT_RESULTS
    ),
    out: Annotated[Path, typer.Option(help="The picture, PNG.")] = DEFAULT_PICTURE,
) -> None:
    """Draw the results of a folder as one picture, and say which results are missing.

    It has a panel for what a reading costs, for how long it takes, for ever more devices, and for the stages; one
    without results is left out.
    """
    with explained_bench():
        from simulators.bench.findings import load_findings  # noqa: PLC0415 - its libraries are an extra
        from simulators.bench.plot import draw_findings, save_figure  # noqa: PLC0415

        findings = load_findings(results)
        if findings.is_empty:
            raise UsageError(f"{results} has no results; docs/performance.md says how they are made")
        try:
            save_figure(draw_findings(findings), out, findings.digest)
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}; give another --out") from None
    typer.echo(f"{out} written")
    for name in findings.missing:
        typer.echo(f"{results / name} is missing, and not in the picture", err=True)
