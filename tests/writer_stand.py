"""What tests of the writer share: a writer with short waits, lines, and a server that answers as it is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from ingest.backoff import Backoff
from ingest.batch import Batch, Quarantined
from ingest.influx import InfluxClient
from ingest.store_reader import open_reader
from ingest.store_thread import StoreThread
from ingest.writer import Writer
from simulators.testbed.influxd import Influxd
from simulators.testbed.port import LOOPBACK, free_port

NOW_MS = 1_768_471_200_000
DEADLINE_S = 20.0


class CountingClient(InfluxClient):
    """A client that counts its requests, and what they had in bytes of gzip."""

    def __init__(self, client: InfluxClient) -> None:
        super().__init__(client.settings, client._session)  # noqa: SLF001 - it is the same client, counted
        self.sizes: list[int] = []

    async def write(self, body: bytes) -> None:
        """Count the request, and do it."""
        self.sizes.append(len(body))
        await super().write(body)


@asynccontextmanager
async def writing(store: StoreThread, client: InfluxClient) -> AsyncIterator[Writer]:
    """Run a writer with short waits until the block ends."""
    retry, slow = Backoff(first_s=0.02, most_s=0.1), Backoff(first_s=0.05, most_s=0.1)
    writer = Writer(store, client, retry=retry, slow=slow, gather_s=0.01)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run(), name="write")
        yield writer
        task.cancel()


async def commit_lines(store: StoreThread, *batches: list[bytes]) -> None:
    for lines in batches:
        await store.commit(Batch(lines=lines), NOW_MS)


def make_lines(start: int, count: int) -> list[bytes]:
    """Return lines with different times, a few devices, and a value that repeats the time."""
    return [b"m,device=d%d v=%d.0 %d" % (number % 7, number, NOW_MS + number) for number in range(start, start + count)]


async def read_numbers(influxd: Influxd, database: str) -> list[float]:
    """Return the stored values in order of time."""
    found = await influxd.query("SELECT v FROM m", database)
    return [row[1] for series in found for row in series.rows]


def read_refused(tmp_path: Path) -> list[Quarantined]:
    with open_reader(tmp_path / "store") as reader:
        return [row.quarantined for row in reader.quarantine()]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - the state is looked at as an operator does; nothing signals it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serve(
    answers: list[web.Response], slow_above: int = 1 << 40, answer: Callable[[list[bytes]], int] | None = None
) -> AsyncIterator[tuple[str, list[tuple[float, list[bytes]]]]]:
    """Stand in for a server that throttles or is too slow, which the real one cannot be made to be on purpose.

    It gives the answers in order, then the status that ``answer`` says to the lines, or 204; above so many lines only
    after a second. It notes when each write came, and its lines.
    """
    came: list[tuple[float, list[bytes]]] = []

    async def write(request: web.Request) -> web.Response:
        lines = (await request.read()).splitlines()
        came.append((time.monotonic(), lines))
        if len(lines) > slow_above:
            await asyncio.sleep(1.0)
        if answers:
            return answers.pop(0)
        return web.Response(status=204 if answer is None else answer(lines))

    async def query(_: web.Request) -> web.Response:
        series = {"name": "databases", "columns": ["name"], "values": [["sensors"]]}
        return web.json_response({"results": [{"series": [series]}]})

    application = web.Application(client_max_size=1 << 30)
    application.router.add_post("/write", write)
    application.router.add_post("/query", query)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, LOOPBACK, port).start()
    try:
        yield f"http://{LOOPBACK}:{port}", came
    finally:
        await runner.cleanup()
