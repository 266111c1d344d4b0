"""Signs of life: sent while the collector is well, and not when it only seems to be.

systemd itself does not run in these tests; a socket of the same kind stands where its own would be.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from ingest.heartbeat import Systemd, keep_heartbeat, keep_watchdog
from ingest.settings import Heartbeat


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket such as the one that ``NOTIFY_SOCKET`` names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        yield receiver


def make_systemd(notified: socket.socket, **variables: str) -> Systemd:
    """Return the service manager behind a socket."""
    return Systemd({"NOTIFY_SOCKET": notified.getsockname()} | variables)


async def read_one(notified: socket.socket) -> bytes:
    """Return the next datagram."""
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(notified, 100)


async def test_systemd_is_told(notified: socket.socket) -> None:
    make_systemd(notified).notify("READY=1")
    assert await read_one(notified) == b"READY=1"


async def test_the_watchdog_is_fed_while_all_is_well_and_starved_when_it_is_not(notified: socket.socket) -> None:
    systemd = make_systemd(notified, WATCHDOG_USEC="20000")
    asked = asyncio.Event()
    well = True

    def is_well() -> bool:
        if not well:
            asked.set()
        return well

    feeding = asyncio.create_task(keep_watchdog(systemd, is_well), name="watchdog")
    assert await read_one(notified) == b"WATCHDOG=1"
    assert await read_one(notified) == b"WATCHDOG=1"
    well = False
    await asked.wait()
    drain(notified)
    asked.clear()
    await asked.wait()
    with pytest.raises(BlockingIOError):
        notified.recv(100)
    feeding.cancel()


def drain(notified: socket.socket) -> None:
    """Take what came before."""
    try:
        while notified.recv(100):
            pass
    except BlockingIOError:
        return


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "1000"}, {"NOTIFY_SOCKET": "/nowhere"}])
async def test_without_systemd_nothing_is_watched_and_nothing_fails(environ: dict[str, str]) -> None:
    systemd = Systemd(environ)
    systemd.notify("READY=1")
    await asyncio.wait_for(keep_watchdog(systemd, lambda: True), timeout=5)


@asynccontextmanager
async def run_watcher(status: int, seen: Callable[[], None]) -> AsyncIterator[str]:
    """Run a server on loopback that counts what it is sent, and give its address."""

    async def answer(_: web.Request) -> web.Response:
        seen()
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/alive", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/alive"
    finally:
        await runner.cleanup()


async def test_the_heartbeat_goes_on_when_its_address_answers_with_an_error(caplog: pytest.LogCaptureFixture) -> None:
    beats = asyncio.Semaphore(0)
    async with run_watcher(500, beats.release) as url:
        settings = Heartbeat(url=url, interval_s=0.01)
        keeping = asyncio.create_task(keep_heartbeat(settings, lambda: True), name="heartbeat")
        async with asyncio.timeout(5):
            for _ in range(3):
                await beats.acquire()
        keeping.cancel()
    assert "answered 500; correct heartbeat.url" in caplog.text


async def test_a_collector_that_is_not_well_sends_no_heartbeat() -> None:
    beats = asyncio.Semaphore(0)
    asked = asyncio.Semaphore(0)

    def is_well() -> bool:
        asked.release()
        return False

    async with run_watcher(200, beats.release) as url:
        keeping = asyncio.create_task(keep_heartbeat(Heartbeat(url=url, interval_s=0.01), is_well), name="heartbeat")
        for _ in range(5):
            await asked.acquire()
        keeping.cancel()
    assert beats.locked()


async def test_an_address_that_cannot_be_reached_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with run_watcher(200, lambda: None) as url:
        gone = url
    keeping = asyncio.create_task(keep_heartbeat(Heartbeat(url=gone, interval_s=0.01), lambda: True), name="heartbeat")
    for _ in range(1000):
        if "could not be reached" in caplog.text:
            break
        await asyncio.sleep(0.005)
    assert "it will raise the alarm" in caplog.text
    keeping.cancel()
