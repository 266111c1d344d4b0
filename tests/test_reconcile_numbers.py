"""Reconcile and the devices' own numbers, over stores and a database of which every line is known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest import number_gaps, sequence
from ingest.batch import Batch, Quarantined
from ingest.event_time import format_time
from ingest.influx import InfluxClient, open_influx
from ingest.number_gaps import NumberFindings, find_gaps
from ingest.settings import Influx
from ingest.store_hours import HOUR_MS
from ingest.store_outbox import RefusedLine
from ingest.store_reader import open_reader
from ingest.stored_points import Asked, Numbered, list_first_numbers
from ingest.waiting_lines import Outboxes
from schemas.reason import Level, Reason
from simulators.testbed.influxd import Influxd
from tests.reconcile_command import Books, ask, make_batch


@pytest.fixture
def books(tmp_path: Path, influxd: Influxd, database: str, now_ms: int) -> Books:
    """An empty store, and an empty database."""
    return Books(tmp_path, influxd, database, now_ms // HOUR_MS * HOUR_MS - 4 * HOUR_MS)


async def test_who_simulates_a_device_has_numbers_of_its_own(books: Books) -> None:
    real = [books.make_line(5000 + seq, seq) for seq in range(60)]
    simulated = [books.make_line(seq, 30.5 + seq / 100, simulated=True) for seq in range(20)]
    await books.accept([*real, *simulated])
    answered = await books.ask()
    assert (answered.agrees, answered.findings["restarts"], answered.findings["stored"]) == (True, [], 80)


async def test_numbers_in_quarantine_explain_no_gap_of_who_is_not_simulated(books: Books) -> None:
    lost = books.make_line(7)
    simulated = books.make_line(7, simulated=True)
    kept = [books.make_line(seq) for seq in range(20) if seq != 7]
    await books.accept(kept, lost=[simulated])
    with books.open_store() as store:
        (entry,) = store.commit(make_batch([simulated]), books.begin_ms)
        store.refuse_lines(entry.id, [], [RefusedLine(simulated.encode(), "no")], books.begin_ms)
    answered = await books.ask()
    assert lost not in kept
    assert [(gap["first"], gap["simulated"]) for gap in answered.findings["gaps"]] == [(7, False)]


async def test_the_quarantine_explains_a_number_of_its_own_time_that_is_not_stored(books: Books) -> None:
    # 7, 8 and 9 are missing of a counter, and again after it began anew. Refused were 7 as a whole before that, and
    # after it of 8 a field and of 9 its number.
    hour_s = 3600
    first = {seq: seq for seq in range(20) if seq not in {7, 8, 9}}
    second = {seq: 2 * hour_s + seq for seq in range(20) if seq not in {7, 8, 9}}
    await books.accept([books.make_line(seq, at_s) for at in (first, second) for seq, at_s in at.items()])
    quarantined = [
        (0, 7, Level.READING, Reason.INVALID_TIME, "time is wrong"),
        (2, 8, Level.FIELD, Reason.CONFLICT, "co2 has a value at that time already"),
        (
            2,
            9,
            Level.FIELD,
            Reason.CONFLICT,
            "co2 has a value at that time already; seq has a value at that time already",
        ),
    ]
    with books.open_store() as store:
        entries = [
            Quarantined(
                *(books.begin_ms + hours * HOUR_MS + seq * 1000, level, reason, "", "climate-1", detail),
                *(b'{"seq": %d}' % seq, 10, b""),
            )
            for hours, seq, level, reason, detail in quarantined
        ]
        store.commit(Batch(quarantined=entries), books.begin_ms)
    found = (await books.ask()).findings
    gaps = [(gap["first"], gap["last"], gap["after_ms"] >= books.begin_ms + HOUR_MS) for gap in found["gaps"]]
    # What was refused long before explains nothing; how long after its own time a reading may come nobody knows.
    assert (gaps, found["explained"]) == ([(8, 8, False), (7, 8, True)], 3)


def make_unreadable(received_ms: int) -> Quarantined:
    """Return the entry of a payload whose number cannot be read."""
    level, reason = Level.MESSAGE, Reason.EMPTY_PAYLOAD
    return Quarantined(received_ms, level, reason, "gjovik/hall/climate-1/reading", "climate-1", "", b"", 0, b"")


async def accept_backlog(books: Books, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Accept readings of two hours, all received within seconds three hours later, without 7, 50, 51 and 52.

    Return when each message was received. None is taken in out of order.
    """
    monkeypatch.setattr(number_gaps, "LAG_MS", 0)
    received_ms = [books.begin_ms + 3 * HOUR_MS + 100 * seq for seq in range(100)]
    lines = [
        books.make_line(seq, 72 * seq, delay_s=(received_ms[seq] - books.begin_ms) / 1000 - 72 * seq)
        for seq in range(100)
        if seq not in {7, 50, 51, 52}
    ]
    await books.accept(lines)
    return received_ms


def refuse_unreadable(books: Books, received_ms: Sequence[int]) -> None:
    """Put a payload whose number cannot be read in quarantine for each time."""
    with books.open_store() as store:
        store.commit(Batch(quarantined=list(map(make_unreadable, received_ms))), books.begin_ms)


async def test_payloads_without_a_number_cover_what_is_missing_of_a_backlog_where_they_came_in_its_turn(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    received_ms = await accept_backlog(books, monkeypatch)
    assert (await books.ask()).findings["missing_numbers"] == 4
    refuse_unreadable(books, [received_ms[seq] for seq in (7, 50, 51, 52)])
    answered = await books.ask()
    assert (answered.agrees, answered.findings["covered"], answered.findings["missing_numbers"]) == (True, 4, 0)


async def test_a_payload_without_a_number_covers_one_number_and_none_of_another_time(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    received_ms = await accept_backlog(books, monkeypatch)
    # One where three are missing, and three long after the backlog, when nothing is missing.
    refuse_unreadable(books, [received_ms[51], *(books.begin_ms + 4 * HOUR_MS + number for number in range(3))])
    answered = await books.ask()
    gaps = [(gap["first"], gap["missing"], gap["covered"], gap["unreadable"]) for gap in answered.findings["gaps"]]
    assert (answered.code, gaps) == (1, [(7, 1, 0, 3), (50, 3, 1, 4)])
    assert (answered.findings["missing_numbers"], answered.findings["covered"]) == (3, 1)
    told = await ask(books.write_settings())
    assert "they may be what is missing." in told.out
    assert "nothing in quarantine or outbox can be: 3." in told.out


async def test_readings_of_one_message_without_a_number_cover_one(books: Books) -> None:
    await books.accept([books.make_line(seq) for seq in range(20) if seq not in {7, 8}])
    message = make_unreadable(books.begin_ms + 7500)
    parts = [message._replace(level=Level.READING, reason=Reason.WRONG_TYPE, part=part) for part in range(3)]
    with books.open_store() as store:
        store.commit(Batch(quarantined=parts), books.begin_ms)
    found = (await books.ask()).findings
    assert (found["covered"], found["missing_numbers"]) == (1, 1)


async def test_what_a_simulated_device_misses_is_not_covered_by_a_payload_that_covers_another(books: Books) -> None:
    # Of both counts a number is missing at the same time, and one payload came then.
    kept = [books.make_line(seq) for seq in range(20) if seq != 7]
    await books.accept([*kept, *(books.make_line(seq, seq + 0.5, simulated=True) for seq in range(20) if seq != 7)])
    with books.open_store() as store:
        store.commit(Batch(quarantined=[make_unreadable(books.begin_ms + 7500)]), books.begin_ms)
    found = (await books.ask()).findings
    assert (found["covered"], found["missing_numbers"]) == (1, 1)


async def test_a_clock_that_was_ahead_across_the_end_makes_no_gap(books: Books) -> None:
    hour_s = 3600
    early = [books.make_line(seq, seq + hour_s if seq in {4, 5} else None) for seq in range(20) if seq != 9]
    await books.accept(early)
    span = ("--from", format_time(books.begin_ms), "--to", format_time(books.begin_ms + HOUR_MS))
    answered = await books.ask(*span)
    assert [(gap["first"], gap["last"]) for gap in answered.findings["gaps"]] == [(9, 9)]


async def test_what_was_lost_across_the_end_and_through_the_whole_of_a_time_is_a_gap(books: Books) -> None:
    # 10 to 19 were lost across the end of the first hour, in which 9 was the last; so was all of the second hour.
    at = {seq: 3500 + seq for seq in range(10)} | {seq: 2 * 3600 + seq for seq in range(20, 30)}
    await books.accept([books.make_line(seq, at_s) for seq, at_s in at.items()])
    for hour in range(3):
        begin_ms = books.begin_ms + hour * HOUR_MS
        span = ("--from", format_time(begin_ms), "--to", format_time(begin_ms + HOUR_MS))
        answered = await books.ask(*span)
        assert [(gap["first"], gap["last"]) for gap in answered.findings["gaps"]] == [(10, 19)], hour
        assert answered.code == 1
        named = await books.ask(*span, "--device", "climate-1")
        assert (named.code, named.findings["missing_numbers"]) == (1, 10)


async def test_a_restart_behind_the_end_is_none_of_that_time(books: Books) -> None:
    lines = [books.make_line(seq, seq - 4000) for seq in range(100, 110)]
    await books.accept([*lines, *(books.make_line(seq) for seq in range(5))])
    end = format_time(books.begin_ms - HOUR_MS)
    answered = await books.ask("--from", format_time(books.begin_ms - 2 * HOUR_MS), "--to", end)
    assert (answered.agrees, answered.findings["restarts"], answered.findings["stored"]) == (True, [], 10)


async def test_gaps_of_many_devices_are_looked_for_again_in_portions(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [books.make_line(seq).replace("climate-1", name) for name in ("a", "b", "c") for seq in (0, 2, 4)]
    await books.influxd.write("\n".join(lines), books.database)
    with books.open_store() as store:
        store.commit(make_batch([books.make_line(3).replace("climate-1", "b")]), books.begin_ms)
    monkeypatch.setattr(number_gaps, "DEVICES_AT_ONCE", 1)
    monkeypatch.setattr(number_gaps, "DOUBTFUL_AT_ONCE", 2)
    found = (await books.ask()).findings
    assert [(gap["device"], gap["first"]) for gap in found["gaps"]] == [
        ("a", 1),
        ("a", 3),
        ("b", 1),
        ("c", 1),
        ("c", 3),
    ]
    assert (found["missing_numbers"], found["explained"]) == (5, 1)


async def test_a_gap_that_a_second_look_cannot_judge_is_still_a_gap(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the hour before, the numbers break off so often that the second look ends there.
    erratic = [books.make_line(2 * seq, seq - 3000) for seq in range(6)]
    await books.accept([*erratic, *(books.make_line(seq) for seq in (*range(100, 110), *range(112, 120)))])
    monkeypatch.setattr(sequence, "MOST_RUNS", 5)
    answered = await books.ask("--from", format_time(books.begin_ms))
    assert (112 - 110) in [gap["missing"] for gap in answered.findings["gaps"]]


Search = Callable[[], Coroutine[Any, Any, NumberFindings]]
"""Looks for gaps; see ``find_gaps``."""


@asynccontextmanager
async def searching(books: Books, *names: str) -> AsyncIterator[tuple[Outboxes, Search]]:
    """Give what the command has when it looks for gaps in the first hour: the outboxes of stores, and the search."""
    asked = Asked(books.begin_ms, books.begin_ms + HOUR_MS)
    settings = Influx(url=books.influxd.url, database=books.database, username=books.influxd.username)
    with ExitStack() as stack:
        stores = [stack.enter_context(open_reader(books.folder / name)) for name in names]
        outboxes = Outboxes(stores, asked)
        async with open_influx(settings, books.influxd.password) as influx:
            yield outboxes, lambda: find_gaps(asked, stores, influx, outboxes, {"climate-1": 20}, lambda _: None)


async def test_a_line_that_came_to_wait_after_the_outboxes_were_read_is_no_gap(books: Books) -> None:
    await books.accept([books.make_line(seq) for seq in range(20) if seq not in {7, 12}])
    async with searching(books, "a") as (outboxes, search):
        outboxes.look()
        with books.open_store() as store:
            store.commit(make_batch([books.make_line(7)]), books.begin_ms)
        numbers = await search()
    assert (numbers.missing, numbers.explained) == (1, 1)
    assert [one.gap.first for one in numbers.open_gaps] == [12]


async def test_what_another_collector_is_about_to_commit_is_no_gap(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [books.make_line(seq) for seq in range(10)]
    await books.accept([line for seq, line in enumerate(lines) if seq != 7], store="a")
    await books.accept([], store="b")
    begun = asyncio.Event()

    async def begin(influx: InfluxClient, devices: Sequence[str], from_ms: int) -> Iterator[Numbered]:
        begun.set()
        return await list_first_numbers(influx, devices, from_ms)

    monkeypatch.setattr(number_gaps, "list_first_numbers", begin)
    async with searching(books, "a", "b") as (_, search), asyncio.TaskGroup() as group:
        looking = group.create_task(search(), name="search")
        await begun.wait()
        await asyncio.sleep(number_gaps.SETTLE_S / 4)  # as long as a slow commit takes
        await books.accept([lines[7]], store="b")
    assert looking.result().missing == 0


async def test_only_so_many_gaps_are_kept_and_all_are_counted(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    await books.accept([books.make_line(seq) for seq in range(0, 20, 2)])
    monkeypatch.setattr(number_gaps, "MOST_GAPS", 4)
    found = (await books.ask()).findings
    assert (len(found["gaps"]), found["gaps_left_out"], found["missing_numbers"]) == (4, 5, 9)


async def test_a_text_that_somebody_else_wrote_as_a_number_is_passed_over(books: Books) -> None:
    await books.accept([books.make_line(seq).replace(f"seq={seq}.0,", "") for seq in range(10)])
    line = f'other,device=climate-1 seq="first" {books.begin_ms + 500}'
    await books.influxd.write(line, books.database)
    answered = await books.ask()
    assert (answered.code, answered.findings["stored"]) == (0, 10)
