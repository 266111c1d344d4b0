"""What everybody may hear or look up of an alert: the value is left out where it tells of a person."""

import dataclasses
import json
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.announcement import format_late_line, format_line, format_payload
from ingest.alerts.rules import load_rules
from schemas.device_type import Privacy
from schemas.reading import Reading
from schemas.rule import AlertPhase, Change, Level, Rule, Severity, Transition
from tests.small_town import RECEIVED_MS, make_message, make_processor

VALUE = 4321.5
WARM = Rule(
    key="much",
    device_type="dwelling_electricity",
    field="power",
    unit="W",
    levels=(Level(Severity.WARNING, high=4000.0, clear_high=3000.0),),
    text="{value} {unit} brukes, grensa er {limit}",
    privacy=Privacy.PERSONAL,
)
MUCH = """
device_type = "dwelling_electricity"
field = "power"
unit = "W"
above = 4000.0
clear = 3000.0
for = "0s"
severity = "warning"
text = "{value} {unit} brukes"

[[example]]
series = [[0, 10.0], [10, 5000.0], [20, 10.0]]
fires = 10
clears = 20
"""
FIRED = Transition(
    *("meter-1", "hall", "first", "much", AlertPhase.FIRING, RECEIVED_MS, RECEIVED_MS, VALUE, False),
    severity=Severity.WARNING,
    change=Change.FIRED,
)
LATE = Reading("meter-1", "dwelling_electricity", "hall", "first", RECEIVED_MS, 100.0, {"power": VALUE})


def announce(rule: Rule | None, transition: Transition = FIRED) -> list[str]:
    """Return line, late line where there can be one, and retained message."""
    late = [] if rule is None else [format_late_line(LATE, rule, rule.levels[0], VALUE)]
    return [one.decode() for one in (format_line(transition, rule), *late, format_payload(transition, rule))]


@pytest.mark.parametrize("privacy", Privacy)
def test_the_value_is_told_where_it_is_of_no_person_and_that_the_limit_was_passed_always(privacy: Privacy) -> None:
    rule = dataclasses.replace(WARM, privacy=privacy)
    for text in announce(rule):
        assert ("4321" in text) is (privacy in {Privacy.PUBLIC, Privacy.INTERNAL})
        assert "4000" in text
        assert "grensa er 4000" in text
        assert "meter-1" in text
    told = json.loads(format_payload(FIRED, rule))
    assert (told["firing"], told["severity"], told["limit"], told["unit"]) == (True, "warning", 4000.0, "W")
    assert ("value" in told) is not rule.hides_value


def test_what_is_kept_apart_has_the_value_in_its_own_database() -> None:
    rule = dataclasses.replace(WARM, privacy=Privacy.HEALTH, is_apart=True)
    transition = FIRED._replace(is_apart=True)
    assert b"value=4321.5" in format_line(transition, rule)
    assert b"value=4321.5" in format_line(transition, None)


def test_of_a_rule_that_has_vanished_nobody_knows_whom_the_value_tells_of() -> None:
    assert not [text for text in announce(None) if "4321" in text]


@pytest.mark.parametrize(("privacy", "is_told"), [("", False), ('privacy = "internal"\n', True)])
def test_a_rule_about_a_personal_field_hides_its_value_unless_its_file_says_otherwise(
    tmp_path: Path, privacy: str, *, is_told: bool
) -> None:
    (tmp_path / "much.toml").write_text(privacy + MUCH)
    processor = make_processor(rules=dict(load_rules(tmp_path, load_device_types())))
    told = [
        json.dumps({"time": f"2026-01-15T12:00:0{second}Z", "power": value})
        for second, value in ((0, 10.0), (2, VALUE), (1, VALUE))
    ]
    batch = processor.process([make_message("dwelling_electricity", one) for one in told])
    alerts = [line for line in batch.lines if line.startswith(b"alerts")]
    assert [line.partition(b",")[0] for line in alerts] == [b"alerts_late", b"alerts"]
    assert [b"4321" in line for line in alerts] == [is_told, is_told]
