"""Recorded series: read whole or refused with file and line, converted exactly, published by a real client."""

import asyncio
import csv
import gzip
import io
import json
import os
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import aiomqtt
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import simulators.cli
from devices import load_device_types
from ingest.accounts import COLLECTOR
from ingest.inventory import OPEN_END_MS, Device, Inventory, Placement
from ingest.inventory_files import load_inventory
from schemas.units import UNITS, convert
from simulators.errors import RecordingError, ReplayError
from simulators.publisher import BrokerAddress
from simulators.recording import Sample, read_recording
from simulators.replay import Part, Replay, cast_part, find_unit_code, make_messages
from simulators.tally import Tally
from simulators.testbed.mosquitto import Mosquitto
from simulators.town import render_recordings

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
OSLO, UTC = ZoneInfo("Europe/Oslo"), ZoneInfo("UTC")
# file, device, field, unit, zone, rows, sum in the file's unit
SERIES = [
    ("office-temperature-f.csv", "opptak-kontor", "temperature", "[degF]", "Etc/GMT+5", 7267, 517718.7585),
    ("traffic-speed-7578.csv", "opptak-fart", "speed", "[mi_i]/h", "America/Chicago", 1127, 72183.0),
    ("traffic-occupancy-6005.csv", "opptak-belegg", "occupancy", "%", "America/Chicago", 2380, 10698.45),
    ("uk-electricity-hdd-only-hourly-sample-0.csv.gz", "opptak-strom", "energy", "kW.h", None, 23508, 3789.626),
    ("uk-gas-hdd-only-hourly-sample-0.csv.gz", "opptak-gass", "energy", "kW.h", None, 23508, 16878.2622),
    ("uk-tempC-sample-0.csv.gz", "opptak-ute", "temperature", "Cel", "UTC", 23508, 247465.597),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An inventory of the devices that recordings are replayed as."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "opptak.toml").write_text(render_recordings(), encoding="utf-8")
    return folder


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return load_inventory(folder, load_device_types())


def find_series(name: str) -> Path:
    file = DATA / name
    if not file.is_file():
        pytest.skip(f"{file} is not here: the recorded series lie beside the project, in ../shared/data")
    return file


def make_file(tmp_path: Path, text: str, name: str = "series.csv") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def cast(inventory: Inventory, device: str, field: str, unit: str) -> Part:
    return cast_part(inventory, load_device_types(), device, field, unit, "gjovik")


def convert_sum(total: float, rows: int, unit: str) -> float:
    """Return a series' sum in the unit of its field, by hand: 9 °F are 5 °C from 32 °F on, a mile is 1.609344 km."""
    if unit == "[degF]":
        return (total - 32.0 * rows) / 1.8
    return total * 1.609344 if unit == "[mi_i]/h" else total


@pytest.mark.parametrize("series", SERIES, ids=[series[0] for series in SERIES])
def test_every_series_keeps_its_count_and_sum_in_the_unit_of_its_field(
    inventory: Inventory, series: tuple[str, str, str, str, str | None, int, float]
) -> None:
    name, device, field, unit, zone, rows, total = series
    samples = read_recording(find_series(name), ZoneInfo(zone) if zone else None)
    part = cast(inventory, device, field, unit)
    values = [json.loads(message.payload)[field] for message in make_messages(part, samples)]
    assert (len(samples), len(values)) == (rows, rows)
    assert sum(sample.value for sample in samples) == pytest.approx(total, abs=1e-3)
    assert sum(values) == pytest.approx(convert_sum(total, rows, unit), abs=1e-3)


@given(value=st.floats(-1e6, 1e6), unit=st.sampled_from(["Cel", "[degF]", "K"]))
def test_values_are_sent_with_every_digit(value: float, unit: str) -> None:
    device = Device("ute", "outdoor_temperature", "+U=360.001-RT001", (Placement(0, OPEN_END_MS, "opptak", "ute"),))
    part = Part(device, load_device_types()["outdoor_temperature"], "temperature", unit, "gjovik")
    (message,) = make_messages(part, [Sample(2, 1_400_000_000_000, value)])
    assert json.loads(message.payload)["temperature"] == convert(value, unit, "Cel")


def test_a_message_has_time_number_and_field_and_is_not_simulated(inventory: Inventory) -> None:
    part = cast(inventory, "opptak-fart", "speed", "mph")
    samples = [Sample(2, 1_441_712_340_000, 60.0), Sample(3, 1_441_712_640_500, 0.0)]
    first, second = make_messages(part, samples)
    assert first.topic == "gjovik/opptak/opptak-fart/reading"
    assert json.loads(first.payload) == {"time": "2015-09-08T11:39:00.000Z", "seq": 0, "speed": pytest.approx(96.56064)}
    assert json.loads(second.payload) == {"time": "2015-09-08T11:44:00.500Z", "seq": 1, "speed": 0.0}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("timestamp,value", "2014-01-01 12:00:00,5.5"),
        ("START;value", "2014-01-01T12:00:00;5.5"),
        ("value,note,dt,reading", "x,y,2014-01-01 12:00,5.5"),
        ("\ufeffTime,value", "2014-01-01 13:00:00+01:00,5.5"),
        (",dt,tempC", "0,2014-01-01T12:00:00Z, 5.5"),
    ],
)
def test_columns_are_found(tmp_path: Path, header: str, row: str) -> None:
    assert read_recording(make_file(tmp_path, f"{header}\n{row}\n"), UTC) == [Sample(2, 1_388_577_600_000, 5.5)]


def test_columns_can_be_named(tmp_path: Path) -> None:
    file = make_file(tmp_path, "day,a,b\n2014-01-01,1,2\n")
    assert read_recording(file, UTC, "day", "A")[0].value == 1.0
    with pytest.raises(
        RecordingError, match=r"no column .* timestamp, time, start, dt; give --time-column .* day, a, b"
    ):
        read_recording(file, UTC)
    with pytest.raises(RecordingError, match="has no column 'c'; it has day, a, b"):
        read_recording(file, UTC, "day", "c")
    with pytest.raises(RecordingError, match="cannot be both time and value"):
        read_recording(file, UTC, "b")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("timestamp,value\n2014-01-01,5\n2014-01-02,warm\n", "line 3: 'warm' is not a number"),
        ("timestamp,value\n2014-01-01,\n", "line 2: '' is not a number"),
        ("timestamp,value\n2014-01-01,nan\n", "line 2: 'nan' is not a number"),
        ("timestamp,value\n2014-01-01,1e999\n", "line 2: '1e999' is not a number"),
        ("timestamp,value\nyesterday,5\n", "line 2: 'yesterday' is not a time in ISO 8601"),
        ("timestamp,value\n2014-01-01\n", "line 2 has 1 columns, fewer than the header"),
        ("timestamp,value\n2014-01-01,1\n2014-01-02,1\n2014-01-01,2\n", "lines 2 and 4 have the same time"),
        ("timestamp,value\n", "has a header and no rows"),
        ("value\n1\n", "line 1 is not a header of at least two columns"),
        ("", "line 1 is not a header of at least two columns"),
    ],
)
def test_what_is_not_a_recording_is_refused_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    file = make_file(tmp_path, text)
    with pytest.raises(RecordingError) as caught:
        read_recording(file, UTC)
    assert sentence in str(caught.value)
    assert str(file) in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    torn, latin = tmp_path / "torn.csv.gz", tmp_path / "latin.csv"
    torn.write_bytes(gzip.compress(b"timestamp,value\n2014-01-01,5\n")[:-9])
    latin.write_bytes("timestamp,målt\n2014-01-01,5\n".encode("latin-1"))
    for file, sentence in [
        (torn, "is not a whole gzip file"),
        (latin, "is not UTF-8 text"),
        (tmp_path / "none.csv", "cannot be read: No such file"),
    ]:
        with pytest.raises(RecordingError, match=sentence):
            read_recording(file, UTC)


def test_lines_are_those_of_the_file_also_after_blank_ones_and_quotes(tmp_path: Path) -> None:
    text = 'timestamp,note,value\n\n2014-01-01,"two\nlines",1\n2014-01-02,plain,bad\n'
    with pytest.raises(RecordingError, match="line 5: 'bad'"):
        read_recording(make_file(tmp_path, text), UTC)


def test_a_time_without_an_offset_needs_a_zone(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="line 2: '2014-01-01' has no offset; give --tz, for example"):
        read_recording(make_file(tmp_path, "timestamp,value\n2014-01-01,1\n"), None)


def test_the_hour_that_does_not_exist_is_refused_with_a_zone_that_has_it(tmp_path: Path) -> None:
    file = make_file(tmp_path, "timestamp,value\n2014-03-30 01:30,1\n2014-03-30 02:30,1\n2014-03-30 03:30,1\n")
    with pytest.raises(
        RecordingError, match=r"line 3: '2014-03-30 02:30' never was on a clock in Europe/Oslo.* --tz Etc/GMT-1$"
    ):
        read_recording(file, OSLO)
    times = [sample.time_ms for sample in read_recording(file, ZoneInfo("Etc/GMT-1"))]
    assert [after - before for before, after in pairwise(times)] == [3_600_000, 3_600_000]


@pytest.mark.parametrize("minutes", [60, 30, 5])
def test_the_hour_that_comes_twice_is_told_apart_by_the_order(tmp_path: Path, minutes: int) -> None:
    clock = [f"{hour:02}:{minute:02}" for hour in (1, 2, 2, 3) for minute in range(0, 60, minutes)]
    rows = "".join(f"2014-10-26 {time},1\n" for time in clock)
    times = [sample.time_ms for sample in read_recording(make_file(tmp_path, f"timestamp,value\n{rows}"), OSLO)]
    assert {after - before for before, after in pairwise(times)} == {minutes * 60_000}


def test_the_hour_that_comes_twice_is_the_first_where_it_is_there_once(tmp_path: Path) -> None:
    file = make_file(tmp_path, "timestamp,value\n2014-10-26 01:30,1\n2014-10-26 02:30,1\n2014-10-26 03:30,1\n")
    times = [sample.time_ms for sample in read_recording(file, OSLO)]
    assert [after - before for before, after in pairwise(times)] == [3_600_000, 7_200_000]


@pytest.mark.parametrize(
    ("device", "field", "unit", "sentence"),
    [
        ("opptak-nix", "temperature", "Cel", "no device opptak-nix is in the inventory"),
        ("opptak-ute", "speed", "Cel", "has no field 'speed'; it has temperature"),
        ("opptak-ute", "temperature", "kW.h", "--unit kW.h does not fit field temperature of outdoor_temperature"),
        ("opptak-ute", "temperature", "fathom", "unit 'fathom' is not known; known units: "),
        ("opptak-kontor", "presence", "1", "field presence of indoor_climate is on or off"),
        ("opptak-kontor", "co2", "[ppm]", "a reading of indoor_climate needs temperature as well"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    inventory: Inventory, device: str, field: str, unit: str, sentence: str
) -> None:
    with pytest.raises(ReplayError) as caught:
        cast(inventory, device, field, unit)
    assert sentence in str(caught.value)


def test_a_sample_from_before_the_device_was_placed_is_refused(inventory: Inventory) -> None:
    part = cast(inventory, "opptak-ute", "temperature", "Cel")
    with pytest.raises(ReplayError, match="line 2: opptak-ute was not placed anywhere then"):
        list(make_messages(part, [Sample(2, 1_300_000_000_000, 1.0)]))


@pytest.mark.parametrize(("text", "code"), [("°F", "[degF]"), ("mph", "[mi_i]/h"), ("kWh", "kW.h"), ("Cel", "Cel")])
def test_units_may_be_written_as_people_do(text: str, code: str) -> None:
    assert find_unit_code(text) == code
    assert all(find_unit_code(known) == known for known in UNITS)


def test_units_that_only_the_case_of_a_letter_tells_apart_are_not_mixed() -> None:
    assert (find_unit_code("MWh"), find_unit_code("mWh")) == ("MW.h", "mW.h")
    for neither in ("MV", "mj", "S"):
        with pytest.raises(ReplayError, match="is not known"):
            find_unit_code(neither)


async def collect(mosquitto: Mosquitto, count: int, started: asyncio.Event) -> dict[str, list[bytes]]:
    """Return the payloads that arrive, by topic, when there are ``count``."""
    arrived: dict[str, list[bytes]] = defaultdict(list)
    async with aiomqtt.Client(
        mosquitto.host,
        mosquitto.port,
        username=COLLECTOR,
        password=mosquitto.accounts[COLLECTOR],
        identifier=COLLECTOR,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        await client.subscribe("gjovik/+/+/reading", qos=1)
        started.set()
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            arrived[message.topic.value].append(message.payload)
            if sum(map(len, arrived.values())) == count:
                break
    return arrived


async def run_replay(mosquitto: Mosquitto, inventory: Inventory, samples: list[Sample], speed: float) -> list[bytes]:
    """Replay samples as ``opptak-kontor`` and return the payloads that arrived."""
    (password,) = (await mosquitto.add_accounts(["opptak-kontor"])).values()
    part = cast(inventory, "opptak-kontor", "temperature", "[degF]")
    messages, tally, started = list(make_messages(part, samples)), Tally(), asyncio.Event()
    async with asyncio.timeout(30.0), asyncio.TaskGroup() as group:
        collecting = group.create_task(collect(mosquitto, len(samples), started))
        await started.wait()
        replay = Replay(messages, samples, speed, tally)
        await replay.run(BrokerAddress(mosquitto.host, mosquitto.port), "opptak-kontor", "opptak-kontor", password)
    assert tally.report(1.0).is_clean
    arrived = collecting.result()
    assert list(arrived) == ["gjovik/opptak/opptak-kontor/reading"]
    return arrived["gjovik/opptak/opptak-kontor/reading"]


async def test_the_office_series_arrives_whole_in_order_and_in_degrees_celsius(
    mosquitto: Mosquitto, inventory: Inventory
) -> None:
    samples = read_recording(find_series("office-temperature-f.csv"), ZoneInfo("Etc/GMT+5"))
    readings = [json.loads(payload) for payload in await run_replay(mosquitto, inventory, samples, 0.0)]
    assert [reading["seq"] for reading in readings] == list(range(7267))
    assert sum(reading["temperature"] for reading in readings) == pytest.approx(
        (517718.7585 - 32 * 7267) / 1.8, abs=1e-3
    )


async def test_speed_stretches_time(mosquitto: Mosquitto, inventory: Inventory) -> None:
    samples = [Sample(2 + number, 1_400_000_000_000 + number * 60_000, 70.0) for number in range(5)]
    begun = asyncio.get_running_loop().time()
    assert len(await run_replay(mosquitto, inventory, samples, 600.0)) == 5
    assert asyncio.get_running_loop().time() - begun >= 4 * 60 / 600


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    app = typer.Typer()
    simulators.cli.add_commands(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


async def run_command(*arguments: str | Path, **environment: str) -> tuple[int | None, str, str]:
    """Run the command as people do, in a process of its own."""
    program = "import typer, simulators.cli as c; app = typer.Typer(); c.add_commands(app); app()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *map(str, arguments), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 30.0)
    return process.returncode, out.decode(), err.decode()


async def test_the_command_replays_a_file_with_the_password_from_the_environment_or_a_file(
    mosquitto: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    (password,) = (await mosquitto.add_accounts(["opptak-ute"])).values()
    file, secrets = make_file(tmp_path, "timestamp,value\n2014-01-01,50\n2014-01-02,41\n"), tmp_path / "accounts"
    secrets.write_text(f"opptak-ute:{password}\n")
    arguments = (
        "replay", file, "--device", "opptak-ute", "--field", "temperature", "--unit", "°F", "--tz", "Europe/Oslo",
        "--inventory", folder, "--port", str(mosquitto.port), "--json", "--secrets",
    )  # fmt: skip
    for passwords, environment in [(secrets, {}), (tmp_path / "none", {"MQTT_PASSWORD": password})]:
        code, out, err = await run_command(*arguments, passwords, **environment)
        assert (code, err) == (0, "")
        assert json.loads(out)["acknowledged"] == 2
    code, out, _ = await run_command(*arguments, secrets, MQTT_PASSWORD="wrong")  # noqa: S106
    assert code == 1
    assert "the broker refused the account opptak-ute" in json.loads(out)["error"]


def test_wrong_usage_is_one_sentence_and_exit_code_2(folder: Path, tmp_path: Path) -> None:
    file = make_file(tmp_path, "timestamp,value\n2014-01-01,warm\n")
    usual = {"--device": "opptak-ute", "--field": "temperature", "--unit": "Cel", "--tz": "UTC"}
    for changed, sentence in [
        ({}, f"{file}: line 2: 'warm' is not a number"),
        ({"--unit": "kW.h"}, "--unit kW.h does not fit field temperature"),
        ({"--field": "speed"}, "has no field 'speed'"),
        ({"--device": "nobody"}, "no device nobody"),
        ({"--tz": "Mars/Olympus"}, "--tz Mars/Olympus is not a time zone"),
        ({"--speed": "-1"}, "--speed"),
        ({"--inventory": str(tmp_path / "none")}, "is not a folder"),
    ]:
        options = {"--inventory": str(folder)} | usual | changed
        code, out, err = invoke("replay", file, *(part for option in options.items() for part in option))
        assert (code, out) == (2, "")
        assert sentence in err


def test_the_files_read_as_another_reader_reads_them() -> None:
    file = find_series("uk-gas-hdd-only-hourly-sample-0.csv.gz")
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(file.read_bytes()).decode())))
    samples = read_recording(file, None)
    assert [sample.value for sample in samples] == [float(row["value"]) for row in rows]
    assert samples[-1].line == len(rows) + 1
