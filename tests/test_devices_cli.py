"""``gjovik devices``: what the inventory has, for people and programs."""

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.batch import Batch, UplinkFault
from tests.store_batches import open_in

INVENTORY = """
[[site]]
key = "hall"
title = "Hallen"
category = "office"
latitude = 60.8
longitude = 10.7
area_m2 = 1000.0
zone = [ { key = "first", title = "1. etasje" }, { key = "second", title = "2. etasje" } ]

[[site]]
key = "annex"
title = "Annekset"
category = "office"
latitude = 60.8
longitude = 10.7
area_m2 = 100.0
zone = [ { key = "first", title = "1. etasje" } ]

[[device]]
id = "air-1"
type = "indoor_climate"
component = "+A=360.001-RT001"
tags = ["inneklima"]
placements = [
  { from = 2024-01-01, to = 2025-01-01, site = "annex", zone = "first" },
  { from = 2025-01-01, site = "hall", zone = "second" },
]
source = "lora"
address = "24E124136B502217"
model = "milesight_am319"

[[device]]
id = "meter-1"
type = "water_meter"
component = "+A=310.001-OM001"
placements = [ { from = 2024-01-01, site = "annex", zone = "first" } ]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file beside an inventory of two devices and a source."""
    for name, text in (("inventory/town.toml", INVENTORY), ("sources/lora.toml", 'format = "tts"\n')):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    file = tmp_path / "collector.toml"
    file.write_text('inventory = "inventory"\nsources = "sources"\n[store]\nfolder = "store"\n')
    return file


def run(settings: Path, *words: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    result = CliRunner().invoke(gjovik.app, ["devices", *words, "--settings", str(settings)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run_json(settings: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Run a command for a program."""
    code, output = run(settings, *words, "--json")
    return code, json.loads(output)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), ["air-1", "meter-1"]),
        (("--site", "hall"), ["air-1"]),
        (("--site", "annex"), ["meter-1"]),
        (("--type", "water_meter"), ["meter-1"]),
        (("--type", "noise"), []),
        (("--source", "lora"), ["air-1"]),
        (("--source", "lora", "--site", "annex"), []),
    ],
)
def test_a_list_has_the_devices_that_are_asked_for(settings: Path, words: tuple[str, ...], ids: list[str]) -> None:
    code, found = run_json(settings, "list", *words)
    assert (code, [one["id"] for one in found["devices"]]) == (0, ids)
    code, output = run(settings, "list", *words)
    assert code == 0
    assert all(one in output for one in ids or ["No device matches."])


def test_a_list_shows_where_a_device_is_now(settings: Path) -> None:
    row = next(line for line in run(settings, "list")[1].splitlines() if line.startswith("air-1"))
    assert all(
        one in row for one in ("indoor_climate", "hall", "second", "lora", "24E124136B502217", "milesight_am319")
    )
    assert "annex" not in row


def test_a_device_is_shown_whole(settings: Path) -> None:
    code, output = run(settings, "show", "air-1")
    assert code == 0
    for told in ("+A=360.001-RT001", "hall (Hallen)", "annex", "inneklima", "Milesight AM319 (HCHO)", "[ppm]"):
        assert told in output
    code, found = run_json(settings, "show", "air-1")
    assert code == 0
    assert [one["site"] for one in found["placements"]] == ["annex", "hall"]
    assert found["placements"][0]["to"] == found["placements"][1]["from"] == "2024-12-31T23:00:00.000Z"
    assert found["placements"][1]["to"] is None
    fields = {one["field"]: one for one in found["fields"]}
    for name, field in load_device_types()["indoor_climate"].fields.items():
        assert (fields[name]["required"], fields[name]["title"]) == (field.required, field.title)
        assert field.is_state or [fields[name]["low"], fields[name]["high"]] == list(field.bounds)


def test_a_device_that_is_not_there_has_a_near_one(settings: Path) -> None:
    code, output = run(settings, "show", "air-2")
    assert code == 1
    assert "did you mean air-1" in output
    code, found = run_json(settings, "show", "air-2")
    assert code == 1
    assert "did you mean air-1" in found["error"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--site", "hal"), "did you mean hall"),
        (("--type", "water_mete"), "did you mean water_meter"),
        (("--source", "lor"), "did you mean lora"),
    ],
)
def test_a_filter_that_is_not_there_is_wrong_usage(settings: Path, words: tuple[str, ...], told: str) -> None:
    code, output = run(settings, "list", *words)
    assert code == 2
    assert told in output


def test_a_wrong_inventory_is_named(settings: Path) -> None:
    (settings.parent / "inventory/town.toml").write_text("x = 1\n")
    code, output = run(settings, "list")
    assert code == 2
    assert "town.toml" in output


def test_what_was_counted_of_a_devices_uplinks_is_shown(settings: Path) -> None:
    for fault, count in ((UplinkFault.MISSED, 3), (UplinkFault.DUPLICATE, 2), (UplinkFault.MISSED, -1)):
        with contextlib.closing(open_in(settings.parent / "store")) as store:
            uplinks = Counter({("air-1", fault): count, ("air-2", fault): 9})
            store.commit(Batch(uplinks=uplinks), 0)
    code, plain = run_json(settings, "show", "air-1")
    assert (code, plain["uplinks"]) == (0, {"missed": 2, "duplicate": 2, "codec_failed": 0})
    _, text = run(settings, "show", "air-1")
    assert "Uplinks     2 missed, 2 duplicates, 0 not decoded, since the store was made" in text


def test_a_device_without_uplinks_has_no_count_of_them(settings: Path) -> None:
    assert "uplinks" not in run_json(settings, "show", "meter-1")[1]
    assert "Uplinks" not in run(settings, "show", "meter-1")[1]


def test_a_device_is_shown_where_there_is_no_store_to_read(settings: Path) -> None:
    code, text = run(settings, "show", "air-1")
    assert code == 0
    assert "Uplinks     not known: " in text
    assert run_json(settings, "show", "air-1")[1]["uplinks"] is None
