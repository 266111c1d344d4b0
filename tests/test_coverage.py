"""Coverage: what no rule watches, by laws over the configuration that ships and in a small town."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices import load_device_types
from ingest.alerts.coverage import Coverage, Unwatched, UnwatchedField, VainInhibition, find_coverage
from ingest.alerts_trial_cli import trial_app
from ingest.configuration import Configuration, read_configuration
from ingest.inventory import Device, Placement
from ingest.settings import Settings
from schemas.rule import Level, Override, Reference, Rule, Severity, Subjects
from simulators.testbed.collector import render_settings
from tests.small_town import RECEIVED_MS, make_inventory
from tests.stand import COLD, INVENTORY, ROOT

TYPES = {key: one for key, one in load_device_types().items() if key in {"indoor_climate", "street_light"}}
RULE = Rule(
    key="cold",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(Level(Severity.WARNING, low=16.0, clear_low=17.0),),
    text="Kaldt",
)
DARK = dataclasses.replace(RULE, key="dark", device_type="street_light", field="power", unit="W")
ELSEWHERE = Subjects(sites=frozenset({"annex"}))


def cover(*rules: Rule, more: Sequence[Device] = ()) -> Coverage:
    """Look at site ``hall`` with a device of each of two types."""
    inventory = make_inventory(TYPES)
    devices = {**inventory.devices, **{one.id: one for one in more}}
    inventory = dataclasses.replace(inventory, devices=devices)
    return find_coverage(Configuration(TYPES, inventory, {rule.key: rule for rule in rules}), RECEIVED_MS)


def test_a_device_without_a_rule_is_found_by_type_and_site() -> None:
    coverage = cover(RULE)
    assert coverage.unwatched == (Unwatched("street_light", "hall", ("street_light",)),)
    assert (coverage.placed, coverage.watched, coverage.is_complete) == (2, 1, False)
    assert cover(RULE, DARK).is_complete


def test_a_device_that_a_rule_leaves_out_is_not_watched() -> None:
    excepted = dataclasses.replace(RULE, overrides=(Override(Subjects(sites=frozenset({"hall"})), ()),))
    for rule in (excepted, dataclasses.replace(RULE, subjects=ELSEWHERE)):
        coverage = cover(rule, DARK)
        assert coverage.unwatched == (Unwatched("indoor_climate", "hall", ("indoor_climate",)),)
        assert coverage.idle == ("cold",)


def test_what_others_are_only_compared_with_is_not_watched() -> None:
    coverage = cover(dataclasses.replace(RULE, reference=Reference("indoor_climate", 60_000)), DARK)
    assert coverage.unwatched == (Unwatched("indoor_climate", "hall", ("indoor_climate",)),)


def test_a_device_that_was_taken_down_is_not_missed() -> None:
    gone = Device("gone", "street_light", "", (Placement(0, RECEIVED_MS, "hall", "first"),))
    assert cover(RULE, DARK, more=[gone]).placed == 2


def test_a_field_without_a_rule_is_found_where_its_type_is_in_use() -> None:
    fields = cover(RULE).fields
    assert UnwatchedField("indoor_climate", "co2", 1) in fields
    assert "temperature" not in {one.field for one in fields}
    idle = dataclasses.replace(RULE, field="co2", key="co2", subjects=ELSEWHERE)
    assert UnwatchedField("indoor_climate", "co2", 1) in cover(RULE, idle).fields


def test_an_inhibition_by_what_never_fires_there_is_vain() -> None:
    inhibited = dataclasses.replace(RULE, inhibited_by=("dark",))
    assert cover(inhibited, DARK).vain == ()
    nowhere = dataclasses.replace(DARK, subjects=ELSEWHERE)
    coverage = cover(inhibited, nowhere)
    assert coverage.vain == (VainInhibition("cold", "dark", ("hall",), is_everywhere=True),)
    annexed = Device("annexed", "indoor_climate", "", (Placement(0, 2 * RECEIVED_MS, "annex", "first"),))
    assert cover(inhibited, DARK, more=[annexed]).vain == (
        VainInhibition("cold", "dark", ("annex",), is_everywhere=False),
    )


def test_in_the_configuration_that_ships_every_rule_watches_something() -> None:
    settings = Settings(inventory=ROOT / "deploy/inventory", rules=ROOT / "deploy/rules")
    coverage = find_coverage(read_configuration(settings), RECEIVED_MS)
    assert coverage.idle == ()
    assert coverage.watched + sum(len(one.devices) for one in coverage.unwatched) == coverage.placed
    assert not any(one.is_everywhere for one in coverage.vain)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A hall with a climate sensor, which a rule watches, and a street light, which none does."""
    for name, text in (("inventory/hall.toml", INVENTORY), ("rules/room-too-cold.toml", COLD)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    file = tmp_path / "collector.toml"
    file.write_text(render_settings({"inventory": str(tmp_path / "inventory"), "rules": str(tmp_path / "rules")}))
    return file


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--strict"], 1)])
def test_the_command_fails_only_when_it_is_strict(settings: Path, words: list[str], code: int) -> None:
    ended = CliRunner().invoke(trial_app, ["coverage", "--settings", str(settings), *words])
    assert ended.exit_code == code, ended.output
    assert "street_light  hall               1  light-1\n" in ended.stdout
    assert "1 of 2 devices are watched by at least one rule." in ended.stdout
    as_json = CliRunner().invoke(trial_app, ["coverage", "--settings", str(settings), "--json", *words])
    plain = json.loads(as_json.stdout)
    assert (as_json.exit_code, plain["complete"], plain["placed"], plain["watched"]) == (code, False, 2, 1)
    assert plain["unwatched"] == [{"type_key": "street_light", "site": "hall", "devices": ["light-1"]}]


def test_a_wrong_rule_is_named(settings: Path) -> None:
    rule = settings.parent / "rules/room-too-cold.toml"
    rule.write_text(COLD.replace('"temperature"', '"temp"'))
    ended = CliRunner().invoke(trial_app, ["coverage", "--settings", str(settings)])
    assert (ended.exit_code, f"{rule}:3: field" in ended.stderr) == (2, True)
