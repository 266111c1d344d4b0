"""A store read from another process, and from other tasks: what is on disk, while its collector writes."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batch import Batch
from ingest.store import Store
from ingest.store_file import (
    FILE,
    StoreError,
    StoreInUseError,
)
from ingest.store_reader import open_reader
from ingest.store_rows import CHUNK, find_device
from ingest.store_thread import open_store
from schemas.reason import Reason
from tests.store_batches import NOW_MS, READINGS, make_batch

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path)) as opened:
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
    with closing(Store.open(tmp_path)) as store, open_reader(tmp_path) as reader:
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
    async with open_store(tmp_path) as store:
        with pytest.raises(StoreInUseError):
            async with open_store(tmp_path):
                pass
        entries = await asyncio.gather(*(store.commit(make_batch(number), NOW_MS) for number in range(5)))
        assert await store.oldest(1 << 40) == entries
        assert (await store.depth()).batches == 5
        assert store.set_aside is None
    async with open_store(tmp_path) as store:
        assert (await store.load()).ledger.received == 5 * READINGS
