"""Six recorded series through broker, collector and InfluxDB: what is stored equals what the files hold."""

import asyncio
import csv
import gzip
import io
import math
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest.accounts import COLLECTOR, complete_accounts, write_private
from schemas.units import convert
from simulators.testbed.collector import Setup, run_collector_process
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.stand import ROOT, Stand

DATA = ROOT.parent / "shared" / "data"
HOUR_MS = 3_600_000

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the recorded series are not in ../shared/data"),
    pytest.mark.timeout(300),
]


class Series(NamedTuple):
    """A recorded series and what it becomes.

    Attributes:
        file: Name of it; the last column has the values.
        device: Of the inventory's recordings.
        measurement: Key of the device's type.
        field: Of that type.
        unit: Of the file.
        target: Of the field.
        rows: How many the file has, as its description says.
        total: Sum of its values in its own unit, likewise.
    """

    file: str
    device: str
    measurement: str
    field: str
    unit: str
    target: str
    rows: int
    total: float


ELECTRICITY = "uk-electricity-hdd-only-hourly-sample-0.csv.gz"
GAS = "uk-gas-hdd-only-hourly-sample-0.csv.gz"
SERIES = {
    "office": Series(
        "office-temperature-f.csv", "opptak-kontor", "indoor_climate", "temperature", "[degF]", "Cel", 7267, 517718.7585
    ),
    "speed": Series(
        "traffic-speed-7578.csv", "opptak-fart", "traffic_detector", "speed", "[mi_i]/h", "km/h", 1127, 72183.0
    ),
    "occupancy": Series(
        "traffic-occupancy-6005.csv", "opptak-belegg", "traffic_detector", "occupancy", "%", "%", 2380, 10698.45
    ),
    "electricity": Series(
        ELECTRICITY, "opptak-strom", "electricity_interval", "energy", "kW.h", "kW.h", 23508, 3789.626
    ),
    "gas": Series(GAS, "opptak-gass", "gas_interval", "energy", "kW.h", "kW.h", 23508, 16878.2622),
    "outdoors": Series(
        "uk-tempC-sample-0.csv.gz", "opptak-ute", "outdoor_temperature", "temperature", "Cel", "Cel", 23508, 247465.597
    ),
}
ALL_ROWS = sum(series.rows for series in SERIES.values())


def read_values(file: Path) -> list[float]:
    """Return the last column of a CSV with a header, read without any code of ours."""
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
    return [float(row[-1]) for row in list(csv.reader(io.StringIO(text)))[1:]]


async def replay(series: Series, broker: Mosquitto, secrets: Path) -> None:
    """Run the real command, under the device's own account."""
    source = (str(DATA / series.file), "--device", series.device, "--field", series.field, "--unit", series.unit)
    where = ("--port", str(broker.port), "--secrets", str(secrets))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gjovik", "replay", *source, "--tz", "UTC", "--speed", "0", *where),
        cwd=ROOT,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.fixture
async def replayed(tmp_path: Path, influxd: Influxd) -> AsyncIterator[Stand]:
    """All six series in InfluxDB, and the alerts that they raised."""
    folder = tmp_path / "replay"
    folder.mkdir()
    accounts = complete_accounts([COLLECTOR, *(series.device for series in SERIES.values())], {})
    secrets = folder / "accounts"
    write_private(secrets, "".join(f"{name}:{password}\n" for name, password in accounts.items()), mode=0o600)
    await influxd.create_database("replayed")
    setup = Setup(ROOT / "deploy/inventory", ROOT / "deploy/rules", "replayed")
    async with (
        run_mosquitto(folder / "mosquitto", accounts) as broker,
        run_collector_process(folder / "collector", broker, influxd, setup) as collector,
    ):
        stand = Stand(broker, influxd, "replayed", collector, setup.inventory, setup.rules)
        async with asyncio.TaskGroup() as group:
            for name, series in SERIES.items():
                group.create_task(replay(series, broker, secrets), name=name)
        await stand.collector.wait_until(
            lambda status: status["ledger"]["received"] >= ALL_ROWS and status["outbox_lines"] == 0,
            "store everything",
            deadline_s=60,
        )
        yield stand
    await influxd.drop_database("replayed")


async def test_recorded_series_are_stored_whole_at_their_own_times_and_raise_their_alert(replayed: Stand) -> None:
    """One test of all, for of several each worker would replay everything."""
    for series in SERIES.values():
        await check_file(replayed, series)
    check_nothing_was_refused(replayed)
    await check_alert_of_the_office(replayed)
    await check_time_and_delay(replayed)


async def check_file(replayed: Stand, series: Series) -> None:
    """Hold what is stored against what the file holds."""
    values = read_values(DATA / series.file)
    assert len(values) == series.rows, series.file
    assert math.fsum(values) == pytest.approx(series.total, abs=0.0005), series.file
    rows = await replayed.select(
        f"SELECT {series.field} FROM {series.measurement} WHERE device = '{series.device}'"  # noqa: S608 - our own names
    )
    assert len(rows) == series.rows, series.file
    expected = math.fsum(convert(value, series.unit, series.target) for value in values)
    assert math.fsum(row[1] for row in rows) == pytest.approx(expected, abs=0.0005), series.file


def check_nothing_was_refused(replayed: Stand) -> None:
    """Look into the status."""
    status = replayed.collector.read_status()
    assert status["ledger"]["accepted"] == ALL_ROWS
    assert status["quarantined"] == 0


async def check_alert_of_the_office(replayed: Stand) -> None:
    """Look for the alert while the office's heating has failed."""
    rows = await replayed.select("SELECT firing, value FROM alerts WHERE device = 'opptak-kontor'")
    april_2014, may_2014 = 1_396_310_400_000, 1_398_902_400_000
    in_failure = [row for row in rows if april_2014 <= row[0] < may_2014]
    assert [row[1] for row in in_failure] == [True, False]
    fired, cleared = in_failure
    assert fired[2] < 16.0
    assert cleared[0] - fired[0] > 3 * HOUR_MS


async def check_time_and_delay(replayed: Stand) -> None:
    """See that history is stored under its own time, and that the delay tells when it came."""
    ((first_ms, delay_s),) = await replayed.select(
        "SELECT delay FROM indoor_climate WHERE device = 'opptak-kontor' ORDER BY time LIMIT 1"
    )
    assert first_ms == 1_372_896_000_000  # 2013-07-04T00:00:00Z
    assert delay_s > 10 * 365 * 24 * 3600
