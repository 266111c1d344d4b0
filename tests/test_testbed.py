"""The servers that the other tests stand on behave as those tests believe."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.accounts import COLLECTOR
from simulators.testbed.grafana import find_grafana, run_grafana
from simulators.testbed.influxd import Influxd, QueryError
from simulators.testbed.mosquitto import Mosquitto, place_configuration
from simulators.testbed.process import Program, ProgramError

ROOT = Path(__file__).parents[1]
PARENT = """
import asyncio
from pathlib import Path
from simulators.testbed.influxd import run_influxd
from simulators.testbed.mosquitto import run_mosquitto

async def main() -> None:
    folder = Path({folder!r})
    async with run_mosquitto(folder / "m", {{}}) as broker, run_influxd(folder / "i") as database:
        print(broker.pid, database.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
"""A program that runs both servers until it is ended from outside."""
STAND_IN = """#!{python}
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

for name in ("GF_PATHS_PROVISIONING", "GJOVIK_DASHBOARDS", "GJOVIK_INFLUX_URL"):
    print(name, os.environ[name], flush=True)
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""
"""Answers as Grafana does when it is asked whether it is well; there is no Grafana where most tests run."""


async def _write(server: Influxd, database: str, lines: bytes, *, login: bool = True) -> int:
    headers = {"Authorization": aiohttp.encode_basic_auth(server.username, server.password)} if login else {}
    url = f"{server.url}/write?db={database}&precision=ms"
    async with aiohttp.ClientSession() as session, session.post(url, data=lines, headers=headers) as response:
        return response.status


def _client(server: Mosquitto, name: str) -> aiomqtt.Client:
    """Return a client whose session outlives it by an hour."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's has no annotations
    properties.SessionExpiryInterval = 3600
    return aiomqtt.Client(
        server.host,
        server.port,
        username=name,
        password=server.accounts[name],
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
    )


async def test_influxd_keeps_data_and_address_over_a_restart(own_influxd: Influxd) -> None:
    await own_influxd.create_database("sensors")
    assert await _write(own_influxd, "sensors", b"m f=1 1000") == 204
    url = own_influxd.url
    await own_influxd.restart()
    (series,) = await own_influxd.query("SELECT * FROM m", "sensors")
    assert own_influxd.url == url
    assert (series.columns, series.rows) == (("time", "f"), ((1000, 1.0),))


async def test_influxd_refuses_the_nameless(influxd: Influxd, database: str) -> None:
    assert await _write(influxd, database, b"m f=1 1000", login=False) == 401


async def test_a_failing_statement_is_an_error(influxd: Influxd) -> None:
    with pytest.raises(QueryError, match="nowhere"):
        await influxd.query("SELECT * FROM m", "nowhere")


async def test_mosquitto_takes_new_accounts_while_it_runs(mosquitto: Mosquitto) -> None:
    async with _client(mosquitto, COLLECTOR):
        pid = mosquitto.pid
        (password,) = (await mosquitto.add_accounts(["meter-1"])).values()
        async with _client(mosquitto, "meter-1"):
            assert mosquitto.pid == pid
        assert await mosquitto.add_accounts(["meter-1"]) == {"meter-1": password}


async def test_mosquitto_keeps_more_than_its_defaults_for_an_absent_collector_over_a_restart(
    mosquitto: Mosquitto,
) -> None:
    await mosquitto.add_accounts(["meter-1"])
    port, count = mosquitto.port, 3_000
    async with _client(mosquitto, COLLECTOR) as collector:
        await collector.subscribe("gjovik/+/+/reading", qos=1)
    async with _client(mosquitto, "meter-1") as meter:
        for begin in range(0, count, 500):
            payloads = [b"%d" % number for number in range(begin, begin + 500)]
            await asyncio.gather(*(meter.publish("gjovik/school/meter-1/reading", p, qos=1) for p in payloads))
    await mosquitto.restart()
    assert mosquitto.port == port
    received: set[object] = set()
    async with asyncio.timeout(30), _client(mosquitto, COLLECTOR) as collector:
        async for message in collector.messages:
            received.add(message.payload)
            if len(received) == count:
                break
    assert received == {b"%d" % number for number in range(count)}


def _runs(pid: int) -> bool:
    """Return whether a process does; one that only waits to be collected (Z) does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_no_server_outlives_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    """Also when the parent is killed, and when Ctrl-C reaches the whole terminal."""
    code = PARENT.format(folder=str(tmp_path))
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    parent.send_signal(end)
    await parent.wait()
    for _ in range(1_000):
        if not any(map(_runs, pids)):
            break
        await asyncio.sleep(0.02)
    assert not [pid for pid in pids if _runs(pid)]


async def test_a_program_that_ends_at_once_shows_why(tmp_path: Path) -> None:
    program = Program(("sh", "-c", "echo no luck; exit 3"), folder=tmp_path, log=tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(ProgramError, match=r"(?s)it ended.*no luck"):
        await program.start(never)


async def test_a_program_that_does_not_get_ready_is_ended(tmp_path: Path) -> None:
    program = Program(("sleep", "60"), folder=tmp_path, log=tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(ProgramError, match="did not get ready within"):
        await program.start(never, deadline_s=0.1)
    assert program.pid is None


def test_only_settings_that_ship_are_replaced() -> None:
    assert place_configuration("user a\nother b\n", {"user": "c"}) == "user c\nother b\n"
    with pytest.raises(ProgramError, match="listener stands 0 times"):
        place_configuration("#listener 1\n", {"listener": "2"})


def test_a_missing_grafana_is_no_error(tmp_path: Path) -> None:
    assert find_grafana({"PATH": str(tmp_path)}) is None
    assert find_grafana({"PATH": str(tmp_path), "GRAFANA_HOME": str(tmp_path)}) is None


async def test_grafana_is_started_with_what_ships_and_stopped(tmp_path: Path, influxd: Influxd) -> None:
    program = tmp_path / "home" / "bin" / "grafana"
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    installation = find_grafana({"GRAFANA_HOME": str(tmp_path / "home")})
    assert installation is not None
    async with run_grafana(tmp_path / "var", influxd, installation) as grafana, aiohttp.ClientSession() as session:
        async with session.get(f"{grafana.url}/api/health") as response:
            assert response.status == 200
        lines = dict(line.split() for line in (tmp_path / "var" / "grafana.log").read_text().splitlines()[:3])
        assert lines["GJOVIK_INFLUX_URL"] == influxd.url
        assert lines["GF_PATHS_PROVISIONING"] == str(ROOT / "deploy" / "grafana" / "provisioning")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(grafana.url)
