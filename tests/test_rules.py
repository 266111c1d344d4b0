"""Alert rules: what ships behaves as its examples say, what is wrong is named with file, line and field."""

import csv
import dataclasses
import re
from datetime import datetime
from math import inf
from pathlib import Path

import pytest

import ingest.alerts.derivations
from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.alerts.rule_examples import run_example
from ingest.alerts.rule_tables import (
    AgainstTable,
    ExampleTable,
    ExceptTable,
    FlappingTable,
    GroupTable,
    LevelTable,
    RuleTable,
    SubjectsTable,
)
from ingest.alerts.rules import EXAMPLE_START_MS, LOCAL, load_rules, read_rules
from ingest.alerts.schedule import ScheduleTable
from ingest.toml_file import ConfigurationError, Mistake
from schemas.reading import Reading
from schemas.registry import load_registry
from schemas.rule import Change, Level, RuleExample, Severity
from schemas.units import convert

ROOT = Path(__file__).parent.parent
RULES = load_rules(ROOT / "deploy/rules", load_device_types())
SHOWN = re.compile(r"^`(?:deploy/rules/)?([a-z0-9-]+)\.toml`[^\n]*\n\n```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
OFFICE = ROOT.parent / "shared/data/office-temperature-f.csv"

RULE = """\
device_type = "indoor_climate"
field = "temperature"
unit = "Cel"
below = 16.0
clear = 17.0
for = "3h"
severity = "warning"
text = "Kaldt."
[[example]]
series = [[0, 15.0], [180, 15.0], [240, 17.0]]
fires = 180
clears = 240
"""


def find_mistakes(folder: Path, text: str, name: str = "room-too-cold") -> list[Mistake]:
    (folder / f"{name}.toml").write_text(text)
    return read_rules(folder, load_device_types())[1]


def test_a_rule_is_read(tmp_path: Path) -> None:
    (tmp_path / "room-too-cold.toml").write_text(RULE)
    rule = load_rules(tmp_path, load_device_types())["room-too-cold"]
    assert (rule.key, rule.device_type, rule.field, rule.unit) == (
        "room-too-cold",
        "indoor_climate",
        "temperature",
        "Cel",
    )
    assert rule.levels == (Level(Severity.WARNING, low=16.0, clear_low=17.0, hold_ms=10_800_000),)
    assert (rule.severity, rule.text) == (Severity.WARNING, "Kaldt.")
    assert rule.examples == (RuleExample(((0, 15.0), (180, 15.0), (240, 17.0)), 180, 240, EXAMPLE_START_MS),)


@pytest.mark.parametrize("key", RULES)
def test_the_examples_of_a_rule_that_ships_behave_as_they_say(key: str) -> None:
    rule = RULES[key]
    assert [run_example(rule, example, LOCAL) for example in rule.examples] == [""] * len(rule.examples)


@pytest.mark.parametrize("key", RULES)
def test_examples_of_a_rule_that_ships_would_fail_with_another_limit(key: str) -> None:
    rule = RULES[key]
    mildest = rule.levels[0]
    nearest = max(
        abs(value - (mildest.high if mildest.high != inf else mildest.low))
        for example in rule.examples
        for _, value in example.series
    )
    further = dataclasses.replace(mildest, low=mildest.low - nearest - 1, high=mildest.high + nearest + 1)
    moved = dataclasses.replace(rule, levels=(further,))
    assert any(run_example(moved, example, LOCAL) for example in rule.examples)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "field", "message"),
    [
        ("indoor_climate", "indoor", 1, "device_type", 'device type "indoor" does not exist; there are'),
        ('"temperature"', '"temp"', 2, "field", 'has no field "temp"; its fields are temperature, humidity'),
        ('"temperature"', '"presence"', 3, "unit", "presence is in 1"),
        ('"Cel"', '"[degF]"', 3, "unit", r"temperature is in Cel; .* not in \[degF\]"),
        ("below = 16.0\n", "", 1, "above", "exactly one of above, below, outside and equals"),
        (
            "below = 16.0\n",
            "below = 16.0\nabove = 20.0\n",
            4,
            "below",
            "exactly one of above, below, outside and equals",
        ),
        (
            "below = 16.0",
            "below = -30",
            4,
            "below",
            "no plausible value is below it: temperature is from -30 to 60 Cel",
        ),
        ("below = 16.0", "above = 60", 4, "above", "no plausible value is above it"),
        ("below = 16.0", "below = nan", 4, "below", "not nan or inf"),
        ("clear = 17.0", "clear = 15.9", 5, "clear", "must be on the good side of the limit"),
        ("clear = 17.0", "clear = 61.0", 5, "clear", "no plausible value reaches it"),
        ("clear = 17.0\n", "", 1, "clear", "is missing"),
        ('"3h"', '"3 hours"', 6, "for", 'must be a duration such as "30s".* not "3 hours"'),
        ('"3h"', "3", 6, "for", "must be a text in quotes, not 3"),
        ('"warning"', '"alarm"', 7, "severity", "must be one of 'info', 'warning' or 'critical'"),
        ("Kaldt.", "", 8, "text", "must have at least 1 characters"),
        ("text", "tekst", 8, "tekst", "is not known; did you mean text"),
        ("[[example]]", "[example]", 9, "example", r"must stand in double brackets, \[\[example\]\]"),
        ("[180, 15.0]", "[180]", 10, "example[0].series[1]", "must have at least 2 entries"),
        ("[180, 15.0]", "[0, 15.0]", 10, "example[0].series[1]", "minutes must grow"),
        ("[180, 15.0]", "[180, 75.0]", 10, "example[0].series[1]", "75 is not plausible"),
        ("[180, 15.0]", "[180, 16.0]", 9, "example[0]", "does not behave as it says: it does not fire"),
        ("fires = 180", "fires = 0", 9, "example[0]", "says: it fires at minute 180 and clears at minute 240"),
        ("fires = 180\n", "", 11, "example[0].clears", "an alert that does not fire cannot clear"),
        ("clears = 240\n", "", 9, "example", "one example must have both fires and clears"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(
    tmp_path: Path, right: str, wrong: str, line: int, field: str, message: str
) -> None:
    assert right in RULE
    mistakes = find_mistakes(tmp_path, RULE.replace(right, wrong, 1))
    found = [mistake for mistake in mistakes if mistake.field == field]
    assert [(mistake.file.name, mistake.line) for mistake in found] == [("room-too-cold.toml", line)], mistakes
    assert re.search(message, found[0].message)


def test_a_register_has_no_rule(tmp_path: Path) -> None:
    text = RULE.replace("indoor_climate", "water_meter").replace("temperature", "volume").replace("Cel", "m3")
    assert "a register that only grows" in find_mistakes(tmp_path, text.replace("m30", "m3"))[0].message


@pytest.mark.parametrize(("name", "message"), [("reading", "must not be called"), ("Kaldt rom", "lower-case letters")])
def test_the_files_name_must_be_a_key(tmp_path: Path, name: str, message: str) -> None:
    (mistake,) = find_mistakes(tmp_path, RULE, name)
    assert message in mistake.message
    assert (mistake.file.stem, mistake.line) == (name, 0)


def test_all_mistakes_of_all_rules_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(RULE.replace('"Cel"', '"K"').replace("17.0\n", "1\n"))
    (tmp_path / "b.toml").write_text("=")
    (tmp_path / "c.toml").write_text(RULE)
    with pytest.raises(ConfigurationError) as caught:
        load_rules(tmp_path, load_device_types())
    assert [(mistake.file.name, mistake.line) for mistake in caught.value.mistakes] == [
        ("a.toml", 3),
        ("a.toml", 5),
        ("b.toml", 1),
    ]


def test_every_example_in_the_documentation_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs/rules.md").read_text()
    blocks = SHOWN.findall(page)
    assert len(blocks) == page.count("```toml") > 5
    for name, text in blocks:
        (tmp_path / f"{name}.toml").write_text(text)
    assert read_rules(tmp_path, load_device_types())[1] == []


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/rules.md").read_text()
    tables = (RuleTable, LevelTable, SubjectsTable, ExceptTable, FlappingTable, GroupTable, AgainstTable, ExampleTable)
    for model in (*tables, ScheduleTable):
        for name, info in model.model_fields.items():
            assert re.search(rf"[`\[ ]{info.alias or name}(`|\]| =)", page), (model, name)
    for kind in load_registry(ingest.alerts.derivations, "DERIVATION", type):
        assert f"`{kind}`" in page


@pytest.mark.skipif(not OFFICE.exists(), reason="the measured series are not beside the repository")
def test_the_office_whose_heating_failed_raises_an_alert_then_and_not_all_winter() -> None:
    book = AlertBook({"room-too-cold": RULES["room-too-cold"]})
    happened: list[tuple[Change, str]] = []
    with OFFICE.open() as file:
        for row in csv.DictReader(file):
            time_ms = int(datetime.fromisoformat(f"{row['timestamp']}+00:00").timestamp() * 1000)
            values: dict[str, float | bool] = {"temperature": convert(float(row["value"]), "[degF]", "Cel")}
            reading = Reading("office", "indoor_climate", "opptak", "kontor", time_ms, 0.0, values)
            happened += [
                (transition.change, row["timestamp"])
                for transition in book.judge_reading(reading)
                if transition.change in {Change.FIRED, Change.CLEARED}
            ]
    assert happened == [
        (Change.FIRED, "2014-04-13 02:00:00"),
        (Change.CLEARED, "2014-04-14 10:00:00"),
        (Change.FIRED, "2014-05-18 11:00:00"),
        (Change.CLEARED, "2014-05-19 10:00:00"),
    ]
