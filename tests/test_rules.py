"""Alert rules: what ships behaves as its examples say, what is wrong is named with file, line and field."""

import csv
import dataclasses
import re
from datetime import datetime
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.alerts.rules import load_rules, read_rules, run_example
from ingest.toml_file import ConfigurationError, Mistake
from schemas.reading import Reading
from schemas.rule import AlertPhase, Direction, RuleExample, Severity
from schemas.units import convert

ROOT = Path(__file__).parent.parent
RULES = load_rules(ROOT / "deploy/rules", load_device_types())
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
    assert (rule.direction, rule.limit, rule.clear, rule.hold_ms) == (Direction.BELOW, 16.0, 17.0, 10_800_000)
    assert (rule.severity, rule.text) == (Severity.WARNING, "Kaldt.")
    assert rule.examples == (RuleExample(((0, 15.0), (180, 15.0), (240, 17.0)), 180, 240),)


@pytest.mark.parametrize("key", RULES)
def test_the_examples_of_a_rule_that_ships_behave_as_they_say(key: str) -> None:
    assert [run_example(RULES[key], example) for example in RULES[key].examples] == [""] * len(RULES[key].examples)


@pytest.mark.parametrize("key", RULES)
def test_examples_of_a_rule_that_ships_would_fail_with_another_limit(key: str) -> None:
    rule = RULES[key]
    furthest = max if rule.direction is Direction.ABOVE else min
    limit = furthest(value for example in rule.examples for _, value in example.series)
    moved = dataclasses.replace(rule, limit=limit)
    assert any(run_example(moved, example) for example in rule.examples)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "field", "message"),
    [
        ("indoor_climate", "indoor", 1, "device_type", 'device type "indoor" does not exist; there are'),
        ('"temperature"', '"temp"', 2, "field", 'has no field "temp"; its fields are temperature, humidity'),
        ('"temperature"', '"presence"', 2, "field", "is true or false"),
        ('"Cel"', '"[degF]"', 3, "unit", r"temperature is in Cel; .* not in \[degF\]"),
        ("below = 16.0\n", "", 1, "above", "exactly one of above and below"),
        ("below = 16.0\n", "below = 16.0\nabove = 20.0\n", 4, "below", "exactly one of above and below"),
        (
            "below = 16.0",
            "below = -30",
            4,
            "below",
            "no plausible value is below it: temperature is from -30 to 60 Cel",
        ),
        ("below = 16.0", "above = 60", 4, "above", "no plausible value is above it"),
        ("below = 16.0", "below = nan", 4, "below", "not nan or inf"),
        ("clear = 17.0", "clear = 15.9", 5, "clear", "must be at or above the limit"),
        ("clear = 17.0", "clear = 61.0", 5, "clear", "no plausible value reaches it"),
        ("clear = 17.0\n", "", 1, "clear", "is missing"),
        ('"3h"', '"3 hours"', 6, "for", 'must be a duration such as "30s".* not "3 hours"'),
        ('"3h"', "3", 6, "for", "must be a text in quotes, not 3"),
        ('"warning"', '"alarm"', 7, "severity", "must be one of 'info', 'warning' or 'critical'"),
        ("Kaldt.", "", 8, "text", "must have at least 1 characters"),
        ("text", "tekst", 8, "tekst", "is not known; did you mean text"),
        ("[[example]]", "[example]", 9, "example", "must be an array"),
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
    assert "a register that only grows" in find_mistakes(tmp_path, text)[0].message


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


def test_the_example_in_the_documentation_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs/rules.md").read_text()
    assert find_mistakes(tmp_path, page.partition("```toml\n")[2].partition("```")[0]) == []


@pytest.mark.skipif(not OFFICE.exists(), reason="the measured series are not beside the repository")
def test_the_office_whose_heating_failed_raises_an_alert_then_and_not_all_winter() -> None:
    book = AlertBook(RULES)
    happened: list[tuple[AlertPhase, str]] = []
    with OFFICE.open() as file:
        for row in csv.DictReader(file):
            time_ms = int(datetime.fromisoformat(f"{row['timestamp']}+00:00").timestamp() * 1000)
            values: dict[str, float | bool] = {"temperature": convert(float(row["value"]), "[degF]", "Cel")}
            reading = Reading("office", "indoor_climate", "opptak", "kontor", time_ms, 0.0, values)
            happened += [
                (transition.phase, row["timestamp"])
                for transition in book.judge_reading(reading)
                if transition.rule == "room-too-cold"
            ]
    assert happened == [
        (AlertPhase.FIRING, "2014-04-13 02:00:00"),
        (AlertPhase.OK, "2014-04-14 10:00:00"),
        (AlertPhase.FIRING, "2014-05-18 11:00:00"),
        (AlertPhase.OK, "2014-05-19 10:00:00"),
    ]
