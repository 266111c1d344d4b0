"""Fixtures that several tests share: real servers on free loopback ports."""

import atexit
import functools
import itertools
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import typer.testing

from ingest.accounts import COLLECTOR, make_password
from simulators.testbed import collector, port
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto

# Servers and the machine they share make single examples slow now and then; in CI the examples are the same every time.
hypothesis.settings.register_profile(
    "project",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("project")

# Programs that tests start are compiled once, also where Python is told to leave nothing behind.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    compiled = tempfile.TemporaryDirectory(prefix="gjovik-compiled-")
    atexit.register(compiled.cleanup)
    os.environ["PYTHONPYCACHEPREFIX"] = compiled.name

# Every invocation builds the whole command line anew, which takes longer than most commands; it is always the same.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined] # noqa: SLF001

# A shell has what it starts in the background ignore SIGINT, and then the programs that tests start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests wait for what a status says, again and again.
collector.COMMAND = ("-m", "tests.talkative")

# A server keeps its port while a test has stopped it; so tests that run at the same time have ports of their own.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    port.PORTS = port.PORTS[int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]


@pytest.fixture
def now_ms() -> int:
    """The present time, milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A broker as it ships, with the collector's account; ``add_accounts`` gives it devices."""
    async with run_mosquitto(tmp_path / "mosquitto", {COLLECTOR: make_password()}) as server:
        yield server


@pytest.fixture(scope="session")
async def influxd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Influxd]:
    """A database server for the whole session; it must not be stopped. See ``own_influxd``."""
    async with run_influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture
async def own_influxd(tmp_path: Path) -> AsyncIterator[Influxd]:
    """A database server for one test, which may stop and start it."""
    async with run_influxd(tmp_path / "influxd") as server:
        yield server


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names that no test has used yet."""
    return (f"sensors{number}" for number in itertools.count())


@pytest.fixture
async def database(influxd: Influxd, database_names: Iterator[str]) -> AsyncIterator[str]:
    """The name of an empty database that the collector's user reads and writes."""
    name = next(database_names)
    await influxd.create_database(name)
    yield name
    await influxd.drop_database(name)
