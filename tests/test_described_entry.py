"""Inventory entries of what describes itself: source, address, type and model, and a note where they cannot be told."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.described_entry import MEASURING, Entries, Entry, propose_entries
from ingest.description import read_descriptions
from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.open_source import Unheard
from ingest.source import Source
from ingest.source_table import SourceTable
from ingest.unknown_device import find_product
from tests.described_devices import (
    BRIDGE,
    CELLAR,
    CLIMATE,
    CONTACT,
    DOORS,
    NODE,
    PLUG,
    ROOM,
    TEMPERATURE,
    Description,
    tell_node,
    tell_tasmota,
    tell_zigbee,
    write_lines,
)
from tests.small_town import make_inventory
from tests.stand import COLD
from tests.test_devices_cli import INVENTORY, run, run_json

TYPES = load_device_types()
SOURCES = {
    key: Source(key=key, format_key=form, root=root, zone_info=LOCAL)
    for key, form, root in (
        ("zigbee", "zigbee2mqtt", "zigbee2mqtt"),
        ("relays", "tasmota", "tele"),
        ("nodes", "esphome", "esphome"),
    )
}
HALL = Placement(1_700_000_000_000, OPEN_END_MS, "hall", "first")


def propose(messages: Iterable[Description], present: Iterable[Device] = (), type_key: str = "") -> Entries:
    """Return what is proposed of messages."""
    found, wrong = read_descriptions(write_lines(messages), TYPES)
    assert wrong == ()
    return propose_entries(found, SOURCES, present, HALL, type_key)


def propose_one(messages: Iterable[Description], type_key: str = "") -> Entry:
    """Return the only entry."""
    (entry,) = propose(messages, type_key=type_key).proposed
    return entry


@pytest.mark.parametrize(
    ("messages", "entry"),
    [
        (CLIMATE, ("zigbee", ROOM, "indoor_climate", "zigbee_climate")),
        (CELLAR, ("relays", "kjeller", "indoor_climate", "tasmota_climate")),
        (PLUG, ("relays", "varmtvann", "smart_plug", "tasmota_plug")),
        (CONTACT, ("zigbee", DOORS, "", "")),
        (NODE, ("nodes", "stue", "", "")),
    ],
)
def test_a_device_is_bound_to_its_source_by_the_address_that_its_format_has(
    messages: tuple[Description, ...], entry: tuple[str, str, str, str]
) -> None:
    device = propose_one(messages).device
    assert (device.source, device.address, device.type_key, device.model) == entry
    assert device.placements == (HALL,)


def test_what_fits_several_equally_is_left_empty_and_the_note_says_what_fits() -> None:
    note = propose_one(CONTACT).note
    assert note.startswith("dør, Noname YY1: contact, battery (%); skriv type og modell")
    assert "door_contact (zigbee_contact), window_contact (zigbee_window)" in note
    note = propose_one(NODE).note
    assert "Temperature (°C), Humidity (%), Co2 (ppm)" in note
    assert "indoor_climate (fields_indoor_climate)" in note


def test_a_type_that_is_said_is_taken_where_it_fits_as_well_as_others_and_nowhere_else() -> None:
    device = propose_one(NODE, "classroom_climate").device
    assert (device.type_key, device.model) == ("classroom_climate", "fields_classroom_climate")
    assert "kan også være indoor_climate" in propose_one(NODE, "classroom_climate").note
    assert propose_one(CLIMATE, "refrigerator").device.type_key == "indoor_climate"
    assert propose_one(NODE, "noise").device.type_key == ""


def test_a_product_that_is_called_by_name_is_what_it_is_whatever_it_tells() -> None:
    warm = tell_zigbee(DOORS, "d", "Xiaomi ZNCZ02LM", "temperature", **TEMPERATURE)
    assert propose_one([warm]).device.model == "zigbee_plug"


def test_what_one_source_describes_is_known_at_another_also_after_a_reload() -> None:
    told = Source(key="told", format_key="homeassistant", root="homeassistant", zone_info=LOCAL)
    table = SourceTable(SOURCES | {"told": told}, make_inventory(), TYPES)
    for topic, payload in PLUG:
        opened = table.find(topic)
        assert opened is not None
        opened.read(Message(topic, json.dumps(payload).encode(), 0))
    again = SourceTable(SOURCES, make_inventory(), TYPES, table).find("tele/varmtvann/STATE")
    assert again is not None
    _, (outcome,) = again.read(Message("tele/varmtvann/STATE", b'{"POWER": "ON"}', 0))
    assert isinstance(outcome, Unheard)
    assert find_product(outcome.error.detail) == "Tasmota Sonoff Pow R2"


def test_values_that_no_model_knows_are_told() -> None:
    note = propose_one([tell_node("stue", "colour_of_walls", "", "K")]).note
    assert "ingen modell kjenner verdiene" in note


def test_a_unit_of_something_else_is_not_taken() -> None:
    assert propose_one([tell_tasmota("68AABB", "x", "BME280.Temperature", "W")]).device.model == ""


def test_topics_of_no_source_are_told() -> None:
    (entry,) = propose([("homeassistant/sensor/x/config", {"stat_t": "other/x", "dev": {"ids": "=x"}})]).proposed
    assert (entry.device.source, entry.device.type_key) == ("", "")
    assert "ingen kilde har emnet other/x" in entry.note


def test_what_tells_nothing_that_is_measured_is_no_entry() -> None:
    lamp = tell_zigbee(ROOM, "lampe", "IKEA LED1624G9", "brightness", "number")
    group = tell_zigbee("1221051039810110150109113116116_9", "gruppe", "- -", "state", "switch")
    found = propose([BRIDGE, lamp, group])
    assert found.proposed == ()
    assert found.silent == ("Zigbee2MQTT Bridge", "lampe", "gruppe")


def test_devices_of_the_inventory_are_left_out_whatever_case_their_address_has() -> None:
    present = Device("room", "indoor_climate", "", (HALL,), source="zigbee", address=ROOM.upper())
    found = propose([*CLIMATE, *CELLAR], [present])
    assert ([one.device.address for one in found.proposed], found.known) == (["kjeller"], 1)


JSON = st.recursive(st.none() | st.booleans() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=2))


@given(
    member=st.text(max_size=12),
    topic=st.sampled_from(["zigbee2mqtt/a", "tele/a/SENSOR", "tele/a/POWER", "esphome/a/sensor/b/state", "x"]),
    component=st.sampled_from(MEASURING),
    others=st.dictionaries(st.sampled_from(["dev_cla", "unit_of_meas", "name"]), st.text(max_size=12)),
)
def test_any_description_is_proposed_or_left_out(
    member: str, topic: str, component: str, others: dict[str, Any]
) -> None:
    told = {"stat_t": topic, "val_tpl": f"{{{{ value_json['{member}'] }}}}", "dev": {"ids": [f"x_{ROOM}"]}} | others
    found, _ = read_descriptions(write_lines([(f"homeassistant/{component}/o/config", told)]), TYPES)
    entries = propose_entries(found, SOURCES, (), HALL)
    assert len(entries.proposed) + len(entries.silent) == len(found)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file beside an inventory without devices, and three sources."""
    for folder in ("inventory", "sources", "rules", "store"):
        (tmp_path / folder).mkdir()
    (tmp_path / "inventory/town.toml").write_text(INVENTORY.split("[[device]]")[0])
    (tmp_path / "rules/room-too-cold.toml").write_text(COLD)
    for source in SOURCES.values():
        (tmp_path / f"sources/{source.key}.toml").write_text(f'format = "{source.format_key}"\n')
    file = tmp_path / "collector.toml"
    file.write_text('inventory = "inventory"\nsources = "sources"\nrules = "rules"\n[store]\nfolder = "store"\n')
    return file


def describe(settings: Path, messages: Iterable[Description]) -> tuple[str, str]:
    """Return the file of descriptions, and that of entries."""
    file = settings.parent / "described.txt"
    file.write_bytes(write_lines(messages))
    return str(file), str(settings.parent / "nye.csv")


def test_entries_are_imported_as_they_are_and_are_then_known(settings: Path) -> None:
    file, csv = describe(settings, (*CLIMATE, *CELLAR, *PLUG, BRIDGE))
    words = ("described", file, "--csv", csv, "--site", "annex", "--from", "2026-01-15")
    code, told = run_json(settings, *words)
    assert (code, told["known"], told["silent"]) == (0, 0, ["Zigbee2MQTT Bridge"])
    assert [one["type"] for one in told["proposed"]] == ["indoor_climate", "indoor_climate", "smart_plug"]
    data = Path(csv).read_bytes()
    assert data.startswith(b"\xef\xbb\xbfenhet;type;")
    assert b";merknad\r\n" in data
    code, done = run_json(settings, "import", csv)
    assert (code, done["added"], done["written"]) == (0, [one["id"] for one in told["proposed"]], True)
    devices = {one["id"]: one for one in run_json(settings, "list")[1]["devices"]}
    assert devices[f"zigbee-{ROOM}"]["address"] == ROOM
    again = run_json(settings, *words)[1]
    assert (again["proposed"], again["known"]) == ([], 3)


def test_what_is_left_open_is_refused_with_its_note_until_it_is_filled_in(settings: Path) -> None:
    file, csv = describe(settings, (*CLIMATE, *CONTACT))
    code, shown = run(settings, "described", file, "--csv", csv, "--from", "2026-01-15")
    assert code == 0
    assert f"2 new devices are in {csv}, 1 of them with type and model" in shown
    assert f"gjovik devices import {csv} --dry-run" in shown
    code, refused = run_json(settings, "import", csv)
    assert code == 2
    assert "nye.csv:2: column L (sted): is empty" in refused["error"]
    assert "nye.csv:3: column B (type): is empty: what is it? Its note: dør, Noname YY1" in refused["error"]
    filled = Path(csv).read_text("utf-8-sig").replace("2026-01-15;;;;", "15.01.2026;;annex;first;")
    filled = filled.replace(
        f"zigbee-{DOORS};;;;;zigbee;{DOORS};;", f"dor-1;door_contact;;;;zigbee;{DOORS};zigbee_contact;"
    )
    Path(csv).write_bytes(filled.encode("cp1252"))
    code, done = run_json(settings, "import", csv)
    assert (code, done.get("added")) == (0, [f"zigbee-{ROOM}", "dor-1"]), done


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--site", "annex"), "Say --csv"),
        (("--csv", "CSV", "--zone", "first"), "Say --site"),
        (("--csv", "CSV", "--site", "hall"), "Say --zone"),
        (("--csv", "CSV", "--site", "hal"), "hall"),
        (("--csv", "CSV", "--type", "indoor_climat"), "indoor_climate"),
        (("--csv", "CSV", "--from", "yesterday"), "--from"),
    ],
)
def test_wrong_words_write_nothing(settings: Path, words: tuple[str, ...], told: str) -> None:
    file, csv = describe(settings, CLIMATE)
    code, error = run_json(settings, "described", file, *(csv if one == "CSV" else one for one in words))
    assert (code, told in error["error"]) == (2, True), error
    assert not Path(csv).exists()


def test_a_file_that_cannot_be_written_is_told(settings: Path) -> None:
    file, _ = describe(settings, CLIMATE)
    code, error = run_json(settings, "described", file, "--csv", str(settings.parent / "none/nye.csv"))
    assert (code, "cannot be written" in error["error"]) == (1, True)


def test_what_names_of_devices_say_is_no_formula(settings: Path) -> None:
    evil = tell_zigbee(ROOM, "=HYPERLINK(1)", "- -", "temperature", unit_of_measurement="°C")
    file, csv = describe(settings, [evil])
    run_json(settings, "described", file, "--csv", csv)
    assert ";'=HYPERLINK(1)" in Path(csv).read_text("utf-8-sig")
    assert json.loads(Path(file).read_text().partition(" ")[2])["device"]["name"] == "=HYPERLINK(1)"
