"""Reconcile over stores and a database of which every line is known: what must be found, and what must not."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from ingest import reconcile, store_hours
from ingest.batch import Batch
from ingest.event_time import format_time
from ingest.influx import InfluxClient
from ingest.quarantine_filter import Filter
from ingest.store_file import FILE
from ingest.store_hours import HOUR_MS
from ingest.store_outbox import RefusedLine
from ingest.store_reader import open_reader
from ingest.stored_points import Asked, Counts, count_points
from ingest.waiting_lines import Outboxes
from simulators.testbed.influxd import Influxd, run_influxd
from tests.http_server import serve
from tests.reconcile_command import Books, ask, make_batch

SPAN = re.compile(r"SELECT (?:count\(|\"seq\").* time >= (\d+)ms AND time < (\d+)ms")


@pytest.fixture
def books(tmp_path: Path, influxd: Influxd, database: str, now_ms: int) -> Books:
    """An empty store, and an empty database."""
    return Books(tmp_path, influxd, database, now_ms // HOUR_MS * HOUR_MS - 4 * HOUR_MS)


async def test_collectors_that_share_are_compared_together_and_one_alone_finds_too_many(books: Books) -> None:
    await books.accept([books.make_line(seq) for seq in range(0, 30, 2)], store="a")
    await books.accept([books.make_line(seq) for seq in range(1, 30, 2)], store="b")
    together = await books.ask("--store", str(books.folder / "a"), "--store", str(books.folder / "b"))
    assert (together.agrees, together.findings["accepted"], together.findings["stored"]) == (True, 30, 30)
    alone = await books.ask("--store", str(books.folder / "a"))
    assert (alone.code, alone.findings["surplus"], alone.findings["missing"]) == (1, 15, 0)


async def test_the_begin_belongs_to_a_time_and_the_end_does_not(books: Books) -> None:
    hour_s = HOUR_MS / 1000
    edges = (-0.001, 0, hour_s - 0.001, hour_s)
    await books.accept([books.make_line(seq, at_s) for seq, at_s in enumerate(edges)])
    begin, end = format_time(books.begin_ms), format_time(books.begin_ms + HOUR_MS)
    answered = await books.ask("--from", begin, "--to", end)
    assert (answered.agrees, answered.findings["accepted"], answered.findings["stored"]) == (True, 2, 2)


async def test_what_the_database_no_longer_keeps_is_not_missing_and_what_it_keeps_is(books: Books) -> None:
    day_s = 24 * 3600
    old = [books.make_line(seq, seq - 2 * day_s) for seq in range(5)]
    await books.accept([books.make_line(10)], lost=[*old, books.make_line(11)])
    begin = ("--from", format_time(books.begin_ms - 3 * day_s * 1000))
    assert (await books.ask(*begin)).findings["missing"] == 6
    await books.influxd.query(f"ALTER RETENTION POLICY autogen ON {books.database} DURATION 24h SHARD DURATION 1h")
    answered = await books.ask(*begin)
    assert (answered.code, answered.findings["missing"]) == (1, 1)
    told = await ask(books.write_settings(), *begin)
    assert "removes what is old" in told.out


async def test_hours_that_a_store_removes_meanwhile_are_not_too_many_in_the_database(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.accept([books.make_line(seq) for seq in range(10)])
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)

    async def count_slowly(influx: InfluxClient, asked: Asked) -> Counts:
        with books.open_store() as store:
            for _ in range(2):
                store.commit(make_batch([]), books.begin_ms + 100 * 24 * HOUR_MS)
        return await count_points(influx, asked)

    monkeypatch.setattr(reconcile, "count_points", count_slowly)
    answered = await books.ask()
    assert (answered.agrees, answered.findings["stored"], answered.findings["accepted"]) == (True, 10, 0)


async def test_a_damaged_count_of_an_hour_does_not_make_its_points_too_many(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    await books.accept([books.make_line(seq) for seq in range(10)])
    await books.accept([books.make_line(seq, seq + 3600) for seq in range(10, 20)])
    await books.accept([])
    with sqlite3.connect(books.folder / "a" / FILE) as connection:
        changed = connection.execute("UPDATE hours SET body = x'00' WHERE hour = ?", (books.begin_ms // HOUR_MS,))
        assert changed.rowcount == 1
    connection.close()
    answered = await books.ask()
    assert (answered.agrees, answered.findings["stored"], answered.findings["accepted"]) == (True, 20, 10)
    assert answered.findings["complete_from_ms"] == books.begin_ms + HOUR_MS


async def test_of_a_damaged_entry_nonsense_is_passed_over(books: Books) -> None:
    # As a flipped bit leaves it: two points in a number, and a time of too many digits.
    await books.accept([books.make_line(seq) for seq in range(10)])
    nonsense = [books.make_line(3).replace("seq=3.0", "seq=3.1.0"), books.make_line(4) + "0" * 20]
    with books.open_store() as store:
        (entry,) = store.commit(Batch(lines=[line.encode() for line in nonsense]), books.begin_ms)
        store.set_aside_entry(entry.id, books.begin_ms, "its bytes are damaged")
    statement = f"DELETE FROM indoor_climate WHERE time = {books.begin_ms + 5000}ms"  # noqa: S608 - ours
    await books.influxd.query(statement, books.database)
    answered = await books.ask()
    assert (answered.code, [gap["first"] for gap in answered.findings["gaps"]]) == (1, [5])


async def test_an_entry_of_the_outbox_is_read_once_and_one_that_comes_later_too(books: Books) -> None:
    asked = Asked(books.begin_ms, books.begin_ms + HOUR_MS)
    with books.open_store() as store:
        store.commit(make_batch([books.make_line(1), books.make_line(2)]), books.begin_ms)
        with open_reader(books.folder / "a") as reader:
            outboxes = Outboxes([reader], asked)
            outboxes.look()
            outboxes.look()
            assert outboxes.waiting.points.total() == 2
            store.commit(make_batch([books.make_line(3)]), books.begin_ms)
            outboxes.look()
            assert outboxes.waiting.points.total() == 3


async def test_a_refused_line_may_be_sent_again_or_given_up(books: Books) -> None:
    again, given_up = books.make_line(4), books.make_line(6)
    await books.accept([books.make_line(seq) for seq in range(10) if seq not in {4, 6}])
    with books.open_store() as store:
        (entry,) = store.commit(make_batch([again, given_up]), books.begin_ms)
        refused = [RefusedLine(line.encode(), "no") for line in (again, given_up)]
        store.refuse_lines(entry.id, [], refused, books.begin_ms)
        answered = await books.ask()
        assert (answered.agrees, answered.findings["refused"], answered.findings["explained"]) == (True, 2, 2)
        first = store.read_quarantine(Filter(), 0, 1)[0]
        store.commit(Batch(lines=[again.encode()], released=[first.id]), books.begin_ms)
        answered = await books.ask()
        assert (answered.agrees, answered.findings["refused"], answered.findings["waiting"]) == (True, 1, 1)
        assert store.discard(Filter(), 10) == 1
    answered = await books.ask()
    # Its point was given up by a person, which is known; its number is nowhere any more, and that is said.
    assert (answered.findings["differences"], [gap["first"] for gap in answered.findings["gaps"]]) == ([], [6])
    told = await ask(books.write_settings())
    assert "explain no number any more: 1 " in told.out


async def test_a_refused_line_does_not_make_a_point_too_many(books: Books) -> None:
    # Refused were fields that came later for a point that is there: nothing tells it from a point of its own.
    lines = [books.make_line(seq) for seq in range(10)]
    await books.accept(lines)
    with books.open_store() as store:
        joined = lines[5].replace("seq=5.0", "humidity=40.0")
        (entry,) = store.commit(Batch(lines=[joined.encode()]), books.begin_ms)
        store.refuse_lines(entry.id, [], [RefusedLine(joined.encode(), "no")], books.begin_ms)
    answered = await books.ask()
    assert (answered.agrees, answered.findings["refused"], answered.findings["stored"]) == (True, 1, 10)


async def test_a_damaged_entry_is_named_and_what_can_be_read_of_it_is_explained(books: Books) -> None:
    await books.accept([books.make_line(seq) for seq in (*range(10), *range(700, 710))])
    with books.open_store() as store:
        (entry,) = store.commit(make_batch([books.make_line(seq) for seq in range(10, 700)]), books.begin_ms)
        damaged = entry.body[: len(entry.body) * 2 // 3]
        with sqlite3.connect(books.folder / "a" / FILE) as connection:
            connection.execute("UPDATE outbox SET body = ? WHERE id = ?", (damaged, entry.id))
        connection.close()
        store.set_aside_entry(entry.id, books.begin_ms, "its bytes are damaged")
    answered = await books.ask()
    findings = answered.findings
    assert (answered.code, findings["damaged"]) == (1, 690)
    assert findings["explained"] > 300
    assert findings["missing"] == findings["missing_numbers"] == 690 - findings["explained"] > 0
    told = await ask(books.write_settings())
    assert "690 lines since the store was made. They are in quarantine as damaged_entry" in told.out


async def test_a_device_of_which_the_database_has_lost_all_is_known(books: Books) -> None:
    await books.accept([], lost=[books.make_line(seq) for seq in range(5)])
    answered = await books.ask("--device", "climate-1")
    assert (answered.code, answered.findings["missing"]) == (1, 5)
    other = await books.ask("--device", "climate-11")
    assert (other.code, "Nothing was compared" in " ".join(other.error.split())) == (2, True)


async def test_that_the_collector_ran_meanwhile_is_said_and_only_then(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.accept([books.make_line(seq) for seq in range(10)])
    told = await ask(books.write_settings())
    assert (told.code, "was running" in told.out) == (0, False)

    async def count_slowly(influx: InfluxClient, asked: Asked) -> Counts:
        with books.open_store() as store:
            store.commit(make_batch([books.make_line(10)]), books.begin_ms)
        return await count_points(influx, asked)

    monkeypatch.setattr(reconcile, "count_points", count_slowly)
    told = await ask(books.write_settings())
    assert (told.code, "was running: these figures are of slightly different moments" in told.out) == (0, True)
    assert (await books.ask()).findings["is_moving"] is True


async def test_only_so_many_differences_are_kept_and_all_are_counted(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.accept([], lost=[books.make_line(seq, -3600 * seq) for seq in range(8)])
    monkeypatch.setattr(reconcile, "MOST_DIFFERENCES", 3)
    answered = await books.ask()
    assert (answered.code, len(answered.findings["differences"]), answered.findings["missing"]) == (1, 3, 8)
    assert answered.findings["differences_left_out"] == 5
    told = await ask(books.write_settings())
    assert "5 more hours and gaps differ" in told.out


async def test_a_database_that_cuts_its_answers_short_is_not_believed(
    tmp_path: Path, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUXDB_HTTP_MAX_ROW_LIMIT", "3")
    async with run_influxd(tmp_path / "influxd") as influxd:
        await influxd.create_database("sensors")
        books = Books(tmp_path, influxd, "sensors", now_ms // HOUR_MS * HOUR_MS - 4 * HOUR_MS)
        await books.accept([books.make_line(seq) for seq in range(10)])
        answered = await books.ask()
        assert (answered.code, "max-row-limit" in answered.error) == (2, True)


def pass_on(books: Books, hours: int, refused: list[int]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what stands before the database and hangs up on a count, or numbers, of more than so many hours."""

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        found = SPAN.search(str(form["q"]))
        span = (int(found[2]) - int(found[1])) // HOUR_MS if found else 0
        if span > hours and request.transport is not None:
            refused.append(span)
            request.transport.abort()
            return web.Response()
        headers = {"Authorization": request.headers["Authorization"]}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{books.influxd.url}/query", params=request.query, data={"q": str(form["q"])}) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read())

    return handle


@pytest.mark.parametrize(("hours", "code", "tried"), [(5, 0, [24, 12, 6]), (0, 2, [24, 12, 6, 3, 1])])
async def test_a_database_that_is_too_slow_for_a_day_is_asked_for_less(
    books: Books, hours: int, code: int, tried: list[int]
) -> None:
    await books.accept([books.make_line(seq, 3600 * seq / 10) for seq in range(30)])
    refused: list[int] = []
    async with serve(pass_on(books, hours, refused)) as url:
        answered = await ask(books.write_settings(url), "--json")
    assert (answered.code, sorted(set(refused), reverse=True)) == (code, tried)
    if code == 0:
        assert (answered.findings["accepted"], answered.findings["stored"]) == (30, 30)
        assert (refused.count(24), refused.count(6)) == (2, 2)  # of counts, and of numbers
    else:
        assert "ended the connection" in answered.error
