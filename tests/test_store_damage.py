"""Bytes of the store that were damaged on disk cost what they said, and nothing else: the collector goes on."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ingest.quarantine_filter import Filter
from ingest.store_file import FILE
from ingest.store_reader import open_reader
from schemas.reason import Level, Reason
from tests.store_batches import NOW_MS, READINGS, make_batch, open_in

DAMAGES = {
    "a reason": "UPDATE quarantine SET reason = 'invalid_tim?' WHERE id = 1",
    "a level": "UPDATE quarantine SET level = 'readin?' WHERE id = 1",
    "a topic": "UPDATE quarantine SET topic = CAST(x'ff2f' AS TEXT) WHERE id = 1",
    "a sender": "UPDATE quarantine SET sender = CAST(x'ff' AS TEXT) WHERE id = 1",
    "names of fields": "UPDATE quarantine SET fields = '[\"a' WHERE id = 1",
    "names of fields that are none": "UPDATE quarantine SET fields = '1' WHERE id = 1",
    "a group": "UPDATE quarantine_groups SET reason = 'x', sender = CAST(x'ff' AS TEXT) WHERE sender = 'd0'",
    "a count of the ledger": "UPDATE counts SET name = 'acceptee' WHERE kind = 'ledger' AND name = 'accepted'",
    "a count of a reason": "UPDATE counts SET name = 'invalid_tim?' WHERE kind = 'reason'",
    "a count of the quarantine": "UPDATE counts SET name = 'invalid_tim?' WHERE kind = 'quarantine'",
    "a count of moves": "UPDATE counts SET name = 'committee' WHERE kind = 'move' AND name = 'committed'",
    "a kind of counts": "UPDATE counts SET kind = CAST(x'ff' AS TEXT) WHERE kind = 'ledger'",
    "the phase of an alert": "UPDATE alerts SET phase = 'firinh'",
    "the phase of a transition": "UPDATE unpublished SET phase = 'firinh' WHERE id = 1",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_text_holds_nothing_up(tmp_path: Path, damage: str) -> None:
    with closing(open_in(tmp_path)) as store:
        for number in range(3):
            store.commit(make_batch(number), NOW_MS)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        assert connection.execute(DAMAGES[damage]).rowcount > 0

    with closing(open_in(tmp_path)) as store:
        restored = store.load()
        assert restored.ledger.received in {0, 3 * READINGS}
        assert len(store.oldest(1 << 30)) == 3
        rows = store.read_quarantine(Filter(), 0, 100)
        assert [row.id for row in rows] == [1, 2, 3]
        assert {row.quarantined.reason for row in rows} <= {Reason.INVALID_TIME, Reason.COLLECTOR_FAULT}
        assert {row.quarantined.level for row in rows} <= {Level.READING, Level.MESSAGE}
        assert sum(store.quarantine().values()) == 3
        assert len(store.unpublished()) in {2, 3}
        store.quotas()
        with open_reader(tmp_path) as reader:
            assert len(list(reader.quarantine())) == 3
            assert sum(group.entries for group in reader.stats(Filter())) == 3
            reader.ledger()
        store.commit(make_batch(3), NOW_MS)
        store.expire(NOW_MS)
        assert store.discard(Filter(), 10) == 4


def test_a_damaged_schema_that_is_no_text_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    open_in(tmp_path).close()
    file = tmp_path / FILE
    text = file.read_bytes()
    assert b"CREATE TABLE hours" in text
    file.write_bytes(text.replace(b"CREATE TABLE hours", b"CREATE TABLE \xcbours"))
    with closing(open_in(tmp_path)) as store:
        assert store.set_aside is not None
        store.commit(make_batch(0), NOW_MS)
    assert "was set aside" in caplog.text
