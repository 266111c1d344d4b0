"""The store's file: one owner, sound when it is opened, of the right version, and an old one comes up to date."""

import json
import logging
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batch import Mark, Quarantined
from ingest.memory import ANY_FIELD
from ingest.store import Store
from ingest.store_deliveries import count_deliveries, read_waiting
from ingest.store_file import FILE, LOCK, StoreError, StoreInUseError, StoreVersionError, list_set_aside
from ingest.store_marks import StoredMarks
from ingest.store_quarantine import find_sender, read_quarantine, revise_entries
from ingest.store_reader import open_reader
from ingest.store_rows import Moves
from ingest.store_schema import MIGRATIONS, migrate, read_version
from schemas.reason import Level, Reason
from tests.store_batches import NOW_MS, commit_with_shard, make_batch, open_in, recall

ROOT = Path(__file__).parents[1]

KEEP_ONE = """
import sys
from pathlib import Path
from tests.store_batches import open_in
open_in(Path(sys.argv[1]))
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_in(tmp_path)) as opened:
        yield opened


def test_a_second_collector_is_refused_and_told_who_has_the_store(tmp_path: Path, store: Store) -> None:
    owner = (tmp_path / LOCK).read_text().strip()
    with pytest.raises(StoreInUseError, match=f"process {owner};"):
        open_in(tmp_path)
    store.commit(make_batch(0), NOW_MS)
    program = [sys.executable, "-c", KEEP_ONE, str(tmp_path)]
    refused = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"in use by another collector or a command, process {owner}" in refused.stderr
    assert store.depth().batches == 1


def test_a_store_is_free_again_when_its_owner_closed_it(tmp_path: Path) -> None:
    for number in range(2):
        with closing(open_in(tmp_path)) as store:
            store.commit(make_batch(number), NOW_MS)
    with closing(open_in(tmp_path)) as store:
        assert store.depth().batches == 2


@pytest.mark.parametrize("damage", ["start", "middle", "cut"])
def test_a_damaged_file_is_set_aside_as_it_is_and_readings_go_on(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_in(tmp_path)) as store:
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
    with caplog.at_level(logging.CRITICAL), closing(open_in(tmp_path)) as store:
        assert store.set_aside is not None
        assert store.set_aside.read_bytes() == data
        assert store.depth().batches == 0
        store.commit(make_batch(0), NOW_MS)
    assert str(store.set_aside) in caplog.text
    with closing(open_in(tmp_path)) as store:
        assert store.set_aside is None
        assert store.depth().batches == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be used .* correct store\.folder"):
        open_in(tmp_path / "file" / "store")


def test_a_store_of_a_later_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreVersionError, match="use the version of the program that made it"):
        open_in(tmp_path)
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
        assert ("move", "stored", 7, None) in connection.execute("SELECT * FROM counts").fetchall()


V1_MARKS = [("a", 5, 5, 1 << 59), ("", 77, 0, 3), ("a", 9, 9, 4), ("b", 1, 1, 2)]


def make_v1_store(path: Path) -> list[str]:
    """Write a file as version 1 did; return the topics of its quarantine, which name no known device."""
    topics = ["gjovik/skole/d1/reading", "a/b", "plain", "a//b", "/x", "a/b/", "gjøvik/skole/dør/reading", ""]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:1])
        for marks in (V1_MARKS[:2], V1_MARKS[2:]):
            body = zlib.compress(json.dumps(list(zip(*marks, strict=True))).encode(), 1)
            connection.execute("INSERT INTO marks (snapshot, count, body) VALUES (0, ?, ?)", (len(marks), body))
        for topic in topics:
            connection.execute(
                "INSERT INTO quarantine (received_ms, level, reason, topic, device, detail, payload, length, sha256) "
                "VALUES (4, 'message', 'unknown_device', ?, '', 'why', x'0102', 2, x'00')",
                (topic,),
            )
        connection.execute(
            "INSERT INTO unpublished (device, site, zone, rule, phase, time_ms, since_ms, value, simulated) "
            "VALUES ('a', 's', 'z', 'hot', 'firing', 1, 0, 2.5, 0)"
        )
        connection.execute("INSERT INTO counts VALUES ('quarantine', 'unknown_device', ?)", (len(topics),))
        connection.execute("INSERT INTO counts VALUES ('move', 'committed', 4), ('move', 'stored', 4)")
    return topics


def test_a_store_of_version_1_comes_up_to_date_with_all_that_it_has(tmp_path: Path) -> None:
    topics = make_v1_store(tmp_path / FILE)
    with closing(open_in(tmp_path)) as store:
        restored = store.load()
        assert store.read(lambda connection: list(StoredMarks(connection))) == [
            Mark(device, key, digest, (ANY_FIELD,) if device else ()) for device, key, _, digest in V1_MARKS
        ]
        assert restored.moves == Moves(committed=4, stored=4, quarantined=len(topics))
        assert [one.transition.value for one in store.unpublished()] == [2.5]
        assert store.quarantine() == {Reason.UNKNOWN_DEVICE: len(topics)}
        assert store.quotas().bytes == sum(256 + len(topic) + len("why") + 2 for topic in topics)
    with open_reader(tmp_path) as reader:
        kept = [row.quarantined for row in reader.quarantine()]
        senders = {group.sender: group.entries for group in reader.stats()}
    assert kept[1] == Quarantined(
        *(4, Level.MESSAGE, Reason.UNKNOWN_DEVICE, "a/b", "", "why", b"\x01\x02", 2, b"\x00"),
        *(False, None, None, ()),
    )
    expected = [find_sender("", topic) for topic in topics]
    assert senders == {sender: expected.count(sender) for sender in expected}


def test_a_store_of_version_4_keeps_its_messages_and_counts_them_without_reading_them() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:4])
        states = ["waiting"] * 2 + ["delivered"] * 3 + ["dead"]
        connection.executemany(
            "INSERT INTO deliveries (key, route, contact, severity, title, body, created_ms, due_ms, state) "
            "VALUES (?, 'drift', 'kari', 'warning', 'Tittel', 'Tekst', 1, 2, ?)",
            enumerate(states),
        )
        connection.execute("INSERT INTO tellings VALUES (1, 7, 'first:warning')")
        migrate(connection)
        assert read_version(connection) == len(MIGRATIONS)
        assert count_deliveries(connection) == {state: states.count(state) for state in states}
        assert [(one.key, one.title) for one in read_waiting(connection, "kari", 9)] == [("0", "Tittel")]
        asked = list[str]()
        connection.set_trace_callback(asked.append)
        count_deliveries(connection)
        connection.set_trace_callback(None)
        (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert "COVERING INDEX" in plan[3]


def test_a_store_of_version_5_keeps_its_quarantine_and_says_of_none_by_which_schema_it_was_judged() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:5])
        connection.execute(
            "INSERT INTO quarantine (received_ms, level, reason, topic, device, sender, detail, payload, length, "
            "sha256, retain, part, given_ms, fields, bytes) "
            "VALUES (4, 'field', 'out_of_range', 'a/b', 'd', 'd', 'why', x'01', 1, "
            "x'02', 0, 3, NULL, '[\"co2\"]', 300)"
        )
        migrate(connection)
        assert read_version(connection) == len(MIGRATIONS)
        (row,) = read_quarantine(connection)
        before = Quarantined(
            *(4, Level.FIELD, Reason.OUT_OF_RANGE, "a/b", "d", "why", b"\x01", 1, b"\x02"), part=3, fields=("co2",)
        )
        assert row.quarantined == before
        assert before.schema == ""
        revise_entries(connection, {row.id: before._replace(schema="indoor_climate/1")})
        (row,) = read_quarantine(connection)
        assert row.quarantined.schema == "indoor_climate/1"


def test_a_reader_of_an_earlier_version_says_to_start_the_collector_and_changes_nothing(tmp_path: Path) -> None:
    make_v1_store(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreVersionError, match="start the collector once"), open_reader(tmp_path):
        pass
    assert (tmp_path / FILE).read_bytes() == before


def test_a_store_that_may_not_be_read_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    with closing(open_in(folder)):
        pass
    folder.chmod(0o700)
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from ingest.store_file import StoreError\nfrom ingest.store_reader import open_reader\n"
        "if os.geteuid() == 0:\n    os.setuid(65534)\nelse:\n    os.chmod(sys.argv[1], 0)\n"
        "try:\n    open_reader(Path(sys.argv[1])).__enter__()\nexcept StoreError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    folder.chmod(0o700)
    assert "cannot be read; become its user" in asked.stdout, asked.stderr


def test_marks_of_version_1_are_still_known_when_shards_have_taken_their_place(tmp_path: Path) -> None:
    make_v1_store(tmp_path / FILE)
    with closing(open_in(tmp_path)) as store:
        memory = store.load().memory
        for number in range(1000):
            commit_with_shard(store, memory, make_batch(number))
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT min(id) FROM marks").fetchone()[0] > len(V1_MARKS)
    with closing(open_in(tmp_path)) as store:
        again = store.load().memory
    assert recall(again) == recall(memory)
    assert again.devices["a"].is_repeated(5, 1 << 59)
    assert again.is_redelivery(77, 3)


def test_a_file_that_was_set_aside_is_counted_and_shown_while_it_is_there(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"nonsense" * 1000)
    with closing(open_in(tmp_path)) as store:
        assert store.load().events == {"store_set_aside": 1}
        assert store.set_aside is not None
        store.commit(make_batch(0), NOW_MS)
        assert list_set_aside(tmp_path) == [store.set_aside]
    with closing(open_in(tmp_path)) as store:
        assert store.events() == {"store_set_aside": 1}
    list_set_aside(tmp_path)[0].unlink()
    assert list_set_aside(tmp_path) == []
    with open_reader(tmp_path) as reader:
        assert reader.events() == {"store_set_aside": 1}
