"""The check of everything that people configure."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest import check
from ingest.check import check_configuration, list_hints
from schemas.device_type import DeviceType
from schemas.registry import RegistryError

ROOT = Path(__file__).parent.parent
SITE = """\
[[site]]
key = "radhuset"
title = "Rådhuset"
category = "park"
latitude = 60.7957
longitude = 10.6915
[[site.zone]]
key = "1-etasje"
title = "1. etasje"
[[device]]
id = "radhuset-klima-01"
type = "indoor_climate"
component = "+A=360.001-RT001"
placements = [ { from = 2025-01-01, site = "radhuset", zone = "1-etasje" } ]
"""


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A settings file beside an inventory and the rules that ship."""
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/a.toml").write_text(SITE)
    (tmp_path / "rules").symlink_to(ROOT / "deploy/rules")
    settings = tmp_path / "collector.toml"
    settings.write_text('inventory = "inventory"\nrules = "rules"\n')
    return settings


def test_a_right_configuration_has_no_mistakes(configured: Path) -> None:
    assert check_configuration(configured, {}) == []


def test_that_nobody_is_told_of_alerts_is_a_hint_and_no_mistake(configured: Path) -> None:
    (hint,) = list_hints(configured, {})
    assert "alerts.contacts" in hint
    ended = CliRunner().invoke(gjovik.app, ["check", "--settings", str(configured), "--json"])
    assert (ended.exit_code, ended.stdout) == (0, "[]\n")
    assert ended.stderr == f"Hint: {hint}\n"
    contacts = configured.parent / "notify.toml"
    contacts.write_text("")
    assert list_hints(configured, {"GJOVIK_ALERTS__CONTACTS": str(contacts)}) == []
    assert list_hints(configured, {"GJOVIK_XYZ": "1"}) == []


RISES = """\
device_type = "{device_type}"
field = "{field}"
unit = "{unit}"
above = 10.0
clear = 8.0
for = "0s"
severity = "info"
doubtful = true
text = "Høyt"
{derive}
[[example]]
series = [[0, 1.0], [10, 1.0], [20, {beyond}], [30, 5.0]]
fires = 20
clears = 30
"""


def test_that_a_rule_wants_doubtful_values_where_there_are_none_is_hinted_at(configured: Path, tmp_path: Path) -> None:
    rules = tmp_path / "own"
    rules.mkdir()
    derive = 'derive = { kind = "unchanged" }'
    for key, device_type, field, unit, derived, beyond in (
        ("level-high", "river_level", "level", "m", "", 20.0),
        ("room-warm", "indoor_climate", "temperature", "Cel", "", 20.0),
        ("room-stuck", "indoor_climate", "temperature", "min", derive, 1.0),
    ):
        text = RISES.format(device_type=device_type, field=field, unit=unit, derive=derived, beyond=beyond)
        (rules / f"{key}.toml").write_text(text)
    assert check_configuration(configured, {}, rules=rules) == []
    hint, _ = list_hints(configured, {}, rules=rules)
    assert hint == (
        "room-warm.toml says doubtful = true, and no value of indoor_climate.temperature ever is: "
        "devices/indoor_climate.py declares no steepness, stuck_after or rollovers of it."
    )
    ended = CliRunner().invoke(gjovik.app, ["check", "--settings", str(configured), "--rules", str(rules)])
    assert ended.exit_code == 0
    assert f"Hint: {hint}\n" in ended.stderr


@pytest.mark.parametrize("name", ["GJOVIK_MQTT__SHARE", "GJOVIK_MQTT__SITES"])
def test_that_only_one_of_several_collectors_may_read_a_source_is_hinted_at(configured: Path, name: str) -> None:
    (configured.parent / "sources").mkdir()
    several = {name: "group" if name.endswith("SHARE") else '["radhuset"]'}
    reads = {"GJOVIK_SOURCES": str(configured.parent / "sources")}
    assert not any("reads sources" in hint for hint in list_hints(configured, several))
    assert not any("reads sources" in hint for hint in list_hints(configured, reads))
    assert "leave sources out of the settings of all the others" in list_hints(configured, several | reads)[0]


PRIVATE = """
[[device]]
id = "bolig-{number}"
type = "dwelling_electricity"
placements = [ {{ from = 2025-01-01, site = "radhuset", zone = "1-etasje" }} ]
source = "ams"
address = "{number}"
model = "ams_reader_dwelling"
"""


@pytest.mark.parametrize(
    ("kept", "devices", "told"),
    [
        ("", 1, "as bolig-0 is of class"),
        ("keep_payloads = true\n", 3, "as bolig-0 and 2 more are of class"),
        ("keep_payloads = false\n", 1, ""),
        ("", 0, ""),
    ],
)
def test_that_a_source_is_private_by_one_of_its_devices_is_hinted_at(
    configured: Path, monkeypatch: pytest.MonkeyPatch, kept: str, devices: int, told: str
) -> None:
    (configured.parent / "sources").mkdir()
    (configured.parent / "sources/ams.toml").write_text(f'format = "ams"\n{kept}')
    if devices:
        text = "".join(PRIVATE.format(number=one) for one in range(devices))
        (configured.parent / "inventory/b.toml").write_text(text)
    environ = {"GJOVIK_SOURCES": str(configured.parent / "sources")}
    assert check_configuration(configured, environ) == []
    found = [one for one in list_hints(configured, environ) if "ams" in one]
    assert len(found) == bool(told)
    assert all(told in one and "keep_payloads = false in ams.toml" in one for one in found)

    def fail() -> dict[str, DeviceType]:
        raise RegistryError("devices/x.py cannot be loaded: NameError: y")

    # What is wrong is told by the check itself.
    (configured.parent / "inventory/b.toml").write_text("y = 1\n")
    assert not [one for one in list_hints(configured, environ) if "ams" in one]
    monkeypatch.setattr(check, "load_device_types", fail)
    assert not [one for one in list_hints(configured, environ) if "ams" in one]


def test_a_source_is_private_by_the_inventory_that_is_checked(configured: Path, tmp_path: Path) -> None:
    (configured.parent / "sources").mkdir()
    (configured.parent / "sources/ams.toml").write_text('format = "ams"\n')
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.toml").write_text(SITE + PRIVATE.format(number=0))
    environ = {"GJOVIK_SOURCES": str(configured.parent / "sources")}
    told = "as bolig-0 is of class"
    assert not any(told in one for one in list_hints(configured, environ))
    assert any(told in one for one in list_hints(configured, environ, inventory=other))
    options = ["--settings", str(configured), "--inventory", str(other)]
    assert told in CliRunner(env=environ).invoke(gjovik.app, ["check", *options]).stderr


def test_mistakes_of_settings_inventory_and_rules_come_together(configured: Path, tmp_path: Path) -> None:
    inventory, rules = tmp_path / "wrong_inventory", tmp_path / "wrong_rules"
    for folder in (inventory, rules):
        folder.mkdir()
        (folder / "x.toml").write_text("x = 1\n")
    mistakes = check_configuration(configured, {"GJOVIK_XYZ": "1"}, inventory=inventory, rules=rules)
    assert {mistake.file for mistake in mistakes} == {Path("environment"), inventory / "x.toml", rules / "x.toml"}


def test_the_folders_of_the_settings_are_checked(configured: Path) -> None:
    (configured.parent / "inventory/b.toml").write_text("y = 1\n")
    (mistake,) = check_configuration(configured, {})
    assert (mistake.file, mistake.line, mistake.field) == (configured.parent / "inventory/b.toml", 1, "y")


def test_a_device_must_not_have_the_collectors_account(configured: Path) -> None:
    (mistake,) = check_configuration(configured, {"GJOVIK_MQTT__USERNAME": "radhuset-klima-01"})
    assert mistake.field == "device[0].id"


def test_an_example_that_does_not_behave_as_it_says_is_a_mistake(configured: Path, tmp_path: Path) -> None:
    rules = tmp_path / "changed"
    rules.mkdir()
    text = (ROOT / "deploy/rules/co2-high.toml").read_text()
    (rules / "co2-high.toml").write_text(text.replace("above = 1000.0", "above = 1200.0"))
    mistakes = check_configuration(configured, {}, rules=rules)
    assert ["does not behave as it says" in mistake.message for mistake in mistakes] == [True]


def test_a_broken_device_type_is_a_mistake(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, DeviceType]:
        raise RegistryError("devices/x.py cannot be loaded: NameError: y")

    monkeypatch.setattr(check, "load_device_types", fail)
    assert not any("doubtful" in hint for hint in list_hints(configured, {}))
    assert [str(mistake) for mistake in check_configuration(configured, {})] == [
        "devices: devices/x.py cannot be loaded: NameError: y"
    ]
    monkeypatch.setattr(check, "load_device_types", load_device_types)
    assert check_configuration(configured, {}) == []


def test_files_of_passwords_are_opened(configured: Path) -> None:
    folder = configured.parent
    (folder / "empty").write_text("")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    parts = '[mqtt]\npassword_file = "empty"\n[influx]\npassword_file = "binary"\n'
    configured.write_text(configured.read_text() + parts)
    mistakes = check_configuration(configured, {})
    assert [(mistake.file.name, mistake.field) for mistake in mistakes] == [
        ("empty", "mqtt.password_file"),
        ("binary", "influx.password_file"),
    ]
    (folder / "empty").write_text("secret\n")
    (folder / "binary").write_text("secret\n")
    assert check_configuration(configured, {}) == []


def test_a_routing_that_is_right_and_perhaps_not_meant_is_hinted_at(configured: Path) -> None:
    configured.write_text(configured.read_text() + '[alerts]\ncontacts = "notify.toml"\n')
    (configured.parent / "notify.toml").write_text('[[contact]]\nkey = "kari"\ntitle = "Kari"\naddress_env = "KARI"\n')
    environ = {"KARI": "json://127.0.0.1/"}
    assert check_configuration(configured, environ) == []
    assert list_hints(configured, environ) == [
        "contact kari is told of nothing: it is in no route, nor in a rota of one."
    ]
