"""The store: what it says is on disk is there after a kill, and nothing leaves it uncounted."""

import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Batch, Ledger, Mark
from ingest.memory import Memory
from ingest.store import Depth, RefusedLine, Store, unpack_lines
from ingest.store_file import (
    FILE,
    LOCK,
    StoreError,
    StoreFullError,
    StoreInUseError,
    StoreVersionError,
    lock_folder,
    open_file,
)
from ingest.store_marks import append_marks, fold_rows, read_marks
from ingest.store_reader import open_reader
from ingest.store_rows import Moves
from ingest.store_schema import MIGRATIONS, migrate, read_version
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase
from tests.store_batches import NOW_MS, READINGS, make_batch

ROOT = Path(__file__).parents[1]

KEEP_COMMITTING = """
import itertools, sys
from pathlib import Path
from ingest.store import Store
from tests.store_batches import make_batch
store = Store.open(Path(sys.argv[1]))
for number in itertools.count():
    store.commit(make_batch(number), number)
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path)) as opened:
        yield opened


def fill(store: Store) -> None:
    """Commit a thousand batches."""
    for number in range(1000):
        store.commit(make_batch(number), NOW_MS)


def recall(marks: list[Mark]) -> dict[str, tuple[int | None, list[tuple[int, int]]]]:
    """Return what deduplication remembers after these marks."""
    memory = Memory()
    memory.restore(marks)
    return {name: (device.newest_ms, device.window) for name, device in memory.devices.items()}


def test_a_kill_leaves_every_reported_batch_whole_and_no_half_batch(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", KEEP_COMMITTING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        for line in program.stdout:
            if int(line) >= 60:
                break
        program.send_signal(signal.SIGKILL)
        reported = max([60, *map(int, program.stdout.read().split())])
    with closing(Store.open(tmp_path)) as store, open_reader(tmp_path) as reader:
        entries, restored = store.oldest(1 << 40), store.load()
        batches = len(entries)
        assert reported + 1 <= batches <= reported + 2
        expected = [make_batch(number) for number in range(batches)]
        assert [unpack_lines(entry.body) for entry in entries] == [batch.lines for batch in expected]
        assert [row.quarantined for row in reader.quarantine()] == [one for b in expected for one in b.quarantined]
        assert [one.transition for one in store.unpublished()] == [one for b in expected for one in b.transitions]
        assert recall(restored.marks) == recall([mark for batch in expected for mark in batch.marks])
        assert restored.ledger.accepted == restored.moves.committed == batches * (READINGS - 1)
        assert {alert.device: alert.time_ms for alert in restored.alerts} == {
            batch.alerts[0].device: number for number, batch in enumerate(expected)
        }


def test_a_second_collector_is_refused_and_told_who_has_the_store(tmp_path: Path, store: Store) -> None:
    owner = (tmp_path / LOCK).read_text().strip()
    with pytest.raises(StoreInUseError, match=f"process {owner};"):
        Store.open(tmp_path)
    store.commit(make_batch(0), NOW_MS)
    program = [sys.executable, "-c", KEEP_COMMITTING, str(tmp_path)]
    refused = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"in use by another collector, process {owner}" in refused.stderr
    assert store.depth().batches == 1


def test_a_store_is_free_again_when_its_owner_closed_it(tmp_path: Path) -> None:
    for number in range(2):
        with closing(Store.open(tmp_path)) as store:
            store.commit(make_batch(number), NOW_MS)
    with closing(Store.open(tmp_path)) as store:
        assert store.depth().batches == 2


@pytest.mark.parametrize("damage", ["start", "middle", "cut"])
def test_a_damaged_file_is_set_aside_as_it_is_and_readings_go_on(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store.open(tmp_path)) as store:
        for number in range(30):
            store.commit(make_batch(number), NOW_MS)
    path = tmp_path / FILE
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 + 100 :]
    else:
        start = 0 if damage == "start" else 4096
        data[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    with caplog.at_level(logging.CRITICAL), closing(Store.open(tmp_path)) as store:
        assert store.set_aside is not None
        assert store.set_aside.read_bytes() == data
        assert store.depth().batches == 0
        store.commit(make_batch(0), NOW_MS)
    assert str(store.set_aside) in caplog.text
    with closing(Store.open(tmp_path)) as store:
        assert store.set_aside is None
        assert store.depth().batches == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be used .* correct store\.folder"):
        Store.open(tmp_path / "file" / "store")


def test_a_store_of_a_later_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreVersionError, match="use the version of the program that made it"):
        Store.open(tmp_path)
    with pytest.raises(StoreVersionError), open_reader(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert read_version(connection) == len(MIGRATIONS) + 1


def test_a_migration_keeps_the_rows_and_a_failed_one_leaves_the_version() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        connection.execute("INSERT INTO counts VALUES ('move', 'stored', 7)")
        added = (*MIGRATIONS, "ALTER TABLE counts ADD COLUMN note TEXT")
        with pytest.raises(sqlite3.Error, match="no such table"):
            migrate(connection, (*added, "CREATE TABLE half (a INTEGER); DROP TABLE missing"))
        assert read_version(connection) == len(MIGRATIONS) + 1
        migrate(connection, (*added, "CREATE TABLE half (a INTEGER)"))
        assert read_version(connection) == len(MIGRATIONS) + 2
        assert connection.execute("SELECT * FROM counts").fetchall() == [("move", "stored", 7, None)]


def test_a_full_disk_changes_nothing_and_the_same_batch_may_be_tried_again(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    connection, _ = open_file(tmp_path / FILE)
    with closing(Store(tmp_path / FILE, lock, connection, None)) as store:
        # A bound on the file's pages is answered by SQLite with the same code as a full disk.
        connection.execute("PRAGMA max_page_count = 40")
        with pytest.raises(StoreFullError, match="free space on it"):
            fill(store)
        committed = store.depth().batches
        assert committed > 0
        assert len(store.oldest(1 << 40)) == committed
        assert store.load().ledger.received == committed * READINGS
        store.remove([entry.id for entry in store.oldest(1 << 40)])
        store.commit(make_batch(committed), NOW_MS)
        assert store.load().ledger.received == (committed + 1) * READINGS


MARKS = st.builds(
    Mark,
    device=st.sampled_from(["a", "b"]),
    key=st.integers(-3, 30),
    time_ms=st.integers(0, 30),
    digest=st.integers(0, (1 << 60) - 1),
)


@given(st.lists(st.tuples(st.lists(MARKS, max_size=12), st.booleans()), max_size=12))
def test_folded_marks_are_what_deduplication_would_remember(batches: list[tuple[list[Mark], bool]]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        for marks, fold in batches:
            append_marks(connection, marks)
            if fold and marks:
                fold_rows(connection)
        assert recall(read_marks(connection)) == recall([mark for marks, _ in batches for mark in marks])


def test_marks_stay_bounded_on_disk(store: Store, tmp_path: Path) -> None:
    for number in range(700):
        store.commit(make_batch(number), NOW_MS)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        rows, count = connection.execute("SELECT count(*), sum(count) FROM marks").fetchone()
    assert rows < 600
    assert count < 700 * (READINGS - 1)
    assert len(store.load().marks) == 3 * 16


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=6))
def test_the_ledger_adds_up_over_restarts(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    expected = Ledger()
    store = Store.open(folder)
    for accepted, undecodable, restart in parts:
        ledger = Ledger(received=accepted + undecodable, decoded=accepted, produced=accepted, accepted=accepted)
        ledger.undecodable = undecodable
        ledger.reasons[Reason.MALFORMED_JSON] += undecodable
        expected.add(ledger)
        store.commit(Batch(ledger=ledger), NOW_MS)
        if restart:
            store.close()
            store = Store.open(folder)
    found = store.load().ledger
    store.close()
    assert found == expected
    assert found.balances()


def test_a_batch_without_lines_leaves_no_entry(store: Store) -> None:
    assert store.commit(Batch(), NOW_MS) is None
    assert store.depth() == Depth(0, 0, 0, None)


def test_unpublished_transitions_survive_a_restart_and_leave_when_published(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        for number in range(3):
            store.commit(make_batch(number), NOW_MS)
        store.mark_published([store.unpublished()[0].id])
    with closing(Store.open(tmp_path)) as store:
        waiting = store.unpublished()
        assert [one.transition for one in waiting] == [make_batch(n).transitions[0] for n in (1, 2)]
        store.mark_published([one.id for one in waiting])
        assert store.unpublished() == []
        store.commit(make_batch(3), NOW_MS)
        assert store.unpublished()[0].id > waiting[-1].id


def test_an_alert_keeps_its_latest_state(tmp_path: Path) -> None:
    firing = make_batch(0).alerts[0]
    cleared = firing._replace(phase=AlertPhase.OK, since_ms=0, time_ms=99)
    with closing(Store.open(tmp_path)) as store:
        store.commit(Batch(alerts=[firing, firing._replace(device="other")]), NOW_MS)
        store.commit(Batch(alerts=[cleared]), NOW_MS)
    with closing(Store.open(tmp_path)) as store:
        assert store.load().alerts == [cleared, firing._replace(device="other")]


def test_the_oldest_entries_come_first_and_at_least_one(store: Store) -> None:
    committed = [store.commit(make_batch(number), NOW_MS + number) for number in range(4)]
    sizes = [entry.raw_bytes for entry in committed if entry is not None]
    assert store.oldest(1) == committed[:1]
    assert store.oldest(sum(sizes[:3])) == committed[:3]
    assert store.oldest(sum(sizes[:3]) - 1) == committed[:2]
    assert store.oldest(1 << 40) == committed


def test_depth_follows_the_outbox_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        entries = [store.commit(make_batch(number), NOW_MS + number) for number in range(3)]
        first, second, third = [entry for entry in entries if entry is not None]
        store.remove([first.id, first.id])
        lines = unpack_lines(second.body)
        store.refuse_lines(second.id, lines[10:], [RefusedLine(lines[0], "because")], NOW_MS)
        depth = store.depth()
        assert (depth.batches, depth.lines, depth.oldest_ms) == (2, second.lines - 10 + third.lines, NOW_MS + 1)
        assert depth.disk_bytes == sum(len(entry.body) for entry in store.oldest(1 << 40))
    with closing(Store.open(tmp_path)) as store:
        assert store.depth() == depth


def test_every_line_that_left_the_outbox_is_stored_or_refused(store: Store, tmp_path: Path) -> None:
    entry = store.commit(make_batch(0), NOW_MS)
    assert entry is not None
    lines = unpack_lines(entry.body)
    store.refuse_lines(entry.id, lines[30:], [RefusedLine(lines[3], "conflict"), RefusedLine(lines[4], "x" * 900)], 5)
    assert store.moves() == Moves(committed=39, stored=28, refused_by_database=2)
    assert unpack_lines(store.oldest(1)[0].body) == lines[30:]
    store.refuse_lines(entry.id, [], [], 6)
    assert store.moves() == Moves(committed=39, stored=37, refused_by_database=2)
    assert store.depth().batches == 0
    assert store.quarantine() == {Reason.INVALID_TIME: 1, Reason.REFUSED_BY_DATABASE: 2}
    with open_reader(tmp_path) as reader:
        refused = [row.quarantined for row in reader.quarantine() if row.quarantined.level is Level.LINE]
    assert [(one.payload, one.device, one.received_ms) for one in refused] == [(lines[3], "d0", 5), (lines[4], "d0", 5)]
    assert [one.detail for one in refused] == ["conflict", "x" * 500]
    with pytest.raises(LookupError, match=f"no entry {entry.id}"):
        store.refuse_lines(entry.id, [], [], 7)
