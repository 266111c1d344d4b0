"""Batches for tests of the store."""

import hashlib
from collections import Counter

from ingest.batch import AlertRecord, Batch, Ledger, Mark, Quarantined
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase, Transition

NOW_MS = 1_768_471_200_000
READINGS = 40


def make_batch(number: int) -> Batch:
    """Return a batch of ``READINGS`` readings, one of them refused, and an alert that fires."""
    times = range(number * READINGS, (number + 1) * READINGS - 1)
    device = f"d{number % 3}"
    payload = b"nonsense %d" % number
    transition = Transition(device, "skole", "plan1", "hot", AlertPhase.FIRING, number, 0, 30.5, simulated=True)
    return Batch(
        lines=[b"indoor_climate,device=%b,site=skole temperature=%d.0 %d" % (device.encode(), t, t) for t in times],
        quarantined=[
            Quarantined(
                *(number, Level.READING, Reason.INVALID_TIME, "gjovik/skole/d/reading", device, "time"),
                *(payload, len(payload), hashlib.sha256(payload).digest()),
            )
        ],
        transitions=[transition],
        alerts=[AlertRecord(device, "hot", AlertPhase.FIRING, 0, number, 30.5, "skole", "plan1", simulated=True)],
        marks=[Mark(device, t, t, t << 28) for t in times],
        ledger=Ledger(
            received=READINGS,
            decoded=READINGS,
            produced=READINGS,
            accepted=READINGS - 1,
            rejected=1,
            reasons=Counter({Reason.INVALID_TIME: 1}),
        ),
    )
