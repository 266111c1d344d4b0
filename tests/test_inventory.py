"""The inventory's files: what is right becomes an Inventory, what is wrong is named with file, line and field."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.inventory import OPEN_END_MS, Category, Inventory, OpeningHours, Placement
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory, read_inventory
from ingest.toml_file import Mistake

ROOT = Path(__file__).parent.parent

SITE = """\
[[site]]
key = "radhuset"
title = "Rådhuset"
category = "office"
latitude = 60.7957
longitude = 10.6915
area_m2 = 8400.0
opening_hours = [ { days = "mon-fri", opens = "07:30", closes = "16:00" } ]
[[site.zone]]
key = "1-etasje"
title = "1. etasje"
"""
DEVICE = """\
[[device]]
id = "radhuset-klima-01"
type = "indoor_climate"
component = "+A=360.001-RT001"
placements = [ { from = 2025-01-01, site = "radhuset", zone = "1-etasje" } ]
"""
PLACEMENTS = '[ { from = 2025-01-01, site = "radhuset", zone = "1-etasje" } ]'


def to_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def load(folder: Path, **texts: str) -> Inventory:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return load_inventory(folder, load_device_types())


def find_mistakes(folder: Path, **texts: str) -> list[Mistake]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return read_inventory(folder, load_device_types())[1]


def test_a_town_of_two_files_is_read(tmp_path: Path) -> None:
    inventory = load(tmp_path, a=SITE, b=DEVICE)
    site = inventory.sites["radhuset"]
    assert (site.title, site.category, site.area_m2) == ("Rådhuset", Category.OFFICE, 8400.0)
    assert list(site.zones) == ["1-etasje"]
    assert site.opening_hours == tuple(OpeningHours(day, 450, 960) for day in range(5))
    device = inventory.devices["radhuset-klima-01"]
    assert (device.type_key, device.component) == ("indoor_climate", "+A=360.001-RT001")
    assert device.placements == (Placement(to_ms("2025-01-01T00:00+01:00"), OPEN_END_MS, "radhuset", "1-etasje"),)
    assert inventory.zone_info.key == "Europe/Oslo"


def test_dates_are_local_midnight_and_offsets_count(tmp_path: Path) -> None:
    placements = """\
placements = [
  { from = 2025-03-30, to = 2025-03-31, site = "radhuset", zone = "1-etasje" },
  { from = 2025-03-31, to = 2025-10-01T08:00:00.250+02:00, site = "radhuset", zone = "1-etasje" },
  { from = 2025-10-01T06:00:00.250Z, site = "radhuset", zone = "1-etasje" },
]
"""
    text = DEVICE[: DEVICE.index("placements")] + placements
    first, second, third = load(tmp_path, a=SITE + text).devices["radhuset-klima-01"].placements
    assert first.to_ms - first.from_ms == 23 * 3_600_000
    assert second.from_ms == to_ms("2025-03-30T22:00Z")
    assert second.to_ms == third.from_ms == to_ms("2025-10-01T06:00Z") + 250
    assert third.to_ms == OPEN_END_MS


def test_opening_hours_of_any_days_are_in_order_of_the_week(tmp_path: Path) -> None:
    hours = """\
opening_hours = [
  { days = "sun", opens = "12:00", closes = "24:00" },
  { days = "sat,mon-tue", opens = "18:00", closes = "21:00" },
  { days = "mon", opens = "08:00", closes = "18:00" },
]
"""
    text = SITE.replace('opening_hours = [ { days = "mon-fri", opens = "07:30", closes = "16:00" } ]\n', hours)
    assert load(tmp_path, a=text).sites["radhuset"].opening_hours == (
        OpeningHours(0, 480, 1080),
        OpeningHours(0, 1080, 1260),
        OpeningHours(1, 1080, 1260),
        OpeningHours(5, 1080, 1260),
        OpeningHours(6, 720, 1440),
    )


def test_a_place_has_no_area_and_recordings_may_be_from_anywhere(tmp_path: Path) -> None:
    road = '[[site]]\nkey = "fv33"\ntitle = "Fv. 33"\ncategory = "road"\nlatitude = 60.8\nlongitude = 10.7\n'
    recordings = road.replace("fv33", "opptak").replace('"road"', '"recordings"').replace("60.8", "44.9")
    sites = load(tmp_path, a=road, b=recordings).sites
    assert sites["fv33"].area_m2 is None
    assert sites["opptak"].latitude == 44.9


@pytest.mark.parametrize(
    ("right", "wrong", "line", "field", "message"),
    [
        ('key = "radhuset"', 'key = "Rådhuset"', 2, "site[0].key", 'must be lower-case .*, not "Rådhuset"'),
        ('key = "radhuset"', 'key = "alerts"', 2, "site[0].key", '"alerts" is reserved'),
        ('key = "radhuset"', 'key = "#"', 2, "site[0].key", "must be lower-case letters"),
        ('title = "Rådhuset"', 'title = ""', 3, "site[0].title", "at least 1 characters"),
        ('title = "Rådhuset"', "title = 5", 3, "site[0].title", "must be a text in quotes, not 5"),
        ("office", "castle", 4, "site[0].category", "must be one of 'office', 'school', .* not \"castle\""),
        ("60.7957", '"60.7957"', 5, "site[0].latitude", "must be a number, not"),
        ("60.7957", "160.7957", 5, "site[0].latitude", "must be at most 90, not 160.7957"),
        ("60.7957", "nan", 5, "site[0].latitude", "not nan or inf"),
        ("60.7957", "48.85", 5, "site[0].latitude", "48.85 north, 10.6915 east is not in Norway$"),
        ("area_m2 = 8400.0", "", 1, "site[0].area_m2", r"is missing: a building \(office\)"),
        ("8400.0", "-1", 7, "site[0].area_m2", "must be more than 0"),
        ('"office"', '"road"', 7, "site[0].area_m2", "must be left out: a road is not a building"),
        ("area_m2", "aera_m2", 7, "site[0].aera_m2", "is not known; did you mean area_m2"),
        ("mon-fri", "man-fre", 8, "site[0].opening_hours[0].days", 'must be days such as "mon-fri"'),
        ("mon-fri", "fri-mon", 8, "site[0].opening_hours[0].days", "runs backwards"),
        ("mon-fri", "mon-fri,fri", 8, "site[0].opening_hours[0]", "overlaps other opening hours on fri"),
        ('"16:00"', '"16.00"', 8, "site[0].opening_hours[0].closes", 'must be a time of day such as "07:30"'),
        ('"16:00"', '"07:30"', 8, "site[0].opening_hours[0].closes", "must be after opens"),
        ("[[site.zone]]", "[[site.zones]]", 9, "site[0].zones", "is not known; did you mean zone"),
        ('"1-etasje"\nt', '"1.etasje"\nt', 10, "site[0].zone[0].key", "must be lower-case letters"),
        ('id = "radhuset-klima-01"', 'id = "collector"', 13, "device[0].id", '"collector" is reserved'),
        ('id = "radhuset-klima-01"', 'id = "a/b"', 13, "device[0].id", "must be lower-case letters"),
        ("indoor_climate", "indoor", 14, "device[0].type", "did you mean dwelling_door or indoor_climate"),
        ("indoor_climate", "safety_alarm", 14, "device[0].type", "name one in health.database"),
        ("+A=360.001-RT001", "360.001-RT001", 15, "device[0].component", "must be a TFM code"),
        ("2025-01-01", '"2025-01-01"', 16, "device[0].placements[0].from", "must be a date such as 2025-01-01"),
        ("2025-01-01", "2025-01-01T08:00:00", 16, "device[0].placements[0].from", "has no offset"),
        ("2025-01-01", "1969-12-31", 16, "device[0].placements[0].from", "is before 1970"),
        ("2025-01-01", "2025-01-01, to = 2025-01-01", 16, "device[0].placements[0].to", "must be after from"),
        ('site = "radhuset"', 'site = "radhus"', 16, "device[0].placements[0].site", "did you mean radhuset"),
        ('site = "radhuset"', 'site = "xyz"', 16, "device[0].placements[0].site", "in no file of the inventory"),
        ('zone = "1-etasje"', 'zone = "kjeller"', 16, "device[0].placements[0].zone", "its zones are 1-etasje"),
        ('zone = "1-etasje"', "zon = 1", 16, "device[0].placements[0].zon", "did you mean zone"),
        ("RT001", 'RT001"\ngateway = "', 16, "device[0].gateway", "must be lower-case letters"),
        ("RT001", 'RT001"\ngateway = "tak', 16, "device[0].gateway", 'device "tak" does not exist, in no file'),
        ("RT001", 'RT001"\ngateway = "radhuset-klima-01', 16, "device[0].gateway", "is of type indoor_climate; name"),
        (PLACEMENTS, "[]", 16, "device[0].placements", "must have at least 1 entries"),
        ("[[device]]", "[device]", 12, "device", r"write \[\[device\]\]"),
        ("[[device]]", "[[devices]]", 12, "devices", "is not known; did you mean device"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_field(
    tmp_path: Path, right: str, wrong: str, line: int, field: str, message: str
) -> None:
    text = SITE + DEVICE
    assert right in text
    mistakes = find_mistakes(tmp_path, a=text.replace(right, wrong, 1))
    found = [mistake for mistake in mistakes if mistake.field == field]
    assert [(mistake.file, mistake.line) for mistake in found] == [(tmp_path / "a.toml", line)], mistakes
    assert re.search(message, found[0].message)


def test_swapped_coordinates_are_recognised(tmp_path: Path) -> None:
    text = SITE.replace("60.7957", "10.6915", 1).replace("longitude = 10.6915", "longitude = 60.7957")
    assert "latitude and longitude have changed places" in find_mistakes(tmp_path, a=text)[0].message


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("from = 2025-01-01", "from = 2025-06-01", "the placement before it has no end"),
        ("from = 2025-01-01, to = 2025-06-02", "from = 2025-06-01", "overlaps the placement before it"),
        ("from = 2025-06-01, to = 2025-07-01", "from = 2025-01-01", "earlier than the placement before it"),
    ],
)
def test_a_device_is_in_one_place_at_a_time(tmp_path: Path, first: str, second: str, message: str) -> None:
    place = 'site = "radhuset", zone = "1-etasje"'
    placements = f"placements = [\n  {{ {first}, {place} }},\n  {{ {second}, {place} }},\n]\n"
    (mistake,) = find_mistakes(tmp_path, a=SITE + DEVICE[: DEVICE.index("placements")] + placements)
    assert mistake.line == 18
    assert mistake.field.startswith("device[0].placements[1]")
    assert message in mistake.message


def test_a_device_may_have_no_component_code(tmp_path: Path) -> None:
    inventory_file = SITE + DEVICE.replace('component = "+A=360.001-RT001"\n', "")
    assert "component" not in inventory_file
    assert find_mistakes(tmp_path, a=inventory_file) == []


@pytest.mark.parametrize(
    "component",
    [
        "+A=360.001-RT001",
        "++AA=3600.001-RT001",
        "+A.2=433.0001:01-OE0001",
        "+BYGG1=320.002-RT501V",
        "+Å=5600.010-RTA001%TT",
    ],
)
def test_component_codes_of_both_generations_are_taken(tmp_path: Path, component: str) -> None:
    assert find_mistakes(tmp_path, a=SITE + DEVICE.replace("+A=360.001-RT001", component)) == []


@pytest.mark.parametrize(
    "component",
    ["", "+=360.001-RT001", "+A=36.001-RT001", "+A=360.001", "+a=360.001-RT001", "+A=360.001-RT001\\n"],
)
def test_other_component_codes_are_refused(tmp_path: Path, component: str) -> None:
    (mistake,) = find_mistakes(tmp_path, a=SITE + DEVICE.replace("+A=360.001-RT001", component))
    assert mistake.field == "device[0].component"


GATEWAY = (
    DEVICE.replace("klima-01", "gateway-01").replace("indoor_climate", "gateway").replace("360.001-RT", "522.001-UX")
)
HEARD = DEVICE + 'gateway = "radhuset-gateway-01"\n'


@pytest.mark.parametrize(("first", "second"), [(GATEWAY, HEARD), (HEARD, GATEWAY)])
def test_a_device_names_the_gateway_through_which_it_is_heard(tmp_path: Path, first: str, second: str) -> None:
    devices = load(tmp_path, a=SITE, b=first, c=second).devices
    assert devices["radhuset-klima-01"].gateway == "radhuset-gateway-01"
    assert devices["radhuset-gateway-01"].gateway == ""


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((HEARD, GATEWAY.replace("gateway-01", "gateway-1")), "does not exist; did you mean radhuset-gateway-1\\?"),
        ((HEARD, GATEWAY.replace('"gateway"', '"water_meter"')), "is of type water_meter; name one of type gateway"),
        ((GATEWAY.replace('"gateway"', '"water_meter"'), HEARD), "is of type water_meter; name one of type gateway"),
        ((GATEWAY + 'gateway = "radhuset-gateway-01"\n',), "a gateway is not heard through another"),
    ],
)
def test_a_gateway_that_is_none_is_refused(tmp_path: Path, texts: tuple[str, ...], message: str) -> None:
    (mistake,) = find_mistakes(tmp_path, site=SITE, **dict(zip("ab", texts, strict=False)))
    assert mistake.field == "device[0].gateway"
    assert mistake.line == 6
    assert re.search(message, mistake.message)


@pytest.mark.parametrize("wrong", ['"gatevei"', "7"])
def test_a_mistake_in_a_gateway_is_not_told_of_every_device_behind_it(tmp_path: Path, wrong: str) -> None:
    (mistake,) = find_mistakes(tmp_path, a=SITE, b=GATEWAY.replace('"gateway"', wrong), c=HEARD)
    assert mistake.field == "device[0].type"


def part(key: str, whole: str) -> str:
    """Return a site that is a part of another."""
    return SITE.replace('"radhuset"', f'"{key}"').replace(
        'category = "office"', f'category = "office"\npart_of = "{whole}"'
    )


def test_a_site_may_be_a_part_of_another_in_whatever_order_they_are_read(tmp_path: Path) -> None:
    inventory = load(tmp_path, a=part("floy", "bygg"), b=part("bygg", "radhuset"), c=SITE)
    assert inventory.list_wholes("floy") == ["floy", "bygg", "radhuset"]
    assert inventory.list_wholes("elsewhere") == ["elsewhere"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((SITE, part("floy", "radhust")), "did you mean radhuset"),
        ((part("floy", "floy"),), "would be a part of itself"),
    ],
)
def test_a_whole_that_is_none_is_refused(tmp_path: Path, texts: tuple[str, ...], message: str) -> None:
    (mistake,) = find_mistakes(tmp_path, **dict(zip("ab", texts, strict=False)))
    assert mistake.field == "site[0].part_of"
    assert message in mistake.message


def test_sites_that_are_parts_of_each_other_are_refused(tmp_path: Path) -> None:
    mistakes = find_mistakes(tmp_path, a=part("a-hus", "b-hus"), b=part("b-hus", "a-hus"))
    assert [one.field for one in mistakes] == ["site[0].part_of"] * 2


def test_a_device_has_tags(tmp_path: Path) -> None:
    (device,) = load(tmp_path, a=SITE + DEVICE + 'tags = ["pumpe", "kjeller"]\n').devices.values()
    assert device.tags == ("pumpe", "kjeller")


def test_duplicates_name_both_places(tmp_path: Path) -> None:
    zone = '[[site.zone]]\nkey = "1-etasje"\ntitle = "igjen"\n'
    mistakes = find_mistakes(tmp_path, a=SITE + zone + DEVICE, b=SITE + DEVICE)
    assert [str(mistake) for mistake in mistakes] == [
        f'{tmp_path}/a.toml:13: site[0].zone[1].key: zone "1-etasje" is defined before, at {tmp_path}/a.toml:10',
        f'{tmp_path}/b.toml:2: site[0].key: site "radhuset" is defined before, at {tmp_path}/a.toml:1',
        f'{tmp_path}/b.toml:13: device[0].id: device "radhuset-klima-01" is defined before, at {tmp_path}/a.toml:15',
    ]


def test_all_mistakes_of_all_files_are_reported_together(tmp_path: Path) -> None:
    mistakes = find_mistakes(
        tmp_path,
        a=SITE.replace("60.7957", "6079.57").replace("8400.0", '"stor"'),
        b=DEVICE.replace("indoor_climate", "x").replace("+A=", "+A-"),
        c=DEVICE.replace("klima-01", "klima-02").replace('zone = "1-etasje"', "romm = 1"),
    )
    assert [(mistake.file.name, mistake.line) for mistake in mistakes] == [
        ("a.toml", 5),
        ("a.toml", 7),
        ("b.toml", 4),
        ("c.toml", 5),
        ("c.toml", 5),
    ]


def test_one_mistake_is_not_reported_as_many(tmp_path: Path) -> None:
    wrong_site = SITE.replace("60.7957", "6079.57")
    assert len(find_mistakes(tmp_path, a=wrong_site, b=DEVICE)) == 1
    assert len(find_mistakes(tmp_path, a=SITE + "[", b=DEVICE)) == 1


def test_the_collectors_own_account_is_reserved_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(SITE + DEVICE)
    _, mistakes = read_inventory(tmp_path, load_device_types(), {"radhuset-klima-01"})
    assert [mistake.field for mistake in mistakes] == ["device[0].id"]


def test_a_site_may_be_defined_in_a_later_file(tmp_path: Path) -> None:
    assert load(tmp_path, a=DEVICE, b=SITE).devices["radhuset-klima-01"].placements[0].zone == "1-etasje"
    (mistake,) = find_mistakes(tmp_path, a=DEVICE.replace("1-etasje", "kjeller"), b=SITE)
    message = 'zone "kjeller" is not a zone of site "radhuset"; its zones are 1-etasje'
    assert str(mistake) == f"{tmp_path}/a.toml:5: device[0].placements[0].zone: {message}"
    mistakes = find_mistakes(tmp_path, a=DEVICE.replace('"radhuset"', '"radhus"'), b=SITE)
    assert [(mistake.file.name, mistake.line) for mistake in mistakes] == [("a.toml", 5)]
    assert "did you mean radhuset" in mistakes[0].message


def test_what_is_wrong_with_a_placement_is_said_of_each_device_that_has_it(tmp_path: Path) -> None:
    wrong = DEVICE.replace("from = 2025-01-01", "from = 2025-01-01, to = 2025-01-01").replace("1-etasje", "kjeller")
    mistakes = find_mistakes(tmp_path, a=SITE + wrong + wrong.replace("klima-01", "klima-02"))
    assert [(mistake.line, mistake.field.rpartition(".")[2]) for mistake in mistakes] == [
        (16, "to"),
        (16, "zone"),
        (21, "to"),
        (21, "zone"),
    ]


def test_devices_at_one_place_share_what_is_known_of_it(tmp_path: Path) -> None:
    """At 100,000 devices that is a third of the memory."""
    devices = load(tmp_path, a=SITE + DEVICE, b=DEVICE.replace("klima-01", "klima-02")).devices.values()
    first, second = devices
    assert first.placements[0] is second.placements[0]
    assert first.type_key is second.type_key


def test_ten_thousand_devices_are_read_in_a_moment(tmp_path: Path) -> None:
    devices = "".join(DEVICE.replace("klima-01", f"klima-{number:05}") for number in range(10_000))
    started = time.process_time()
    inventory = load(tmp_path, a=SITE + devices)
    assert len(inventory.devices) == 10_000
    assert time.process_time() - started < 3.0  # 0.15 s where it was measured


def test_the_example_in_the_documentation_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs/inventory.md").read_text()
    text = page.partition("```toml\n")[2].partition("```")[0]
    inventory = load(tmp_path, example=text)
    assert inventory.devices
    assert inventory.sites
    for word in (*Category, *BROKER_ACCOUNTS):
        assert f"`{word}`" in page


def test_the_inventory_that_ships_is_right() -> None:
    folder = ROOT / "deploy/inventory"
    if not folder.is_dir():
        pytest.skip("the example town has not been generated")
    assert load_inventory(folder, load_device_types()).devices
