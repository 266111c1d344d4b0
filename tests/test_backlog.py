"""The backlog: what a server cannot digest does not hold up what comes behind it, and nothing is forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.backlog import FIRST_REST_S, LONGEST_REST_S, MOST_DETOURS, PATIENCE, Backlog
from ingest.batch import Batch
from ingest.settings import Store
from ingest.store_thread import StoreThread, open_store

NOW_MS = 1_768_471_200_000
MOST = 10_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    """A store with twenty entries of a line each."""
    async with open_store(Store(folder=tmp_path / "store", reserve_bytes=0)) as opened:
        for number in range(1, 21):
            await opened.commit(Batch(lines=[b"m v=%d.0 %d" % (number, NOW_MS)]), NOW_MS)
        yield opened


async def take(backlog: Backlog, most_bytes: int = 1, now_s: float = 0.0) -> list[int]:
    """Return the ids of the next entries."""
    return [entry.id for entry in await backlog.take(most_bytes, now_s)]


async def test_entries_are_taken_in_order_and_once(store: StoreThread) -> None:
    backlog = Backlog(store)
    assert await take(backlog) == [1]
    assert await take(backlog) == [2]
    assert await take(backlog, MOST) == list(range(3, 21))
    assert await take(backlog) == []
    assert backlog.is_under_way


async def test_too_few_are_left_where_they_are(store: StoreThread) -> None:
    backlog = Backlog(store)
    assert await backlog.take(MOST, 0.0, at_least_bytes=MOST) == []
    assert await take(backlog, MOST) == list(range(1, 21))


async def test_what_is_given_back_is_next_again(store: StoreThread) -> None:
    backlog = Backlog(store)
    first, second = await backlog.take(1, 0.0), await backlog.take(1, 0.0)
    backlog.give_back(first)
    assert await take(backlog) == [1]
    assert await take(backlog) == [3]
    backlog.give_back(second)
    assert await take(backlog) == [2]


async def test_one_that_fails_again_and_again_rests_and_is_tried_alone_when_others_succeed(store: StoreThread) -> None:
    backlog = Backlog(store)
    for _ in range(PATIENCE):
        entries = await backlog.take(50, 0.0)
        assert [entry.id for entry in entries] == [1, 2]
        backlog.blame(entries, 0.0)
    behind = await backlog.take(1, 0.0)
    assert [entry.id for entry in behind] == [3]
    # It may still be the server: nothing else has succeeded yet.
    assert await take(backlog, now_s=FIRST_REST_S) == [4]
    await store.remove([3])
    backlog.settle(behind)
    assert await take(backlog, now_s=FIRST_REST_S - 0.01) == [5]
    assert await take(backlog, MOST, now_s=FIRST_REST_S) == [1]
    assert await take(backlog, MOST, now_s=FIRST_REST_S) == [2]
    assert not backlog.is_idle


async def test_one_that_never_succeeds_is_tried_ever_more_seldom_and_never_forgotten(store: StoreThread) -> None:
    backlog = Backlog(store)
    for _ in range(PATIENCE):
        backlog.blame(await backlog.take(1, 0.0), 0.0)
    rest = await backlog.take(MOST, 0.0)
    await store.remove([entry.id for entry in rest])
    backlog.settle(rest)
    now_s, waits = 0.0, []
    for _ in range(12):
        due_s = backlog.next_due_s()
        assert due_s is not None
        waits.append(due_s - now_s)
        now_s = due_s
        (entry,) = await backlog.take(MOST, now_s)
        assert entry.id == 1
        backlog.blame([entry], now_s)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_REST_S


async def test_a_server_that_fails_for_all_gets_the_oldest_first_again(store: StoreThread) -> None:
    backlog = Backlog(store)
    seen: list[int] = []
    for _ in range(PATIENCE * (MOST_DETOURS + 1)):
        entries = await backlog.take(1, 0.0)
        seen += [entry.id for entry in entries]
        backlog.blame(entries, 0.0)
    assert max(seen) == MOST_DETOURS + 1
    assert backlog.is_idle
    assert await take(backlog, MOST) == list(range(1, 21))


async def test_where_nothing_is_left_to_try_instead_all_are_tried_again(store: StoreThread) -> None:
    backlog = Backlog(store)
    for _ in range(PATIENCE):
        backlog.blame(await backlog.take(MOST, 0.0), 0.0)
    assert await take(backlog, MOST) == list(range(1, 21))


async def test_an_entry_that_somebody_else_moved_is_passed_over(store: StoreThread) -> None:
    backlog = Backlog(store)
    for _ in range(PATIENCE):
        backlog.blame(await backlog.take(1, 0.0), 0.0)
    rest = await backlog.take(1, 0.0)
    backlog.settle(rest)
    await store.remove([1, 2])
    assert await take(backlog, now_s=FIRST_REST_S) == [3]
    assert backlog.next_due_s() is None
