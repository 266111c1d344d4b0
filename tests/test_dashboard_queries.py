"""Every query of every board on a real InfluxDB, and figures that are right.

The data are two winter weeks of simulated devices, and the collector's own lines about itself. Grafana itself cannot
run in these tests; its macros and variables are put in as its documentation says.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from dashboards.measurements import OWN
from dashboards.query import ZONE_NAME
from dashboards.render import render_all
from devices import load_device_types
from ingest.alerts.announcement import format_line
from ingest.batch import Ledger
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
from schemas.reason import Reason
from schemas.rule import AlertPhase, Direction, Rule, Severity, Transition
from simulators.device import make_fleet
from simulators.models import load_models
from simulators.stories import STORIES
from simulators.testbed.influxd import Influxd, Series
from tests.small_town import make_processor
from tests.stand import ROOT

OSLO = ZoneInfo(ZONE_NAME)
END = datetime(2026, 2, 16, 12, 7, 13, tzinfo=OSLO)
FORTNIGHT = END.replace(hour=0, minute=0, second=0) - timedelta(days=14)
STARTS = {"now-14d/d": FORTNIGHT, "now-24h": END - timedelta(hours=24)}
"""Where the period of a board begins, by how the board says it."""
SEED = 7
FILLED_SITES = {"radhuset", "vestre-ungdomsskole", "skogly-barnehage", "sentrumsgatene", "promenaden"}
FIRES = Rule("too_warm", "indoor_climate", "temperature", "Cel", Direction.ABOVE, 26, 25, 0, Severity.WARNING, "", ())
CLEARS = dataclasses.replace(FIRES, key="too_warm_for_a_while")
Json = dict[str, Any]

BOARDS: dict[str, Json] = {name: json.loads(text) for name, text in render_all().items()}
TARGETS = [
    pytest.param(board, target["query"], id=f"{name}: {panel['title']} {target['refId']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", ())
]
VARIABLES = [
    pytest.param(board, variable, id=f"{name}: {variable['name']}")
    for name, board in BOARDS.items()
    for variable in board["templating"]["list"]
]


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def write_lines(server: Influxd, database: str, lines: list[bytes]) -> None:
    """Write lines as the collector's user."""
    login = {"Authorization": aiohttp.encode_basic_auth(server.username, server.password)}
    address = f"{server.url}/write?db={database}&precision=ms"
    async with aiohttp.ClientSession() as session:
        for start in range(0, len(lines), 2500):
            body = b"\n".join(lines[start : start + 2500])
            async with session.post(address, data=body, headers=login) as response:
                assert response.status == 204, await response.text()


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
        influx_error="",
        reload_error="",
        store_set_aside="",
        devices=220,
    )


def report_health(town: Inventory) -> Iterator[bytes]:
    """Lines of the collector about itself, the inventory, silence, alerts, and one faulty street light."""
    end_ms = to_ms(END)
    for step in range(360):
        time_ms = end_ms - 10_000 * (360 - step)
        yield format_health(make_status(time_ms, 95 * step))
        yield from format_rejections(Counter({Reason.OUT_OF_RANGE: 2}), "collector", time_ms)
    yield from format_site_facts(town, end_ms - 3_600_000)
    silent = Silence("radhuset-klima-01", "indoor_climate", "radhuset", "1-etasje", 5400.0)
    yield from format_silences([silent], end_ms - 10_000)
    place = ("radhuset-klima-14", "radhuset", "serverrom")
    for rule, phase, age_ms in (
        (FIRES, AlertPhase.FIRING, 900_000),
        (CLEARS, AlertPhase.FIRING, 900_000),
        (CLEARS, AlertPhase.OK, 60_000),
    ):
        time_ms = end_ms - age_ms
        yield format_line(
            Transition(place[0], place[1], place[2], rule.key, phase, time_ms, time_ms, 27.5, simulated=True),
            rule,
        )
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


def fill_in(query: str, start: datetime, end: datetime, choices: dict[str, str]) -> str:
    """Put in what Grafana puts in: variables first, then its macros."""
    for name, value in choices.items():
        query = query.replace(f"${name}", value)
    query = query.replace("$timeFilter", f"time >= {to_ms(start)}ms and time <= {to_ms(end)}ms")
    return query.replace("${__to}", str(to_ms(end))).replace("$__interval", "10m")


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


def find_query(file: str, title: str, letter: str = "A") -> str:
    """Return the text of one query as it is committed."""
    panel = next(panel for panel in BOARDS[file]["panels"] if panel["title"] == title)
    return str(next(target["query"] for target in panel["targets"] if target["refId"] == letter))


def count_up(device: str, start: datetime, end: datetime, *, reset: datetime | None = None) -> Iterator[bytes]:
    """Lines of a meter that every five minutes counts as many kWh as the date has days; from 0 again at ``reset``."""
    tags = {"device": device, "site": "skole", "type": "electricity_meter", "zone": "tavle"}
    reset_ms = to_ms(reset) if reset else None
    energy = 1000.0
    for time_ms in range(to_ms(start), to_ms(end), 300_000):
        energy = 0.0 if time_ms == reset_ms else energy + datetime.fromtimestamp(time_ms / 1000, OSLO).day
        yield build_line("electricity_meter", tags, {"power": 12_000.0, "energy": energy, "delay": 0.0}, time_ms)


@pytest.mark.parametrize(
    ("day", "readings"),
    [
        pytest.param(datetime(2026, 3, 29, tzinfo=OSLO), 276, id="23 hours"),
        pytest.param(datetime(2026, 10, 25, tzinfo=OSLO), 300, id="25 hours"),
        pytest.param(datetime(2026, 6, 10, tzinfo=OSLO), 288, id="24 hours"),
    ],
)
@pytest.mark.parametrize("file", ["energi_alle_bygg.json", "bygg.json"])
async def test_the_energy_of_a_local_day_is_exact(
    influxd: Influxd, database: str, day: datetime, readings: int, file: str
) -> None:
    start, end = day - timedelta(days=2), day + timedelta(days=3)
    # The meters ran before the period, too.
    before = start - timedelta(hours=2)
    lines = [*count_up("a", before, end), *count_up("b", before, end)]
    await write_lines(influxd, database, lines)
    query = fill_in(find_query(file, "Strøm per døgn"), start, end, {"site": "skole"})
    answer = await influxd.query(query, database)
    days: dict[int, float] = {}
    for series in answer:
        for time_ms, value in series.rows:
            days[time_ms] = days.get(time_ms, 0.0) + value
    midnights = [day + timedelta(days=offset) for offset in range(-2, 3)]
    counts = [288, 288, readings, 288, 288]
    assert days == {
        to_ms(midnight): 2.0 * count * midnight.day for midnight, count in zip(midnights, counts, strict=True)
    }
    total = await influxd.query(fill_in(find_query(file, "Strøm i perioden"), start, end, {"site": "skole"}), database)
    assert total[0].rows[0][1] == sum(days.values())


async def test_a_reset_register_gives_neither_negative_nor_invented_energy(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    reset = start + timedelta(days=1, hours=6)
    await write_lines(influxd, database, [*count_up("a", start, start + timedelta(days=3), reset=reset)])
    query = find_query("energi_alle_bygg.json", "Strøm per døgn")
    answer = await influxd.query(fill_in(query, start, start + timedelta(days=3), {"site": "skole"}), database)
    # Lost are the hour in which the register began anew, and the first, which has no reading before it.
    assert [value for _, value in answer[0].rows] == [276.0 * 8, 276.0 * 9, 288.0 * 10]


async def test_base_load_is_what_always_runs(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    end = start + timedelta(days=4)
    tags = {"device": "a", "site": "skole", "type": "electricity_meter", "zone": "tavle"}
    lines = [
        build_line(
            "electricity_meter",
            tags,
            {"power": 100.0 if moment.hour < 8 else 1000.0, "energy": 0.0, "delay": 0.0},
            to_ms(moment),
        )
        for moment in (start + timedelta(minutes=5 * step) for step in range(4 * 288))
    ]
    await write_lines(influxd, database, lines)
    query = find_query("energi_alle_bygg.json", "Grunnlast, strøm")
    (series,) = await influxd.query(fill_in(query, start, end, {"site": "skole"}), database)
    assert series.columns == ("time", "Grunnlast", "Middel", "Topp", "Grunnlastandel")
    assert series.rows[0][1:] == (100.0, 700.0, 1000.0, pytest.approx(100 / 7))


async def test_mean_speed_counts_each_vehicle_once(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    tags = {"device": "a", "site": "vegen", "type": "traffic_counter", "zone": "felt"}
    counts: list[dict[str, float | bool]] = [
        {"vehicles": 90.0, "speed": 50.0, "delay": 0.0},
        {"vehicles": 10.0, "speed": 80.0, "delay": 0.0},
        {"vehicles": 0.0, "delay": 0.0},
    ]
    lines = [build_line("traffic_counter", tags, fields, to_ms(start) + index) for index, fields in enumerate(counts)]
    await write_lines(influxd, database, lines)
    query = fill_in(find_query("mobilitet.json", "Middelfart"), start, start + timedelta(hours=1), {"site": "vegen"})
    assert (await influxd.query(query, database))[0].rows[0][1] == 53.0


async def test_an_alert_that_cleared_is_not_shown_as_firing(influxd: Influxd, filled_database: str) -> None:
    query = fill_in(find_query("drift.json", "Utløste varsler"), END - timedelta(hours=24), END, {})
    assert {series.tags["rule"] for series in await influxd.query(query, filled_database)} == {FIRES.key}


async def test_no_simulated_device_is_counted_among_real_readings(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    query = fill_in(
        find_query("energi_alle_bygg.json", "Simulerte målere"), start, start + timedelta(days=1), {"site": "skole"}
    )
    await write_lines(influxd, database, [*count_up("a", start, start + timedelta(hours=1))])
    assert await influxd.query(query, database) == []
    simulated = {"device": "b", "site": "skole", "type": "heat_meter", "zone": "tavle", "simulated": "true"}
    await write_lines(influxd, database, [build_line("heat_meter", simulated, {"delay": 0.0}, to_ms(start))])
    assert [series.rows[0][1] for series in await influxd.query(query, database)] == [1]
