"""Every query of every board on a real InfluxDB.

The data are two winter weeks of simulated devices, and the collector's own lines about itself. Grafana itself cannot
run in these tests; its macros and variables are put in as its documentation says.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from itertools import product

import pytest

from dashboards.measurements import OWN
from devices import load_device_types
from ingest.alerts.announcement import format_line
from ingest.batch import Batch, Ledger
from ingest.health import (
    Silence,
    Status,
    format_health,
    format_rejections,
    format_silences,
    format_site_facts,
)
from ingest.inventory import OPEN_END_MS, Device, Inventory
from ingest.inventory_files import load_inventory
from ingest.line import build_line
from ingest.message import Message
from ingest.open_source import OpenSource
from ingest.payloads.lorawan import Sessions, Uplink
from ingest.source import Event, EventKind, Frame, Radio, Source
from ingest.source_lines import note_event, note_uplink
from ingest.source_status import SourceStatus, format_sources
from ingest.source_table import SourceTable
from schemas.reason import Reason
from schemas.rule import AlertPhase, Change
from simulators.device import make_fleet
from simulators.models import load_models
from simulators.stories import STORIES
from simulators.testbed.influxd import Influxd, Series
from tests.board_queries import BOARDS, FIRED, FIRES, OSLO, Json, fill_in, find_query, to_ms, write_lines
from tests.small_town import make_processor
from tests.stand import ROOT

END = datetime(2026, 2, 16, 12, 7, 13, tzinfo=OSLO)
FORTNIGHT = END.replace(hour=0, minute=0, second=0) - timedelta(days=14)
STARTS = {"now-14d/d": FORTNIGHT, "now-24h": END - timedelta(hours=24)}
"""Where the period of a board begins, by how the board says it."""
SEED = 7
ADDRESS = "0102030405060708"
RADIO = Radio(-101.0, 6.5, 9, 2, "gateway-1")
READINGS = tuple(load_device_types())
FILLED_SITES = {"radhuset", "vestre-ungdomsskole", "skogly-barnehage", "sentrumsgatene", "promenaden"}
CLEARS = dataclasses.replace(FIRES, key="too_warm_for_a_while")

TARGETS = [
    pytest.param(board, target["query"], id=f"{name}: {panel['title']} {target['refId']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", ())
]
MARKS = [
    pytest.param(board, annotation["target"]["query"], id=f"{name}: {annotation['name']}")
    for name, board in BOARDS.items()
    for annotation in board["annotations"]["list"]
]
VARIABLES = [
    pytest.param(board, variable, id=f"{name}: {variable['name']}")
    for name, board in BOARDS.items()
    for variable in board["templating"]["list"]
]


def choose_devices(town: Inventory) -> list[Device]:
    """Return one device of each type at each of a few sites, one that something happens to where there is one."""

    def is_told(device: Device) -> bool:
        return (device.placements[-1].site, device.placements[-1].zone) in STORIES

    models = load_models()
    chosen: dict[tuple[str, str], Device] = {}
    for device in sorted(town.devices.values(), key=is_told, reverse=True):
        place = device.placements[-1]
        if place.site in FILLED_SITES and place.to_ms == OPEN_END_MS and device.type_key in models:
            chosen.setdefault((place.site, device.type_key), device)
    return list(chosen.values())


def simulate_readings(town: Inventory, start: datetime) -> Iterator[bytes]:
    """Lines that a collector makes of the fleet's messages from ``start`` to ``END``, one at each interval."""
    processor = make_processor(town, accept_simulated=True)
    for device in make_fleet(choose_devices(town), town, load_device_types(), load_models(), SEED, "gjovik"):
        for seq, time_ms in enumerate(range(to_ms(start), to_ms(END) + 1, device.interval_ms)):
            message = device.make_message(time_ms, seq)
            assert message is not None
            batch = processor.process([Message(message.topic, message.payload, time_ms + 1500, packet_id=1)])
            assert batch.quarantined == []
            yield from batch.lines


def make_status(time_ms: int, count: int) -> Status:
    """Return a healthy collector that has taken ``count`` messages."""
    return Status(
        collector="collector",
        time_ms=time_ms,
        started_ms=0,
        accepts_simulated=True,
        ledger=dataclasses.asdict(Ledger(received=count, decoded=count, produced=count, accepted=count)),
        reasons={},
        stored=count,
        refused_by_database=0,
        received_per_s=9.5,
        accepted_per_s=9.5,
        outbox_lines=3,
        outbox_bytes=400,
        outbox_age_s=0.2,
        quarantined=2,
        mqtt_connected=True,
        mqtt_error="",
        influx_ok=True,
        has_health_database=True,
        influx_error="",
        reload_error="",
        store_set_aside="",
        devices=220,
        store_bytes=20_000_000,
        store_most_bytes=2 * 1024**3,
        drain_per_s=9.5,
        empty_in_s=0.3,
        capacity_hours=300.0,
    )


SOURCE = SourceStatus(
    key="tts",
    format="tts",
    title="The Things Stack v3",
    is_lossless=False,
    heard_ms=to_ms(END) - 60_000,
    messages=40,
    readings=36,
    missed=3,
)


def report_uplinks(town: Inventory, end_ms: int) -> Iterator[bytes]:
    """Lines of the uplinks of a device, of which some were missed."""
    sessions, opened = Sessions(), open_source(town)
    for number in (1, 2, 5, 6, 9):
        frame = Frame(1, b"a")
        uplink = Uplink(ADDRESS, "s", number, end_ms - 600_000 + number, frame, radio=RADIO)
        (said,) = sessions.hear(uplink, end_ms).said
        batch = Batch()
        note_uplink(opened, said, end_ms, batch)
        note_uplink(opened, said._replace(simulated=True, time_ms=end_ms - 300_000 + number, missed=50), end_ms, batch)
        yield from batch.lines


def report_failures(town: Inventory, end_ms: int) -> Iterator[bytes]:
    """Lines of uplinks that were not decoded, of a device, of a stranger, and of none."""
    opened = open_source(town)
    ours = Event(EventKind.FRAME_BROKEN, ADDRESS, "channel 0x0b")
    events = (
        *3 * [ours._replace(kind=EventKind.CODEC_FAILED, detail="JS error")],
        *2 * [ours],
        ours._replace(address="0102030405060709"),
        *4 * [ours._replace(simulated=True)],
        Event(EventKind.JOINED, ADDRESS),
    )
    for number, event in enumerate(events):
        batch = Batch()
        note_event(opened, event, end_ms - 500_000 + number, batch)
        yield from batch.lines


def open_source(town: Inventory) -> OpenSource:
    """Return a source that has a device of the town."""
    known = town.devices["radhuset-klima-01"]
    bound = dataclasses.replace(known, source="tts", address=ADDRESS, model="milesight_am319")
    source = Source(key="tts", format_key="tts", root="v3", zone_info=OSLO)
    only = dataclasses.replace(town, devices={bound.id: bound})
    return SourceTable({"tts": source}, only, load_device_types()).opened["tts"]


def report_health(town: Inventory) -> Iterator[bytes]:
    """Lines of the collector about itself, the inventory, silence, alerts, and one faulty street light."""
    end_ms = to_ms(END)
    for step in range(360):
        time_ms = end_ms - 10_000 * (360 - step)
        yield format_health(make_status(time_ms, 95 * step))
        yield from format_sources([SOURCE], "collector", time_ms)
        yield from format_rejections(Counter({Reason.OUT_OF_RANGE: 2}), "collector", time_ms)
    yield from format_site_facts(town, end_ms - 3_600_000)
    swapped = {"device": "radhuset-strom-01", "site": "radhuset", "type": "electricity_meter", "zone": "teknisk-rom"}
    doubtful: dict[str, float | bool | str] = {
        "power": 100.0,
        "energy_doubtful": 12.0,
        "quality": "energy:step",
        "delay": 1.5,
    }
    yield build_line("electricity_meter", swapped, doubtful, end_ms - 600_000)
    silent = Silence("radhuset-klima-01", "indoor_climate", "radhuset", "1-etasje", 5400.0)
    yield from format_silences([silent], end_ms - 10_000)
    for rule, phase, change, age_ms in (
        (FIRES, AlertPhase.FIRING, Change.FIRED, 900_000),
        (CLEARS, AlertPhase.FIRING, Change.FIRED, 900_000),
        (CLEARS, AlertPhase.OK, Change.CLEARED, 60_000),
    ):
        told = FIRED._replace(
            rule=rule.key, phase=phase, change=change, time_ms=end_ms - age_ms, since_ms=end_ms - 1_200_000
        )
        # At every place that a board looks at, and of every type.
        for type_key, site in product(READINGS, sorted(FILLED_SITES)):
            device = f"{site}-{type_key}"
            there = told._replace(device=device, site=site, zone=find_zone(town, site), simulated=True)
            yield format_line(there, dataclasses.replace(rule, device_type=type_key))
    yield from report_uplinks(town, end_ms)
    yield from report_failures(town, end_ms)
    light = {"device": "faulty", "site": "promenaden", "zone": "nord", "type": "street_light"}
    yield build_line("street_light", light, {"on": False, "power": 0.0, "fault": True, "delay": 0.0}, end_ms - 60_000)


@pytest.fixture(scope="module")
async def filled_database(influxd: Influxd, database_names: Iterator[str]) -> AsyncIterator[str]:
    """The name of a database with two weeks of everything that the boards ask for."""
    name = next(database_names)
    await influxd.create_database(name)
    town = load_inventory(ROOT / "deploy" / "inventory", load_device_types())
    lines = [*simulate_readings(town, FORTNIGHT), *report_health(town)]
    await write_lines(influxd, name, lines)
    yield name
    await influxd.drop_database(name)


def find_zone(town: Inventory, site: str) -> str:
    """Return a zone of a site in which there is something to see."""
    return next(one.placements[-1].zone for one in choose_devices(town) if one.placements[-1].site == site)


async def choose(server: Influxd, database: str, board: Json) -> list[dict[str, str]]:
    """Return what variables may stand for: all values where several may be chosen, else each value in turn."""
    choices: list[dict[str, str]] = [{}]
    for variable in board["templating"]["list"]:
        longer = []
        for chosen in choices:
            answer = await server.query(fill_in(variable["query"]["query"], END, END, chosen), database)
            values = sorted({re.escape(row[1]) for series in answer for row in series.rows})
            if variable["multi"]:
                values = [f"({'|'.join(values)})"]
            longer += [chosen | {variable["name"]: value} for value in values]
        choices = longer
    return choices


@pytest.mark.parametrize("name", OWN)
async def test_the_collectors_own_measurements_are_named_as_it_writes_them(
    influxd: Influxd, filled_database: str, name: str
) -> None:
    tags = await influxd.query(f'SHOW TAG KEYS FROM "{name}"', filled_database)
    fields = await influxd.query(f'SHOW FIELD KEYS FROM "{name}"', filled_database)
    assert {row[0] for series in tags for row in series.rows} == OWN[name].tags
    assert {row[0] for series in fields for row in series.rows} == OWN[name].fields


@pytest.mark.parametrize(("board", "variable"), VARIABLES)
async def test_every_variable_offers_values(
    influxd: Influxd, filled_database: str, board: Json, variable: Json
) -> None:
    choices = await choose(influxd, filled_database, board)
    assert all(chosen[variable["name"]].strip("()") for chosen in choices)


@pytest.mark.parametrize(("board", "query"), TARGETS)
async def test_every_query_answers_with_rows(influxd: Influxd, filled_database: str, board: Json, query: str) -> None:
    # The second start is within an hour, where a period bounded in the wrong place answers nothing.
    for start in (STARTS[board["time"]["from"]], END - timedelta(days=13)):
        found: list[Series] = []
        for chosen in await choose(influxd, filled_database, board):
            found += await influxd.query(fill_in(query, start, END, chosen), filled_database)
        values = [value for series in found for row in series.rows for value in row[1:]]
        assert any(value is not None for value in values), f"no rows from {start}: {query}"


@pytest.mark.parametrize(("board", "query"), MARKS)
async def test_marks_are_one_series_of_times_and_texts(
    influxd: Influxd, filled_database: str, board: Json, query: str
) -> None:
    found: list[Series] = []
    for chosen in await choose(influxd, filled_database, board):
        answer = await influxd.query(fill_in(query, END - timedelta(hours=24), END, chosen), filled_database)
        assert len(answer) <= 1  # Grafana takes the marks from the first
        found += answer
    assert found
    for series in found:
        assert series.columns == ("time", "text", "site", "zone", "device")
        assert all(None not in row for row in series.rows)


async def test_marks_are_of_the_chosen_site_and_type_alone(influxd: Influxd, filled_database: str) -> None:
    marks = {one["name"]: one["target"]["query"] for one in BOARDS["bygg.json"]["annotations"]["list"]}
    choice = {"site": "radhuset", "zone": "(.*)"}
    title = load_device_types()["electricity_meter"].title
    for name, count in (("Varsel utløst", 2), ("Varsel over", 1)):
        query = fill_in(marks[f"{name}: {title}"], END - timedelta(hours=24), END, choice)
        (series,) = await influxd.query(query, filled_database)
        assert [row[1:3] for row in series.rows] == [(FIRES.text, "radhuset")] * count
        assert {row[-1] for row in series.rows} == {"radhuset-electricity_meter"}


async def test_a_dead_collector_has_nothing_to_say(influxd: Influxd, filled_database: str) -> None:
    later = END + timedelta(hours=20)
    for title in (
        "Megler",
        "Database",
        "Varsler nå",
        "Tause sensorer",
        "Eldste i utboksen",
        "Mottatt nå",
        "Lager brukt",
    ):
        query = find_query("drift.json", title)
        assert await influxd.query(fill_in(query, END - timedelta(hours=24), END, {}), filled_database), title
        assert await influxd.query(fill_in(query, later - timedelta(hours=24), later, {}), filled_database) == []


async def test_an_alert_that_cleared_is_not_shown_as_firing(influxd: Influxd, filled_database: str) -> None:
    query = fill_in(find_query("drift.json", "Utløste varsler"), END - timedelta(hours=24), END, {})
    assert {series.tags["rule"] for series in await influxd.query(query, filled_database)} == {FIRES.key}


async def test_what_was_not_decoded_is_told_by_device_and_decoder(influxd: Influxd, filled_database: str) -> None:
    """Of a simulated uplink nothing is told, as nothing of it is in what was missed."""
    query = fill_in(find_query("drift.json", "Dekodingsfeil"), END - timedelta(hours=24), END, {})
    found = await influxd.query(query, filled_database)
    rows = {(one.tags["device"], one.tags["kind"]): one.rows[0][1:] for one in found}
    assert rows == {
        ("radhuset-klima-01", "codec_failed"): (3, ADDRESS, "JS error"),
        ("radhuset-klima-01", "frame_broken"): (2, ADDRESS, "channel 0x0b"),
        ("", "frame_broken"): (1, "0102030405060709", "channel 0x0b"),
    }


async def test_no_simulated_uplink_is_counted_among_real_ones(influxd: Influxd, filled_database: str) -> None:
    query = fill_in(find_query("drift.json", "Tapte LoRaWAN-sendinger"), END - timedelta(hours=24), END, {})
    (found,) = await influxd.query(query, filled_database)
    assert found.rows[0][1:] == (4, 5)
