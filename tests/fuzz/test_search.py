"""The search itself: it says which targets there are, and where atheris is installed it tries inputs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.target import list_names

ROOT = Path(__file__).parents[2]


def search(*words: str) -> subprocess.CompletedProcess[str]:
    """Return how a run of the program ended."""
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )


def test_a_target_that_there_is_not_is_wrong_usage_and_the_others_are_named() -> None:
    done = search("nothing")
    assert done.returncode == 2
    assert all(name in done.stderr for name in list_names())


def test_a_search_of_a_second_tries_inputs_and_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is no dependency: see CONTRIBUTING.md")
    done = search("plain", "--seconds", "1", "--findings", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    (outcome,) = json.loads(done.stdout)
    assert (outcome["target"], outcome["findings"]) == ("plain", [])
    assert outcome["executions"] > 0
    assert list(tmp_path.iterdir()) == []
