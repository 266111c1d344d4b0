"""What derivations remember on disk: the last word counts, shards come round, and rows do not become more and more."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batch import AlertRecord, Batch, RuleState
from ingest.shard import SHARDS, find_shard
from ingest.store_file import FILE
from ingest.store_rows import read_alerts
from ingest.store_schema import MIGRATIONS, migrate
from ingest.store_shards import ShardChange
from ingest.store_states import LOOSE_FLOOR, REMOVED_AT_ONCE, StateRows, StatesOfShard, read_states
from ingest.store_unpublished import read_unpublished
from schemas.derivation import State
from schemas.rule import AlertPhase, Change, Severity
from tests.store_batches import NOW_MS, make_batch, open_in

DEVICES = [f"meter-{number}" for number in range(200)]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        migrate(opened)
        yield opened


def make_state(device: str, state: State, rule: str = "leak") -> RuleState:
    return RuleState(rule, device, state, 7)


def add(
    connection: sqlite3.Connection, rows: StateRows, known: dict[str, RuleState], *states: RuleState
) -> ShardChange:
    """Do as the collector does: with the shard that is due."""
    known.update((one.device, one) for one in states)
    due = rows.find_due()
    shard = [one for one in known.values() if find_shard(one.device) == due]
    change = rows.add(connection, states, None if due is None else StatesOfShard(due, shard))
    rows.note(change)
    return change


def recall(connection: sqlite3.Connection) -> dict[str, RuleState]:
    """Return the last word on each device."""
    return {one.device: one for one in read_states(connection)}


def count_rows(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM alert_states").fetchone()
    return int(count)


def test_the_last_word_counts_and_values_are_as_they_were(connection: sqlite3.Connection) -> None:
    rows = StateRows(connection)
    state = [1_768_471_200_000, 0.1 + 0.2, None, [-1.5e300, 2], {"room": [3, 4.0]}, "x", True]
    rows.note(rows.add(connection, [make_state("a", 1), make_state("b", 2)], None))
    rows.note(rows.add(connection, [make_state("a", state), make_state("a", 3, "other")], None))
    found = list(read_states(connection))
    assert found[-2:] == [make_state("a", state), make_state("a", 3, "other")]
    assert recall(connection)["b"] == make_state("b", 2)
    assert add(connection, rows, {}) == ShardChange()


def test_shards_come_round_and_rows_that_nothing_needs_leave(connection: sqlite3.Connection) -> None:
    rows, known, shards = StateRows(connection), dict[str, RuleState](), list[int]()
    for number in range(3 * SHARDS * LOOSE_FLOOR // len(DEVICES)):
        change = add(connection, rows, known, *(make_state(device, number) for device in DEVICES))
        shards += [] if change.shard is None else [change.shard]
    assert shards[: 2 * SHARDS] == [*range(SHARDS), *range(SHARDS)]
    assert recall(connection) == known
    assert count_rows(connection) < SHARDS + REMOVED_AT_ONCE + 2 * SHARDS * LOOSE_FLOOR // len(DEVICES)


def test_small_batches_do_not_pile_up(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.store_states.LOOSE_FLOOR", 40)
    monkeypatch.setattr("ingest.store_states.REMOVED_AT_ONCE", 4)
    rows, known, counts = StateRows(connection), dict[str, RuleState](), list[int]()
    for number in range(12_000):
        add(connection, rows, known, make_state(DEVICES[number % 200], number))
        counts.append(count_rows(connection))
    assert max(counts[6_000:]) <= max(counts[:6_000])
    assert max(counts) <= (SHARDS + 2) * 42
    assert recall(connection) == known


def test_a_shard_comes_when_as_much_has_changed_as_it_has(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store_states.LOOSE_FLOOR", 1)
    rows = StateRows(connection)
    for number in range(SHARDS):
        states = [make_state("a", number)] * 50
        rows.note(rows.add(connection, states[:1], StatesOfShard(number, states if number == 0 else [])))
    rows.note(rows.add(connection, states[:49], None))
    assert rows.find_due() is None
    rows.note(rows.add(connection, states[:1], None))
    assert rows.find_due() == 0


def test_what_is_due_is_known_again_after_a_restart(connection: sqlite3.Connection) -> None:
    rows, known = StateRows(connection), dict[str, RuleState]()
    for number in range(3 * LOOSE_FLOOR // len(DEVICES) + 2):
        add(connection, rows, known, *(make_state(device, number) for device in DEVICES))
        assert StateRows(connection).find_due() == rows.find_due()
    assert recall(connection) == known


def test_a_change_that_was_not_noted_is_done_again(connection: sqlite3.Connection) -> None:
    rows = StateRows(connection)
    connection.execute("BEGIN")
    rows.add(connection, [make_state("a", 1)] * LOOSE_FLOOR, StatesOfShard(0, []))
    connection.execute("ROLLBACK")
    assert rows.find_due() is None
    assert count_rows(connection) == 0
    rows.note(rows.add(connection, [make_state("a", 1)] * LOOSE_FLOOR, None))
    assert rows.find_due() == 0


@pytest.mark.parametrize("body", [b"", b"nonsense", b"x\x9c\x01"])
def test_a_damaged_row_is_passed_over(connection: sqlite3.Connection, body: bytes) -> None:
    rows = StateRows(connection)
    for number in range(3):
        rows.note(rows.add(connection, [make_state(f"d{number}", number)], None))
    connection.execute("UPDATE alert_states SET body = ? WHERE id = 2", (body,))
    assert [*recall(connection)] == ["d0", "d2"]


def test_every_bit_that_flips_is_passed_over_or_says_the_same(connection: sqlite3.Connection) -> None:
    rows = StateRows(connection)
    rows.note(rows.add(connection, [make_state("a", [1, 2.5])], None))
    (body,) = connection.execute("SELECT body FROM alert_states").fetchone()
    for bit in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << bit % 8
        connection.execute("UPDATE alert_states SET body = ?", (bytes(flipped),))
        assert [*read_states(connection)] in ([], [make_state("a", [1, 2.5])])


def test_a_store_keeps_states_with_their_batch(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        assert store.wants_states() is None
        store.commit(Batch(states=[make_state("a", number) for number in range(LOOSE_FLOOR)]), NOW_MS)
        assert store.wants_states() == 0
        store.commit(Batch(states=[make_state("a", 1)]), NOW_MS, None, StatesOfShard(0, [make_state("b", 2)]))
        assert store.wants_states() is None
    with closing(open_in(tmp_path)) as store:
        assert {one.device: one.state for one in store.load().states} == {"a": 1, "b": 2}


def test_an_alert_is_on_disk_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    alert = make_batch(0).alerts[0]
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(alerts=[alert, alert._replace(rule="cold", begun_ms=(), good_ms=None)]), NOW_MS)
        assert set(store.load().alerts) == {alert, alert._replace(rule="cold", begun_ms=(), good_ms=None)}
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("UPDATE alerts SET rest = '[[' WHERE rule = 'hot'")
        connection.commit()
    with closing(open_in(tmp_path)) as store:
        assert [one.rule for one in store.load().alerts] == ["cold"]


def test_what_an_earlier_program_left_goes_on() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection, MIGRATIONS[:3])
        connection.executemany(
            "INSERT INTO alerts VALUES ('room', ?, ?, 60000, 70000, 1100.0, 'school', 'first', 0)",
            [("co2", "pending"), ("cold", "firing")],
        )
        connection.executemany(
            "INSERT INTO unpublished (device, site, zone, rule, phase, time_ms, since_ms, value, simulated) "
            "VALUES ('room', 'school', 'first', 'cold', ?, 70000, 60000, 12.0, 0)",
            [("firing",), ("ok",)],
        )
        migrate(connection)
        waiting, firing = read_alerts(connection)
        assert [one.transition.change for one in read_unpublished(connection)] == [Change.FIRED, Change.CLEARED]
    assert waiting == AlertRecord(
        *("room", "co2", AlertPhase.PENDING, 60_000, 70_000, 1100.0, "school", "first"),
        simulated=False,
        severity=Severity.INFO,
        begun_ms=(60_000,),
    )
    assert (firing.phase, firing.since_ms, firing.begun_ms) == (AlertPhase.FIRING, 60_000, (60_000,))
