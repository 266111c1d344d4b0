"""Every registered disturbance, each with its seeds; see ``simulators/trials``.

``TRIALS`` decides the size: ``short`` (the default, for every test run), ``full`` or ``long`` (deploy/faults).
``TRIALS_SEEDS`` names the seeds, ``TRIALS_RESULTS`` a file that gets a JSON object a line.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.trials.disturbances import load_disturbances
from simulators.trials.outage import measure_outage
from simulators.trials.trial import Trial, run_trial

SIZE = os.environ.get("TRIALS", "short")
IS_FULL = SIZE in {"full", "long"}
SEEDS = tuple(int(seed) for seed in os.environ.get("TRIALS_SEEDS", "1 2 3" if IS_FULL else "1").split())
OUTAGE_S = 600.0 if SIZE == "long" else 60.0
OUTAGE_RATE = 2_000.0


def list_trials() -> Iterator[Trial]:
    for key, disturbance in load_disturbances().items():
        size = disturbance.full if IS_FULL else disturbance.short
        for seed in SEEDS if size else ():
            yield Trial(key=key, disturbance=disturbance, seed=seed, size=size or disturbance.full)


def note(line: str) -> None:
    """Keep a result for the report, if somebody wants one."""
    if file := os.environ.get("TRIALS_RESULTS"):
        with Path(file).open("a", encoding="utf-8") as results:
            results.write(line + "\n")


@pytest.mark.timeout(600 if IS_FULL else 120)
@pytest.mark.parametrize("trial", [*list_trials()], ids=lambda trial: f"{trial.key}-{trial.seed}")
async def test_nothing_is_lost_and_every_alert_is_told_once(trial: Trial, tmp_path: Path) -> None:
    if why := trial.disturbance.explain_unavailable():
        pytest.skip(why)
    result = await run_trial(trial, tmp_path / "trial", print)
    note(result.to_json())
    again = f"deploy/faults --seed {trial.seed} -k {trial.key}-{trial.seed}"
    assert result.holds, "\n".join([*result.problems, f"seed {trial.seed}; to repeat it: {again}"])
    assert result.messages >= trial.size.messages
    assert result.blows == len(trial.plan())


@pytest.mark.skipif(not IS_FULL, reason="an outage of minutes is measured by deploy/faults")
@pytest.mark.timeout(OUTAGE_S + 180)
async def test_memory_stays_flat_while_the_database_is_away(tmp_path: Path) -> None:
    outage = await measure_outage(tmp_path / "outage", OUTAGE_S, OUTAGE_RATE)
    note(outage.to_json(OUTAGE_RATE))
    assert outage.list_problems(OUTAGE_RATE) == [], outage.to_text()
