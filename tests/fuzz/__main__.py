"""Fuzz every Format, and every maker's decoders of frames, and print what came of it."""

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from ingest.codecs import NATIVE, load_formats
from ingest.printed_table import print_table
from tests.fuzz.target import list_names, make_target

SLACK_S = 120
"""How much longer than asked a search may take, with its start."""
_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")
_COVERED = re.compile(r"cov: (\d+) ")
_ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a search.

    Attributes:
        target: Name.
        executions: Inputs that were tried.
        seconds: That it took.
        branches: Branches of ``ingest`` and ``schemas`` that were reached, counted by atheris.
        findings: Files with an input that went wrong; a search ends with its first.
    """

    target: str
    executions: int
    seconds: float
    branches: int
    findings: tuple[str, ...]


def search(name: str, seconds: int, kept: Path) -> Outcome:
    """Return what came of fuzzing a target for so many seconds; what goes wrong is kept in a folder.

    Raises:
        RuntimeError: The search itself failed.
    """
    before = set(kept.glob(f"{name}-*"))
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(make_target(name).seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048",
                   "-max_len=4096", f"-artifact_prefix={kept}/{name}-", folder]  # fmt: skip
        words = [sys.executable, "-m", "tests.fuzz.search", name, *options]
        begin = time.monotonic()
        done = subprocess.run(words, cwd=_ROOT, capture_output=True, timeout=seconds + SLACK_S, check=False)
        elapsed = time.monotonic() - begin
    told = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    findings = tuple(sorted(one.name for one in set(kept.glob(f"{name}-*")) - before))
    if findings:
        (kept / f"{findings[0]}.txt").write_text(told)
    elif done.returncode != 0:
        raise RuntimeError(f"the search of {name} ended with {done.returncode} and left no input:\n{told[-2000:]}")
    executed, covered = _EXECUTED.findall(told), _COVERED.findall(told)
    return Outcome(name, int(executed[-1]) if executed else 0, elapsed, int(covered[-1]) if covered else 0, findings)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Formats and makers; all when left out.")] = None,
    *,
    seconds: Annotated[int, typer.Option(min=1, help="For each format.")] = 60,
    frame_seconds: Annotated[int, typer.Option(min=1, help="For the frames of each maker.")] = 20,
    findings: Annotated[Path, typer.Option(help="Folder for what goes wrong.")] = Path("var/fuzz"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fuzz every format, and every maker's frames.

    Exit code 1 where something went wrong, 2 where atheris is missing.
    """
    unknown = sorted(set(names or ()) - set(list_names()))
    if importlib.util.find_spec("atheris") is None or unknown:
        missing = f"no target is called {', '.join(unknown)}; there are {', '.join(list_names())}"
        typer.echo(missing if unknown else "atheris is not installed: install it into .venv, then try again", err=True)
        raise typer.Exit(2)
    findings.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for name in names or list_names():
        is_format = name == NATIVE or name in load_formats()
        outcomes.append(search(name, seconds if is_format else frame_seconds, findings.absolute()))
        typer.echo(f"{name}: {outcomes[-1].executions:,} executions, {len(outcomes[-1].findings)} findings", err=True)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(one) for one in outcomes], indent=2))
    else:
        _print(outcomes)
    raise typer.Exit(1 if any(one.findings for one in outcomes) else 0)


def _print(outcomes: list[Outcome]) -> None:
    print_table(
        ("Target", "Executions", "Seconds", "Branches", "Findings"),
        [
            (
                one.target,
                f"{one.executions:,}",
                f"{one.seconds:.0f}",
                f"{one.branches:,}",
                " ".join(one.findings) or "0",
            )
            for one in outcomes
        ],
        numbers=("Executions", "Seconds", "Branches"),
    )


if __name__ == "__main__":
    typer.run(main)
