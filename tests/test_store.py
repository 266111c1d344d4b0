"""The store: what it says is on disk is there after a kill, and nothing leaves it uncounted."""

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Batch, Ledger, Mark
from ingest.memory import Memory
from ingest.quarantine_filter import Filter
from ingest.settings import Quarantine as QuarantineSettings
from ingest.shard import Shard
from ingest.store import Store
from ingest.store_announced import DAY_MS
from ingest.store_file import FILE, DamagedEntryError
from ingest.store_outbox import Depth, RefusedLine, unpack_lines
from ingest.store_reader import open_reader
from ingest.store_rows import Moves
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase
from tests.store_batches import NOW_MS, READINGS, choose, make_batch, open_in, recall

ROOT = Path(__file__).parents[1]

KEEP_COMMITTING = """
import itertools, sys
from pathlib import Path
from tests.store_batches import NOW_MS, READINGS, choose, make_batch, open_in, recall
store = open_in(Path(sys.argv[1]))
for number in itertools.count():
    store.commit(make_batch(number), number)
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_in(tmp_path)) as opened:
        yield opened


def remember(marks: Iterable[Mark | Shard]) -> Memory:
    """Return a memory of marks."""
    memory = Memory()
    memory.restore(marks)
    return memory


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
    with closing(open_in(tmp_path)) as store, open_reader(tmp_path) as reader:
        entries, restored = store.oldest(1 << 40), store.load()
        batches = len(entries)
        assert reported + 1 <= batches <= reported + 2
        expected = [make_batch(number) for number in range(batches)]
        assert [unpack_lines(entry.body) for entry in entries] == [batch.lines for batch in expected]
        assert [row.quarantined for row in reader.quarantine()] == [one for b in expected for one in b.quarantined]
        assert [one.transition for one in store.unpublished()] == [one for b in expected for one in b.transitions]
        assert recall(restored.memory) == recall(remember(mark for batch in expected for mark in batch.marks))
        points = Counter(mark.device for batch in expected for mark in batch.marks)
        assert {device: count.new for (device, _), count in reader.hours(0, NOW_MS).items()} == points
        assert restored.ledger.accepted == restored.moves.committed == batches * (READINGS - 1)
        assert {alert.device: alert.time_ms for alert in restored.alerts} == {
            batch.alerts[0].device: number for number, batch in enumerate(expected)
        }


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=6))
def test_the_ledger_adds_up_over_restarts(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    expected = Ledger()
    store = open_in(folder)
    for accepted, undecodable, restart in parts:
        ledger = Ledger(received=accepted + undecodable, decoded=accepted, produced=accepted, accepted=accepted)
        ledger.undecodable = undecodable
        ledger.reasons[Reason.MALFORMED_JSON] += undecodable
        expected.add(ledger)
        store.commit(Batch(ledger=ledger), NOW_MS)
        if restart:
            store.close()
            store = open_in(folder)
    found = store.load().ledger
    store.close()
    assert found == expected
    assert found.balances()


def test_a_batch_without_lines_leaves_no_entry(store: Store) -> None:
    assert store.commit(Batch(), NOW_MS) == []
    assert store.depth() == Depth(0, 0, 0, None)


def test_unpublished_transitions_survive_a_restart_and_leave_when_published(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        for number in range(3):
            store.commit(make_batch(number), NOW_MS)
        store.mark_published([store.unpublished()[0].id], 1)
    with closing(open_in(tmp_path)) as store:
        waiting = store.unpublished()
        assert [one.transition for one in waiting] == [make_batch(n).transitions[0] for n in (1, 2)]
        store.mark_published([one.id for one in waiting], 1)
        assert store.unpublished() == []
        store.commit(make_batch(3), NOW_MS)
        assert store.unpublished()[0].id > waiting[-1].id


def test_an_alert_keeps_its_latest_state(tmp_path: Path) -> None:
    firing = make_batch(0).alerts[0]
    cleared = firing._replace(phase=AlertPhase.OK, since_ms=0, time_ms=99)
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(alerts=[firing, firing._replace(device="other")]), NOW_MS)
        store.commit(Batch(alerts=[cleared]), NOW_MS)
    with closing(open_in(tmp_path)) as store:
        assert store.load().alerts == [cleared, firing._replace(device="other")]


def test_the_oldest_entries_come_first_and_at_least_one(store: Store) -> None:
    committed = [entry for number in range(4) for entry in store.commit(make_batch(number), NOW_MS + number)]
    sizes = [entry.raw_bytes for entry in committed]
    assert store.oldest(1) == committed[:1]
    assert store.oldest(sum(sizes[:3])) == committed[:3]
    assert store.oldest(sum(sizes[:3]) - 1) == committed[:2]
    assert store.oldest(1 << 40) == committed


def test_depth_follows_the_outbox_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        entries = [store.commit(make_batch(number), NOW_MS + number) for number in range(3)]
        (first,), (second,), (third,) = entries
        store.remove([first.id, first.id])
        lines = unpack_lines(second.body)
        store.refuse_lines(second.id, lines[10:], [RefusedLine(lines[0], "because")], NOW_MS)
        depth = store.depth()
        assert (depth.batches, depth.lines, depth.oldest_ms) == (2, second.lines - 10 + third.lines, NOW_MS + 1)
        assert depth.disk_bytes == sum(len(entry.body) for entry in store.oldest(1 << 40))
    with closing(open_in(tmp_path)) as store:
        assert store.depth() == depth


def test_every_line_that_left_the_outbox_is_stored_or_refused(store: Store, tmp_path: Path) -> None:
    (entry,) = store.commit(make_batch(0), NOW_MS)
    lines = unpack_lines(entry.body)
    store.refuse_lines(entry.id, lines[30:], [RefusedLine(lines[3], "conflict"), RefusedLine(lines[4], "x" * 900)], 5)
    assert store.moves() == Moves(committed=39, stored=28, refused_by_database=2, quarantined=3)
    assert unpack_lines(store.oldest(1)[0].body) == lines[30:]
    store.refuse_lines(entry.id, [], [], 6)
    assert store.moves() == Moves(committed=39, stored=37, refused_by_database=2, quarantined=3)
    assert store.depth().batches == 0
    assert store.quarantine() == {Reason.INVALID_TIME: 1, Reason.REFUSED_BY_DATABASE: 2}
    with open_reader(tmp_path) as reader:
        refused = [row.quarantined for row in reader.quarantine() if row.quarantined.level is Level.LINE]
    assert [(one.payload, one.device, one.received_ms) for one in refused] == [(lines[3], "d0", 5), (lines[4], "d0", 5)]
    assert [one.detail for one in refused] == ["conflict", "x" * 500]
    with pytest.raises(LookupError, match=f"no entry {entry.id}"):
        store.refuse_lines(entry.id, [], [], 7)


def test_an_entry_that_was_damaged_goes_to_the_quarantine_whole_and_the_rest_goes_on(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        for number in range(3):
            store.commit(make_batch(number), NOW_MS)
        first, second, third = store.oldest(1 << 40)
        flipped = bytes((*second.body[:50], second.body[50] ^ 4, *second.body[51:]))
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
            connection.execute("UPDATE outbox SET body = ? WHERE id = ?", (flipped, second.id))
        with pytest.raises(DamagedEntryError, match="look at the disk") as caught:
            unpack_lines(store.oldest(1 << 40)[1].body)
        with open_reader(tmp_path) as reader:
            assert reader.outbox_points(0, NOW_MS) == {}  # of the lines that can be read, none is of a reading
        store.set_aside_entry(second.id, 7, str(caught.value))
        assert store.oldest(1 << 40) == [first, third]
        assert store.depth().lines == 2 * (READINGS - 1)
        assert store.moves() == Moves(committed=3 * (READINGS - 1), damaged=READINGS - 1, quarantined=4)
        with pytest.raises(LookupError):
            store.set_aside_entry(second.id, 8, "again")
    with open_reader(tmp_path) as reader:
        kept = [row.quarantined for row in reader.quarantine(Filter(reason=Reason.DAMAGED_ENTRY))]
    assert [(one.payload, one.level, one.received_ms, one.length) for one in kept] == [
        (flipped, Level.LINE, 7, len(flipped))
    ]
    assert kept[0].detail.startswith(f"{READINGS - 1} lines: ")


def test_what_waits_at_the_broker_is_told_again_under_its_name_and_counted(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        for number in range(2):
            store.commit(make_batch(number), NOW_MS)
        first, second = [one.id for one in store.unpublished()]
        store.begin_publishing([first, second])
        store.mark_published([first], 7)
    with closing(open_in(tmp_path)) as store:
        assert [one.id for one in store.unpublished()] == [second]
        store.begin_publishing([second])
        assert store.events() == {"alert_repeated": 1}
        store.mark_published([second], 8)
        assert store.seals() == [7, 8]
        store.forget_published([7])
        assert store.reseal([7], 9) == 0
        assert store.reseal([8], 9) == 1
        assert store.seals() == [9]
        assert store.reseal([9], 0) == 1
        assert [(one.id, one.tries) for one in store.unpublished()] == [(second, 2)]
        store.mark_published([second], 10)
        store.forget_published([10])
        assert (store.seals(), store.unpublished()) == ([], [])


def test_events_are_counted_for_ever_and_a_session_is_remembered(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        assert not store.load().had_session
        store.note_session()
        assert store.load().session_lost_ms is None
        store.note_lost_sessions(1, NOW_MS)
        store.count_event("alert_repeated", 3)
    with closing(open_in(tmp_path)) as store:
        store.note_session()
        assert store.load().session_lost_ms == NOW_MS
        store.note_lost_sessions(1, NOW_MS + 1)
        restored = store.load()
    assert restored.had_session
    assert restored.session_lost_ms == NOW_MS + 1
    assert restored.events == {"session_lost": 2, "alert_repeated": 3}
    with open_reader(tmp_path) as reader:
        assert reader.events() == restored.events


def test_the_quarantines_rows_are_read_revised_released_discarded_and_expire_with_their_counts(tmp_path: Path) -> None:
    quotas = QuarantineSettings(days=1, most_entries_each=5)
    with closing(Store.open(choose(tmp_path), quotas)) as store:
        one = make_batch(0).quarantined[0]._replace(received_ms=NOW_MS)
        store.commit(Batch(quarantined=[one._replace(detail=str(number)) for number in range(7)]), NOW_MS)
        rows = store.read_quarantine(Filter(), 0, 100)
        assert [row.quarantined.detail for row in rows] == ["2", "3", "4", "5", "6"]
        store.commit(Batch(released=[rows[0].id], revised={rows[1].id: one._replace(reason=Reason.CONFLICT)}), NOW_MS)
        assert store.quarantine() == {Reason.INVALID_TIME: 3, Reason.CONFLICT: 1}
        assert store.discard(Filter(reason=Reason.CONFLICT), 10) == 1
        assert store.quotas().first_expires_ms == NOW_MS + DAY_MS
        assert store.expire(NOW_MS + 1).by_age == 0  # it is announced
        assert store.expire(NOW_MS + DAY_MS + 1).by_age == 3
        moves = store.moves()
        assert moves == Moves(quarantined=7, reprocessed=1, discarded=1, expired=5)
