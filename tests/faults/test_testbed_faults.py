"""What the testbed does to servers: proxies, a small disk, a clock that is shifted."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from simulators.testbed.clock import ShiftedClock, explain_no_clock
from simulators.testbed.disk import explain_no_disk, mount_small_disk
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import SHIPPED, permit_collectors
from simulators.testbed.port import LOOPBACK
from simulators.testbed.process import ProgramError
from simulators.testbed.proxy import Answer, CableProxy, InfluxProxy

QUIET_S = 0.2


@asynccontextmanager
async def echo_through_cable() -> AsyncIterator[tuple[CableProxy, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection through a cable to a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, CableProxy(server.sockets[0].getsockname()[1]).listening() as cable:
        reader, writer = await asyncio.open_connection(LOOPBACK, cable.port)
        yield cable, reader, writer
        writer.close()


async def test_a_cable_that_is_cut_is_silent_and_delivers_when_it_is_mended() -> None:
    async with echo_through_cable() as (cable, reader, writer):
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        cable.cut()
        writer.write(b"during")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), QUIET_S)
        cable.mend()
        assert await reader.readexactly(6) == b"during"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def write(session: aiohttp.ClientSession, proxy: InfluxProxy, influxd: Influxd, database: str) -> int:
    """Write a line through the proxy and return the status code."""
    url = f"http://{LOOPBACK}:{proxy.port}/write?db={database}&precision=ms"
    login = aiohttp.encode_basic_auth(influxd.username, influxd.password)
    async with session.post(url, data=b"m v=1 1", headers={"Authorization": login}) as response:
        await response.read()
        return response.status


async def test_an_influxdb_can_be_made_to_answer_ill_and_well_again(
    influxd: Influxd, database: str, session: aiohttp.ClientSession
) -> None:
    port = int(influxd.url.rpartition(":")[2])
    async with InfluxProxy(port).listening() as proxy:
        proxy.answer_next([Answer("ill", "503 Service Unavailable", "{}")])
        assert await write(session, proxy, influxd, database) == 503
        assert await influxd.query("SELECT * FROM m", database) == []
        assert proxy.is_well
        proxy.answer_next([Answer("half", stored=True, cut=True)])
        with pytest.raises(aiohttp.ClientError):
            await write(session, proxy, influxd, database)
        assert len(await influxd.query("SELECT * FROM m", database)) == 1
        assert await write(session, proxy, influxd, database) == 204
        assert proxy.given == {"ill": 1, "half": 1}


@pytest.mark.skipif(bool(explain_no_disk()), reason=explain_no_disk())
async def test_a_small_disk_is_full_and_free_again(tmp_path: Path) -> None:
    async with mount_small_disk(tmp_path / "disk", 1024**2) as disk:
        disk.fill()
        assert disk.free_bytes == 0
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "more").write_bytes(bytes(8192))
        disk.free()
        (disk.folder / "more").write_bytes(bytes(8192))


@pytest.mark.skipif(bool(explain_no_clock()), reason=explain_no_clock())
async def test_the_wall_clock_of_a_program_is_shifted_while_it_runs_and_its_monotonic_clock_is_not(
    tmp_path: Path,
) -> None:
    clock = ShiftedClock(tmp_path)
    await clock.build()
    script = "import time,sys\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), stdin=pipe, stdout=pipe, env=clock.environment
    )
    assert program.stdin is not None
    assert program.stdout is not None
    for seconds in (0, 3600, -3600):
        clock.shift(seconds)
        program.stdin.write(b"\n")
        wall, monotonic = map(float, (await program.stdout.readline()).split())
        assert abs(wall - time.time() - seconds) < 5
        assert abs(monotonic - time.monotonic()) < 5
    program.stdin.close()
    assert await program.wait() == 0


def test_a_further_collector_may_do_what_the_first_may() -> None:
    acl = permit_collectors((SHIPPED / "acl").read_text(), ["collector-9"])
    paragraphs = [part for part in acl.split("user ") if part.startswith(("collector\n", "collector-9\n"))]
    rights = {
        part.partition("\n")[0]: [line for line in part.splitlines() if line.startswith("topic")] for part in paragraphs
    }
    assert rights["collector-9"] == rights["collector"] != []
    with pytest.raises(ProgramError, match="paragraph"):
        permit_collectors("user monitor\n", ["collector-9"])
