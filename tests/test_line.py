"""Line protocol, judged by the real InfluxDB: what was escaped comes back as it was, or as the module says it must."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.influx import open_influx
from ingest.line import Draft, build_line, build_prefix, finish_line, finish_lines, format_value
from ingest.settings import Influx
from ingest.store_outbox import pack_lines
from simulators.testbed.influxd import Influxd

PREFIX = b"m,device=d,site=s"
AWKWARD = [
    "plain",
    "two words",
    "comma, equals= and space",
    'double "quotes"',
    "single 'quotes'",
    "back\\slash",
    "ends in a backslash\\",
    "blåbærsyltetøy og 12 °C",
    "emoji 🚲",
    "#hash",
    "tab\tand\nbreak",
    "=",
    ",",
    "\\,",
]


def test_tags_are_sorted_and_empty_ones_left_out() -> None:
    assert build_prefix("m", {"z": "1", "a": "2", "empty": ""}) == "m,a=2,z=1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (1, "1.0"), (0.1, "0.1"), (-0.0, "-0.0"), (1e300, "1e+300"), (5e-324, "5e-324")],
)
def test_numbers_are_floats_and_states_are_booleans(value: float | bool, text: str) -> None:  # noqa: FBT001
    assert format_value(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_exactly(value: float) -> None:
    assert float(format_value(value)) == value


@given(st.text(), st.text(), st.text())
def test_a_line_is_one_line(measurement: str, tag: str, field: str) -> None:
    text = measurement.encode("utf-8", "ignore").decode()
    tag, field = (part.encode("utf-8", "ignore").decode() for part in (tag, field))
    assert b"\n" not in build_line(text or "m", {"tag": tag}, {field or "f": 1.0, "text": text}, 0)


@pytest.mark.parametrize("text", AWKWARD)
async def test_influxdb_gives_back_a_text_in_a_field(influxd: Influxd, database: str, text: str) -> None:
    settings = Influx(url=influxd.url, database=database, username=influxd.username)
    async with open_influx(settings, influxd.password) as client:
        await client.write(pack_lines([build_line("m", {}, {"text": text, "number": 1.5}, 1_768_478_400_000)]))
    (series,) = await influxd.query('SELECT "text", "number" FROM "m"', database)
    assert series.rows == ((1_768_478_400_000, text.replace("\n", " "), 1.5),)


@pytest.mark.parametrize("text", AWKWARD)
async def test_influxdb_gives_back_what_was_escaped(influxd: Influxd, database: str, text: str) -> None:
    line = build_line(text, {"tag " + text: text}, {"field " + text: 1.5}, 1_768_478_400_000)
    settings = Influx(url=influxd.url, database=database, username=influxd.username)
    async with open_influx(settings, influxd.password) as client:
        await client.write(pack_lines([line]))
    (series,) = await influxd.query("SELECT * FROM /.*/", database)
    kept = text.replace("\t", " ").replace("\n", " ").replace("\\", "/")
    assert series.name == ("_" + kept[1:] if kept.startswith("#") else kept)
    assert dict(zip(series.columns, series.rows[0], strict=True)) == {
        "time": 1_768_478_400_000,
        "tag " + kept: kept,
        "field " + kept: 1.5,
    }


FIELDS = st.dictionaries(
    st.from_regex("[A-Za-z][A-Za-z0-9_]*", fullmatch=True).filter(lambda name: name != "delay"),
    st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    min_size=1,
    max_size=9,
)
DELAYS = st.integers(-(10**15), 10**15).map(lambda delay_ms: delay_ms / 1000)
DRAFTS = st.lists(st.tuples(st.just(PREFIX), FIELDS, DELAYS, st.integers(-(2**53), 2**53)), max_size=9)


def read_line(line: bytes) -> tuple[bytes, dict[bytes, float | bytes], bytes]:
    """Return prefix, fields and time of a line without escapes; numbers as numbers."""
    prefix, pairs, time = line.split(b" ")
    fields = dict(pair.split(b"=") for pair in pairs.split(b","))
    return (
        prefix,
        {name: value if value in {b"true", b"false"} else float(value) for name, value in fields.items()},
        time,
    )


@given(DRAFTS)
def test_lines_made_together_say_what_lines_made_one_by_one_say(drafts: list[Draft]) -> None:
    alone = [
        finish_line(prefix.decode(), {**fields, "delay": delay_s}, time_ms)
        for prefix, fields, delay_s, time_ms in drafts
        if isinstance(fields, Mapping)
    ]
    assert [read_line(line) for line in finish_lines(drafts)] == [read_line(line) for line in alone]


async def test_influxdb_reads_every_number_as_the_float_that_it_was(influxd: Influxd, database: str) -> None:
    numbers = [0.0, -0.0, 0.1, 1e16, -1e16, 1.7976931348623157e308, 5e-324, 1e-7, 123456789.123456789, 64200.0]
    drafts: list[Draft] = [(PREFIX, {"value": number, "on": True}, number, at) for at, number in enumerate(numbers)]
    settings = Influx(url=influxd.url, database=database, username=influxd.username)
    async with open_influx(settings, influxd.password) as client:
        await client.write(pack_lines(finish_lines(drafts)))
    (series,) = await influxd.query('SELECT "delay", "on", "value" FROM "m"', database)
    assert series.rows == tuple((at, number, True, number) for at, number in enumerate(numbers))
