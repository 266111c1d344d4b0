"""Every key of a rule's file: what it means, and how a mistake in it is named."""

import re
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.rules import read_rules
from ingest.toml_file import Mistake
from schemas.derivation import Given
from schemas.device_type import Privacy
from schemas.rule import (
    Aggregate,
    Flapping,
    Group,
    Level,
    Override,
    Reference,
    Rule,
    RuleExample,
    Severity,
    Subjects,
    Together,
)
from schemas.schedule import Schedule, Use

INFO, WARNING, CRITICAL = Severity
TYPES = load_device_types()

HEAD = """\
device_type = "indoor_climate"
field = "co2"
unit = "[ppm]"
above = 1000.0
clear = 900.0
for = "10m"
severity = "info"
text = "Tett luft."
"""
EXAMPLE = """\
[[example]]
series = [[0, 1300], [10, 1300], [20, 800]]
fires = 10
clears = 20
"""
STATE = (
    HEAD.replace('"co2"', '"presence"').replace("[ppm]", "1").replace("above = 1000.0\nclear = 900.0", "equals = true")
)
STATE_EXAMPLE = EXAMPLE.replace("1300", "1").replace("800", "0")
SILENCE = (
    HEAD.replace('field = "co2"', 'watch = "silence"')
    .replace("[ppm]", "1")
    .replace("1000.0", "5")
    .replace("900.0", "4")
)
SILENCE_EXAMPLE = EXAMPLE.replace("1300", "6").replace("800", "0")
MISSING = SILENCE.replace('"silence"', '"missing"').replace('unit = "1"', 'unit = "%"')
STUCK = """\
device_type = "heat_meter"
field = "energy"
derive = { kind = "unchanged" }
unit = "min"
above = 60
clear = 0
for = "0s"
severity = "info"
text = "Måleren står."
[[example]]
series = [[0, 500], [60, 500], [61, 500], [70, 501]]
fires = 61
clears = 70
"""


def read(folder: Path, text: str) -> Rule:
    """Return the rule of a file that is right."""
    (folder / "rule.toml").write_text(text)
    (folder / "other.toml").write_text(HEAD + EXAMPLE)
    rules, mistakes = read_rules(folder, TYPES)
    assert mistakes == []
    return rules["rule"]


def find_mistakes(folder: Path, text: str) -> list[Mistake]:
    (folder / "rule.toml").write_text(text)
    return read_rules(folder, TYPES)[1]


def test_what_a_rule_does_not_say(tmp_path: Path) -> None:
    rule = read(tmp_path, HEAD + EXAMPLE)
    assert (rule.derivation, rule.group, rule.reference) == (Given(), None, None)
    assert (rule.clear_ms, rule.least, rule.keep_ms, rule.flapping) == (0, 1, 0, Flapping(4, 3_600_000))
    assert (rule.schedule, rule.subjects, rule.overrides, rule.inhibited_by) == (Schedule(), Subjects(), (), ())
    assert (rule.privacy, rule.text_en, rule.link) == (TYPES["indoor_climate"].privacy, "", "")


def test_a_rule_is_as_private_as_its_field(tmp_path: Path) -> None:
    battery = HEAD.replace("indoor_climate", "room_presence").replace('"co2"', '"battery"').replace("[ppm]", "%")
    battery = battery.replace("1000.0", "50.0").replace("900.0", "40.0")
    assert read(tmp_path, battery + EXAMPLE.replace("1300", "60").replace("800", "30")).privacy is Privacy.HEALTH
    silent = SILENCE.replace("indoor_climate", "room_presence")
    assert read(tmp_path, silent + SILENCE_EXAMPLE).privacy is Privacy.HEALTH


def test_keys_that_say_when_it_fires_and_clears(tmp_path: Path) -> None:
    keys = 'clear_for = "5m"\nreadings = 2\nkeep = "1h"\nflapping = { times = 3, within = "2h" }\n'
    example = "[[example]]\nseries = [[0, 1300], [10, 1300], [20, 800], [80, 800]]\nfires = 10\nclears = 80\n"
    rule = read(tmp_path, HEAD + keys + example)
    assert (rule.clear_ms, rule.least, rule.keep_ms, rule.flapping) == (300_000, 2, 3_600_000, Flapping(3, 7_200_000))


def test_keys_that_people_read(tmp_path: Path) -> None:
    keys = 'inhibited_by = ["other"]\nprivacy = "personal"\ntext_en = "Stuffy."\nlink = "/d/rom"\n'
    rule = read(tmp_path, HEAD + keys + EXAMPLE)
    assert (rule.inhibited_by, rule.privacy, rule.text_en) == (("other",), Privacy.PERSONAL, "Stuffy.")
    assert rule.link == "/d/rom"


def test_levels(tmp_path: Path) -> None:
    levels = """
[[level]]
severity = "warning"
above = 1500
clear = 1400
[[level]]
severity = "critical"
above = 1500.5
clear = 1400
for = "0s"
"""
    rule = read(tmp_path, HEAD + levels + EXAMPLE)
    assert rule.levels == (
        Level(INFO, high=1000, clear_high=900, hold_ms=600_000),
        Level(WARNING, high=1500, clear_high=1400, hold_ms=600_000),
        Level(CRITICAL, high=1500.5, clear_high=1400, hold_ms=0),
    )


def test_outside(tmp_path: Path) -> None:
    text = HEAD.replace("above = 1000.0\nclear = 900.0", "outside = [400, 1000]\nclear = [450, 900]")
    rule = read(tmp_path, text + EXAMPLE)
    assert rule.levels == (Level(INFO, low=400, high=1000, clear_low=450, clear_high=900, hold_ms=600_000),)


@pytest.mark.parametrize(("word", "fires", "ends"), [("true", 1, 0), ("false", 0, 1)])
def test_equals(tmp_path: Path, word: str, fires: int, ends: int) -> None:
    example = STATE_EXAMPLE.replace(", 0]", f", {ends}]").replace(", 1]", f", {fires}]")
    if ends:
        example = "[[example]]\nseries = [[0, 0], [10, 0], [20, 1]]\nfires = 10\nclears = 20\n"
    (level,) = read(tmp_path, STATE.replace("true", word) + example).levels
    assert level.is_beyond(fires)
    assert not level.is_beyond(ends)
    assert level.is_clear(ends)


def test_only_and_except(tmp_path: Path) -> None:
    tables = """
[only]
categories = ["school"]
sites = ["skolen"]
devices = ["a", "b"]
[[except]]
devices = ["a"]
above = 1200
clear = 1100
[[except]]
sites = ["skolen"]
watched = false
"""
    rule = read(tmp_path, HEAD + tables + EXAMPLE)
    assert rule.subjects == Subjects(frozenset({"skolen"}), frozenset({"school"}), frozenset({"a", "b"}))
    assert rule.overrides == (
        Override(Subjects(devices=frozenset({"a"})), (Level(INFO, high=1200, clear_high=1100, hold_ms=600_000),)),
        Override(Subjects(sites=frozenset({"skolen"})), ()),
    )


def test_group_and_against(tmp_path: Path) -> None:
    rule = read(tmp_path, HEAD + 'group = { by = "zone", of = "most", fresh = "1h" }\n' + EXAMPLE)
    assert rule.group == Group(by=Together.ZONE, aggregate=Aggregate.MOST, fresh_ms=3_600_000)
    assert read(tmp_path, HEAD + 'group = { by = "site", of = "sum" }\n' + EXAMPLE).group == Group(
        by=Together.SITE, aggregate=Aggregate.SUM, fresh_ms=900_000
    )
    rule = read(tmp_path, HEAD + 'against = { device = "ute", fresh = "20m" }\n' + EXAMPLE)
    assert rule.reference == Reference("ute", 1_200_000)


def test_what_a_group_makes_has_no_bounds(tmp_path: Path) -> None:
    text = (
        (HEAD + 'group = { by = "site", of = "sum" }\n' + EXAMPLE).replace("1000.0", "50000").replace("1300", "90000")
    )
    assert read(tmp_path, text).levels[0].high == 50_000


def test_when(tmp_path: Path) -> None:
    when = (
        'when = { use = "open", months = [1, 12], days = "mon-fri", from = "06:00", to = "22:00", holidays = false }\n'
    )
    example = EXAMPLE.replace("clears = 20\n", 'clears = 20\nstart = "2026-01-12T09:00:00+01:00"\n')
    rule = read(tmp_path, HEAD + when + example)
    assert rule.schedule == Schedule(Use.OPEN, frozenset({1, 12}), frozenset(range(5)), 360, 1320, holidays=False)
    assert rule.examples == (RuleExample(((0, 1300), (10, 1300), (20, 800)), 10, 20, 1_768_204_800_000),)


def test_derive(tmp_path: Path) -> None:
    series = "[[0, 1300], [10, 1300], [20, 1300], [30, 800], [40, 500], [50, 500]]"
    example = f"[[example]]\nseries = {series}\nfires = 20\nclears = 50\n"
    assert read(tmp_path, HEAD + 'derive = { kind = "mean", window = "20m" }\n' + example).derivation == Mean(1_200_000)
    assert read(tmp_path, STUCK).unit == "min"


def test_silence_and_missing(tmp_path: Path) -> None:
    rule = read(tmp_path, SILENCE + SILENCE_EXAMPLE)
    assert (rule.field, rule.unit, rule.group, rule.levels[0].high) == ("", "1", None, 5)
    rule = read(tmp_path, MISSING + SILENCE_EXAMPLE)
    assert (rule.field, rule.unit) == ("", "%")
    assert rule.group is not None


LEVEL = '[[level]]\nseverity = "warning"\nabove = 1500\nclear = 1400\n'
EXCEPT = '[[except]]\nsites = ["skolen"]\nabove = 1200\nclear = 1100\n'


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        (HEAD + LEVEL.replace("warning", "info"), 10, "level[0].severity", "must be more severe than info"),
        (HEAD + LEVEL.replace("1500", "1000").replace("1400", "900"), 9, "level[0]", "must lie beyond"),
        (HEAD + LEVEL.replace("above = 1500", "below = 500"), 9, "level[0]", "must lie beyond"),
        (HEAD + LEVEL.replace("above = 1500\n", ""), 9, "level[0].above", "exactly one of"),
        (HEAD + LEVEL.replace("1400", "1600"), 12, "level[0].clear", "good side"),
        (HEAD + LEVEL.replace('severity = "warning"\n', ""), 9, "level[0].severity", "is missing"),
        (HEAD.replace("above = 1000.0", "outside = [1000, 400]"), 4, "outside", "first number must be below"),
        (HEAD.replace("above = 1000.0", "outside = [400]"), 4, "outside", "at least 2"),
        (HEAD.replace("above = 1000.0", "outside = [400, 1000]"), 5, "clear", "two numbers in square brackets"),
        (HEAD.replace("900.0", "[400, 900]"), 5, "clear", "must be a number"),
        (HEAD.replace("above = 1000.0", "equals = true"), 4, "equals", "co2 needs above, below or outside"),
        (STATE.replace("equals = true", "above = 0.5\nclear = 0.5"), 4, "above", "presence needs equals"),
        (STATE.replace("equals = true", "equals = true\nclear = 0"), 5, "clear", "it clears when it is otherwise"),
        (HEAD.replace('for = "10m"\n', ""), 1, "for", "is missing"),
        (HEAD + "readings = 0\n", 9, "readings", "at least 1"),
        (HEAD + "keep = 5\n", 9, "keep", "text in quotes"),
        (HEAD + 'clear_for = "soon"\n', 9, "clear_for", "must be a duration"),
        (HEAD + 'flapping = { times = 1, within = "1h" }\n', 9, "flapping.times", "at least 2"),
        (HEAD + 'privacy = "secret"\n', 9, "privacy", "must be one of"),
        (HEAD.replace('"Tett', '"{valve} Tett'), 8, "text", "{valve} is not known"),
        (HEAD.replace('"Tett luft."', '"  "'), 8, "text", "must say something"),
        (HEAD + EXAMPLE + "[[except]]\nwatched = false\n", 13, "except[0]", "must say for which"),
        (HEAD + 'link = "javascript:x"\n', 9, "link", "must begin with"),
        (HEAD + 'inhibited_by = ["nobody"]\n', 9, "inhibited_by[0]", 'no rule is called "nobody"'),
        (HEAD + 'inhibited_by = ["rule"]\n', 9, "inhibited_by[0]", "nobody would be told"),
        (HEAD + "[only]\nsites = []\n", 10, "only.sites", "at least 1"),
        (HEAD + '[only]\nzones = ["first"]\n', 10, "only.zones", "is not known"),
        (HEAD + EXCEPT.replace("1100", "1300"), 12, "except[0].clear", "good side"),
        (HEAD + EXCEPT.replace("above = 1200\n", ""), 9, "except[0].above", "exactly one of"),
        (HEAD + EXCEPT + "watched = 0\n", 13, "except[0].watched", "true or false"),
        (HEAD + 'group = { by = "town", of = "sum" }\n', 9, "group.by", "'site', 'zone' or 'all'"),
        (HEAD + 'group = { by = "site", of = "median" }\n', 9, "group.of", "must be one of"),
        (HEAD + 'against = { fresh = "1h" }\n', 9, "against.device", "is missing"),
        (HEAD.replace('"co2"', '"co2"\nwatch = "noise"'), 3, "watch", "'values', 'silence' or 'missing'"),
        (SILENCE + 'field = "co2"\n', 9, "field", "is not known where a rule watches silence"),
        (MISSING + 'group = { by = "site", of = "sum" }\n', 9, "group", "not known where a rule watches missing"),
        (SILENCE.replace('unit = "1"', 'unit = "min"'), 3, "unit", "silence is in 1"),
        (MISSING.replace("above = 5", "above = 100"), 4, "above", "no plausible value is above it"),
        (HEAD + 'derive = { kind = "median" }\n', 9, "derive.kind", '"median" does not exist; there are hour_energy,'),
        (HEAD + "derive = { }\n", 9, "derive.kind", "does not exist"),
        (HEAD + 'derive = { kind = "mean" }\n', 9, "derive.window", "is missing"),
        (HEAD + 'derive = { kind = "mean", window = "0s" }\n', 9, "derive", "must be longer than 0"),
        (HEAD + 'derive = { kind = "mean", window = "20" }\n', 9, "derive.window", "must be a duration"),
        (HEAD + 'derive = { kind = "rate", window = "1h" }\n', 3, "unit", r"in \[ppm\]/h; .* not in \[ppm\]"),
        (HEAD + 'derive = { kind = "hour_energy" }\n', 9, "derive", "co2"),
        (STUCK.replace('"min"', '"h"'), 4, "unit", "energy is in min"),
        (HEAD + 'when = { days = "someday" }\n', 9, "when.days", "must be days such as"),
        (HEAD + 'when = { from = "08:00", to = "08:00" }\n', 9, "when.to", "must not be the same as from"),
        (HEAD + 'when = { from = "8" }\n', 9, "when.from", "must be a time of day"),
        (HEAD + "when = { months = [13] }\n", 9, "when.months[0]", "at most 12"),
        (HEAD + 'when = { use = "shut" }\n', 9, "when.use", "must be one of"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(
    tmp_path: Path, text: str, line: int, field: str, message: str
) -> None:
    mistakes = find_mistakes(tmp_path, text + (EXAMPLE if "[[example]]" not in text else ""))
    found = [mistake for mistake in mistakes if mistake.field == field]
    assert [(one.file.name, one.line) for one in found] == [("rule.toml", line)], mistakes
    assert re.search(message, found[0].message), found


def test_all_mistakes_of_a_schedule_are_named_at_once_and_with_those_of_the_rest(tmp_path: Path) -> None:
    when = 'when = { use = "shut", months = [], days = "fri-mon", from = "24:00", to = "25:00", holiday = true }\n'
    mistakes = find_mistakes(tmp_path, HEAD.replace('"[ppm]"', '"Cel"') + when + EXAMPLE)
    assert sorted(one.field for one in mistakes) == [
        "unit", "when.days", "when.from", "when.holiday", "when.months", "when.to", "when.use",
    ]  # fmt: skip


def test_a_schedule_that_is_no_table_is_named_once(tmp_path: Path) -> None:
    (mistake,) = find_mistakes(tmp_path, HEAD + 'when = "night"\n' + EXAMPLE)
    assert (mistake.field, mistake.message) == ("when", "must be a table")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('start = "noon"\n', "start"),
        ("starts = 1\n", "is not known; did you mean start"),
    ],
)
def test_a_mistake_in_an_example_is_named(tmp_path: Path, extra: str, message: str) -> None:
    (mistake,) = find_mistakes(tmp_path, HEAD + EXAMPLE + extra)
    assert mistake.line == 13
    assert message in f"{mistake.field} {mistake.message}"


def test_a_register_needs_a_derivation(tmp_path: Path) -> None:
    text = STUCK.replace('derive = { kind = "unchanged" }\n', "").replace('"min"', '"kW.h"')
    assert ["a register that only grows" in one.message for one in find_mistakes(tmp_path, text)] == [True]
