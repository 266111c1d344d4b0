"""What the boards make of doubtful values: readings through ``process`` into a real InfluxDB, asked as Grafana asks."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devices import load_device_types
from ingest.event_time import format_time
from ingest.inventory import Inventory
from ingest.process import Processor
from simulators.testbed.influxd import Influxd
from tests.board_queries import BOARDS, OSLO, fill_in, find_query, to_ms, write_lines
from tests.small_town import make_inventory, make_message, make_processor

HOUR_MS = 3_600_000
START = datetime(2026, 3, 27, tzinfo=OSLO)
END = START + timedelta(days=4)
"""The third day has 23 hours."""
DAYS = [24, 24, 23, 24]
HOURS = sum(DAYS)
USE = 7.0
"""What the meter counts in an hour, in kWh."""
CHANGED = 30
"""The hour from the start in which something happens: on the second day."""
Registers = Sequence[float]
OWN_NAME = "new_meter"


def count_up(hours: int = HOURS + 1, first: float = 1_000.0) -> list[float]:
    """Return a register at the end of each hour, and one before the first."""
    return [first + USE * hour for hour in range(hours)]


def pass_on(
    registers: Registers, device: str = "electricity_meter", from_hour: int = 0
) -> Iterator[tuple[str, int, str]]:
    """Yield device, time of receipt and payload of registers, each read a second before an hour ends."""
    for hour, energy in enumerate(registers, start=from_hour):
        time_ms = to_ms(START) + hour * HOUR_MS - 1_000
        payload = json.dumps({"time": format_time(time_ms), "power": 7_000, "energy": energy})
        yield device, time_ms + 500, payload


def process(processor: Processor, told: Iterator[tuple[str, int, str]]) -> list[bytes]:
    """Return the lines of payloads."""
    return [
        line
        for device, received_ms, payload in told
        for line in processor.process([make_message(device, payload, received_ms=received_ms)]).lines
    ]


async def ask_days(server: Influxd, database: str, file: str) -> list[float]:
    """Return what was used on each day by a board; what it says of the period must be their sum."""
    choices = {"site": "hall"}
    answer = await server.query(fill_in(find_query(file, "Strøm per døgn"), START, END, choices), database)
    days: dict[int, float] = {}
    for series in answer:
        for time_ms, value in series.rows:
            days[time_ms] = days.get(time_ms, 0.0) + value
    total = await server.query(fill_in(find_query(file, "Strøm i perioden"), START, END, choices), database)
    assert total[0].rows[0][1] == pytest.approx(sum(days.values()))
    return [days[time_ms] for time_ms in sorted(days)]


def say(registers: list[float], wrong: float, *hours: int) -> list[float]:
    """Return registers of which some hours say something else."""
    return [wrong if hour in hours else one for hour, one in enumerate(registers)]


def begin_again(first: float) -> list[float]:
    """Return registers of a meter that another took the place of, which begins elsewhere."""
    return count_up(CHANGED) + count_up(HOURS + 1 - CHANGED, first)


@pytest.mark.parametrize("file", ["energi_alle_bygg.json", "bygg.json"])
@pytest.mark.parametrize(
    ("registers", "lost"),
    [
        pytest.param(count_up(), 0, id="nothing"),
        pytest.param(say(count_up(), 0.0, CHANGED), 0, id="a reading of 0"),
        pytest.param(say(count_up(), 0.0, CHANGED, CHANGED + 1), 0, id="two of them"),
        pytest.param(say(count_up(), 9e8, CHANGED), 0, id="a reading that is far too high"),
        pytest.param(say(count_up(), 1_000.0 + USE * (CHANGED - 1) - 1, CHANGED), 0, id="one unit back"),
        # An hour is the difference of two readings: without its beginning nobody knows it.
        pytest.param(begin_again(0.5), 3, id="swapped without a word"),
        pytest.param(count_up(CHANGED, 1e5 - USE * CHANGED) + count_up(HOURS + 1 - CHANGED, 0.0), 1, id="rolled over"),
    ],
)
async def test_energy_is_neither_negative_nor_invented(
    influxd: Influxd, database: str, file: str, registers: Registers, lost: int
) -> None:
    await write_lines(influxd, database, process(make_processor(), pass_on(registers)))
    hours = [DAYS[0], DAYS[1] - lost, *DAYS[2:]]
    assert await ask_days(influxd, database, file) == pytest.approx([USE * count for count in hours])


async def test_without_doubt_one_wrong_reading_would_be_counted(influxd: Influxd, database: str) -> None:
    """What the test above shows is the doubt's doing."""
    lines = process(make_processor(), pass_on(say(count_up(), 0.0, CHANGED)))
    await write_lines(influxd, database, [line.replace(b"energy_doubtful=", b"energy=") for line in lines])
    days = await ask_days(influxd, database, "energi_alle_bygg.json")
    assert days[1] == pytest.approx(USE * (DAYS[1] - 2) + count_up()[CHANGED + 1])


def add_meter() -> Inventory:
    """Return the town with a second meter at the same place."""
    town = make_inventory()
    return replace(town, devices={**town.devices, OWN_NAME: replace(town.devices["electricity_meter"], id=OWN_NAME)})


@pytest.mark.parametrize("first", [0.0, 50_000.0])
async def test_a_swapped_meter_of_its_own_name_is_right_wherever_it_begins(
    influxd: Influxd, database: str, first: float
) -> None:
    processor = make_processor(add_meter())
    lines = process(processor, pass_on(count_up(CHANGED)))
    lines += process(processor, pass_on(count_up(HOURS + 1 - CHANGED, first), OWN_NAME, CHANGED))
    await write_lines(influxd, database, lines)
    hours = [DAYS[0], DAYS[1] - 1, *DAYS[2:]]
    assert await ask_days(influxd, database, "bygg.json") == pytest.approx([USE * count for count in hours])


async def test_drift_lists_every_sensor_with_something_doubtful_and_why(influxd: Influxd, database: str) -> None:
    processor = make_processor(add_meter())
    lines = process(processor, pass_on(say(count_up(), 0.0, CHANGED)))
    lines += process(processor, pass_on(count_up(), OWN_NAME))
    await write_lines(influxd, database, lines)
    query = fill_in(find_query("drift.json", "Tvilsomme målinger"), START, END, {})
    answer = await influxd.query(query, database)
    assert [series.rows[0] for series in answer] == [(to_ms(START) + CHANGED * HOUR_MS - 1_000, "energy:step")]


def list_queries(found: object) -> Iterator[str]:
    """Yield every statement of a board: of panels, variables and marks."""
    if isinstance(found, dict):
        for value in found.values():
            yield from list_queries(value)
    elif isinstance(found, list):
        for value in found:
            yield from list_queries(value)
    elif isinstance(found, str) and re.match(r"\s*(SELECT|SHOW)\b", found):
        yield found


READS_DOUBTFUL: list[Callable[[str], object]] = [
    lambda query: "_doubtful" in query,
    # Every field, or every one of a pattern, takes in what is doubtful.
    lambda query: re.search(r"\bSELECT\s+(\*|/)|\(\s*(\*|/)|,\s*\*", query.partition(" WHERE ")[0]),
    lambda query: re.search(r"\bFROM\s+/", query),
]


@pytest.mark.parametrize("file", BOARDS)
def test_no_board_reads_doubtful_values(file: str) -> None:
    queries = list(list_queries(BOARDS[file]))
    assert len(queries) > 5
    assert [query for query in queries if any(reads(query) for reads in READS_DOUBTFUL)] == []


@pytest.mark.parametrize(
    "query",
    [
        'SELECT mean("energy_doubtful") FROM "a" WHERE x',
        'SELECT * FROM "a"',
        'SELECT last(*) FROM "a"',
        'SELECT mean(/energy/) FROM "a"',
        'SELECT "energy" FROM /meter/',
    ],
)
def test_a_query_that_reads_doubtful_values_would_be_found(query: str) -> None:
    assert list(list_queries({"panels": [{"query": query}]})) == [query]
    assert any(reads(query) for reads in READS_DOUBTFUL)


def test_drift_asks_every_type_that_may_be_doubtful_and_is_not_kept_apart() -> None:
    query = find_query("drift.json", "Tvilsomme målinger")
    asked = set(re.findall(r'"(\w+)"', query.partition(" FROM ")[2].partition(" WHERE ")[0]))
    types = load_device_types()
    assert asked == {
        key for key, one in types.items() if not one.is_apart and any(field.is_doubted for field in one.fields.values())
    }
