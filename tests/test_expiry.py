"""What expires leaves the quarantine, piece by piece, and is counted."""

import hashlib
import logging
import time
from pathlib import Path

import pytest

from ingest.batch import Batch, Quarantined
from ingest.expiry import expire
from ingest.settings import Quarantine, Store
from ingest.store_thread import open_store
from schemas.reason import Level, Reason

DAY_MS = 86_400_000


def refuse(received_ms: int, number: int) -> Quarantined:
    payload = b"%d" % number
    return Quarantined(
        received_ms=received_ms,
        level=Level.MESSAGE,
        reason=Reason.MALFORMED_JSON,
        topic="gjovik/hall/meter-1/reading",
        device="meter-1",
        detail="",
        payload=payload,
        length=len(payload),
        sha256=hashlib.sha256(payload).digest(),
    )


async def test_old_entries_expire_and_young_ones_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    now_ms = time.time_ns() // 1_000_000
    async with open_store(Store(folder=tmp_path, reserve_bytes=0), Quarantine(days=30)) as store:
        old = [refuse(now_ms - 31 * DAY_MS, number) for number in range(2_500)]
        young = [refuse(now_ms - 29 * DAY_MS, number) for number in range(7)]
        await store.commit(Batch(quarantined=[*old, *young]), now_ms)
        await store.expire(now_ms - 7 * DAY_MS - 1)  # it is announced
        await expire(store)
        moves, held = await store.moves(), await store.quarantine()
    assert (moves.quarantined, moves.expired, sum(held.values())) == (2_507, 2_500, 7)
    assert "2500 entries expired by age" in caplog.text
