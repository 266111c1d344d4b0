"""A verdict must be able to fail: each thing that can go wrong is a problem, and an allowance excuses only itself."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.proof import Proof
from simulators.trials.disturbance import Tolerance
from simulators.trials.expectation import Change
from simulators.trials.soak import draw_forever
from simulators.trials.verdict import Findings, find_gaps, list_problems
from tests.stand import ROOT

CHANGE = Change("device-1", "room-too-cold", 1000, firing=True)
GOOD = Findings(
    proof=Proof(published=3, stored=3, quarantined=0, both=0),
    stored={"device-1": {0: 1, 1: 1, 3: 1}},
    repeated=0,
    accepted_again=0,
    expected=1,
    missing=[],
    surplus=[],
    unheard=[],
    heard_again=0,
    unbalanced=False,
)
LOST = replace(GOOD.proof, missing={"device-1": {2}})
BAD = {
    "missing: device-1 seq 2": replace(GOOD, proof=LOST),
    "unexpected: device-1 seq 9": replace(GOOD, proof=replace(GOOD.proof, unexpected={"device-1": {9}})),
    "nothing was published": replace(GOOD, proof=Proof(0, 0, 0, 0)),
    "stored more than once: 1": replace(GOOD, repeated=1),
    "accepted, by the ledgers": replace(GOOD, accepted_again=1),
    "transitions missing in InfluxDB": replace(GOOD, missing=[CHANGE]),
    "that should not be": replace(GOOD, surplus=[CHANGE]),
    "nobody was notified of": replace(GOOD, unheard=[CHANGE]),
    "notifications repeated": replace(GOOD, heard_again=1),
    "sums of a collector's ledger": replace(GOOD, unbalanced=True),
}


def test_nothing_wrong_is_no_problem() -> None:
    assert list_problems(GOOD, Tolerance(), 0) == []


@pytest.mark.parametrize("sentence", BAD)
def test_what_is_wrong_is_said(sentence: str) -> None:
    assert sentence in "\n".join(list_problems(BAD[sentence], Tolerance(), 0))


def test_a_loss_that_may_be_is_bounded_and_seen_as_gaps() -> None:
    tolerance = Tolerance(lost=True)
    findings = BAD["missing: device-1 seq 2"]
    assert find_gaps(findings.stored) == {"device-1": {2}}
    assert list_problems(findings, tolerance, 1) == []
    assert "the last autosave interval had 0" in "\n".join(list_problems(findings, tolerance, 0))
    unseen = replace(findings, stored={"device-1": {0: 1, 1: 1}})
    assert "gaps" in "\n".join(list_problems(unseen, tolerance, 1))


def test_a_soak_of_one_seed_deals_the_same_blows() -> None:
    def draw(seed: int) -> list[object]:
        return [(key, blow, pause_s) for key, _, blow, pause_s in itertools.islice(draw_forever(seed), 50)]

    assert draw(1) == draw(1) != draw(2)
    assert len({key for key, *_ in itertools.islice(draw_forever(1), 50)}) > 5


def test_a_soak_in_a_folder_of_something_else_is_refused_and_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    command = [sys.executable, "-m", "gjovik", "soak", "--minutes", "0.2", "--folder", str(tmp_path)]
    soak = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert soak.returncode == 2
    assert "holds something that no soak left behind" in soak.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
