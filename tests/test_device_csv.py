"""Devices as CSV: files as Excel in Norway writes them, every mistake with row and column, and back again."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.device_csv import HEADINGS, read_sheet, write_sheet
from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.inventory_files import read_inventory
from ingest.inventory_writing import append_devices
from ingest.local_time import parse_local

FILE = Path("enheter.csv")
SITE = b"""
[[site]]
key = "hall"
title = "Hallen"
category = "office"
latitude = 60.8
longitude = 10.7
area_m2 = 1000.0
zone = [ { key = "first", title = "1. etasje" }, { key = "1-mai", title = "Rommet" } ]
"""
TEXT = (
    "Enhet;Type;Komponent;Merker;Kilde;Adresse;Modell;Parametere;Fra;Til;Sted;Sone;;\r\n"
    'maler-1;water_meter;\'+A=310.001-OM001;"vann, kjeller";lora;24E124136B502217;milesight_em300_di_water;'
    "litres_per_pulse=2,5;24.11.2026;;hall;first;;\r\n"
    ";;;;;;;;;;;;;\r\n"
    "klima-å;indoor_climate;;;;;;;2025-01-01;24.11.2026 08:30;hall;first;;\r\n"
    '"klima-å";;;;;;;;24.11.2026 08:30;;hall;1-mai;;\r\n'
    ";;;;;;;;;;;;;\r\n"
)
EXPECTED = (
    Device(
        "maler-1",
        "water_meter",
        "+A=310.001-OM001",
        (Placement(parse_local("2026-11-24"), OPEN_END_MS, "hall", "first"),),
        tags=("vann", "kjeller"),
        source="lora",
        address="24E124136B502217",
        model="milesight_em300_di_water",
        parameters={"litres_per_pulse": 2.5},
    ),
    Device(
        "klima-å",
        "indoor_climate",
        "",
        (
            Placement(parse_local("2025-01-01"), parse_local("2026-11-24 08:30"), "hall", "first"),
            Placement(parse_local("2026-11-24 08:30"), OPEN_END_MS, "hall", "1-mai"),
        ),
    ),
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode("utf-8-sig"), id="CSV UTF-8"),
        pytest.param(TEXT.encode(), id="UTF-8 without a mark"),
        pytest.param(TEXT.encode("cp1252"), id="CSV"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="UTF-16 big-endian"),
        pytest.param(TEXT.replace(";", "\t").encode("utf-16"), id="Unicode text"),
        pytest.param(("sep=;\r\n" + TEXT).encode(), id="delimiter told"),
        pytest.param(TEXT.replace("\r\n", "\n").encode(), id="lines of Unix"),
        pytest.param(TEXT.replace("Enhet;Type", " ENHET ;type ").encode(), id="headings written otherwise"),
        pytest.param(TEXT.replace("\r\n", "\r").encode(), id="lines of an old Mac"),
        pytest.param(TEXT.replace("24.11.2026", "24.11.2026\u00a0").encode("cp1252"), id="hard blanks"),
        pytest.param(TEXT.replace("Enhet", "id").replace("Sted", "SITE").encode(), id="English headings"),
    ],
)
def test_what_excel_in_norway_writes_is_read(data: bytes) -> None:
    sheet, mistakes = read_sheet(FILE, data)
    assert mistakes == []
    assert sheet.devices == EXPECTED
    assert sheet.rows == {"maler-1": (2,), "klima-å": (4, 5)}


def test_a_row_is_counted_as_excel_shows_it_whatever_its_cells_hold() -> None:
    text = 'id;type;address;from;site;zone\n"a";t;"two\nlines";2025-01-01;hall;first\nb;t;;32.13.2025;hall;first\n'
    sheet, mistakes = read_sheet(FILE, text.encode())
    assert sheet.devices[0].address == "two\nlines"
    assert [(one.line, one.field) for one in mistakes] == [(3, "column D (from)")]


@pytest.mark.parametrize(
    ("cells", "row", "place", "told"),
    [
        (";t;;2025-01-01;;hall;first", 2, "column A (id)", "is empty"),
        ("a;;;2025-01-01;;hall;first", 2, "column B (type)", "is empty"),
        ("a;t;;;;hall;first", 2, "column D (from)", "is empty"),
        ("a;t;;24.11.26;;hall;first", 2, "column D (from)", "write 24.11.2026"),
        ("a;t;;46350;;hall;first", 2, "column D (from)", "is no time"),
        ("a;t;;2025-01-01;;hall;first\na;t;;2025-01-01;;hall;first", 3, "", "is the same as row 2"),
        ("a;t;;30.02.2026;;hall;first", 2, "column D (from)", "calendar"),
        ("a;t;;2025-01-01;snart;hall;first", 2, "column E (to)", "is no time"),
        ("a;t;;2025-01-01;;;first", 2, "column F (site)", "is empty"),
        ("a;t;;2025-01-01;;hall;", 2, "column G (zone)", "is empty"),
        ("a;t;1,5;2025-01-01;;hall;first", 2, "column C (parameters)", "NAME=NUMBER"),
        ("a;t;depth=en;2025-01-01;;hall;first", 2, "column C (parameters)", "NAME=NUMBER"),
        ("a;t;d=1 d=2;2025-01-01;;hall;first", 2, "column C (parameters)", "twice"),
        ("2,41241E+15;t;;2025-01-01;;hall;first", 2, "column A (id)", "rounded"),
        ("a;t;;2025-01-01;;hall;first;rest", 2, "column H", "without a heading"),
        ("a;t;;2025-01-01;2025-02-01;hall;first\na;u;;2025-02-01;;hall;first", 3, "column B (type)", "row 2"),
        ('a;t;;2025-01-01;;hall;"first', 2, "", "quotation mark"),
    ],
)
def test_a_mistake_names_its_row_and_column(cells: str, row: int, place: str, told: str) -> None:
    _, mistakes = read_sheet(FILE, f"id;type;parameters;from;to;site;zone\n{cells}\n".encode())
    (mistake,) = mistakes
    assert (mistake.file, mistake.line, mistake.field) == (FILE, row, place)
    assert told in mistake.message


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\r\n;;;\r\n", "is empty"),
        (b"PK\x03\x04" + bytes(range(256)), "an Excel workbook, not CSV"),
        ("id;type;from;site;zone".encode("utf-16-le"), "NUL characters"),
        ("id;type;from;site;zone".encode("utf-32"), "NUL characters"),
        (b"Enhetsliste 2026;;;\r\nid;type;from;site;zone", '"Enhetsliste 2026" is not known'),
        (b"id;type;from;site\n", "lack zone (sone)"),
        (b"id;enhet;type;from;site;zone\n", "stands there twice"),
        (b"id;typ;from;site;zone\n", '"typ" is not known'),
        (b"\x81\x8d", "neither UTF-8 nor Windows-1252"),
        (b"\xef\xbb\xbfid\xff", "begins as UTF-8"),
    ],
)
def test_a_file_that_is_no_list_of_devices_is_refused_as_a_whole(data: bytes, told: str) -> None:
    sheet, mistakes = read_sheet(FILE, data)
    assert sheet.devices == ()
    assert told in " ".join(map(str, mistakes))


def test_all_mistakes_are_told_together() -> None:
    text = "id;type;from;site;zone\na;;2025;hall;first\n;t;2025-01-01;;first\n"
    _, mistakes = read_sheet(FILE, text.encode())
    assert sorted((one.line, one.field[:8]) for one in mistakes) == [
        (2, "column B"),
        (2, "column C"),
        (3, "column A"),
    ]


def test_no_cell_of_an_export_is_a_formula_or_a_number_to_excel() -> None:
    devices = [
        Device(
            name, "indoor_climate", "+A=360.001-RT001", (Placement(0, OPEN_END_MS, "hall", "1-mai"),), address=address
        )
        for name, address in (("a", "=1+1"), ("b", "-2"), ("c", "@x"), ("d", "24E12"), ("e", "0004123405670530"))
    ]
    data = write_sheet(devices)
    assert data.startswith(b"\xef\xbb\xbf" + ";".join(HEADINGS.values()).encode() + b"\r\n")
    for line in data.decode("utf-8-sig").split("\r\n")[1:-1]:
        cells = line.split(";")
        assert (cells[2][0], cells[6][0], cells[12][0]) == ("'", "'", "'")
    assert read_sheet(FILE, data)[0].devices == tuple(devices)


def test_a_note_is_for_people_and_told_again_where_the_type_is_left_open() -> None:
    placed = Placement(0, OPEN_END_MS, "hall", "first"), Placement(OPEN_END_MS - 1, OPEN_END_MS, "hall", "first")
    device = Device("a", "indoor_climate", "", placed)
    data = write_sheet([device], {"a": "=av folk; for folk"})
    assert data.decode("utf-8-sig").startswith(";".join([*HEADINGS.values(), "merknad"]) + "\r\n")
    assert data.count(b"'=av folk; for folk") == 2
    sheet, mistakes = read_sheet(FILE, data.replace(b"'=av folk; for folk", b"endret", 1))
    assert (sheet.devices, mistakes) == ((device,), [])
    _, (mistake, *_) = read_sheet(FILE, data.replace(b"indoor_climate", b""))
    assert mistake.message == "is empty: what is it? Its note: =av folk; for folk"


SLUGS = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
MOMENTS = st.one_of(
    st.integers(0, 4_000_000_000_000),
    st.dates().filter(lambda day: day.year >= 1971).map(lambda day: parse_local(day.isoformat())),
    # The hour that autumn has twice.
    st.integers(1_792_886_400_000, 1_792_893_600_000),
)


@st.composite
def devices(draw: st.DrawFn) -> Device:
    """A device that the inventory takes, at site hall."""
    times = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=5, unique=True)))
    pairs = list(pairwise(times))
    placed = tuple(Placement(*pair, "hall", draw(st.sampled_from(["first", "1-mai"]))) for pair in pairs)
    if draw(st.booleans()):
        placed = (*placed[:-1], Placement(placed[-1].from_ms, OPEN_END_MS, "hall", "first"))
    component = draw(st.sampled_from(["", "+A=360.001-RT001"]))
    tags = tuple(draw(st.lists(SLUGS, max_size=3)))
    name = draw(SLUGS.filter(lambda one: one not in ("admin", "bridge", "replay", "monitor", "console")))
    if draw(st.booleans()):
        return Device(name, "indoor_climate", component, placed, tags=tags)
    litres = draw(st.floats(-1e9, 1e9))
    return Device(
        name,
        "water_meter",
        component,
        placed,
        tags=tags,
        source="lora",
        address=draw(TEXTS),
        model="milesight_em300_di_water",
        parameters={"litres_per_pulse": litres},
    )


@given(st.lists(devices(), max_size=4, unique_by=lambda one: one.id))
def test_what_is_exported_is_imported_as_the_same_devices(some: list[Device]) -> None:
    sheet, mistakes = read_sheet(FILE, write_sheet(some))
    assert mistakes == []
    assert sheet.devices == tuple(some)


@settings(max_examples=40)
@given(st.lists(devices(), min_size=1, max_size=4, unique_by=lambda one: (one.id, one.address.lower(), len(one.id))))
def test_what_is_written_is_read_back_as_the_same_device(
    tmp_path_factory: pytest.TempPathFactory, some: list[Device]
) -> None:
    some = list({one.id: one for one in {one.address.lower() or one.id: one for one in some}.values()}.values())
    folder = tmp_path_factory.getbasetemp()
    data = append_devices(SITE, some, "")
    path = folder / "hall.toml"
    inventory, mistakes = read_inventory(folder, load_device_types(), drafts={path: data})
    assert mistakes == []
    assert list(inventory.devices.values()) == some


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_read_or_refused_with_a_mistake(data: bytes) -> None:
    sheet, mistakes = read_sheet(FILE, b"id;type;from;site;zone\n" + data)
    assert all(one.id for one in sheet.devices)
    assert all(one.message for one in mistakes)
