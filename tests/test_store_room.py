"""Room: a store that is full acknowledges nothing more, loses nothing, empties itself, and goes on by itself."""

import hashlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batch import Batch, Ledger
from ingest.quarantine_filter import Filter
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from ingest.store_file import FILE, OutboxFullError, StoreError, StoreFullError
from ingest.store_outbox import RefusedLine, unpack_lines
from ingest.store_reader import open_reader
from ingest.store_reserve import RESERVE, RESUMED_SHARE
from simulators.testbed.disk import SmallDisk, explain_no_disk, mount_small_disk
from simulators.testbed.process import ProgramError
from tests.store_batches import NOW_MS, choose, make_batch

MIB = 1024**2
MOST_BYTES = 16 * MIB
DISK_BYTES = 12 * MIB
RESERVE_BYTES = 2 * MIB


def make_large_batch(number: int) -> Batch:
    """Return a batch whose line hardly gets smaller when it is compressed: about 100 kB."""
    line = b"m,device=a v=1.0,delay=0.1 %d" % number
    noise = hashlib.shake_256(b"%d" % number).hexdigest(100_000)
    return Batch(lines=[line, noise.encode()], ledger=Ledger(received=1))


def commit_until_full(store: Store, first: int = 0) -> int:
    """Commit batches from a number on until there is no room; return the number of the one that was refused."""
    for number in range(first, 1_000):
        try:
            store.commit(make_large_batch(number), NOW_MS)
        except StoreFullError:
            return number
    pytest.fail("the store was never full")


def take_room(disk: SmallDisk, leave: int) -> None:
    """Take what is free of a disk, but for so much."""
    with (disk.folder / "other").open("wb") as other:
        os.posix_fallocate(other.fileno(), 0, disk.free_bytes - leave)


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[SmallDisk]:
    """A disk of ``DISK_BYTES``."""
    if reason := explain_no_disk():
        pytest.skip(reason)
    try:
        async with mount_small_disk(tmp_path / "disk", DISK_BYTES) as mounted:
            yield mounted
    except ProgramError as error:
        pytest.skip(str(error))


@pytest.fixture
def on_disk(disk: SmallDisk) -> StoreSettings:
    """Settings of a store on the small disk."""
    return choose(disk.folder / "store", reserve_bytes=RESERVE_BYTES)


def test_a_store_at_its_bound_refuses_batches_and_takes_them_again_below_it(tmp_path: Path) -> None:
    settings = choose(tmp_path, most_bytes=MOST_BYTES)
    with closing(Store.open(settings)) as store:
        committed = commit_until_full(store)
        usage = store.usage()
        assert usage.is_held
        assert 1.0 <= usage.share < 1.1
        for _ in range(2):
            with pytest.raises(OutboxFullError, match=r"may hold 16,777,216 .* from the outbox"):
                store.commit(make_large_batch(committed), NOW_MS)
        assert store.depth().batches == store.load().ledger.received == committed
        kept = [entry.body for entry in store.oldest(1 << 40)]
        store.count_event("session_lost")
        while store.usage().is_held:
            store.remove([store.oldest(1)[0].id])
            try:
                store.commit(make_large_batch(committed), NOW_MS)
            except OutboxFullError:
                continue
        assert store.usage().share < RESUMED_SHARE + 0.02
        assert store.events() == {"outbox_full": 1, "session_lost": 1}
        left = [entry.body for entry in store.oldest(1 << 40)]
        assert left[:-1] == kept[len(kept) + 1 - len(left) :]


@pytest.mark.parametrize("size", [300, 2_100, 60_000])
def test_a_flood_of_what_is_refused_leaves_the_readings_their_room(tmp_path: Path, size: int) -> None:
    refused = make_batch(0).quarantined[0]._replace(payload=b"x" * size, length=size)
    count = 256 * 1024 // size
    with closing(Store.open(choose(tmp_path, most_bytes=MOST_BYTES))) as store:
        for number in range(3 * MOST_BYTES // (count * size)):
            flood = [refused._replace(device=f"d{number}-{one % 20}") for one in range(count)]
            store.commit(Batch(quarantined=flood), NOW_MS)
        store.commit(make_large_batch(1), NOW_MS)
        assert store.depth().batches == 1
        assert store.moves().expired > 0
        usage = store.usage()
        assert usage.database_bytes <= 0.7 * MOST_BYTES


def test_what_makes_room_goes_on_at_the_bound(tmp_path: Path) -> None:
    settings = choose(tmp_path, most_bytes=MOST_BYTES)
    with closing(Store.open(settings)) as store:
        store.commit(make_batch(0), NOW_MS)
        commit_until_full(store)
        first, second, third, *_ = store.oldest(1 << 40)
        store.remove([second.id])
        lines = unpack_lines(first.body)
        store.refuse_lines(first.id, lines[1:], [RefusedLine(lines[0], "no")], NOW_MS)
        store.set_aside_entry(third.id, NOW_MS, "flipped")
        assert store.discard(Filter(), 1) == 1
        store.expire(NOW_MS)
        store.begin_publishing([one.id for one in store.unpublished()])
        store.mark_published([one.id for one in store.unpublished()], 1)
        store.note_session()
        assert store.load().had_session
        assert store.usage().is_held


async def test_a_full_disk_holds_batches_lets_the_outbox_be_emptied_and_recovers_by_itself(
    disk: SmallDisk, on_disk: StoreSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store.open(on_disk)) as store:
        assert store.usage().has_reserve
        for number in range(20):
            store.commit(make_large_batch(number), NOW_MS)
        disk.fill()
        committed = commit_until_full(store, 20)
        assert not store.usage().has_reserve
        take_room(disk, leave=RESERVE_BYTES // 2)
        for _ in range(3):
            with pytest.raises(StoreFullError, match="the reserve of 2,097,152 bytes"):
                store.commit(make_large_batch(committed), NOW_MS)
        # The first are stored, the second refused, the third could not be read.
        entries = store.oldest(1 << 40)
        assert len(entries) == store.load().ledger.received == committed
        store.remove([entry.id for entry in entries[:10]])
        lines = unpack_lines(entries[10].body)
        store.refuse_lines(entries[10].id, lines[:1], [RefusedLine(lines[1], "no")], NOW_MS)
        store.set_aside_entry(entries[11].id, NOW_MS, "flipped")
        assert store.depth().batches == committed - 11
        assert store.usage().is_held
        with pytest.raises(StoreFullError):
            store.commit(make_large_batch(committed), NOW_MS)
        disk.free()
        (disk.folder / "other").unlink()
        store.commit(make_large_batch(committed), NOW_MS)
        assert store.usage().has_reserve
        assert not store.usage().is_held
        assert store.events() == {"reserve_given_up": 1}
        moves = store.moves()
        assert moves.committed == moves.stored + moves.refused_by_database + moves.damaged + store.depth().lines
        assert [entry.body for entry in store.oldest(1 << 40)[1:-1]] == [entry.body for entry in entries[12:]]
    assert "the reserve is given up" in caplog.text
    assert "has room again" in caplog.text


async def test_a_disk_that_the_store_itself_has_filled_takes_batches_again_when_the_outbox_is_empty(
    disk: SmallDisk, on_disk: StoreSettings
) -> None:
    with closing(Store.open(on_disk)) as store:
        committed = commit_until_full(store)
        while entries := store.oldest(500_000):
            store.remove([entry.id for entry in entries])
        assert disk.free_bytes < RESERVE_BYTES + RESERVE_BYTES // 4
        store.commit(make_large_batch(committed), NOW_MS)
        assert store.depth().batches == 1
        assert store.moves().stored == 2 * committed


async def test_a_store_is_opened_on_a_full_disk_and_emptied(
    disk: SmallDisk, on_disk: StoreSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store.open(on_disk)) as store:
        for number in range(20):
            store.commit(make_large_batch(number), NOW_MS)
    disk.fill()
    with caplog.at_level(logging.ERROR), closing(Store.open(on_disk)) as store:
        assert "is full" in caplog.text
        with pytest.raises(StoreFullError, match="free space on it"):
            store.commit(make_large_batch(20), NOW_MS)
        while entries := store.oldest(500_000):
            store.remove([entry.id for entry in entries])
        assert store.load().moves.stored == 40
        assert store.events()["reserve_given_up"] == 1
        with open_reader(on_disk.folder) as reader:
            assert reader.depth().batches == 0
            assert reader.events()["reserve_given_up"] == 1


async def test_a_full_disk_without_a_reserve_is_named(disk: SmallDisk, on_disk: StoreSettings) -> None:
    on_disk.folder.mkdir()
    disk.fill()
    with pytest.raises(StoreFullError, match=r"disk that holds .* is full"):
        Store.open(on_disk)
    disk.free()
    with closing(Store.open(on_disk)) as store:
        store.commit(make_batch(0), NOW_MS)


def test_a_reserve_that_a_person_removed_is_made_again(tmp_path: Path) -> None:
    settings = choose(tmp_path)
    with closing(Store.open(settings)) as store:
        assert (tmp_path / RESERVE).stat().st_size == settings.reserve_bytes
        assert (tmp_path / RESERVE).stat().st_blocks * 512 >= settings.reserve_bytes
        os.truncate(tmp_path / RESERVE, 0)
    with closing(Store.open(settings)) as store:
        assert store.usage().has_reserve


def test_a_store_can_do_without_a_reserve_and_says_when_it_cannot_make_one(tmp_path: Path) -> None:
    without = choose(tmp_path / "other", reserve_bytes=0)
    with closing(Store.open(without)) as store:
        assert not (without.folder / RESERVE).exists()
        store.commit(make_batch(0), NOW_MS)
    (without.folder / RESERVE).mkdir()
    with pytest.raises(StoreError, match=r"cannot be made .* store\.reserve_bytes"):
        Store.open(choose(without.folder))
    with closing(Store.open(without)) as store:
        assert store.depth().batches == 1


def test_a_write_ahead_log_that_grew_while_somebody_read_does_not_hold_the_store_for_ever(tmp_path: Path) -> None:
    settings = choose(tmp_path, most_bytes=MOST_BYTES)
    with closing(Store.open(settings)) as store:
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM outbox").fetchall()
            for number in range(1_000):
                try:
                    (entry,) = store.commit(make_large_batch(number), NOW_MS)
                except OutboxFullError:
                    break
                store.remove([entry.id])
            assert store.usage().wal_bytes > MOST_BYTES // 2
            other.execute("ROLLBACK")
        store.commit(make_large_batch(0), NOW_MS)
        assert not store.usage().is_held
        assert store.usage().wal_bytes < MOST_BYTES // 2


def test_large_payloads_that_are_refused_count_against_the_bound_as_well(tmp_path: Path) -> None:
    settings = choose(tmp_path, most_bytes=MOST_BYTES)
    refused = [one._replace(payload=bytes(60_000)) for one in make_batch(0).quarantined] * 5
    with closing(Store.open(settings)) as store:
        number = 0
        while store.usage().database_bytes < 0.9 * MOST_BYTES:
            store.commit(make_large_batch(number := number + 1), NOW_MS)
        for _ in range(1_000):
            try:
                store.commit(Batch(quarantined=refused), NOW_MS)
            except OutboxFullError:
                break
        assert store.usage().is_held
        assert store.usage().share < 1.1


async def test_a_copy_that_has_no_room_says_so_and_leaves_nothing(disk: SmallDisk, tmp_path: Path) -> None:
    with closing(Store.open(choose(tmp_path / "store"))) as store, open_reader(tmp_path / "store") as reader:
        while store.usage().database_bytes < DISK_BYTES:
            store.commit(make_large_batch(store.depth().batches), NOW_MS)
        with pytest.raises(StoreError, match="no room for the copy"):
            reader.backup(disk.folder / "copy")
    assert list(disk.folder.iterdir()) == []
