"""Marks on disk: after any restart deduplication knows what it knew, from a bounded number of rows."""

import logging
import sqlite3
import zlib
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import store_marks, store_shards
from ingest.batch import Batch, Mark, Point
from ingest.memory import FORGET_PACKETS, PACKET_MARK, Memory
from ingest.shard import SHARDS, Shard, find_shard
from ingest.store import Store
from ingest.store_file import FILE
from ingest.store_marks import StoredMarks, pack_marks, pack_shard, unpack_marks, unpack_shard
from tests.store_batches import NOW_MS, bring_every_shard, commit_with_shard, list_marks, make_batch, open_in, recall

NAMES = [("temperature",), ("temperature", "humidity"), ("co2",), ()]
READING_MARKS = st.builds(
    Mark,
    device=st.sampled_from(["a", "b", "sjø 1"]),
    key=st.integers(-3, 30),
    digest=st.integers(0, (1 << 60) - 1) | st.just(1),
    names=st.sampled_from(NAMES),
    point=st.sampled_from(Point),
    packet_id=st.integers(0, 9),
)
PACKET_MARKS = st.builds(
    Mark,
    device=st.just(PACKET_MARK),
    key=st.integers(FORGET_PACKETS, 9),
    digest=st.integers(0, 3),
    names=st.just(()),
    point=st.just(Point.JOINED),
    packet_id=st.just(0),
)
MARKS = READING_MARKS | PACKET_MARKS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_in(tmp_path)) as opened:
        yield opened


@given(st.lists(MARKS))
def test_marks_are_packed_as_they_are(marks: list[Mark]) -> None:
    assert unpack_marks(pack_marks(marks)) == marks


@given(st.lists(MARKS))
def test_a_shard_is_packed_as_it_is(marks: list[Mark]) -> None:
    memory = Memory()
    memory.restore(marks)
    for number in range(SHARDS):
        shard = memory.copy_shard(number)
        assert unpack_shard(number, pack_shard(shard)) == [shard]


def test_a_shard_of_an_earlier_version_held_marks() -> None:
    marks = [Mark("a", 1, 2, ("x",)), Mark("a", 3, 4)]
    assert unpack_shard(find_shard("a"), pack_marks(marks)) == marks


@given(st.lists(READING_MARKS))
def test_a_window_is_known_again_as_its_payloads_one_by_one(marks: list[Mark]) -> None:
    """Whole windows are taken as they are; payloads one by one come to the same."""
    memory, again = Memory(), Memory()
    memory.restore(marks)
    shards = [memory.copy_shard(number) for number in range(SHARDS)]
    again.restore(mark for shard in shards for mark in list_marks(shard))
    whole = Memory()
    whole.restore(shards)
    assert recall(whole) == recall(memory)
    for device, known in whole.devices.items():
        one = again.devices[device]
        assert (known.newest_ms, set(known.names), known.heard_ms) == (one.newest_ms, set(one.names), one.heard_ms)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.lists(MARKS, max_size=12), st.booleans(), st.booleans()), max_size=12))
def test_after_any_restart_deduplication_knows_what_it_knew(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[Mark], bool, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("marks")
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch:
        # A shard with each batch; where all have come round, rows that are not needed are gone.
        patch.setattr(store_marks, "LOOSE_FLOOR", 0)
        patch.setattr(store_shards, "LOOSE_RATIO", 0)
        store = open_in(folder)
        for marks, come_round, restart in batches:
            commit_with_shard(store, memory, Batch(marks=marks))
            if come_round:
                bring_every_shard(store, memory)
            if restart:
                store.close()
                store = open_in(folder)
                assert recall(store.load().memory) == recall(memory)
        store.close()


def test_marks_stay_bounded_on_disk_and_every_shard_comes_round(store: Store, tmp_path: Path) -> None:
    memory = Memory()
    for number in range(2_000):
        commit_with_shard(store, memory, make_batch(number))
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        shards, rows, count = connection.execute("SELECT count(shard), count(*), sum(count) FROM marks").fetchone()
    marks = len(make_batch(0).marks)
    cycle = SHARDS * (store_marks.LOOSE_FLOOR + 2 * marks)
    assert shards == SHARDS
    assert rows <= SHARDS + 1.1 * cycle / marks
    assert count <= 1.1 * cycle
    assert recall(store.load().memory) == recall(memory)


def test_a_large_shard_is_due_later(store: Store) -> None:
    marks = [Mark("a", key, key) for key in range(store_marks.LOOSE_FLOOR)]
    lengths = (0, 2 * len(marks))
    cells = array("q", range(3 * lengths[1]))
    assert store.wants_shard() is None
    for number in range(SHARDS):
        store.commit(Batch(marks=marks), NOW_MS)
        assert store.wants_shard() == number
        store.commit(
            Batch(), NOW_MS, Shard(number, ["a"], [lengths[number == 0]], [], cells[: 3 * lengths[number == 0]])
        )
        assert store.wants_shard() is None
    for _ in range(2 * store_shards.LOOSE_RATIO):
        assert store.wants_shard() is None
        store.commit(Batch(marks=marks), NOW_MS)
    assert store.wants_shard() == 0


@pytest.mark.parametrize("damaged", ["batch", "shard"])
def test_a_damaged_row_of_marks_is_passed_over_said_and_counted(
    tmp_path: Path, damaged: str, caplog: pytest.LogCaptureFixture
) -> None:
    shard = Shard(find_shard("a"), ["a"], [1], [("x",)], array("q", (1, 1, 0)))
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(marks=[Mark("b", 2, 2, ("x",))]), NOW_MS)
        store.commit(Batch(), NOW_MS, shard)
    number = None if damaged == "batch" else shard.number
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        row, body = connection.execute("SELECT id, body FROM marks WHERE shard IS ?", (number,)).fetchone()
        flipped = bytes((*body[:9], body[9] ^ 1, *body[10:]))
        connection.execute("UPDATE marks SET body = ? WHERE id = ?", (flipped, row))
    with caplog.at_level(logging.CRITICAL), closing(open_in(tmp_path)) as store:
        assert list(store.load().memory.devices) == (["a"] if damaged == "batch" else ["b"])
        assert store.events() == {"marks_damaged": 1}
        store.commit(Batch(marks=[Mark("b", 3, 3, ("x",))]), NOW_MS)
    assert "are damaged and removed" in caplog.text
    with closing(open_in(tmp_path)) as store:
        assert store.load().events == {"marks_damaged": 1}


def test_a_damaged_shard_leaves_what_batches_behind_it_say_and_all_others(tmp_path: Path) -> None:
    """Which batches are needed is known only when it is known which shards are sound."""
    memory = Memory()
    batches = [Batch(marks=[Mark(device, NOW_MS + number, number, ("x",)) for device in "ab"]) for number in range(3)]
    with closing(open_in(tmp_path)) as store:
        commit_with_shard(store, memory, batches[0])
        store.keep_shards([memory.copy_shard(number) for number in range(SHARDS)])
        commit_with_shard(store, memory, batches[1])
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        changed = connection.execute("UPDATE marks SET body = x'' WHERE shard = ?", (find_shard("a"),))
        assert changed.rowcount == 1
    with closing(open_in(tmp_path)) as store:
        again = store.load().memory
        # The batch that the shard had stood for is still there, and stands for itself.
        assert recall(again) == recall(memory)
        assert store.events() == {"marks_damaged": 1}
        commit_with_shard(store, again, batches[2])
        assert store.load().memory.devices["a"].window == again.devices["a"].window


def test_a_damaged_batch_that_nothing_needs_is_said_and_counted(tmp_path: Path) -> None:
    memory = Memory()
    with closing(open_in(tmp_path)) as store:
        commit_with_shard(store, memory, make_batch(0))
        store.keep_shards([memory.copy_shard(number) for number in range(SHARDS)])
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        assert connection.execute("UPDATE marks SET body = x'78' WHERE shard IS NULL").rowcount == 1
    with closing(open_in(tmp_path)) as store:
        assert recall(store.load().memory) == recall(memory)
        assert store.events() == {"marks_damaged": 1}


def test_a_start_inflates_each_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    with closing(open_in(tmp_path)) as store:
        for number in range(40):
            commit_with_shard(store, memory, make_batch(number))
        rows = store.read(lambda connection: connection.execute("SELECT count(*) FROM marks").fetchone()[0])
        inflated = list[bytes]()

        def inflate(body: bytes) -> bytes:
            inflated.append(body)
            return zlib.decompress(body)

        monkeypatch.setattr(store_marks, "zlib", SimpleNamespace(decompress=inflate, error=zlib.error))
        assert recall(store.load().memory) == recall(memory)
    assert len(inflated) == rows


def test_after_a_stop_in_order_the_next_start_goes_through_no_batch(tmp_path: Path) -> None:
    memory = Memory()
    with closing(open_in(tmp_path)) as store:
        for number in range(20):
            commit_with_shard(store, memory, make_batch(number))
        store.keep_shards([memory.copy_shard(number) for number in range(SHARDS)])
    with closing(open_in(tmp_path)) as store:
        assert all(isinstance(one, Shard) for one in store.read(lambda connection: list(StoredMarks(connection))))
        again = store.load().memory
        assert recall(again) == recall(memory)
        # What comes then is on top of it.
        commit_with_shard(store, again, make_batch(20))
    with closing(open_in(tmp_path)) as store:
        third = store.load().memory
        assert recall(third) == recall(again) != recall(memory)
