"""What a store knows of uplinks: sessions go on where they were, rows do not become more and more, counts add up."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.batch import Batch, SessionsOfShard, UplinkFault
from ingest.local_time import LOCAL
from ingest.process import Processor
from ingest.shard import PACKET_SHARD, SHARDS, find_shard
from ingest.source import KnownSession, Session, Source
from ingest.source_table import SourceTable
from ingest.store import Store
from ingest.store_reader import open_reader
from ingest.store_schema import migrate
from ingest.store_uplinks import (
    LOOSE_FLOOR,
    REMOVED_AT_ONCE,
    SessionRows,
    add_uplinks,
    read_known_sessions,
    read_uplinks,
)
from tests.small_town import make_processor
from tests.store_batches import NOW_MS, open_in
from tests.test_source_figures import CLIMATE, EUI, SOURCE, find_figures, list_radio, make_town, uplink

TYPES = load_device_types()
HOLES = 2**64 - 1


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        migrate(opened)
        yield opened


def make_session(address: str, number: int, source: str = "lorawan") -> KnownSession:
    return KnownSession(source, address, Session("00189440", "00189440.5", "x", 5, number, number + 1, HOLES))


def recall(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last word on each device: its greatest FCnt."""
    return {one.address: one.session.number for one in read_known_sessions(connection)}


def open_processor(store: Store, sources: dict[str, Source] | None = None) -> Processor:
    """Return what a collector hears a town with, as it starts over a store."""
    restored, town = store.load(), make_town()
    processor = make_processor(town, memory=restored.memory)
    processor.sources = SourceTable(sources or {"lorawan": SOURCE}, town, TYPES)
    processor.sources.restore_sessions(restored.sessions)
    return processor


def test_sessions_are_as_they_were_and_the_last_word_counts(connection: sqlite3.Connection) -> None:
    rows = SessionRows(connection)
    rows.note(rows.add(connection, [make_session("a", 1), make_session("b", 2)], None))
    rows.note(rows.add(connection, [make_session("a", 3, "other")], None))
    assert list(read_known_sessions(connection)) == [
        make_session("a", 1),
        make_session("b", 2),
        make_session("a", 3, "other"),
    ]


def test_shards_come_round_and_rows_that_nothing_needs_leave(connection: sqlite3.Connection) -> None:
    rows, known, turns = SessionRows(connection), dict[str, KnownSession](), 3 * SHARDS * LOOSE_FLOOR // 200
    for number in range(turns):
        changed = [make_session(f"device-{device}", number) for device in range(200)]
        known.update((one.address, one) for one in changed)
        due = rows.find_due()
        shard = [one for one in known.values() if find_shard(one.address) == due]
        rows.note(rows.add(connection, changed, None if due is None else SessionsOfShard(due, shard)))
    assert recall(connection) == dict.fromkeys(known, turns - 1)
    (count,) = connection.execute("SELECT count(*) FROM uplink_sessions").fetchone()
    assert count < SHARDS + REMOVED_AT_ONCE + 2 * SHARDS * LOOSE_FLOOR // 200


def test_a_damaged_row_is_passed_over(connection: sqlite3.Connection) -> None:
    rows = SessionRows(connection)
    for number in range(3):
        rows.note(rows.add(connection, [make_session(f"d{number}", number)], None))
    connection.execute("UPDATE uplink_sessions SET body = x'00' WHERE id = 2")
    assert [*recall(connection)] == ["d0", "d2"]


def test_counts_add_up_by_device(connection: sqlite3.Connection) -> None:
    for count in (4, -1):
        add_uplinks(connection, Counter({("a", UplinkFault.MISSED): count, ("b", UplinkFault.MISSED): 7}))
    add_uplinks(connection, Counter({("a", UplinkFault.CODEC_FAILED): 1}))
    assert read_uplinks(connection, "a") == {
        UplinkFault.MISSED: 3,
        UplinkFault.DUPLICATE: 0,
        UplinkFault.CODEC_FAILED: 1,
    }
    assert sum(read_uplinks(connection, "missed").values()) == 0


def test_a_session_goes_on_after_a_restart_and_what_was_lost_meanwhile_is_missed_once(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        first = open_processor(store).process([uplink(1), uplink(4), uplink(7)])
        store.commit(first, NOW_MS)
    for _ in range(2):  # the batch of the first time was lost in a crash
        with closing(open_in(tmp_path)) as store:
            processor = open_processor(store)
            batch = processor.process([uplink(7), uplink(10), uplink(9), uplink(6), uplink(11, CLIMATE[:-2])])
            assert list_radio(batch) == [("10.0", "2.0"), ("9.0", "-1.0"), ("6.0", "-1.0"), ("11.0", "0.0")]
            assert find_figures(processor).missed == Counter({"room-1": 0})
    with closing(open_in(tmp_path)) as store:
        store.commit(batch, NOW_MS)
        assert list_radio(open_processor(store).process([uplink(12)])) == [("12.0", "0.0")]
    with open_reader(tmp_path) as reader:
        assert list(reader.uplinks("room-1").values()) == [4, 1, 1]


def test_a_join_and_an_uplink_of_no_bytes_are_known_after_a_restart(tmp_path: Path) -> None:
    joined = uplink(2)._replace(
        topic=uplink(2).topic.replace("/up", "/join"), payload=uplink(2).payload.replace(b"12:00:02", b"12:00:30")
    )
    with closing(open_in(tmp_path)) as store:
        batch = open_processor(store).process([uplink(1), joined])
        assert [one.session.number for one in batch.sessions] == [1, -1]
        store.commit(batch, NOW_MS)
        batch = open_processor(store).process([uplink(40, "")])
        assert list_radio(batch) == [("40.0", "")]
        store.commit(batch, NOW_MS)
        assert list_radio(open_processor(store).process([uplink(42)])) == [("42.0", "1.0")]


def test_what_comes_again_from_the_quarantine_changes_no_session(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        processor = open_processor(store)
        (kept,) = processor.process([uplink(5, CLIMATE[:-2])]).quarantined
        again = processor.take_again(kept)
    assert (again.sessions, again.uplinks) == ([], Counter())


def test_a_source_that_is_described_otherwise_goes_on_too(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        processor = open_processor(store)
    processor.process([uplink(1)])
    moved = Source(key="lorawan", format_key="chirpstack", root="application", zone_info=LOCAL, keeps_payloads=False)
    processor.sources = SourceTable({"lorawan": moved}, make_town(), TYPES, processor.sources)
    assert list_radio(processor.process([uplink(4)])) == [("4.0", "2.0")]


def test_every_session_is_in_the_shard_of_its_device(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        processor = open_processor(store)
    strangers = [f"24E124136B50{number:04X}" for number in range(100)]
    processor.process([uplink(1, eui=one) for one in (EUI, *strangers)])
    shards = [processor.sources.copy_sessions(number) for number in range(PACKET_SHARD)]
    assert {one.address for shard in shards for one in shard.sessions} == {EUI, *strangers}
    assert all(find_shard(one.address) == shard.number for shard in shards for one in shard.sessions)


def test_sessions_of_a_source_that_is_gone_or_has_none_are_passed_over(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(sessions=[make_session(EUI, 1), make_session(EUI, 1, "gone")]), NOW_MS)
        bridge = Source(key="lorawan", format_key="zigbee2mqtt", root="zigbee2mqtt", zone_info=LOCAL)
        processor = open_processor(store, {"lorawan": bridge})
    assert processor.sources.copy_sessions(find_shard(EUI)).sessions == []
