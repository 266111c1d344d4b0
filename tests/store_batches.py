"""Stores and batches for tests of the store."""

import hashlib
from collections import Counter
from pathlib import Path

from ingest.batch import AlertRecord, Batch, Ledger, Mark, Point, Quarantined
from ingest.memory import Memory
from ingest.settings import Store as StoreSettings
from ingest.shard import SHARDS, Shard
from ingest.store import Store
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase, Change, Severity, Transition

NOW_MS = 1_768_471_200_000
READINGS = 40
RESERVE_BYTES = 64 * 1024


def choose(folder: Path, most_bytes: int = 1 << 30, reserve_bytes: int = RESERVE_BYTES) -> StoreSettings:
    """Return settings of a store with a small reserve."""
    return StoreSettings(folder=folder, most_bytes=most_bytes, reserve_bytes=reserve_bytes)


def open_in(folder: Path) -> Store:
    """Open a store with a small reserve."""
    return Store.open(choose(folder))


def commit_with_shard(store: Store, memory: Memory, batch: Batch, now_ms: int = NOW_MS) -> None:
    """Commit as the collector does: with the shard that is due."""
    memory.restore(batch.marks)
    due = store.wants_shard()
    store.commit(batch, now_ms, None if due is None else memory.copy_shard(due))


def bring_every_shard(store: Store, memory: Memory) -> None:
    """Have every shard come round."""
    for _ in range(SHARDS):
        commit_with_shard(store, memory, Batch())


def recall(memory: Memory) -> dict[str, list[Mark]]:
    """Return what deduplication remembers, by device."""
    known: dict[str, list[Mark]] = {}
    for shard in range(SHARDS):
        for mark in list_marks(memory.copy_shard(shard)):
            known.setdefault(mark.device, []).append(mark)
    return known


def list_marks(shard: Shard) -> list[Mark]:
    """Return what a shard holds, a Mark each."""
    devices = [device for device, length in zip(shard.devices, shard.lengths, strict=True) for _ in range(length)]
    cells = zip(devices, *(shard.cells[column::3] for column in range(3)), strict=True)
    return [Mark(device, key, digest, shard.names[number]) for device, key, digest, number in cells]


def make_batch(number: int) -> Batch:
    """Return a batch of ``READINGS`` readings, one of them refused, and an alert that fires."""
    times = range(number * READINGS, (number + 1) * READINGS - 1)
    device = f"d{number % 3}"
    payload = b"nonsense %d" % number
    transition = Transition(
        *(device, "skole", "plan1", "hot", AlertPhase.FIRING, number, 0, 30.5),
        simulated=True,
        severity=Severity.WARNING,
        change=Change.FIRED,
    )
    alert = AlertRecord(
        *(device, "hot", AlertPhase.FIRING, 0, number, 30.5, "skole", "plan1"),
        simulated=True,
        severity=Severity.WARNING,
        begun_ms=(0, None),
        good_ms=number,
        firings_ms=(number,),
        worst=Severity.CRITICAL,
    )
    return Batch(
        lines=[b"indoor_climate,device=%b,site=skole temperature=%d.0 %d" % (device.encode(), t, t) for t in times],
        quarantined=[
            Quarantined(
                *(number, Level.READING, Reason.INVALID_TIME, "gjovik/skole/d/reading", device, "time"),
                *(payload, len(payload), hashlib.sha256(payload).digest()),
            )
        ],
        transitions=[transition],
        alerts=[alert],
        marks=[Mark(device, t, t << 28, ("temperature",), Point.NEW) for t in times],
        ledger=Ledger(
            received=READINGS,
            decoded=READINGS,
            produced=READINGS,
            accepted=READINGS - 1,
            rejected=1,
            reasons=Counter({Reason.INVALID_TIME: 1}),
        ),
    )
