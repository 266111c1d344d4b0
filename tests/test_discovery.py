"""What is told of an unknown device: what it may be, on which grounds, since when, and why nothing is guessed."""

import base64
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.adoption import Known, Wanted, choose_place, make_entry, name_device
from ingest.batch import Batch, Quarantined, QuarantineRow
from ingest.bound_device import WHOLE
from ingest.discovery import LOOKED_AT, Discovered, Grounds, Guess, discover, find_earliest, takes_nothing
from ingest.discovery_view import render_discovered, to_plain
from ingest.inventory import OPEN_END_MS, Placement
from ingest.local_time import LOCAL
from ingest.models import load_models
from ingest.quarantine_filter import Filter
from ingest.request import WrongRequestError
from ingest.settings import Store as StoreSettings
from ingest.source import Source
from ingest.store_groups import Group
from ingest.store_reader import open_reader
from ingest.store_thread import open_store
from ingest.unknown_device import describe_unknown_device, find_product
from schemas.reason import Level, Reason
from tests.small_town import make_inventory
from tests.sparkplug_payloads import number, write
from tests.stand import climate

NOW_MS = 1_768_478_402_000
DAY_MS = 24 * 3_600_000
SOURCES = {
    key: Source(key=key, format_key=form, root=root, zone_info=LOCAL)
    for key, form, root in (
        ("lora", "chirpstack", "application"),
        ("zigbee", "zigbee2mqtt", "zigbee2mqtt"),
        ("pack", "senml", "senml"),
        ("building", "sparkplug", "spBv1.0"),
    )
}
EUI = "24E124136B502099"
AM319 = "0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"


def keep(payload: bytes, topic: str, device: str = "", received_ms: int = NOW_MS) -> Quarantined:
    """Return an entry of a payload."""
    part = WHOLE if device else None
    kept = Quarantined(
        *(received_ms, Level.READING, Reason.UNKNOWN_DEVICE, topic, device, "", payload, len(payload)),
        hashlib.sha256(payload).digest(),
    )
    return kept._replace(part=part)


def uplink(product: str, frame: str = AM319) -> Quarantined:
    """Return an entry of what ChirpStack tells of a frame."""
    told = {
        "time": "2026-01-15T12:00:00Z",
        "deviceInfo": {"devEui": EUI.lower(), "deviceProfileName": product},
        "devAddr": "00189440",
        "fCnt": 1,
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex(frame)).decode(),
    }
    return keep(json.dumps(told).encode(), f"application/a/device/{EUI.lower()}/event/up", f"lora:{EUI}")


def zigbee(**members: object) -> Quarantined:
    """Return an entry of what Zigbee2MQTT tells."""
    return keep(json.dumps(members).encode(), "zigbee2mqtt/kitchen", "zigbee:0x00158d00018255df")


def native(payload: str) -> Quarantined:
    """Return an entry of a native payload."""
    return keep(payload.encode(), "gjovik/hall/climate-9/reading")


def find(*entries: Quarantined) -> Discovered:
    """Return what is told of a device, of its entries, the newest last."""
    rows = [QuarantineRow(number, one) for number, one in enumerate(entries, 1)]
    sender = entries[0].device or "climate-9"
    group = Group(sender, Reason.UNKNOWN_DEVICE, len(rows), 0, entries[0].received_ms, entries[-1].received_ms)
    return discover(group, rows[::-1][:LOOKED_AT], SOURCES)


def models(found: Discovered) -> set[str]:
    """Return the Models that it may be."""
    return {one.model for one in found.guesses}


def test_a_product_that_is_called_by_name_is_guessed_by_it() -> None:
    found = find(uplink("Milesight VS341"))
    assert (found.grounds, found.guesses) == (Grounds.PRODUCT, (Guess("desk_occupancy", "milesight_vs341"),))
    assert (found.source, found.address, found.product) == ("lora", EUI, "Milesight VS341")
    assert found.says.startswith("port 85: 0367")


def test_a_product_that_came_in_another_message_is_known_by_the_detail() -> None:
    detail = describe_unknown_device("0x00158d00018255df", "zigbee", "Xiaomi ZNCZ02LM")
    found = find(zigbee(temperature=21.5)._replace(detail=detail), zigbee(temperature=21.5))
    assert (found.product, found.grounds) == ("Xiaomi ZNCZ02LM", Grounds.PRODUCT)
    assert found.guesses == (Guess("smart_plug", "zigbee_plug"),)


@given(product=st.text(max_size=30), address=st.text(max_size=30))
def test_a_product_is_found_in_the_detail_as_it_was_written(product: str, address: str) -> None:
    assert find_product(describe_unknown_device(address, "zigbee", product)) == product


def test_what_a_birth_told_is_found_among_the_oldest() -> None:
    birth = write([number("Supply Air Temperature", 18.5, alias=1)], seq=1)
    change = write([number("", 19.5, alias=1)], seq=2)
    place = "spBv1.0/hall/{}/edge/ahu"
    told = keep(birth, place.format("DBIRTH"), "building:hall/edge/ahu")
    rows = [QuarantineRow(2, keep(change, place.format("DDATA"), "building:hall/edge/ahu"))]
    group = Group("building:hall/edge/ahu", Reason.UNKNOWN_DEVICE, 2, 0, NOW_MS, NOW_MS)
    assert "understood alone" in discover(group, rows, SOURCES).note
    found = discover(group, rows, SOURCES, [QuarantineRow(1, told), *rows])
    assert found.guesses == (Guess("ventilation_unit", "sparkplug_ventilation"),)
    assert "Supply Air Temperature=19.5" in found.says


def test_of_several_products_of_a_name_those_are_guessed_that_the_frame_fits() -> None:
    found = find(uplink("AM319"))
    assert found.grounds is Grounds.PRODUCT
    assert models(found) <= {"milesight_am319", "milesight_am319_o3"}
    assert "milesight_am319" in models(found)


def test_a_product_without_a_name_is_guessed_by_what_it_says() -> None:
    found = find(zigbee(battery=90), zigbee(temperature=21.5, humidity=40, pressure=1001))
    assert (found.grounds, found.guesses) == (Grounds.MEMBERS, (Guess("indoor_climate", "zigbee_climate"),))
    assert "humidity=40" in found.says


def test_guesses_that_fit_equally_well_are_all_told() -> None:
    found = find(zigbee(battery=90, linkquality=80))
    assert len(found.guesses) > 1
    assert found.grounds is Grounds.MEMBERS
    assert " more" in render_discovered(found)[4]


def test_a_native_device_is_what_takes_all_that_it_says() -> None:
    found = find(native(climate(NOW_MS, 1, co2=600.0, humidity=40.0)))
    assert (found.site, found.format_key, found.grounds) == ("hall", "native", Grounds.MEMBERS)
    types = [one.type_key for one in found.guesses]
    assert "indoor_climate" in types
    assert "electricity_meter" not in types
    out_of_range = find(native(climate(NOW_MS, 1, co2=-5.0)))
    assert out_of_range.guesses == ()
    assert "no device type takes" in out_of_range.note


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (uplink("AM319")._replace(payload=b""), "keeps no payloads"),
        (uplink("AM319")._replace(length=10_000), "only the first"),
        (keep(b"{}", "x/y", "gone:1"), "not configured"),
        (native("no JSON"), "not of the native format"),
        (native('{"time": "2026-01-15T12:00:00Z", "colour": 3.0}'), "no device type"),
        (zigbee(colour="blue"), "no model"),
        (keep(b"\xff\xfe", "zigbee2mqtt/kitchen", "zigbee:1"), "understood alone"),
    ],
)
def test_where_nothing_is_guessed_it_is_told_why(entry: Quarantined, note: str) -> None:
    found = find(entry)
    assert (found.guesses, found.grounds) == ((), Grounds.NONE)
    assert note in found.note
    assert found.note in render_discovered(found)[4]
    assert to_plain(found)["note"] == found.note
    if not entry.payload:
        assert found.says == ""


@pytest.mark.parametrize(("entries", "vain"), [([zigbee(action="single")], True), ([zigbee(temperature=20.5)], False)])
def test_a_model_that_takes_nothing_of_what_was_said_is_known(entries: list[Quarantined], *, vain: bool) -> None:
    rows = [QuarantineRow(number, one) for number, one in enumerate(entries, 1)]
    assert takes_nothing(load_models()["zigbee_climate"], SOURCES["zigbee"], rows) is vain


def test_of_frames_nothing_is_foretold_as_they_stay_in_quarantine() -> None:
    rows = [QuarantineRow(1, uplink("AM319"))]
    assert not takes_nothing(load_models()["dragino_lse01"], SOURCES["lora"], rows)


def earliest(entries: Iterable[Quarantined], source: Source | None = None) -> int | None:
    """Return the earliest time of entries."""
    return find_earliest((QuarantineRow(1, one) for one in entries), source)


def test_a_device_is_there_since_its_first_reading_was_measured() -> None:
    late = native(climate(NOW_MS - DAY_MS, 1))
    assert earliest([native(climate(NOW_MS, 1)), late]) == NOW_MS - DAY_MS
    assert earliest([native(climate(0, 1))]) == NOW_MS  # a clock that begins in 1970 is not believed
    assert earliest([native("no JSON")]) == NOW_MS
    assert earliest([uplink("AM319")], SOURCES["lora"]) == NOW_MS - 2_000
    assert earliest([]) is None


KNOWN = Known(load_device_types(), load_models(), make_inventory())


def test_an_entry_is_made_of_what_is_known_and_what_is_said() -> None:
    entry = make_entry(find(uplink("Milesight VS341")), Wanted(site="hall"), NOW_MS, KNOWN)
    assert (entry.id, entry.type_key, entry.model) == (f"lora-{EUI.lower()}", "desk_occupancy", "milesight_vs341")
    assert (entry.source, entry.address) == ("lora", EUI)
    assert entry.placements == (Placement(NOW_MS, OPEN_END_MS, "hall", "first"),)
    entry = make_entry(find(native(climate(NOW_MS, 1))), Wanted("indoor_climate"), NOW_MS, KNOWN)
    assert (entry.id, entry.source, entry.placements[0].site) == ("climate-9", "", "hall")


@pytest.mark.parametrize(
    ("found", "said", "told"),
    [
        (find(native(climate(NOW_MS, 1))), Wanted("indoor_climate", id="other"), "leave --id out"),
        (find(native(climate(NOW_MS, 1))), Wanted("indoor_climate", site="annex"), "publishes for site hall"),
        (find(native(climate(NOW_MS, 1))), Wanted("indoor_climate", "zigbee_plug"), "leave --model out"),
        (find(native(climate(NOW_MS, 1))), Wanted(), "Say --type"),
        (find(native(climate(NOW_MS, 1))), Wanted("indoor_climat"), "indoor_climate"),
        (find(zigbee(battery=90, linkquality=80)), Wanted(site="hall"), "Say --model"),
        (find(uplink("AM319")), Wanted(), "Say --site"),
        (find(uplink("AM319")), Wanted(model="milesight_am319", site="hall", zone="cellar"), "has first"),
    ],
)
def test_what_cannot_be_guessed_must_be_said(found: Discovered, said: Wanted, told: str) -> None:
    with pytest.raises(WrongRequestError) as raised:
        make_entry(found, said, NOW_MS, KNOWN)
    assert told in str(raised.value)


def test_a_type_that_is_said_leaves_the_only_model_of_it() -> None:
    entry = make_entry(find(zigbee(battery=90)), Wanted("smart_plug", site="hall"), NOW_MS, KNOWN)
    assert entry.model == "zigbee_plug"


def test_names_are_made_of_addresses_of_any_form() -> None:
    assert name_device("building", "Hall/AHU 1") == "building-hall-ahu-1"
    assert len(name_device("building", "x" * 200)) <= 64
    assert choose_place("hall", "", KNOWN.inventory) == ("hall", "first")


async def test_senders_are_found_quickly_however_much_is_held(tmp_path: Path) -> None:
    entry = uplink("AM319")
    async with open_store(StoreSettings(folder=tmp_path, reserve_bytes=0)) as store:
        await store.commit(Batch(quarantined=[entry]), 0)
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
            "INSERT INTO quarantine (sender, bytes, received_ms, level, reason, topic, device, detail, payload, "
            "length, sha256, retain, part, given_ms, fields) SELECT 'lora:' || (i % 1000), bytes, received_ms, level, "
            "reason, topic, 'lora:' || (i % 1000), detail, payload, length, sha256, retain, part, given_ms, fields "
            "FROM quarantine, n WHERE id = 1"
        )
        connection.execute("DELETE FROM quarantine_groups")
        connection.execute(
            "INSERT INTO quarantine_groups SELECT sender, reason, count(*), sum(bytes) FROM quarantine GROUP BY 1, 2"
        )
    connection.close()
    began_s = time.process_time()
    with open_reader(tmp_path) as reader:
        groups = reader.senders(Reason.UNKNOWN_DEVICE, "lora", 100)
        filters = [Filter(reason=Reason.UNKNOWN_DEVICE, device=group.sender) for group in groups]
        rows = [reader.newest(where, LOOKED_AT) for where in filters]
        assert reader.count_senders(Reason.UNKNOWN_DEVICE) == 1001
        assert reader.senders(Reason.UNKNOWN_DEVICE, "lor", 100) == []
    assert [len(some) for some in rows] == [LOOKED_AT] * 100
    assert {group.entries for group in groups} == {60}
    assert all(some[0].id > some[1].id for some in rows)
    assert time.process_time() - began_s < 2
