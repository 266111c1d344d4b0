"""The writer among faults: neighbours of what is at fault go on, and nothing is lost."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from ingest.influx import InfluxClient, open_influx
from ingest.settings import Influx, Store
from ingest.store_file import FILE
from ingest.store_rows import Moves
from ingest.store_thread import StoreThread, open_store
from ingest.writer import Writer
from schemas.reason import Reason
from simulators.testbed.influxd import Influxd
from tests.writer_stand import (
    DEADLINE_S,
    NOW_MS,
    commit_lines,
    make_lines,
    read_numbers,
    read_refused,
    serve,
    until,
    writing,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    async with open_store(Store(folder=tmp_path / "store", reserve_bytes=0)) as opened:
        yield opened


class BusyClient(InfluxClient):
    """A client that counts how many requests are in flight at a time."""

    def __init__(self, client: InfluxClient) -> None:
        super().__init__(client.settings, client._session)  # noqa: SLF001 - it is the same client, counted
        self.now = self.most = self.requests = 0

    async def write(self, body: bytes) -> None:
        """Count the request, and do it."""
        self.now += 1
        self.requests += 1
        self.most = max(self.most, self.now)
        try:
            await super().write(body)
        finally:
            self.now -= 1


async def test_a_backlog_goes_in_several_requests_at_a_time_and_a_quiet_hour_in_one(store: StoreThread) -> None:
    settings_of = {"max_body_bytes": 10_000, "requests_in_flight": 3}
    async with serve([], slow_above=200) as (url, _):
        settings = Influx(url=url, **settings_of)
        await commit_lines(store, *(make_lines(start, 250) for start in range(0, 3_000, 250)))
        async with open_influx(settings, "") as client:
            busy = BusyClient(client)
            async with writing(store, busy) as writer:
                assert await writer.drain(DEADLINE_S)
                assert busy.most == 3
                busy.most = busy.requests = 0
                for start in range(3_000, 3_400, 20):
                    await commit_lines(store, make_lines(start, 20))
                    writer.wake()
                    await asyncio.sleep(0.005)
                assert await writer.drain(DEADLINE_S)
    assert busy.most == 1
    assert busy.requests <= 20
    assert (await store.moves()).stored == 3_400


async def test_a_request_that_always_fails_does_not_hold_up_those_behind_it(store: StoreThread) -> None:
    poison, heals = [b"m,device=poison v=1.0 1000"], False
    await commit_lines(store, make_lines(0, 5), poison, *(make_lines(start, 5) for start in range(5, 50, 5)))

    def answer(lines: list[bytes]) -> int:
        return 500 if poison[0] in lines and not heals else 204

    async with (
        serve([], answer=answer) as (url, _),
        open_influx(Influx(url=url), "") as client,
        writing(store, client) as writer,
    ):
        await until(lambda: writer.state.error != "")
        await commit_lines(store, make_lines(50, 5))
        writer.wake()
        await until_stored(store, 55)
        depth = await store.depth()
        assert (depth.batches, depth.lines) == (1, 1)
        heals = True  # it stays, and is tried again
        await until_stored(store, 56)


async def until_stored(store: StoreThread, count: int) -> None:
    """Return when so many lines are stored."""
    async with asyncio.timeout(DEADLINE_S):
        while (await store.moves()).stored < count:  # noqa: ASYNC110 - the store signals nothing
            await asyncio.sleep(0.02)


async def test_a_server_that_fails_for_a_while_gets_everything_in_the_end(store: StoreThread) -> None:
    await commit_lines(store, *(make_lines(start, 50) for start in range(0, 1_000, 50)))
    answers = [web.Response(status=500) for _ in range(25)]
    async with (
        serve(answers) as (url, _),
        open_influx(Influx(url=url, max_body_bytes=10_000), "") as client,
        writing(store, client),
    ):
        await until_stored(store, 1_000)
    assert (await store.depth()).batches == 0


async def test_thousands_of_lines_at_fault_are_no_burden_to_their_neighbours(
    influxd: Influxd, database: str, store: StoreThread, tmp_path: Path
) -> None:
    await commit_lines(store, [b"m,device=d v=1.0 %d" % NOW_MS])
    bad = [b'm,device=d%d v="text" %d' % (n % 7, NOW_MS + n) for n in range(3_000)]
    good = make_lines(1, 3_000)
    mixed = [line for pair in zip(good, bad, strict=True) for line in pair]
    async with open_influx(Influx(url=influxd.url, database=database), influxd.password) as client:
        busy = BusyClient(client)
        async with writing(store, busy) as writer:
            assert await writer.drain(DEADLINE_S)
            await commit_lines(store, *(mixed[start : start + 500] for start in range(0, 6_000, 500)))
            writer.wake()
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
            await commit_lines(store, [b"neighbour v=1.0 %d" % NOW_MS])
            writer.wake()
            async with asyncio.timeout(DEADLINE_S):
                while not await influxd.query("SELECT v FROM neighbour", database):  # noqa: ASYNC110 - it signals nothing
                    await asyncio.sleep(0.02)
            waited_s = time.monotonic() - began_s
            assert await writer.drain(DEADLINE_S)
    assert waited_s < 2.0
    assert busy.requests < 80
    assert sorted(one.payload for one in read_refused(tmp_path)) == sorted(bad)
    assert len(await read_numbers(influxd, database)) == 3_001
    assert await store.moves() == Moves(committed=6_002, stored=3_002, refused_by_database=3_000, quarantined=3_000)


async def test_an_entry_whose_bytes_are_damaged_goes_to_quarantine_whole(
    influxd: Influxd, database: str, store: StoreThread, tmp_path: Path
) -> None:
    await commit_lines(store, *(make_lines(start, 100) for start in range(0, 500, 100)))
    with closing(sqlite3.connect(tmp_path / "store" / FILE, isolation_level=None)) as other:
        ((body,),) = other.execute("SELECT body FROM outbox WHERE id = 3").fetchall()
        flipped = bytes([*body[:40], body[40] ^ 0x10, *body[41:]])
        other.execute("UPDATE outbox SET body = ? WHERE id = 3", (flipped,))
    async with (
        open_influx(Influx(url=influxd.url, database=database), influxd.password) as client,
        writing(store, client) as writer,
    ):
        assert await writer.drain(DEADLINE_S)
        assert writer.state.error == ""
    assert await read_numbers(influxd, database) == [*range(200), *range(300, 500)]
    (kept,) = read_refused(tmp_path)
    assert (kept.reason, kept.payload) == (Reason.DAMAGED_ENTRY, flipped)
    assert await store.moves() == Moves(committed=500, stored=400, damaged=100, quarantined=1)


@pytest.mark.parametrize(("status", "needs_person"), [(401, True), (404, True), (500, False), (503, False)])
async def test_a_drain_in_trouble_tries_once_and_ends(store: StoreThread, status: int, needs_person: bool) -> None:  # noqa: FBT001 - a parameter
    await commit_lines(store, make_lines(0, 10))
    headers = {"Retry-After": "60"}
    answers = [web.json_response({"error": "no"}, status=status, headers=headers) for _ in range(50)]
    async with serve(answers) as (url, came), open_influx(Influx(url=url), "") as client:
        writer = Writer(store, client)  # with the waits that ship
        async with asyncio.TaskGroup() as group:
            task = group.create_task(writer.run(), name="write")
            await until(lambda: writer.state.error != "")
            assert writer.state.needs_person is needs_person
            tries, began_s = len(came), time.monotonic()
            assert not await writer.drain(20.0)
            assert time.monotonic() - began_s < 2.0
            assert len(came) == tries + 1
            task.cancel()
    assert (await store.depth()).lines == 10


async def test_a_drain_when_the_database_has_just_gone_ends_after_a_few_tries(
    store: StoreThread, own_influxd: Influxd
) -> None:
    await own_influxd.create_database("sensors")
    async with open_influx(Influx(url=own_influxd.url), own_influxd.password) as client:
        writer = Writer(store, client)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(writer.run(), name="write")
            await commit_lines(store, make_lines(0, 10))
            assert await writer.drain(DEADLINE_S)
            await own_influxd.stop()
            await commit_lines(store, make_lines(10, 10))
            began_s = time.monotonic()
            assert not await writer.drain(20.0)
            assert time.monotonic() - began_s < 6.0
            task.cancel()
    assert (await store.depth()).lines == 10
