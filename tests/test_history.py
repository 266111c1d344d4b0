"""History: readings come back from a real InfluxDB as they went in, in order and in bounded pieces."""

import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.history import Excerpt, Span, count_hours, divide_time, iterate_history
from ingest.influx import BrokenOffError, InfluxClient, Series, open_influx
from ingest.settings import Influx
from ingest.store_hours import HOUR_MS
from schemas.reading import Reading
from simulators.testbed.influxd import Influxd
from tests.past_month import BEGIN_MS, END_MS, format_reading, list_readings

MONTH = Excerpt("indoor_climate", ("temperature", "presence"), BEGIN_MS, END_MS)


@pytest.fixture
async def influx(influxd: Influxd, database: str) -> AsyncIterator[InfluxClient]:
    settings = Influx(url=influxd.url, database=database, username=influxd.username)
    async with open_influx(settings, influxd.password) as client:
        yield client


def make_reading(
    device: str, time_ms: int, *, simulated: bool = False, site: str = "hall", **values: float | bool
) -> Reading:
    return Reading(device, "indoor_climate", site, "first", time_ms, 0.5, values, simulated=simulated)


async def write(influxd: Influxd, database: str, readings: Sequence[Reading]) -> None:
    await influxd.write("\n".join(map(format_reading, readings)), database)


async def read_all(influx: InfluxClient, excerpt: Excerpt) -> list[Reading]:
    return [reading async for _, readings in iterate_history(influx, excerpt) for reading in readings]


async def test_a_month_comes_back_as_it_went_in(influx: InfluxClient, influxd: Influxd, database: str) -> None:
    written = list_readings()
    await write(influxd, database, written)
    expected = [
        one._replace(values={name: one.values[name] for name in MONTH.fields if name in one.values}) for one in written
    ]
    whole = await read_all(influx, MONTH._replace(simulated=True))
    assert whole == expected
    assert all(type(one.values["presence"]) is bool and type(one.values["temperature"]) is float for one in whole)
    pieces = [piece async for piece in iterate_history(influx, MONTH._replace(simulated=True), 500)]
    assert len(pieces) > 8
    assert max(len(readings) for _, readings in pieces) <= 500
    assert [reading for _, readings in pieces for reading in readings] == expected
    assert all(span.from_ms <= one.time_ms < span.to_ms for span, readings in pieces for one in readings)
    assert (pieces[0][0].from_ms, pieces[-1][0].to_ms) == (BEGIN_MS, END_MS)


class Impatient(InfluxClient):
    """Breaks off every answer to a question about more than two days, as a server does whose time is up."""

    async def query(self, statement: str) -> list[Series]:
        """Return the answer; see ``InfluxClient``."""
        if (found := re.search(r"time >= (\d+)ms AND time < (\d+)ms", statement)) is not None:
            begin_ms, end_ms = map(int, found.groups())
            if end_ms - begin_ms > 48 * HOUR_MS:
                raise BrokenOffError("that takes too long")
        return await super().query(statement)


async def test_a_server_that_breaks_off_is_asked_for_less(influxd: Influxd, database: str) -> None:
    written = list_readings()
    await write(influxd, database, written)
    settings = Influx(url=influxd.url, database=database, username=influxd.username)
    async with open_influx(settings, influxd.password) as client:
        impatient = Impatient(settings, client._session)  # noqa: SLF001 - the same connection, with less patience
        found = await read_all(impatient, MONTH._replace(simulated=True))
    assert [one.time_ms for one in found] == [one.time_ms for one in written]


async def test_simulated_readings_are_left_out_unless_they_are_asked_for(
    influx: InfluxClient, influxd: Influxd, database: str
) -> None:
    real = make_reading("climate-1", BEGIN_MS, temperature=20.0)
    made_up = make_reading("climate-1", BEGIN_MS + 1, simulated=True, temperature=30.0)
    await write(influxd, database, [real, made_up, made_up._replace(time_ms=BEGIN_MS)])
    excerpt = Excerpt("indoor_climate", ("temperature",), BEGIN_MS, END_MS)
    assert await read_all(influx, excerpt) == [real]
    assert await read_all(influx, excerpt._replace(simulated=True)) == [real, made_up]


async def test_devices_are_merged_in_order_of_time_also_one_that_was_moved(
    influx: InfluxClient, influxd: Influxd, database: str
) -> None:
    readings = [
        make_reading(name, BEGIN_MS + minute * 60_000, site="hall" if minute < 30 else "annex", temperature=20.5)
        for minute in range(60)
        for name in ("a'b", "climate-1", "climate-2")
    ]
    await write(influxd, database, readings)
    excerpt = Excerpt("indoor_climate", ("temperature",), BEGIN_MS, END_MS)
    assert await read_all(influx, excerpt) == readings
    chosen = await read_all(influx, excerpt._replace(devices=("a'b", "climate-2")))
    assert chosen == [one for one in readings if one.device != "climate-1"]
    part = await read_all(influx, excerpt._replace(from_ms=BEGIN_MS + 60_000, to_ms=BEGIN_MS + 120_000))
    assert part == readings[3:6]


async def test_a_reading_without_the_field_still_tells_that_its_device_lived(
    influx: InfluxClient, influxd: Influxd, database: str
) -> None:
    await write(influxd, database, [make_reading("climate-1", BEGIN_MS, temperature=20.0)])
    for fields in (("co2",), ()):
        excerpt = Excerpt("indoor_climate", fields, BEGIN_MS, END_MS)
        assert await read_all(influx, excerpt) == [make_reading("climate-1", BEGIN_MS)]
    assert await read_all(influx, Excerpt("street_light", ("power",), BEGIN_MS, END_MS)) == []


async def test_points_are_counted_by_hour_over_months(influx: InfluxClient, influxd: Influxd, database: str) -> None:
    times = [BEGIN_MS + hours * HOUR_MS + 1 for hours in (0, 0, 700, 743, 744, 745, 2_000)]
    readings = [make_reading(f"climate-{number}", time_ms, co2=500.0) for number, time_ms in enumerate(times)]
    await write(influxd, database, readings)
    excerpt = Excerpt("indoor_climate", (), BEGIN_MS, BEGIN_MS + 3_000 * HOUR_MS)
    assert await count_hours(influx, excerpt) == Counter(time_ms // HOUR_MS for time_ms in times)


@given(
    st.integers(0, 3 * HOUR_MS),
    st.integers(1, 50 * HOUR_MS),
    st.dictionaries(st.integers(0, 60), st.integers(0, 500)),
    st.integers(1, 300),
)
def test_pieces_leave_no_time_out_and_none_is_too_large(
    from_ms: int, length_ms: int, counts: dict[int, int], most: int
) -> None:
    spans = list(divide_time(from_ms, from_ms + length_ms, counts, most))
    assert (spans[0].from_ms, spans[-1].to_ms) == (from_ms, from_ms + length_ms)
    assert all(before.to_ms == after.from_ms for before, after in itertools.pairwise(spans))
    assert all(span.from_ms < span.to_ms for span in spans)
    assert all(span.points <= most for span in spans if span.to_ms - span.from_ms > 2_000)


def test_a_dense_hour_after_empty_ones_is_divided_by_itself() -> None:
    spans = list(divide_time(0, 10 * HOUR_MS, {5: 100}, 50))
    half = HOUR_MS // 2
    assert spans == [
        Span(0, 5 * HOUR_MS, 0),
        Span(5 * HOUR_MS, 5 * HOUR_MS + half, 50),
        Span(5 * HOUR_MS + half, 6 * HOUR_MS, 50),
        Span(6 * HOUR_MS, 10 * HOUR_MS, 0),
    ]
