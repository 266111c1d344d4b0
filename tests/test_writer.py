"""The writer on the real InfluxDB: every committed line is stored, or is in quarantine with the server's reason."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from ingest.influx import open_influx
from ingest.settings import Influx, Store
from ingest.store_rows import Moves
from ingest.store_thread import StoreThread, open_store
from schemas.reason import Level, Reason
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.port import LOOPBACK, free_port
from tests.writer_stand import (
    DEADLINE_S,
    NOW_MS,
    CountingClient,
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


async def test_what_is_committed_is_stored_and_leaves_the_outbox(
    influxd: Influxd, database: str, store: StoreThread
) -> None:
    await commit_lines(store, make_lines(0, 100))
    settings = Influx(url=influxd.url, database=database)
    async with open_influx(settings, influxd.password) as client, writing(store, client) as writer:
        assert await writer.drain(DEADLINE_S)
        for start in range(100, 1_000, 100):
            await commit_lines(store, make_lines(start, 100))
            writer.wake()
        assert await writer.drain(DEADLINE_S)
        state = writer.state
    assert (state.error, state.failing_since_ms, state.written_lines) == ("", None, 1_000)
    assert state.lines_per_s == 100.0
    assert (await store.depth()).batches == 0
    assert await store.moves() == Moves(committed=1_000, stored=1_000)
    assert await read_numbers(influxd, database) == list(range(1_000))


async def test_a_backlog_goes_in_bodies_below_the_bound(influxd: Influxd, database: str, store: StoreThread) -> None:
    await commit_lines(store, *(make_lines(start, 100) for start in range(0, 2_000, 100)), make_lines(2_000, 2_000))
    settings = Influx(url=influxd.url, database=database, max_body_bytes=12_000)
    async with open_influx(settings, influxd.password) as client:
        counting = CountingClient(client)
        async with writing(store, counting) as writer:
            assert await writer.drain(DEADLINE_S)
    # 2,000 lines of about 35 bytes in entries of 100, then one entry above the bound, which goes in parts.
    assert 7 + 6 <= len(counting.sizes) <= 8 + 8
    assert await read_numbers(influxd, database) == list(range(4_000))


@pytest.mark.parametrize(
    ("guilty", "reason"),
    [
        # In the same week as the others: InfluxDB 1.x knows a field's type per shard.
        (b'm,device=d9 v="text" 1768471200000', "field type conflict"),
        (b"m,device=d9 v= 1768471200000", "missing field value"),
    ],
)
async def test_one_line_at_fault_among_thousands_is_quarantined_alone(
    influxd: Influxd, database: str, store: StoreThread, tmp_path: Path, guilty: bytes, reason: str
) -> None:
    lines = make_lines(0, 5_000)
    lines.insert(3_210, guilty)
    await commit_lines(store, make_lines(5_000, 10), lines, make_lines(5_010, 10))
    async with open_influx(Influx(url=influxd.url, database=database), influxd.password) as client:
        counting = CountingClient(client)
        async with writing(store, counting) as writer:
            assert await writer.drain(DEADLINE_S)
            assert writer.state.error == ""
    assert await read_numbers(influxd, database) == list(range(5_020))
    (refused,) = read_refused(tmp_path)
    assert (refused.level, refused.reason) == (Level.LINE, Reason.REFUSED_BY_DATABASE)
    assert (refused.payload, refused.device) == (guilty, "d9")
    assert reason in refused.detail
    assert await store.moves() == Moves(committed=5_021, stored=5_020, refused_by_database=1, quarantined=1)
    # Three entries, then 13 halvings of 5,001 lines, two requests each.
    assert len(counting.sizes) <= 5 + 2 * 13


async def test_every_line_of_a_batch_may_be_at_fault(
    influxd: Influxd, database: str, store: StoreThread, tmp_path: Path
) -> None:
    guilty = [b"m,device=d1 v=%d" % number + b"x 1000" for number in range(20)]
    await commit_lines(store, guilty, make_lines(0, 5))
    settings = Influx(url=influxd.url, database=database)
    async with open_influx(settings, influxd.password) as client, writing(store, client) as writer:
        assert await writer.drain(DEADLINE_S)
    assert [one.payload for one in read_refused(tmp_path)] == guilty
    assert await read_numbers(influxd, database) == list(range(5))


async def test_a_wrong_password_loses_nothing_and_heals_when_corrected(
    influxd: Influxd, database: str, store: StoreThread, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await influxd.query("CREATE USER \"other\" WITH PASSWORD 'right'")
    await influxd.query(f'GRANT ALL ON "{database}" TO "other"')
    await commit_lines(store, make_lines(0, 50))
    settings = Influx(url=influxd.url, database=database, username="other")
    caplog.set_level(logging.WARNING)
    async with open_influx(settings, "wrong") as client, writing(store, client) as writer:
        await until(lambda: "influx.password_file" in writer.state.error)
        assert not await writer.drain(0.3)
        assert writer.state.failing_since_ms is not None
        assert (await store.depth()).lines == 50
        await influxd.query("SET PASSWORD FOR \"other\" = 'wrong'")
        assert await writer.drain(DEADLINE_S)
        assert writer.state.error == ""
    await influxd.query('DROP USER "other"')
    assert await read_numbers(influxd, database) == list(range(50))
    assert read_refused(tmp_path) == []
    # Said once while it lasts, and once when it is over.
    assert caplog.text.count("influx.password_file") == 1
    assert caplog.text.count("takes lines again") == 1


async def test_a_missing_database_loses_nothing_and_heals_when_it_is_made(influxd: Influxd, store: StoreThread) -> None:
    await commit_lines(store, make_lines(0, 50))
    settings = Influx(url=influxd.url, database="later")
    async with open_influx(settings, influxd.password) as client, writing(store, client) as writer:
        await until(lambda: "no database later" in writer.state.error)
        assert not await writer.drain(0.3)
        await influxd.create_database("later")
        assert await writer.drain(DEADLINE_S)
    assert await read_numbers(influxd, "later") == list(range(50))
    await influxd.drop_database("later")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_goes_and_comes_back_has_every_line(
    own_influxd: Influxd, store: StoreThread, tmp_path: Path, end: str
) -> None:
    await own_influxd.create_database("sensors")
    settings = Influx(url=own_influxd.url)
    async with open_influx(settings, own_influxd.password) as client, writing(store, client) as writer:
        for start in range(0, 6_000, 100):
            await commit_lines(store, make_lines(start, 100))
            writer.wake()
            if start == 2_000:
                await until(lambda: writer.state.written_lines > 0)
                await (own_influxd.stop() if end == "stop" else own_influxd.kill())
            if start == 4_000:
                await until(lambda: "cannot be reached" in writer.state.error)
                await own_influxd.start()
        assert await writer.drain(DEADLINE_S)
    assert await read_numbers(own_influxd, "sensors") == list(range(6_000))
    assert await store.moves() == Moves(committed=6_000, stored=6_000)
    assert read_refused(tmp_path) == []


async def test_a_server_that_is_away_at_the_start_stops_nothing(store: StoreThread) -> None:
    settings = Influx(url=f"http://{LOOPBACK}:{free_port()}")
    async with open_influx(settings, "") as client, writing(store, client) as writer:
        await until(lambda: "cannot be reached" in writer.state.error)
        await commit_lines(store, make_lines(0, 10))
        writer.wake()
        assert not await writer.drain(0.2)
    assert (await store.depth()).lines == 10


async def test_a_body_that_is_too_large_is_halved_until_it_fits(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUXDB_HTTP_MAX_BODY_SIZE", "20000")
    lines = [b"m,device=%b v=%d.0 %d" % (os.urandom(8).hex().encode(), n, NOW_MS + n) for n in range(5_000)]
    monster = b"m,device=%b v=1.0 1000" % os.urandom(30_000).hex().encode()
    await commit_lines(store, lines[:4_000], [*lines[4_000:], monster])
    async with run_influxd(tmp_path / "influxd") as server:
        await server.create_database("sensors")
        settings = Influx(url=server.url)
        async with open_influx(settings, server.password) as client, writing(store, client) as writer:
            assert await writer.drain(DEADLINE_S)
        assert await read_numbers(server, "sensors") == list(range(5_000))
    (refused,) = read_refused(tmp_path)
    assert refused.payload == monster
    assert "413" in refused.detail


@pytest.mark.parametrize("status", [429, 503])
async def test_a_throttled_writer_waits_as_long_as_it_is_told(store: StoreThread, status: int) -> None:
    lines = make_lines(0, 10)
    await commit_lines(store, lines)
    throttled = web.Response(status=status, headers={"Retry-After": "1"}, text="request throttled")
    async with (
        serve([throttled]) as (url, came),
        open_influx(Influx(url=url), "") as client,
        writing(store, client) as writer,
    ):
        await until(lambda: "request throttled" in writer.state.error)
        await until(lambda: len(came) == 2)
        assert await writer.drain(DEADLINE_S)
    (first_s, first), (second_s, second) = came
    assert second_s - first_s >= 1.0
    assert first == second == lines
    assert (await store.moves()).stored == 10


async def test_what_was_found_out_is_kept_when_the_server_goes_in_the_middle(
    store: StoreThread, tmp_path: Path
) -> None:
    lines = make_lines(0, 4)
    await commit_lines(store, lines)

    def refuse() -> web.Response:
        return web.json_response({"error": "unable to parse"}, status=400)

    # All four; the first half; its first line; its second is stored; then the server is busy.
    busy = web.Response(status=503, headers={"Retry-After": "30"})
    answers = [refuse(), refuse(), refuse(), web.Response(status=204), busy]
    async with (
        serve(answers) as (url, came),
        open_influx(Influx(url=url), "") as client,
        writing(store, client) as writer,
    ):
        await until(lambda: writer.state.error != "")
        depth, moves = await store.depth(), await store.moves()
        # Told to drain, it does not wait for the thirty seconds.
        assert await writer.drain(DEADLINE_S)
    assert moves == Moves(committed=4, stored=1, refused_by_database=1, quarantined=1)
    assert depth.lines == 2
    assert [len(body) for _, body in came] == [4, 2, 1, 1, 2, 2]
    assert [one.payload for one in read_refused(tmp_path)] == lines[:1]
    assert await store.moves() == Moves(committed=4, stored=3, refused_by_database=1, quarantined=1)


async def test_a_server_that_times_out_gets_less_at_a_time(store: StoreThread) -> None:
    await commit_lines(store, *(make_lines(start, 1_000) for start in range(0, 8_000, 1_000)))
    async with (
        serve([], slow_above=2_500) as (url, came),
        open_influx(Influx(url=url, timeout_s=0.2), "") as client,
        writing(store, client) as writer,
    ):
        assert await writer.drain(DEADLINE_S)
    assert len(came[0][1]) == 8_000
    answered = [line for _, lines in came if len(lines) <= 2_500 for line in lines]
    assert sorted(answered) == sorted(make_lines(0, 8_000))
    assert (await store.moves()).stored == 8_000
