"""Line protocol, judged by the real InfluxDB: what was escaped comes back as it was, or as the module says it must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.influx import open_influx
from ingest.line import build_line, build_prefix, format_value
from ingest.settings import Influx
from ingest.store_outbox import pack_lines
from simulators.testbed.influxd import Influxd

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
