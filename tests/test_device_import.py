"""``gjovik devices import`` and ``export`` without a collector: all or nothing, and what is there already."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from ingest.device_csv import HEADINGS
from tests.stand import COLD
from tests.test_devices_cli import INVENTORY, run, run_json

HEADING = ";".join(HEADINGS)
CLIMATE = "{};indoor_climate;;;;;;;;01.01.2025;;{};{}"
FIRST = CLIMATE.format("rom-1", "hall", "first")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file beside an inventory of two devices, a source, and no collector."""
    for name, text in (("inventory/town.toml", INVENTORY), ("sources/lora.toml", 'format = "tts"\n')):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    for folder in ("rules", "store"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules/room-too-cold.toml").write_text(COLD)
    file = tmp_path / "collector.toml"
    file.write_text('inventory = "inventory"\nsources = "sources"\nrules = "rules"\n[store]\nfolder = "store"\n')
    return file


def write(settings: Path, *rows: str) -> str:
    """Return the name of a CSV file."""
    file = settings.parent / "enheter.csv"
    file.write_bytes("\r\n".join((HEADING, *rows, "")).encode("utf-8-sig"))
    return str(file)


def read_own(settings: Path) -> str:
    """Return what the file of imports holds."""
    file = settings.parent / "inventory/imported.toml"
    return file.read_text() if file.exists() else ""


def test_new_devices_are_written_and_again_they_are_as_they_were(settings: Path) -> None:
    file = write(settings, FIRST)
    code, tried = run_json(settings, "import", file, "--dry-run")
    assert (code, tried["added"], tried["written"], read_own(settings)) == (0, ["rom-1"], False, "")
    code, done = run_json(settings, "import", file)
    assert (code, done["added"], done["written"], done["reloaded"]) == (0, ["rom-1"], True, False)
    before = read_own(settings)
    assert run_json(settings, "import", file)[1]["unchanged"] == ["rom-1"]
    assert read_own(settings) == before
    assert [one["id"] for one in run_json(settings, "list")[1]["devices"]] == ["air-1", "meter-1", "rom-1"]


def test_new_devices_that_publish_for_themselves_need_an_account(settings: Path) -> None:
    file = write(settings, FIRST)
    assert "1 new publish for themselves, and need an account" in run(settings, "import", file)[1]
    assert "need an account" not in run(settings, "import", file)[1]


def test_an_import_changes_only_what_an_import_wrote(settings: Path) -> None:
    run_json(settings, "import", write(settings, FIRST, CLIMATE.format("rom-2", "hall", "first")))
    code, done = run_json(settings, "import", write(settings, CLIMATE.format("rom-1", "hall", "second")))
    assert (code, done["changed"], done["added"]) == (0, ["rom-1"], [])
    assert {one["id"] for one in run_json(settings, "list")[1]["devices"]} >= {"rom-1", "rom-2"}
    before = read_own(settings)
    code, refused = run_json(settings, "import", write(settings, FIRST, CLIMATE.format("meter-1", "hall", "first")))
    assert code == 2
    assert "enheter.csv:3: column B (type): meter-1 stands in another file of the inventory" in refused["error"]
    assert read_own(settings) == before


def test_what_the_inventory_refuses_is_told_by_row_and_column_all_together(settings: Path) -> None:
    rows = (
        CLIMATE.format("rom-1", "hal", "first"),
        CLIMATE.format("Rom 2", "hall", "first"),
        CLIMATE.format("rom-3", "hall", "third"),
        "rom-4;indoor_climat;'+A;;;;;;;01.01.2025;;hall;first",
        "rom-5;indoor_climate;;;;lora;24E124136B502217;milesight_am319;;01.01.2025;;hall;first",
        "rom-6;indoor_climate;;;;;;;;01.01.2025;01.01.2024;hall;first",
    )
    code, refused = run_json(settings, "import", write(settings, *rows))
    assert code == 2
    places = [line.partition("enheter.csv:")[2] for line in refused["error"].splitlines()]
    assert [place.split(")")[0] for place in places if place] == [
        "2: column L (site",
        "3: column A (id",
        "4: column M (zone",
        "5: column C (component",
        "6: column G (address",
        "7: column K (to",
    ]
    assert read_own(settings) == ""


def test_of_very_many_mistakes_people_are_shown_the_first(settings: Path) -> None:
    file = write(settings, *(CLIMATE.format(f"Rom {number}", "hall", "first") for number in range(60)))
    code, told = run(settings, "import", file)
    assert code == 2
    assert len(told.splitlines()) == 51
    assert told.endswith("and 10 more mistakes\n")
    assert len(run_json(settings, "import", file)[1]["error"].splitlines()) == 60


def test_what_a_terminal_would_obey_is_visible_in_a_mistake(settings: Path) -> None:
    code, told = run(settings, "import", write(settings, CLIMATE.format('"rom\x1b[31m\n1"', "hall", "first")))
    assert code == 2
    assert told.count("\n") == 1
    assert '"rom\\u001b[31m\\n1"' in told


def test_an_import_is_read_from_standard_input(settings: Path) -> None:
    text = Path(write(settings, FIRST)).read_bytes()
    words = ["devices", "import", "-", "--settings", str(settings)]
    result = CliRunner().invoke(gjovik.app, words, input=text)
    assert result.exit_code == 0, result.output
    assert "rom-1" in read_own(settings)


def test_a_file_that_a_person_put_a_site_in_is_left_alone(settings: Path) -> None:
    own = settings.parent / "inventory/imported.toml"
    own.write_text(INVENTORY.split("[[device]]")[0].replace('"hall"', '"house"').replace('"annex"', '"shed"'))
    code, refused = run_json(settings, "import", write(settings, FIRST))
    assert code == 2
    assert "imported.toml: holds site" in refused["error"]


def test_an_export_is_imported_as_it_was_here_and_elsewhere(settings: Path) -> None:
    file = settings.parent / "ut.csv"
    code, output = run(settings, "export", str(file))
    assert (code, output) == (0, f"2 devices are in {file}.\n")
    _, done = run_json(settings, "import", str(file))
    assert (done["unchanged"], done["written"]) == (["air-1", "meter-1"], False)
    before = run_json(settings, "list")[1]
    town = settings.parent / "inventory/town.toml"
    town.write_text(INVENTORY.split("[[device]]")[0])
    _, done = run_json(settings, "import", str(file))
    assert (done["added"], done["written"]) == (["air-1", "meter-1"], True)
    assert run_json(settings, "list")[1] == before


def test_an_export_that_standard_output_has_no_room_for_is_a_sentence(settings: Path) -> None:
    command = [sys.executable, "-m", "gjovik", "devices", "export", "--settings", str(settings)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == "Standard output cannot be written (No space left on device).\n"


def test_a_file_that_cannot_be_read_is_told(settings: Path) -> None:
    code, told = run_json(settings, "import", str(settings.parent / "none.csv"))
    assert (code, "cannot be read" in told["error"]) == (2, True)
    code, told = run_json(settings, "import", write(settings, '"'))
    assert (code, "quotation mark" in told["error"]) == (2, True)
