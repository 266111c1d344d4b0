"""``deploy/generate.py``: a committed JSON Schema is not overwritten by one that breaks it."""

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.device_type import DeviceType, Field
from schemas.json_schema import read_committed, render_json_schema
from tests.stand import ROOT
from tests.test_versions import COMMITTED, DESK, change


class Generator:
    """``deploy/generate.py`` over a folder of its own and device types of the test; it makes JSON Schemas alone."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = importlib.util.spec_from_file_location("generate", ROOT / "deploy/generate.py")
        assert spec is not None
        assert spec.loader is not None
        self._module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        self._monkeypatch = monkeypatch
        self.folder = root / "schemas/json"
        self.types: dict[str, DeviceType] = {}
        monkeypatch.setattr(self._module, "ROOT", root)
        monkeypatch.setattr(self._module, "load_device_types", lambda: self.types)
        monkeypatch.setattr(self._module, "render_files", self._render)

    def _render(self) -> dict[Path, str]:
        return {Path(f"schemas/json/{key}.json"): render_json_schema(one) for key, one in self.types.items()}

    def run(self, *words: str) -> int:
        """Return the exit code of one call."""
        self._monkeypatch.setattr(sys, "argv", ["generate.py", *words])
        code: int = self._module.main()
        return code


@pytest.fixture
def generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator:
    """A generator that has written the schema of the desk."""
    made = Generator(tmp_path, monkeypatch)
    made.types["desk"] = DESK
    assert made.run() == 0
    return made


def test_a_schema_is_not_overwritten_by_one_that_breaks_it(
    generator: Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    generator.types |= {"desk": change(battery=None), "chair": dataclasses.replace(DESK, key="chair")}
    capsys.readouterr()
    assert generator.run("--check") == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("devices/desk.py: battery: is gone: ")
    assert told[1:] == ["schemas/json/chair.json is stale: run deploy/generate.py"]
    for words in ((), ("--unreleased", "chair")):
        assert generator.run(*words) == 1
        told = capsys.readouterr().out.splitlines()
        assert (len(told), told[1].partition(".")[0]) == (2, "Nothing was written")
        assert read_committed(generator.folder) == COMMITTED
    # On purpose, for a type that nobody relies on.
    assert generator.run("--unreleased", "desk") == 0
    assert read_committed(generator.folder) == {key: render_json_schema(one) for key, one in generator.types.items()}
    assert generator.run("--check") == 0


def test_what_breaks_nothing_is_written(generator: Generator) -> None:
    generator.types["desk"] = change(co2=Field("co2", "CO₂", required=False))
    assert generator.run("--check") == 1
    assert generator.run() == 0
    assert "co2" in json.loads(read_committed(generator.folder)["desk"])["properties"]


def test_a_version_is_made_beside_the_one_before_and_a_type_is_retired_with_both_files(
    generator: Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    generator.types["desk_v2"] = dataclasses.replace(change(battery=None), key="desk_v2")
    assert generator.run() == 0
    assert json.loads(read_committed(generator.folder)["desk_v2"])["x-version"] == 2
    del generator.types["desk"]
    assert generator.run() == 1
    assert "schemas/json/desk.json: its device type is gone" in capsys.readouterr().out
    (generator.folder / "desk.json").unlink()
    assert generator.run() == 0
    assert generator.run("--check") == 0
    generator.types["desk_v3"] = dataclasses.replace(DESK, key="desk_v3")
    assert generator.run() == 0
    del generator.types["desk_v3"]
    assert generator.run("--unreleased", "desk_v3") == 0
    assert read_committed(generator.folder).keys() == {"desk_v2"}


@pytest.mark.parametrize("words", [("--check", "--unreleased", "desk"), ("--chec",), ("--unrel", "desk"), ("desk",)])
def test_what_generate_does_not_understand_it_does_not_do(generator: Generator, words: tuple[str, ...]) -> None:
    generator.types["chair"] = dataclasses.replace(DESK, key="chair")
    with pytest.raises(SystemExit) as ended:
        generator.run(*words)
    assert ended.value.code == 2
    assert read_committed(generator.folder) == COMMITTED


def test_the_script_itself_refuses_in_a_copy_of_the_project(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("dashboards", "deploy", "devices", "docs", "ingest", "schemas", "simulators", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "gjovik.py", tmp_path)
    source, schema = tmp_path / "devices/leak_detector.py", tmp_path / "schemas/json/leak_detector.json"
    source.write_text(source.read_text().replace('Field("battery",', 'Field("fill",'))
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "deploy/generate.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "devices/leak_detector.py: battery: was battery in % and is fill in %" in ended.stdout
    assert schema.read_bytes() == (ROOT / "schemas/json/leak_detector.json").read_bytes()
