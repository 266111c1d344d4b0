"""Versions of a DeviceType: what breaks one is told and refused, and several live side by side."""

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types, read_device_types
from ingest import check
from ingest.check import check_configuration
from ingest.inventory_files import read_inventory
from schemas.compatibility import Break, find_breaks, find_version_faults
from schemas.device_type import Area, Clock, DeviceType, Example, Field, Privacy
from schemas.json_schema import build_json_schema, read_committed, render_json_schema
from schemas.quantities import QUANTITIES
from schemas.registry import RegistryError
from schemas.rule import Level
from schemas.version import is_misnumbered, join_key, split_key
from tests.alert_rules import CO2, INFO
from tests.small_town import make_message, make_processor

DESK = DeviceType(
    title="Pult",
    area=Area.BUILDINGS,
    fields={
        "occupied": Field("presence", "I bruk"),
        "temperature": Field("temperature", "Temperatur", required=False, low=-20.0, high=50.0),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.PUBLIC),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PERSONAL,
    examples=(Example('{"time":"2026-01-15T12:00:00Z","occupied":true}', fields="occupied=true"),),
    key="desk",
)
COMMITTED = {"desk": render_json_schema(DESK)}
FILE = """
from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy

DEVICE_TYPE = DeviceType(
    title="{title}",
    area=Area.BUILDINGS,
    fields={{"occupied": Field("{quantity}", "I bruk"), "temperature": Field("temperature", "T", required=False)}},
    interval=timedelta(minutes=10),
    privacy=Privacy.PERSONAL,
    examples=(Example('{{"time":"2026-01-15T12:00:00Z","occupied":{occupied}}}', fields="occupied={occupied}"),),
)
"""
FIRST = FILE.format(title="Pult", quantity="presence", occupied="true")
SECOND = FILE.format(title="Pult (teller)", quantity="count", occupied="2")

MakeTypes = Callable[[Mapping[str, str]], Mapping[str, DeviceType]]


@pytest.fixture
def make_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeTypes:
    """What makes a folder of device types, of their texts by key, and reads it."""

    def make(texts: Mapping[str, str]) -> Mapping[str, DeviceType]:
        folder = tmp_path / "town_devices"
        folder.mkdir()
        for key, text in {"__init__": "", **texts}.items():
            (folder / f"{key}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name.partition(".")[0] == "town_devices"]:
            monkeypatch.delitem(sys.modules, name)
        return read_device_types(importlib.import_module("town_devices"))

    return make


def change(**fields: Field | None) -> DeviceType:
    """Return the desk with other fields; None takes one away."""
    changed = {**DESK.fields, **fields}
    return dataclasses.replace(DESK, fields={name: one for name, one in changed.items() if one is not None})


def list_breaks(device_type: DeviceType) -> list[Break]:
    return find_breaks(COMMITTED, {"desk": device_type})


@pytest.mark.parametrize(
    ("key", "name", "version"),
    [
        ("desk", "desk", 1),
        ("desk_v2", "desk", 2),
        ("desk_v10", "desk", 10),
        ("am_v2_x", "am_v2_x", 1),
        ("a_v2_v3", "a_v2", 3),
        ("", "", 1),
    ],
)
def test_a_key_has_a_name_and_a_version(key: str, name: str, version: int) -> None:
    assert split_key(key) == (name, version)
    assert join_key(name, version) == key
    device_type = dataclasses.replace(DESK, key=key)
    assert (device_type.name, device_type.version, device_type.schema) == (name, version, f"{name}/{version}")
    assert not is_misnumbered(key)


@pytest.mark.parametrize("key", ["desk_v1", "desk_v0", "desk_v02", "desk_V2"])
def test_a_key_that_only_looks_like_a_version_is_told(key: str) -> None:
    (fault,) = find_version_faults({"desk": DESK, key: dataclasses.replace(DESK, key=key)})
    assert fault == f"devices/{key}.py: a version ends in _v2, _v3 and so on; version 1 has no ending"


def test_the_committed_schemas_say_name_and_version_and_nothing_breaks_them() -> None:
    types, committed = load_device_types(), read_committed()
    assert committed.keys() == types.keys()
    assert find_breaks(committed, types) == []
    for key, device_type in types.items():
        schema = json.loads(committed[key])
        assert (schema["x-name"], schema["x-version"]) == (device_type.name, device_type.version)
    second = build_json_schema(dataclasses.replace(DESK, key="desk_v2"))
    assert (second["title"], second["x-name"], second["x-version"]) == ("desk_v2", "desk", 2)


TEMPERATURE = DESK.fields["temperature"]
BATTERY = DESK.fields["battery"]
BROKEN = {
    "gone": (change(battery=None), "battery", "is gone"),
    "type": (change(occupied=Field("count", "I bruk")), "occupied", "was true or false and is a number"),
    "type back": (
        change(battery=Field("fault", "Batteri", required=False)),
        "battery",
        "was a number and is true or false",
    ),
    "quantity": (change(battery=Field("fill", "B", required=False)), "battery", "was battery in % and is fill in %"),
    "unit": (
        change(temperature=Field("level", "T", required=False)),
        "temperature",
        "was temperature in Cel and is level in m",
    ),
    "required": (
        change(battery=dataclasses.replace(BATTERY, required=True)),
        "battery",
        "was optional and is required",
    ),
    "optional": (
        change(occupied=Field("presence", "I bruk", required=False)),
        "occupied",
        "was required and is optional",
    ),
    "lowest": (
        change(temperature=dataclasses.replace(TEMPERATURE, low=-10.0)),
        "temperature",
        "was -20 to 50 and is -10 to 50",
    ),
    "highest": (
        change(temperature=dataclasses.replace(TEMPERATURE, high=49.9)),
        "temperature",
        "was -20 to 50 and is -20 to 49.9",
    ),
    "new": (change(co2=Field("co2", "CO₂")), "co2", "is new and required"),
    "privacy": (dataclasses.replace(DESK, privacy=Privacy.INTERNAL), "", "was personal and is internal"),
    "privacy of a field": (
        change(temperature=dataclasses.replace(TEMPERATURE, privacy=Privacy.PUBLIC)),
        "temperature",
        "was personal and is public",
    ),
    "clock": (dataclasses.replace(DESK, clock=Clock.RECEIVED), "", "the event time was the device's own"),
    "ahead": (dataclasses.replace(DESK, ahead=timedelta(minutes=1)), "", "up to 300 s ahead and is up to 60 s"),
}


@pytest.mark.parametrize(("device_type", "member", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_a_version_is_told_with_what_to_do(device_type: DeviceType, member: str, message: str) -> None:
    (one,) = [one for one in list_breaks(device_type) if one.member == member]
    assert (one.key, one.file) == ("desk", "devices/desk.py")
    assert message in one.message
    assert one.message.endswith(". Make devices/desk_v2.py for the change, or take it back")
    assert str(one).startswith("devices/desk.py: ")


def test_a_change_is_told_once_for_each_thing_that_it_breaks() -> None:
    assert all(len(list_breaks(device_type)) == 1 for device_type, *_ in BROKEN.values())
    assert [one.member for one in list_breaks(change(battery=None, temperature=None))] == ["temperature", "battery"]


def test_a_field_that_was_opened_further_than_its_type_is_told_beside_it() -> None:
    opened = change(temperature=dataclasses.replace(TEMPERATURE, privacy=Privacy.PUBLIC))
    breaks = list_breaks(dataclasses.replace(opened, privacy=Privacy.INTERNAL))
    assert [one.member for one in breaks] == ["", "temperature"]


def test_a_clock_that_came_to_a_device_is_a_break_too() -> None:
    received = dataclasses.replace(DESK, clock=Clock.RECEIVED)
    (one,) = find_breaks({"desk": render_json_schema(received)}, {"desk": DESK})
    assert "payloads without time would be refused" in one.message


def test_a_quantity_that_changes_its_unit_or_kind_breaks_every_type_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temperature = QUANTITIES["temperature"]
    monkeypatch.setitem(QUANTITIES, "temperature", dataclasses.replace(temperature, unit="K"))
    (one,) = list_breaks(DESK)
    assert "was temperature in Cel and is temperature in K" in one.message
    energy = QUANTITIES["energy"]
    monkeypatch.setitem(QUANTITIES, "temperature", dataclasses.replace(temperature, kind=energy.kind))
    (one,) = list_breaks(DESK)
    assert "was a measurement and is a total" in one.message


@pytest.mark.parametrize(
    "device_type",
    [
        DESK,
        change(co2=Field("co2", "CO₂", required=False)),
        change(temperature=dataclasses.replace(TEMPERATURE, low=-30.0, high=60.0, title="Ny", sentinels=(85.0,))),
        change(temperature=dataclasses.replace(TEMPERATURE, steepness=30.0, stuck_after=timedelta(days=30))),
        change(battery=dataclasses.replace(BATTERY, privacy=Privacy.INTERNAL)),
        dataclasses.replace(DESK, privacy=Privacy.HEALTH),
        dataclasses.replace(DESK, ahead=timedelta(hours=1), title="Pult 2", interval=timedelta(hours=1)),
        dataclasses.replace(DESK, examples=()),
    ],
)
def test_what_breaks_nothing_is_fine(device_type: DeviceType) -> None:
    assert list_breaks(device_type) == []


def test_a_schema_whose_type_is_gone_is_a_break_until_both_are_gone() -> None:
    (one,) = find_breaks(COMMITTED, {})
    assert one.file == "schemas/json/desk.json"
    assert "its device type is gone" in one.message
    assert find_breaks({}, {}) == []
    assert find_breaks({}, {"desk": DESK}) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"properties": 5}', COMMITTED["desk"].replace("personal", "x")])
def test_a_schema_that_cannot_be_read_is_a_break_and_no_crash(text: str) -> None:
    (one,) = find_breaks({"desk": text}, {"desk": DESK})
    assert one.file == "schemas/json/desk.json"
    assert "cannot be compared with devices/desk.py" in one.message


def test_the_version_to_make_is_the_one_behind_the_newest() -> None:
    second = dataclasses.replace(DESK, key="desk_v2")
    (one,) = find_breaks(COMMITTED, {"desk": change(battery=None), "desk_v2": second})
    assert "Make devices/desk_v3.py" in one.message


def test_two_versions_of_a_type_live_side_by_side(make_types: MakeTypes) -> None:
    types = make_types({"desk": FIRST, "desk_v2": SECOND})
    assert [(key, one.name, one.version) for key, one in types.items()] == [("desk", "desk", 1), ("desk_v2", "desk", 2)]
    rule = dataclasses.replace(
        CO2, key="warm", device_type="desk", field="temperature", unit="Cel", levels=(Level(INFO, high=50.0),)
    )
    processor = make_processor(types=types, rules={rule.key: rule})
    payload = '{"time":"2026-01-15T12:00:00Z","temperature":99,"occupied":%s}'
    batch = processor.process(
        [
            make_message("desk", payload % "true"),
            make_message("desk_v2", payload % "3"),
            make_message("desk", payload.replace("12:00:00", "12:00:01") % "3"),
            make_message("desk_v2", payload.replace("12:00:00", "12:00:01") % "true"),
        ]
    )
    stored = [line.decode().partition(" delay")[0].rpartition(",delay")[0] for line in batch.lines]
    readings = sorted(line for line in stored if line.startswith("desk"))
    assert readings == [
        "desk,device=desk,site=hall,type=desk,zone=first occupied=true,temperature=99.0",
        "desk_v2,device=desk_v2,site=hall,type=desk_v2,zone=first occupied=3.0,temperature=99.0",
    ]
    assert [(one.device, one.schema) for one in batch.quarantined] == [("desk", "desk/1"), ("desk_v2", "desk/2")]
    # A rule of a type is none of its next version.
    assert [one.device for one in batch.transitions] == ["desk"]
    assert batch.ledger.balances()


def test_the_inventory_has_devices_of_both_versions(make_types: MakeTypes, tmp_path: Path) -> None:
    types = make_types({"desk": FIRST, "desk_v2": SECOND})
    (tmp_path / "inventory").mkdir()
    device = '[[device]]\nid = "%s"\ntype = "%s"\ncomponent = "+A=360.001-RT00%d"\nplacements = [%s]\n'
    placement = '{ from = 2025-01-01, site = "park", zone = "sti" }'
    site = (
        '[[site]]\nkey = "park"\ntitle = "Park"\ncategory = "park"\nlatitude = 60.8\nlongitude = 10.7\n'
        '[[site.zone]]\nkey = "sti"\ntitle = "Sti"\n'
    )
    devices = device % ("pult-1", "desk", 1, placement) + device % ("pult-2", "desk_v2", 2, placement)
    (tmp_path / "inventory/a.toml").write_text(site + devices)
    inventory, mistakes = read_inventory(tmp_path / "inventory", types)
    assert mistakes == []
    assert {one.id: one.type_key for one in inventory.devices.values()} == {"pult-1": "desk", "pult-2": "desk_v2"}


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"desk": FIRST, "desk_v3": SECOND}, "desk_v3.py: there is no version 2 of desk, but version 1"),
        ({"desk": FIRST, "desk_v1": SECOND}, "desk_v1.py: a version ends in _v2"),
        (
            {"desk": FIRST, "desk_v2": SECOND.replace("BUILDINGS", "LEARNING")},
            "its area is learning, that of desk is buildings",
        ),
        ({"desk": FIRST, "desk_v2": SECOND.replace("PERSONAL", "INTERNAL")}, "it is internal, desk is personal"),
        (
            {"desk": FIRST, "desk_v2": SECOND.replace('"I bruk")', '"I bruk", privacy=Privacy.PUBLIC)')},
            "occupied is public, that of desk is personal",
        ),
    ],
)
def test_versions_that_do_not_follow_one_another_are_refused(
    make_types: MakeTypes, texts: Mapping[str, str], fault: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        make_types(texts)
    assert fault in str(caught.value)


def test_the_oldest_versions_may_be_retired(make_types: MakeTypes) -> None:
    assert list(make_types({"desk_v2": FIRST, "desk_v3": SECOND})) == ["desk_v2", "desk_v3"]


def test_check_says_what_broke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert check_configuration(None, {}) == []
    types = load_device_types()
    (tmp_path / "desk.json").write_text(COMMITTED["desk"])
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "load_device_types", lambda: {**types, "desk": change(battery=None)})
    (mistake,) = check_configuration(None, {})
    assert str(mistake).startswith("devices/desk.py: battery: is gone: ")
    ended = CliRunner().invoke(gjovik.app, ["check", "--json"])
    assert ended.exit_code == 1
    assert [(one["file"], one["field"]) for one in json.loads(ended.stdout)] == [("devices/desk.py", "battery")]
    (tmp_path / "folder.json").mkdir()
    (mistake,) = check_configuration(None, {})
    assert "cannot be read" in mistake.message
    # Where the program came without them there is nothing to compare with.
    monkeypatch.setattr(check, "FOLDER", tmp_path / "missing")
    assert check_configuration(None, {}) == []
