"""The page that is made of the results of a whole run."""

import json
from datetime import UTC, datetime
from typing import Any

from simulators.trials.outage import Outage
from simulators.trials.report import describe_machine, render_report

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def make_row(seed: int, **changes: object) -> dict[str, Any]:
    row: dict[str, Any] = {"title": "Broker gone", "seed": seed, "blows": 2, "messages": 1000, "lost": 0}
    return row | {"duplicated": 0, "transitions": 10, "recovery_s": 1.5, "problems": []} | changes


def test_repetitions_of_a_scenario_are_one_row_with_the_longest_recovery() -> None:
    page = render_report([make_row(2, recovery_s=3.0), make_row(1)], WHEN, "2 cores")
    assert "| Broker gone | 2 | 4 | 2,000 | 0 | 0 | 20 | 3.0 s | yes |" in page
    assert "Run of 2026-01-02 on a machine with 2 cores." in page
    assert "Seeds: 1, 2." in page


def test_a_promise_that_was_not_kept_is_in_the_table() -> None:
    page = render_report([make_row(1), make_row(2, lost=3, problems=["missing"], recovery_s=None)], WHEN, "")
    assert "| 2,000 | 3 | 0 | 20 | 1.5 s | no |" in page


def test_measurements_stand_below_as_sentences() -> None:
    outage = Outage(90.0, 2000.0, 180_000, 41.5, 60.0, 60.5, 61.0)
    page = render_report([make_row(1), json.loads(outage.to_json(2000.0))], WHEN, "")
    assert "180,000 lines wait, 41.5 bytes of disk a line" in page
    assert "Not kept" not in page


def test_memory_that_grows_and_a_rate_that_is_missed_are_not_kept() -> None:
    outage = Outage(90.0, 1800.0, 180_000, 41.5, 60.0, 66.0, 66.0)
    page = render_report([make_row(1), json.loads(outage.to_json(2000.0))], WHEN, "")
    assert "**Not kept**: 1,800 readings/s were taken of 2,000; memory grew by 6.0 MiB." in page


def test_a_scenario_that_was_skipped_or_broke_off_is_named() -> None:
    page = render_report([make_row(1)], WHEN, "", ["Broker gone", "Disk full"])
    assert "**Without a result**, skipped or broken off: Disk full." in page


def test_the_machine_is_described_without_its_names() -> None:
    assert "cores" in describe_machine()
    assert "/" not in describe_machine()
