"""A store read from another process, and from other tasks: what is on disk, while its collector writes."""

import asyncio
import hashlib
import itertools
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batch import Batch
from ingest.settings import Quarantine as QuarantineSettings
from ingest.store import Store
from ingest.store_backup import PAGES_AT_ONCE
from ingest.store_file import (
    FILE,
    StoreError,
    StoreInUseError,
)
from ingest.store_quarantine import CHUNK
from ingest.store_reader import open_reader
from ingest.store_rows import find_device
from ingest.store_thread import StoreThread, open_store
from schemas.reason import Reason
from tests.store_batches import NOW_MS, READINGS, choose, make_batch, open_in

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_in(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("line", "device"),
    [
        (b"m,device=a,site=b v=1 1", "a"),
        ("m,device=sj\u00f8\\,\\ \\=1 v=1 1".encode(), "sj\u00f8, =1"),
        (b"m v=1 1", ""),
    ],
)
def test_the_device_of_a_line_is_found(line: bytes, device: str) -> None:
    assert find_device(line) == device


def test_another_process_reads_the_quarantine_while_the_collector_commits(store: Store, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ingest.store_reader import open_reader\n"
        "with open_reader(Path(sys.argv[1])) as reader:\n"
        "    rows = list(reader.quarantine())\n"
        "    print(len(rows), reader.ledger().received, reader.reasons().total(), reader.moves().committed)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    for number in range(2):
        store.commit(make_batch(number), NOW_MS)
        read = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        batches = number + 1
        assert read.stdout.split() == [str(n * batches) for n in (1, READINGS, 1, READINGS - 1)]


def test_a_reader_sees_what_comes_while_it_reads_and_all_after_the_end(tmp_path: Path) -> None:
    one = make_batch(0).quarantined[0]
    with closing(open_in(tmp_path)) as store, open_reader(tmp_path) as reader:
        store.commit(Batch(quarantined=[one] * (CHUNK + 1)), NOW_MS)
        rows = reader.quarantine()
        first = next(rows)
        store.commit(Batch(quarantined=[one._replace(device="late")]), NOW_MS)
        assert [row.quarantined.device for row in rows][-1] == "late"
    with open_reader(tmp_path) as reader:
        assert len(list(reader.quarantine(after_id=first.id))) == CHUNK + 1
        assert reader.reasons() == {Reason.INVALID_TIME: CHUNK + 2}


def test_a_reader_without_a_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store"), open_reader(tmp_path):
        pass
    (tmp_path / FILE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreError, match="not a database"), open_reader(tmp_path):
        pass


async def test_the_thread_keeps_the_order_and_lets_the_folder_go(tmp_path: Path) -> None:
    async with open_store(choose(tmp_path)) as store:
        with pytest.raises(StoreInUseError):
            async with open_store(choose(tmp_path)):
                pass
        entries = await asyncio.gather(*(store.commit(make_batch(number), NOW_MS) for number in range(5)))
        assert await store.oldest(1 << 40) == [entry for one in entries for entry in one]
        assert (await store.depth()).batches == 5
        assert store.set_aside is None
    async with open_store(choose(tmp_path)) as store:
        assert (await store.load()).ledger.received == 5 * READINGS


def test_a_backup_is_of_one_moment_while_the_collector_writes_and_is_a_store(tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    copied.mkdir()
    reported = list[tuple[int, int]]()
    numbers = itertools.count()
    with closing(open_in(tmp_path / "store")) as store:

        def write_more(done: int, total: int) -> None:
            reported.append((done, total))
            store.commit(make_batch(next(numbers)), NOW_MS)

        while store.usage().database_bytes < 3 * PAGES_AT_ONCE * 4096:
            store.commit(Batch(lines=[hashlib.shake_256(b"%d" % next(numbers)).digest(1 << 20)]), NOW_MS)
        before = store.moves()
        with open_reader(tmp_path / "store") as reader:
            reader.backup(copied / FILE, write_more)
        assert len(reported) >= 3
        assert reported == sorted(reported)
        assert reported[-1][0] == reported[-1][1]
        assert store.moves().committed == before.committed + len(reported) * (READINGS - 1)
    assert [path.name for path in copied.iterdir()] == [FILE]
    with closing(open_in(copied)) as store:
        assert store.moves() == before
        assert store.depth().lines == before.committed
        store.commit(make_batch(0), NOW_MS)


def test_a_backup_replaces_nothing_and_leaves_no_half(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    with closing(open_in(tmp_path / "store")) as store, open_reader(tmp_path / "store") as reader:
        store.commit(make_batch(0), NOW_MS)
        with pytest.raises(StoreError, match="exists"):
            reader.backup(kept)
        with pytest.raises(StoreError, match="name a folder that can"):
            reader.backup(tmp_path / "missing" / "copy")

        def stop(_: int, __: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            reader.backup(tmp_path / "half", stop)
    assert kept.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "store"]


def test_a_copy_that_cannot_be_written_is_not_blamed_on_the_store_alone(tmp_path: Path) -> None:
    with closing(open_in(tmp_path / "store")) as store, open_reader(tmp_path / "store") as reader:
        for number in range(4):
            store.commit(Batch(lines=[hashlib.shake_256(b"%d" % number).digest(1 << 20)]), NOW_MS)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        try:
            with pytest.raises(StoreError, match=r"copy .* could not be made"):
                reader.backup(tmp_path / "copy")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert store.depth().batches == 4
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store, open_reader(tmp_path) as reader:
        store.commit(make_batch(0), NOW_MS)
        with reader.snapshot():
            assert reader.depth().batches == 1
            store.commit(make_batch(1), NOW_MS)
            assert reader.depth().batches == reader.moves().committed // (READINGS - 1) == 1
            assert sum(count.new for count in reader.hours(0, NOW_MS).values()) == READINGS - 1
        assert reader.depth().batches == 2
        usage = reader.usage(choose(tmp_path))
        assert usage.database_bytes == store.usage().database_bytes
        assert usage.has_reserve
        assert reader.quotas(QuarantineSettings()).bytes == store.quotas().bytes
        assert [group.entries for group in reader.stats()] == [1, 1]


def test_the_thread_has_every_method_of_the_store() -> None:
    def list_public(one: type) -> set[str]:
        return {name for name in vars(one) if not name.startswith("_")}

    assert list_public(Store) - list_public(StoreThread) == {"open", "begin", "close"}
