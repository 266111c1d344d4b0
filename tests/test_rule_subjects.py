"""What rules name of the inventory is there, or is refused with file, line and field."""

from dataclasses import replace
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.alerts.rules import read_rules
from ingest.inventory_files import read_inventory
from schemas.rule import Aggregate, Change, Group, Subjects, Together
from tests.alert_rules import MINUTE_MS, TOGETHER, at_once, make_device, make_reading, make_town

ROOT = Path(__file__).parents[1]
TYPES = load_device_types()
TOWN, _ = read_inventory(ROOT / "deploy/inventory", TYPES, set())
COLD = (ROOT / "deploy/rules/room-too-cold.toml").read_text(encoding="utf-8")


def find_mistakes(folder: Path, text: str) -> list[tuple[str, str]]:
    (folder / "rule.toml").write_text(text, encoding="utf-8")
    return [(one.field, one.message) for one in read_rules(folder, TYPES, inventory=TOWN)[1]]


def test_every_rule_that_ships_names_what_is_there() -> None:
    assert read_rules(ROOT / "deploy/rules", TYPES, inventory=TOWN)[1] == []


@pytest.mark.parametrize(
    ("keys", "field", "message"),
    [
        ('only = { sites = ["radhust"] }\n', "only.sites[0]", "did you mean radhuset"),
        ('only = { categories = ["office", "castle"] }\n', "only.categories[1]", '"castle"'),
        ('only = { devices = ["nobody-at-all"] }\n', "only.devices[0]", "is not in the inventory"),
    ],
)
def test_a_name_that_is_not_there_is_refused(tmp_path: Path, keys: str, field: str, message: str) -> None:
    ((found, told),) = find_mistakes(tmp_path, keys + COLD)
    assert found == field
    assert message in told


def test_an_exception_for_a_site_that_is_not_there_is_refused(tmp_path: Path) -> None:
    text = COLD + '\n[[except]]\nsites = ["nowhere-at-all"]\nwatched = false\n'
    ((field, _),) = find_mistakes(tmp_path, text)
    assert field == "except[0].sites[0]"


def test_what_others_are_compared_with_must_be_of_their_type(tmp_path: Path) -> None:
    (other,) = [one.id for one in TOWN.devices.values() if one.type_key == "gateway"][:1]
    text = COLD.replace("below = 16.0", f'against = {{ device = "{other}" }}\nbelow = 16.0')
    found = find_mistakes(tmp_path, text)
    assert ("against.device", "is of type gateway, not indoor_climate") in found


def test_a_rule_speaks_of_the_devices_of_a_tag_and_of_all_of_them_together() -> None:
    tagged = [replace(make_device(name), tags=("pumpe",)) for name in ("room", "yard")]
    group = Group(by=Together.ALL, aggregate=Aggregate.SUM, fresh_ms=15 * MINUTE_MS)
    rule = replace(at_once(TOGETHER), group=group, subjects=Subjects(tags=frozenset({"pumpe"})))
    book = AlertBook({rule.key: rule}, make_town(*tagged, make_device("hall")))
    readings = [make_reading(minute, 600, device=name) for minute, name in enumerate(("room", "hall", "yard"))]
    told = [one for reading in readings for one in book.judge_reading(reading)]
    assert [(one.device, one.change, one.value) for one in told] == [(":", Change.FIRED, 1200.0)]
    town = make_town(*tagged, make_device("hall"))
    assert book.replace_rules({rule.key: rule}, town, 9 * MINUTE_MS) == []
    (withdrawn,) = book.replace_rules({rule.key: rule}, make_town(make_device("hall")), 9 * MINUTE_MS)
    assert withdrawn.transition.change is Change.WITHDRAWN
