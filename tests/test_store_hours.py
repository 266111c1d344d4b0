"""Points per device and hour: equal to a plain count, whatever is packed where, over any restart, for any reader."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import store_hours, store_marks, store_shards
from ingest.batch import Batch, Mark, Point
from ingest.memory import Memory
from ingest.quarantine_filter import EVERYTHING
from ingest.store import Store
from ingest.store_file import FILE, DamagedEntryError, StoreError
from ingest.store_hours import HOUR_MS, HourCount, find_point
from ingest.store_outbox import RefusedLine, pack_lines, salvage_lines, unpack_lines
from ingest.store_reader import open_reader
from schemas.reason import Reason
from tests.store_batches import NOW_MS, bring_every_shard, commit_with_shard, open_in

DAY = 24
NOW_HOUR = NOW_MS // HOUR_MS
ALWAYS = (0, 1 << 60)

MARKS = st.builds(
    Mark,
    device=st.sampled_from(["a", "b", ""]),
    key=st.integers(NOW_MS - 5 * HOUR_MS, NOW_MS + HOUR_MS),
    digest=st.integers(0, 99),
    names=st.just(("x",)),
    point=st.sampled_from(Point),
    packet_id=st.just(0),
)


def count_plainly(marks: list[Mark]) -> dict[tuple[str, int], HourCount]:
    """Return the counts of marks, one by one."""
    counts = Counter((mark.device, mark.key // HOUR_MS, mark.point) for mark in marks if mark.device)
    return {
        (device, hour): HourCount(counts[device, hour, Point.NEW], counts[device, hour, Point.LATE])
        for device, hour, _ in counts
        if counts[device, hour, Point.NEW] + counts[device, hour, Point.LATE]
    }


def read_all(folder: Path, device: str | None = None) -> dict[tuple[str, int], HourCount]:
    """Return what another process would read."""
    with open_reader(folder) as reader:
        return dict(reader.hours(*ALWAYS, device))


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.lists(MARKS, max_size=9), st.booleans(), st.booleans(), st.booleans()), max_size=12),
    st.sampled_from([1, 3, 20, 1000]),
)
def test_hours_are_a_plain_count_over_any_restart_and_for_any_reader(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[Mark], bool, bool, bool]], pending: int
) -> None:
    folder = tmp_path_factory.mktemp("hours")
    memory, taken = Memory(), list[Mark]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_marks, "LOOSE_FLOOR", 0)
        patch.setattr(store_shards, "LOOSE_RATIO", 0)
        patch.setattr(store_hours, "MOST_PENDING", pending)
        store = open_in(folder)
        for marks, look, come_round, restart in batches:
            commit_with_shard(store, memory, Batch(marks=marks))
            taken += marks
            if look:
                assert read_all(folder) == count_plainly(taken)
            if come_round:
                bring_every_shard(store, memory)
            if restart:
                store.close()
                store = open_in(folder)
        store.close()
    assert read_all(folder) == count_plainly(taken)
    assert read_all(folder, "a") == count_plainly([mark for mark in taken if mark.device == "a"])


def test_a_commit_that_fails_in_the_middle_of_packing_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("the disk went away")

    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    batch = Batch(marks=[Mark("a", NOW_MS, 1, ("x",), Point.NEW)])
    with closing(open_in(tmp_path)) as store:
        store.commit(batch, NOW_MS)
        with monkeypatch.context() as patch:
            patch.setattr(store_hours, "_join_parts", fail)
            with pytest.raises(StoreError, match="went away"):
                store.commit(batch, NOW_MS)
        store.commit(batch, NOW_MS)
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=2)}


def test_rows_of_an_hour_are_made_one_and_old_hours_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    days = 92
    with closing(open_in(tmp_path)) as store:
        for second in range(50):
            marks = [Mark("a", NOW_MS + 1000 * second, second, ("x",), Point.NEW)]
            store.commit(Batch(marks=marks), NOW_MS)
        with closing(sqlite3.connect(tmp_path / FILE)) as connection:
            assert connection.execute("SELECT count(*) FROM hours").fetchone()[0] <= store_hours.MOST_PARTS
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=50)}
        with open_reader(tmp_path) as reader:
            assert reader.hours_since_ms() == NOW_MS
        later_ms = NOW_MS + (days * DAY + 2) * HOUR_MS
        for second in range(2):
            store.commit(Batch(marks=[Mark("a", later_ms + second, second, ("x",), Point.NEW)]), later_ms)
        assert read_all(tmp_path) == {("a", later_ms // HOUR_MS): HourCount(new=2)}
        with open_reader(tmp_path) as reader:
            assert reader.hours_since_ms() == (NOW_HOUR + 2) * HOUR_MS


def commit_line(store: Store, line: bytes) -> int:
    """Commit one line; return its entry."""
    (entry,) = store.commit(Batch(lines=[line]), NOW_MS)
    return entry.id


def test_a_refused_line_counts_until_it_is_sent_again_and_only_if_it_is_of_a_reading(tmp_path: Path) -> None:
    line = b"indoor_climate,device=a,site=s temperature=1.0,delay=0.5 %d" % NOW_MS
    own = b"silence,device=a seconds=7.0 %d" % NOW_MS
    with closing(open_in(tmp_path)) as store:
        for one in (line, own):
            store.refuse_lines(commit_line(store, one), [], [RefusedLine(one, "conflict")], NOW_MS)
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(refused=1)}
        with open_reader(tmp_path) as reader:
            rows = {row.quarantined.payload: row.id for row in reader.quarantine()}
        store.commit(Batch(lines=[line], released=[rows[line]]), NOW_MS)
        assert read_all(tmp_path) == {}
        assert store.quarantine() == {Reason.REFUSED_BY_DATABASE: 1}
        assert store.moves().reprocessed == 1
        store.commit(Batch(released=[rows[line]]), NOW_MS)
        assert read_all(tmp_path) == {}
        with open_reader(tmp_path) as reader:
            assert reader.outbox_points(*ALWAYS) == {("a", NOW_HOUR): 1}
            assert reader.outbox_points(NOW_MS, NOW_MS + 1, "a") == {("a", NOW_HOUR): 1}
            assert reader.outbox_points(NOW_MS, NOW_MS + 1, "b") == {}
            assert reader.outbox_points(0, NOW_HOUR * HOUR_MS) == {}


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"m,device=a v=1.0,delay=0.5 7200000", ("a", 2)),
        (b"m,device=a delay=-0.5 -1", ("a", -1)),
        (b"m,device=a delay=0.5,v=true 3600000", ("a", 1)),
        ("m,device=sj\u00f8\\ 1,site=s v=1.0,seq=4.0,delay=1e-05 0".encode(), ("sj\u00f8 1", 0)),
        (b"m,device=a v=1.0 7200000", None),
        (b"m,device=a delayed=1.0 7200000", None),
        (b"collector,collector=c delay=1.0 7200000", None),
        (b"\x1f\x8b", None),
        (b"m,device=a delay=1.0 %d" % (1 << 90), None),
    ],
)
def test_the_point_of_a_line_is_that_of_a_reading(line: bytes, point: tuple[str, int] | None) -> None:
    assert find_point(line) == point


def test_a_damaged_row_of_hours_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    with closing(open_in(tmp_path)) as store:
        for number in range(3):
            store.commit(Batch(marks=[Mark("a", NOW_MS, number, ("x",), Point.NEW)]), NOW_MS)
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
            connection.execute("UPDATE hours SET body = x'00' WHERE id = (SELECT min(id) FROM hours)")
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=2)}


def flip(folder: Path, query: str) -> None:
    """Flip a bit in the middle of the bodies that a query selects with their table's id."""
    table = query.split(maxsplit=1)[0]
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        for row, body in connection.execute(f"SELECT id, body FROM {query}").fetchall():  # noqa: S608 - of this file
            middle = len(body) // 2
            flipped = bytes((*body[:middle], body[middle] ^ 1, *body[middle + 1 :]))
            connection.execute(f"UPDATE {table} SET body = ? WHERE id = ?", (flipped, row))  # noqa: S608 - likewise


def read_since(folder: Path) -> int:
    """Return since when hours are complete."""
    with open_reader(folder) as reader:
        since_ms = reader.hours_since_ms()
    assert since_ms is not None
    return since_ms


def test_hours_are_complete_only_since_marks_that_were_not_packed_yet_were_found_damaged(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(marks=[Mark("a", NOW_MS, 1, ("x",), Point.NEW)]), NOW_MS)
    flip(tmp_path, "marks")
    assert read_since(tmp_path) == NOW_MS
    began_ms = time.time_ns() // 1_000_000
    with closing(open_in(tmp_path)) as store:
        store.load()
        assert read_since(tmp_path) >= began_ms
        assert store.events() == {"marks_damaged": 1}


def test_marks_whose_points_were_packed_may_be_damaged_without_loss_of_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    with closing(open_in(tmp_path)) as store:
        for number in range(2):
            store.commit(Batch(marks=[Mark("a", NOW_MS, number, ("x",), Point.NEW)]), NOW_MS)
    flip(tmp_path, "marks WHERE id = (SELECT min(id) FROM marks)")
    with closing(open_in(tmp_path)) as store:
        store.load()
        assert store.events() == {"marks_damaged": 1}
        assert read_since(tmp_path) == NOW_MS
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=2)}


def test_hours_are_complete_only_behind_a_row_that_was_found_damaged_when_rows_were_made_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    batch = Batch(marks=[Mark("a", NOW_MS, 1, ("x",), Point.NEW)])
    with closing(open_in(tmp_path)) as store:
        for _ in range(2):
            store.commit(batch, NOW_MS)
        flip(tmp_path, "hours")
        for _ in range(store_hours.MOST_PARTS):
            store.commit(batch, NOW_MS)
        assert store.events() == {"hours_damaged": 1}
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=1 + store_hours.MOST_PARTS)}
    assert read_since(tmp_path) == (NOW_HOUR + 1) * HOUR_MS


def test_hours_that_are_too_old_to_be_kept_are_not_said_to_be_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    later_ms = NOW_MS + 100 * DAY * HOUR_MS
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(), NOW_MS)
        for number in range(2):  # a backlog from before what is kept; packed with the second
            store.commit(Batch(marks=[Mark("a", NOW_MS, number, ("x",), Point.LATE)]), later_ms)
    assert read_since(tmp_path) == (later_ms // HOUR_MS - 92 * DAY) * HOUR_MS


def test_hours_are_complete_again_when_a_clock_that_was_far_ahead_was_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_hours, "MOST_PENDING", 1)
    with closing(open_in(tmp_path)) as store:
        for number, now_ms in enumerate((NOW_MS, NOW_MS + 200 * 24 * HOUR_MS, NOW_MS + 1)):
            store.commit(Batch(marks=[Mark("a", NOW_MS, number, ("x",), Point.NEW)]), now_ms)
            store.commit(Batch(marks=[Mark("b", NOW_MS, number, ("x",), Point.NEW)]), now_ms)
    assert read_since(tmp_path) == NOW_MS + 1


def test_lines_of_an_entry_that_was_set_aside_are_known_to_be_missing_until_they_are_sent_again(tmp_path: Path) -> None:
    lines = [b"indoor_climate,device=a,site=s temperature=%d.5,delay=0.5 %d" % (n, NOW_MS + n) for n in range(500)]
    marks = [Mark("a", NOW_MS + n, n, ("temperature",), Point.NEW) for n in range(500)]
    with closing(open_in(tmp_path)) as store:
        (entry,) = store.commit(Batch(lines=lines, marks=marks), NOW_MS)
        store.set_aside_entry(entry.id, NOW_MS, "flipped")
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=500, refused=500)}
        (row,) = store.read_quarantine(EVERYTHING, 0, 1)
        store.commit(Batch(lines=lines, released=[row.id]), NOW_MS)
        assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(new=500)}


@pytest.mark.parametrize("place", [0.0, 0.02, 0.5, 0.9, 1.0])
def test_of_a_damaged_entry_the_lines_before_the_damage_are_known(place: float) -> None:
    lines = [b"m,device=d%d v=%d.5,delay=0.5 %d" % (n % 7, n * n % 991, NOW_MS + n) for n in range(2_000)]
    body = pack_lines(lines)
    at = min(int(place * len(body)), len(body) - 1)
    damaged = body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1 :]
    with pytest.raises(DamagedEntryError):
        unpack_lines(damaged)
    found = salvage_lines(damaged)
    sure = int(len(lines) * max(0.0, place - 0.1))
    assert found[:sure] == lines[:sure]
    assert (place not in {0.0, 1.0}) or found == lines
    assert salvage_lines(body) == lines


def test_an_entry_of_which_nonsense_can_be_read_is_set_aside_as_well(tmp_path: Path) -> None:
    # As a flipped bit in the length of a repetition makes it.
    lines = [b"m,device=a v=1.0,delay=0.5 %d" % (NOW_MS * 10**20), b"m,device=a v=2.0,delay=0.5 %d" % NOW_MS]
    with closing(open_in(tmp_path)) as store:
        (entry,) = store.commit(Batch(lines=lines), NOW_MS)
        store.set_aside_entry(entry.id, NOW_MS, "flipped")
        assert store.moves().damaged == 2
    assert read_all(tmp_path) == {("a", NOW_HOUR): HourCount(refused=1)}
