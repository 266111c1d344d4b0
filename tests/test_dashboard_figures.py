"""Figures of the boards that must be right, on a real InfluxDB, with readings whose answer is known."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from ingest.alerts.announcement import format_line
from ingest.line import build_line
from schemas.rule import AlertPhase, Change, Rule, Severity
from simulators.testbed.influxd import Influxd
from tests.board_queries import BOARDS, FIRED, FIRES, OSLO, fill_in, find_query, to_ms, write_lines

END = datetime(2026, 2, 16, 12, 7, 13, tzinfo=OSLO)
Fields = dict[str, float | bool] | None


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
    query = find_query("energi_alle_bygg.json", "Grunnlast")
    (series,) = await influxd.query(fill_in(query, start, end, {"site": "skole"}), database)
    assert series.columns == ("time", "Grunnlast", "Middel", "Grunnlastandel", "Dekning")
    assert series.rows[0][1:] == (100.0, 700.0, pytest.approx(100 / 7), 100.0)


def measure(measurement: str, site: str, device: str, start: datetime, readings: list[Fields]) -> Iterator[bytes]:
    """Lines of a device in a zone of its own, a reading every quarter of an hour; None is no reading."""
    tags = {"device": device, "site": site, "type": measurement, "zone": f"rundt {device}"}
    for index, fields in enumerate(readings):
        if fields is not None:
            yield build_line(measurement, tags, fields | {"delay": 0.0}, to_ms(start) + index * 900_000)


async def test_a_silent_meter_does_not_lower_base_load(influxd: Influxd, database: str) -> None:
    start, end = datetime(2026, 6, 1, tzinfo=OSLO), datetime(2026, 6, 15, tzinfo=OSLO)
    count = 14 * 96
    main: list[Fields] = [{"power": 50_000.0} if not 500 <= index < 596 else None for index in range(count)]
    fans: list[Fields] = [{"power": 30_000.0}] * count
    lines = [
        *measure("electricity_meter", "skole", "hoved", start, main),
        *measure("electricity_meter", "skole", "vifter", start, fans),
    ]
    await write_lines(influxd, database, lines)
    query = find_query("energi_alle_bygg.json", "Grunnlast")
    (series,) = await influxd.query(fill_in(query, start, end, {"site": "skole"}), database)
    load, mean, base_share, coverage = series.rows[0][1:]
    assert (load, mean, base_share) == (80_000.0, 80_000.0, 100.0)
    assert coverage == pytest.approx(100 * 13.5 / 14, abs=0.3)


async def test_a_room_that_is_silent_is_not_shown_as_now(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    lines = measure("indoor_climate", "skole", "rom", start, [{"temperature": 21.0}])
    await write_lines(influxd, database, list(lines))
    query = find_query("bygg.json", "Rommene nå")
    choices = {"site": "skole", "zone": ".*"}
    for end, rooms in ((start + timedelta(minutes=50), 1), (start + timedelta(minutes=70), 0)):
        assert len(await influxd.query(fill_in(query, start, end, choices), database)) == rooms


async def test_an_hour_is_in_use_when_any_reading_of_it_says_so(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, 7, tzinfo=OSLO)
    seen = [(True, True, True, False), (False, False, False, False), None, (False, True, False, False)]
    readings: list[Fields] = []
    for hour in seen:
        readings += [{"temperature": 21.0, "presence": one} for one in hour] if hour else [None] * 4
    await write_lines(influxd, database, list(measure("indoor_climate", "skole", "rom", start, readings)))
    query = fill_in(
        find_query("bygg.json", "Når er rommene i bruk?"),
        start,
        start + timedelta(hours=3, minutes=59),
        {"site": "skole", "zone": ".*"},
    )
    (series,) = await influxd.query(query, database)
    assert [row[1] for row in series.rows] == [75.0, 0.0, None, 25.0]


async def test_cold_counts_only_while_somebody_is_there(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    hours = [(16.0, False)] * 8 + [(18.0, True)] + [(21.0, True)] * 3
    readings: list[Fields] = [{"temperature": warm, "presence": there} for warm, there in hours for _ in range(4)]
    await write_lines(influxd, database, list(measure("indoor_climate", "skole", "rom", start, readings)))
    query = find_query("bygg.json", "Kaldt mens noen er der")
    choices = {"site": "skole", "zone": ".*"}
    (series,) = await influxd.query(fill_in(query, start, start + timedelta(hours=12), choices), database)
    assert series.rows[0][1] == 25.0


async def test_cooling_is_weighted_by_flow(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    energy = volume = 0.0
    readings: list[Fields] = []
    for index in range(96):
        # By day 1 m³ in a quarter of an hour gives off 40 K, by night a tenth of it 10 K.
        flow, kelvin = (1.0, 40.0) if index >= 48 else (0.1, 10.0)
        energy, volume = energy + 1.163 * flow * kelvin, volume + flow
        readings.append({"energy": energy, "volume": volume, "power": 1.0})
    await write_lines(influxd, database, list(measure("heat_meter", "skole", "varme", start, readings)))
    query = find_query("bygg.json", "Fjernvarme: avkjøling")
    (series,) = await influxd.query(fill_in(query, start, start + timedelta(days=1), {"site": "skole"}), database)
    # The first hour has no reading before it: 44 quarters by night count.
    assert series.rows[0][1] == pytest.approx((48 * 40.0 + 4.4 * 10.0) / (48 + 4.4))


async def test_energy_for_each_square_metre_has_the_heat_and_the_area_known_last(
    influxd: Influxd, database: str
) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    end = start + timedelta(hours=3)
    lines = [
        *measure("electricity_meter", "bad", "strøm", start, [{"energy": 10.0 * i, "power": 1.0} for i in range(12)]),
        *measure("heat_meter", "bad", "varme", start, [{"energy": 30.0 * i, "volume": 1.0} for i in range(12)]),
    ]
    for title, area, age in (("Badet", 50.0, 9), ("Svømmehallen", 100.0, 5)):
        facts = {"site": "bad", "title": title, "category": "pool"}
        # The collector began to run after the period.
        lines.append(
            build_line("site_facts", facts, {"area_m2": area, "latitude": 60.0}, to_ms(end) + age * -1000 + 10_000)
        )
    water = {"site": "vannverket", "title": "Vannverket", "category": "water_supply"}
    lines.append(build_line("site_facts", water, {"latitude": 60.0}, to_ms(end)))
    await write_lines(influxd, database, lines)
    (variable,) = BOARDS["energi_alle_bygg.json"]["templating"]["list"]
    (offered,) = await influxd.query(variable["query"]["query"], database)
    assert [row[1] for row in offered.rows] == ["bad"]
    answers = [
        await influxd.query(
            fill_in(
                find_query("energi_alle_bygg.json", "Energi per kvadratmeter", letter), start, end, {"site": "bad"}
            ),
            database,
        )
        for letter in "ABC"
    ]
    assert [answer[0].rows[0][1:] for answer in answers] == [(80.0,), (240.0,), (100.0, "Svømmehallen")]


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


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param(FIRES, {"severity": Severity.CRITICAL}, id="it had become more severe"),
        pytest.param(FIRES, {"zone": "kjeller"}, id="its sensor was moved"),
        pytest.param(None, {"change": Change.WITHDRAWN}, id="its rule vanished"),
    ],
)
async def test_an_alert_that_cleared_otherwise_is_not_shown_as_firing(
    influxd: Influxd, database: str, rule: Rule | None, changes: dict[str, Any]
) -> None:
    start = to_ms(END) - 3_600_000
    fired = FIRED._replace(time_ms=start, since_ms=start)
    cleared = fired._replace(phase=AlertPhase.OK, change=Change.CLEARED, time_ms=start + 60_000)._replace(**changes)
    query = fill_in(find_query("drift.json", "Utløste varsler"), END - timedelta(hours=24), END, {})
    await write_lines(influxd, database, [format_line(fired, FIRES)])
    (shown,) = await select_firing(influxd, database)
    assert (shown["Varsel"], shown["unit"], shown["severity"]) == (FIRES.text, "Cel", "warning")
    await write_lines(influxd, database, [format_line(cleared, rule)])
    assert await influxd.query(query, database) == []


async def select_firing(influxd: Influxd, database: str) -> list[dict[str, Any]]:
    """Return the rows of the table of what fires, by column; time in milliseconds."""
    query = fill_in(find_query("drift.json", "Utløste varsler"), END - timedelta(hours=24), END, {})
    answer = await influxd.query(query, database)
    return [dict(zip(series.columns, row, strict=True)) for series in answer for row in series.rows]


@pytest.mark.parametrize(
    ("phase", "change", "flapping"),
    [
        (AlertPhase.RECOVERING, Change.HEARD, False),
        (AlertPhase.SILENT, Change.SILENT, False),
        (AlertPhase.FIRING, Change.FLAPPING, True),
        (AlertPhase.FIRING, Change.ESCALATED, False),
    ],
)
async def test_an_alert_that_fires_is_shown_as_it_stands_now_and_for_how_long(
    influxd: Influxd, database: str, phase: AlertPhase, change: Change, *, flapping: bool
) -> None:
    start = to_ms(END) - 7_200_000
    fired = FIRED._replace(time_ms=start + 600_000, since_ms=start)
    now = fired._replace(phase=phase, change=change, severity=Severity.CRITICAL, time_ms=start + 3_600_000, value=31.0)
    await write_lines(influxd, database, [format_line(fired, FIRES), format_line(now, FIRES)])
    (shown,) = await select_firing(influxd, database)
    assert shown["Varighet"] == 7200
    assert (shown["phase"], shown["flapping"], shown["severity"]) == (phase, flapping, "critical")
    assert (shown["Verdi"], shown["Grense"]) == (31.0, 30.0)


async def test_an_alert_of_before_there_were_phases_is_still_shown(influxd: Influxd, database: str) -> None:
    tags = {"device": "klima", "site": "skole", "zone": "rom", "rule": FIRES.key, "severity": "warning"}
    fields: dict[str, float | bool | str] = {
        "firing": True,
        "value": 27.5,
        "limit": 26.0,
        "since": to_ms(END) / 1000 - 60,
        "text": "For varmt",
    }
    await write_lines(influxd, database, [build_line("alerts", tags, fields, to_ms(END) - 60_000)])
    (shown,) = await select_firing(influxd, database)
    assert (shown["Varsel"], shown["phase"], shown["Varighet"]) == ("For varmt", None, 60)


async def test_no_simulated_device_is_counted_among_real_readings(influxd: Influxd, database: str) -> None:
    start = datetime(2026, 6, 8, tzinfo=OSLO)
    query = fill_in(
        find_query("energi_alle_bygg.json", "Simulerte sensorer"), start, start + timedelta(days=1), {"site": "skole"}
    )
    await write_lines(influxd, database, [*count_up("a", start, start + timedelta(hours=1))])
    assert await influxd.query(query, database) == []
    simulated = {"device": "b", "site": "skole", "type": "heat_meter", "zone": "tavle", "simulated": "true"}
    await write_lines(influxd, database, [build_line("heat_meter", simulated, {"delay": 0.0}, to_ms(start))])
    assert [series.rows[0][1] for series in await influxd.query(query, database)] == [1]
