"""The example town: any size is a right inventory, and the one that ships is fresh."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import simulators.cli
from devices import load_device_types
from ingest.inventory import Inventory
from ingest.inventory_files import load_inventory
from simulators.blueprint import BLUEPRINTS, SYSTEMS
from simulators.device import choose_devices
from simulators.errors import FleetError, TownError
from simulators.models import load_models
from simulators.spread import spread
from simulators.stories import STORIES
from simulators.town import MOVED, NOTICE, SWAPPED, render_town

SHIPPED = Path(__file__).parent.parent / "deploy" / "inventory"
NOW_MS = 1_795_000_000_000  # 2026-11-18


def load_town(folder: Path, devices: int, seed: int = 1) -> Inventory:
    for name, text in render_town(devices, seed).items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_inventory(folder, load_device_types())


def run(*arguments: str | Path) -> tuple[int, str, str]:
    app = typer.Typer()
    simulators.cli.add_commands(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("devices", [16, 17, 50, 248, 249, 800])
def test_a_town_of_any_size_is_a_right_inventory(tmp_path: Path, devices: int) -> None:
    inventory = load_town(tmp_path, devices)
    chosen = choose_devices(inventory, load_models(), None, NOW_MS)
    assert len(chosen) == devices
    assert {device.type_key for device in chosen} == set(SYSTEMS)
    assert len({site.category for site in inventory.sites.values()}) > 6


def test_the_same_seed_gives_the_same_town_and_another_gives_another() -> None:
    assert render_town(248, 1) == render_town(248, 1)
    assert render_town(248, 1) != render_town(248, 2)


def test_the_inventory_that_ships_is_what_the_command_makes() -> None:
    assert {file.name: file.read_text(encoding="utf-8") for file in SHIPPED.glob("*.toml")} == render_town(248, 1)


def test_every_file_says_that_it_is_made_up() -> None:
    for name, text in render_town(248, 1).items():
        assert text.startswith(NOTICE) or name == "opptak.toml"
        assert tomllib.loads(text)["site"]


def test_one_sensor_was_moved_and_one_meter_swapped(tmp_path: Path) -> None:
    inventory = load_town(tmp_path, 248)
    first, second = inventory.devices[MOVED].placements
    assert first.to_ms == second.from_ms
    assert first.zone != second.zone
    old, new = inventory.devices[f"{SWAPPED}-gammel"], inventory.devices[SWAPPED]
    assert old.placements[0].to_ms == new.placements[0].from_ms
    assert (old.placements[0].zone, old.component) == (new.placements[0].zone, new.component)


def test_every_story_is_told_by_a_device_of_the_town_that_ships() -> None:
    inventory = load_inventory(SHIPPED, load_device_types())
    places = {(place.site, place.zone) for device in inventory.devices.values() for place in device.placements}
    assert set(STORIES) <= places


def test_no_two_devices_of_a_site_have_the_same_code_at_the_same_time(tmp_path: Path) -> None:
    inventory = load_town(tmp_path, 248)
    codes = Counter(
        (device.placements[-1].site, device.component)
        for device in choose_devices(inventory, load_models(), None, NOW_MS)
    )
    assert codes.most_common(1)[0][1] == 1


def test_the_devices_of_recordings_are_placed_from_2013_and_are_not_simulated(tmp_path: Path) -> None:
    inventory = load_town(tmp_path, 16)
    recorded = [device for device in inventory.devices.values() if device.placements[0].site == "opptak"]
    assert len(recorded) == 6
    assert {device.placements[0].from_ms for device in recorded} == {1_356_994_800_000}  # 2013-01-01 in Oslo
    assert not set(recorded) & set(choose_devices(inventory, load_models(), None, NOW_MS))


def test_a_district_has_what_the_platform_is_for() -> None:
    wanted = {"office", "school", "kindergarten", "nursing_home", "sports_hall", "street", "road", "water_supply"}
    assert wanted <= {blueprint.category for blueprint in BLUEPRINTS}
    assert sum(len(blueprint.fittings) for blueprint in BLUEPRINTS) == 248


def test_a_town_without_one_of_each_type_is_refused() -> None:
    with pytest.raises(TownError, match="at least 16 devices, one of each type, not 15"):
        render_town(15, 1)


@pytest.mark.parametrize("count", [50, 100])
def test_the_first_devices_of_a_fleet_hold_every_type_in_proportion(tmp_path: Path, count: int) -> None:
    inventory = load_town(tmp_path, 248)
    chosen = Counter(device.type_key for device in choose_devices(inventory, load_models(), count, NOW_MS))
    all_of_it = Counter(device.type_key for device in choose_devices(inventory, load_models(), None, NOW_MS))
    assert set(chosen) == set(SYSTEMS)
    assert all(abs(chosen[key] - count * all_of_it[key] / 248) <= 1.5 for key in SYSTEMS)


def test_spread_keeps_everything_and_the_order_within_groups() -> None:
    mixed = spread({"a": [1, 2, 3, 4], "b": [10], "c": []})
    assert mixed[:2] == [1, 10]
    assert [item for item in mixed if item < 10] == [1, 2, 3, 4]


def test_a_fleet_larger_than_the_inventory_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(
        FleetError, match="has 16 devices that can be simulated, not 17; `gjovik town --devices 17 FOLDER`"
    ):
        choose_devices(load_town(tmp_path, 16), load_models(), 17, NOW_MS)


def test_the_command_writes_a_town_and_never_over_another(tmp_path: Path) -> None:
    code, out, _ = run("town", "--devices", "20", tmp_path / "new")
    assert (code, out) == (0, f"15 files with 20 devices that report, in {tmp_path / 'new'}\n")
    assert load_inventory(tmp_path / "new", load_device_types()).devices
    code, _, err = run("town", tmp_path / "new")
    assert code == 2
    assert "holds 15 TOML files" in err
    assert run("town", "--devices", "30", "--overwrite", tmp_path / "new")[0] == 0
    assert len(choose_devices(load_inventory(tmp_path / "new", load_device_types()), load_models(), None, NOW_MS)) == 30


@pytest.mark.parametrize("arguments", [["--devices", "3"], ["--devices", "many"], ["--devices", "99999999999"]])
def test_a_town_that_cannot_be_made_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    code, _, err = run("town", tmp_path, *arguments)
    assert code == 2
    assert err
