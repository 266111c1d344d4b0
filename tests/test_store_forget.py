"""What the store packed of a device leaves it, and of the others it remembers the same as before."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ingest.batch import Batch, Point, UplinkFault
from ingest.quarantine_filter import Filter
from ingest.settings import Store as StoreSettings
from ingest.shard import SHARDS, find_shard
from ingest.source import KnownSession, Session
from ingest.store import Store
from ingest.store_file import StoreError
from ingest.store_forget import Forgotten, forget_device, wipe
from ingest.store_hours import HOUR_MS, insert_hours, read_hours
from ingest.store_uplinks import read_known_sessions, read_uplinks
from ingest.target import Target
from schemas.rule import Level, Rule, Severity
from tests.small_town import RECEIVED_MS, make_message, make_processor
from tests.test_deletion import scan

GONE, LEFT = "indoor_climate", "outdoor_temperature"
HOUR = RECEIVED_MS // HOUR_MS


def tell(second: int) -> str:
    return f'{{"time": "2026-01-15T12:00:0{second}Z", "temperature": 2{second}.5}}'


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    """A store in which two devices are in everything that is packed: batches, shards, and hours."""
    settings = StoreSettings(folder=tmp_path, reserve_bytes=0)
    processor = make_processor()
    with closing(Store.open(settings)) as store:
        for second in range(4):
            messages = [
                make_message(name, tell(second), packet_id=10 * second + number)
                for number, name in enumerate((GONE, LEFT), 1)
            ]
            store.commit(processor.process(messages), RECEIVED_MS)
            if second == 1:
                store.keep_shards([processor.memory.copy_shard(number) for number in range(SHARDS)])
        counts = Counter(
            {(name, hour, int(point)): 3 for name in (GONE, LEFT) for hour in (HOUR, 7) for point in Point}
        )
        store.change(lambda connection: insert_hours(connection, counts))
        for target in Target:
            store.remove([one.id for one in store.oldest(1 << 20, 0, target)])
    return settings


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[Store]:
    with closing(Store.open(settings)) as opened:
        yield opened


def test_of_one_device_nothing_is_left_and_of_others_all(settings: StoreSettings, tmp_path: Path) -> None:
    assert {"marks", "hours"} <= scan(tmp_path, GONE)
    with closing(Store.open(settings)) as store:
        before = (
            store.load().memory.copy_shard(find_shard(LEFT)),
            store.read(lambda one: read_hours(one, 0, RECEIVED_MS * 2, LEFT)),
        )
        gone = store.change(partial(forget_device, device=GONE))
        store.read(wipe)
    assert (gone.incidents, gone.messages, gone.quarantined) == (0, 0, 0)
    assert gone.rows > 0
    assert scan(tmp_path, GONE) == set()
    assert not [file for file in tmp_path.iterdir() if GONE.encode() in file.read_bytes()]
    with closing(Store.open(settings)) as store:
        assert store.change(partial(forget_device, device=GONE)) == Forgotten(0, 0, 0, 0)
        memory = store.load().memory
        after = memory.copy_shard(find_shard(LEFT)), store.read(lambda one: read_hours(one, 0, RECEIVED_MS * 2, LEFT))
        assert store.read(lambda one: read_hours(one, 0, RECEIVED_MS * 2, GONE)) == ({}, 0)
    assert after == before
    assert list(memory.devices) == [LEFT]
    processor = make_processor(memory=memory)
    again = [make_message(LEFT, tell(second)) for second in range(4)]
    assert processor.process(again).ledger.duplicate_readings == 4
    # Its messages may still be on their way a second time.
    redelivered = make_message(GONE, tell(3), packet_id=31)._replace(redelivered=True)
    assert processor.process([redelivered]).ledger.duplicate_messages == 1
    assert processor.process([make_message(GONE, tell(3))]).ledger.accepted == 1


def test_a_batch_of_that_device_alone_and_without_packets_is_left_empty(store: Store, tmp_path: Path) -> None:
    batch = make_processor().process([make_message(GONE, tell(5))])
    # What a reprocessing remembers: readings that no packet brought.
    marks = [one._replace(packet_id=0) for one in batch.marks if one.device == GONE]
    assert marks
    store.commit(replace(batch, marks=marks), RECEIVED_MS)
    for target in Target:
        store.remove([one.id for one in store.oldest(1 << 20, 0, target)])
    store.change(partial(forget_device, device=GONE))
    assert scan(tmp_path, GONE) == set()


def test_lines_that_wait_are_in_the_way(store: Store) -> None:
    processor = make_processor()
    store.commit(processor.process([make_message(GONE, tell(5))]), RECEIVED_MS)
    with pytest.raises(StoreError, match="wait for InfluxDB"):
        store.change(partial(forget_device, device=GONE))
    assert GONE in store.load().memory.devices
    assert store.change(partial(forget_device, device=LEFT)).rows > 0


def test_incidents_go_with_their_messages_but_for_those_that_tell_of_others_too(store: Store) -> None:
    level = Level(Severity.WARNING, high=5.0, clear_high=4.0)
    rules = {
        f"warm-{name}": Rule(
            key=f"warm-{name}", device_type=name, field="temperature", unit="Cel", levels=(level,), text=""
        )
        for name in (GONE, LEFT)
    }
    batch = make_processor(rules=rules).process([make_message(name, tell(6)) for name in (GONE, LEFT)])
    assert len(batch.transitions) == 2
    store.commit(batch, RECEIVED_MS)
    for target in Target:
        store.remove([one.id for one in store.oldest(1 << 20, 0, target)])
    incidents = {one.device: one.id for one in store.open_incidents()}
    store.change(lambda connection: add_messages(connection, [[GONE], [GONE, LEFT], [LEFT]], incidents))
    assert store.change(partial(forget_device, device=GONE))[:3] == (1, 1, 0)
    assert [one.device for one in store.open_incidents()] == [LEFT]
    assert [one.transition.device for one in store.unpublished()] == [LEFT]
    rows = store.read(lambda connection: connection.execute("SELECT delivery, incident FROM tellings").fetchall())
    assert sorted(rows) == [(2, incidents[LEFT]), (3, incidents[LEFT])]
    steps = store.read(lambda connection: connection.execute("SELECT DISTINCT incident FROM steps").fetchall())
    assert steps == [(incidents[LEFT],)]


def add_messages(
    connection: sqlite3.Connection, messages: Sequence[Sequence[str]], incidents: Mapping[str, int]
) -> None:
    """Add messages that tell of the incidents of these devices."""
    for number, names in enumerate(messages, 1):
        connection.execute(
            "INSERT INTO deliveries (key, route, contact, severity, title, body, created_ms, due_ms) "
            "VALUES (?, 'r', 'kari', 'warning', '', '', 1, 1)",
            (str(number),),
        )
        for name in names:
            connection.execute("INSERT INTO tellings VALUES (?, ?, 'new')", (number, incidents[name]))


def test_sessions_and_counts_of_uplinks_go(store: Store, tmp_path: Path) -> None:
    session = Session("key", "name", "", RECEIVED_MS, 7, RECEIVED_MS)
    addresses = ("70B3D5E75E000001", "70B3D5E75E000002")
    sessions = [KnownSession("care", address, session) for address in addresses]
    uplinks = Counter({(name, UplinkFault.MISSED): 3 for name in (GONE, LEFT)})
    store.commit(Batch(sessions=sessions, uplinks=uplinks), RECEIVED_MS)
    assert store.change(partial(forget_device, device=GONE)).rows > 0
    assert store.change(partial(forget_device, device=f"care:{addresses[0]}")).rows == 1
    store.read(wipe)
    assert scan(tmp_path, addresses[0]) == scan(tmp_path, GONE) == set()
    assert list(store.read(read_known_sessions)) == sessions[1:]
    assert store.read(lambda one: read_uplinks(one, LEFT))[UplinkFault.MISSED] == 3


@pytest.mark.parametrize("write", [str.upper, str.lower])
def test_of_an_address_capitals_do_not_count(store: Store, tmp_path: Path, write: Callable[[str], str]) -> None:
    """A person may have it from the inventory, where it can stand otherwise than the device tells it."""
    gone, left = "70B3D5E75E00000A", "70B3D5E75E00000B"
    kept = make_processor().process([make_message("nobody", b"x")]).quarantined[0]
    sessions = [
        KnownSession("care", one, Session("key", "name", "", RECEIVED_MS, 7, RECEIVED_MS)) for one in (gone, left)
    ]
    entries = [kept._replace(device=f"care:{one}", topic="care/x", detail="") for one in (gone, left)]
    store.commit(Batch(sessions=sessions, quarantined=entries), RECEIVED_MS)
    forgotten = store.change(partial(forget_device, device=f"care:{write(gone)}"))
    assert (forgotten.quarantined, forgotten.rows) == (1, 1)
    store.read(wipe)
    assert scan(tmp_path, gone) == set()
    assert list(store.read(read_known_sessions)) == sessions[1:]
    assert [row.quarantined.device for row in store.read_quarantine(Filter(), 0, 9)] == [f"care:{left}"]
