"""Report: the results of a whole run as a table for people. ``python -m simulators.trials.report RESULTS PAGE``.

The results are a JSON object a line: those of trials as ``Result`` writes them, those of measurements with a member
``measurement``.
"""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulators.trials.disturbances import load_disturbances

HEAD = """<!-- Made by deploy/faults from its last full run; run it again, do not change this page. -->

# What was tried, and what became of it

Each row is one scenario of `tests/faults`: real Mosquitto, real InfluxDB, real collector processes, publishers at QoS 1
that keep their own log. Published is compared with stored and quarantined by device and sequence number; every alert
transition must be in InfluxDB exactly once, and be heard by a subscriber. *Lost* is in neither place; *stored twice* is
in InfluxDB twice though published once. *Recovery* is the longest time from the end of the last disturbance until
everything that the broker had taken by then was stored. *Kept*: nothing was lost. Only where the broker is killed and
devices publish nothing again it means that no more was lost than came within its autosave interval, that all of it
shows as gaps in the sequence numbers, and that `gjovik reconcile` reported exactly it.
"""


def describe_machine() -> str:
    """Return the machine in a sentence: no names, no paths."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB of memory, {system}"


def render_report(rows: Sequence[Mapping[str, Any]], when: datetime, machine: str, expected: Iterable[str] = ()) -> str:
    """Return the page.

    Args:
        rows: Of trials and measurements, in any order.
        when: Of the run.
        machine: It ran on.
        expected: Titles of all scenarios; what has no row is named.
    """
    trials = sorted((row for row in rows if "measurement" not in row), key=lambda row: (row["title"], row["seed"]))
    lines = [
        HEAD,
        f"Run of {when:%Y-%m-%d} on a machine with {machine}.",
        "",
        "| scenario | repetitions | blows | messages | lost | stored twice | alert transitions | recovery | kept |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [_render_row(title, list(group)) for title, group in groupby(trials, key=lambda row: row["title"])]
    lines += ["", f"Seeds: {', '.join(str(seed) for seed in sorted({row['seed'] for row in trials}))}.", ""]
    lines += [f"- {row['measurement']}{_tell(row['problems'])}" for row in rows if "measurement" in row]
    if absent := set(expected) - {row["title"] for row in trials}:
        lines += ["", f"**Without a result**, skipped or broken off: {'; '.join(sorted(absent))}."]
    return "\n".join(lines).rstrip() + "\n"


def _tell(problems: Sequence[str]) -> str:
    return f" **Not kept**: {'; '.join(problems)}." if problems else ""


def _render_row(title: str, trials: Sequence[Mapping[str, Any]]) -> str:
    recoveries = [row["recovery_s"] for row in trials if row["recovery_s"] is not None]
    cells = [
        title,
        str(len(trials)),
        *(
            f"{sum(row[name] for row in trials):,}"
            for name in ("blows", "messages", "lost", "duplicated", "transitions")
        ),
        f"{max(recoveries):.1f} s" if recoveries else "–",
        "no" if any(row["problems"] for row in trials) else "yes",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Write the page, and return the exit code: 1 when a promise was not kept."""
    if len(sys.argv) != 3:  # noqa: PLR2004 - the program's name and two arguments
        sys.stderr.write("usage: python -m simulators.trials.report RESULTS PAGE\n")
        return 2
    results, page = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    titles = [disturbance.title for disturbance in load_disturbances().values()]
    text = render_report(rows, datetime.now(ZoneInfo("Europe/Oslo")), describe_machine(), titles)
    page.write_text(text, encoding="utf-8")
    return 1 if any(row["problems"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
