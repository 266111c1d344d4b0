"""``reprocess``: entries of the quarantine in, a Batch out. Pure, as ``process`` is, and with the same code.

What becomes of an entry:
    - A payload is taken by the present inventory, types and limits, at its first time of receipt and its event time.
      What is accepted is history: it counts as no sign of life, and is judged by the rules only where it is newer than
      everything of its Device. The totals of the ledger do not change: they counted it when it came.
    - Accepted, or accepted already: the entry is released. Refused still: it is revised, with its new Reason.
    - Of a payload with a refused field only that field is added, at the time of the reading.
    - A line that InfluxDB refused is sent again as it is; so are the lines of a damaged entry that can be unpacked.
    - A conflict stays. What was accepted is not overwritten; only a person can say which of two values is right.
    - A retained message without a time of its own stays: it tells what was, not when. No repair makes it a reading.
    - A payload of which only the beginning was kept stays, and one that was damaged on disk.
    - A reading that was ahead of our clock stays, also when its time has come: its own clock was wrong. Where it was
      ours that was behind, only a person can say so, by asking for the entries of this Reason.
"""

import hashlib
from collections.abc import Iterable

from ingest.batch import Batch, Quarantined, QuarantineRow
from ingest.process import Processor
from ingest.store_file import DamagedEntryError
from ingest.store_outbox import unpack_lines
from schemas.reason import Level, Reason


def reprocess(processor: Processor, rows: Iterable[QuarantineRow], trusted_ms: int | None = None) -> Batch:
    """Return what becomes of these entries; ``released`` and ``revised`` name every one of them.

    What the processor remembers changes, so the batch is to be committed before any later one, as those of ``process``.

    Args:
        processor: With the routes of the present inventory.
        rows: In order of their ids, so that payloads of one device are taken in the order in which they came.
        trusted_ms: The present time, milliseconds since 1970 in UTC, where a person says that our clock was behind:
            readings that were ahead of it are judged by the present time.
    """
    batch = Batch()
    for row in rows:
        left = _take_again(processor, row.quarantined, batch, trusted_ms)
        if left:
            batch.revised[row.id] = left[0]
            # Of a payload of several observations more than one may fail now; each is an entry of its own.
            batch.quarantined.extend(left[1:])
        else:
            batch.released.append(row.id)
    return batch


def _take_again(processor: Processor, kept: Quarantined, batch: Batch, trusted_ms: int | None) -> list[Quarantined]:
    """Add what can be accepted of an entry to a batch, and return what is left of it."""
    if len(kept.payload) < kept.length:
        bytes_kept = f"only the first {len(kept.payload)} of its {kept.length} bytes were kept"
        return [kept._replace(detail=f"{bytes_kept}, so it cannot be reprocessed")]
    if hashlib.sha256(kept.payload).digest() != kept.sha256:
        return [kept._replace(detail="its bytes were damaged on disk since it came, so it cannot be reprocessed")]
    if kept.level is Level.LINE:
        return _send_again(kept, batch)
    if kept.reason is Reason.CONFLICT or (kept.level is Level.FIELD and not kept.fields):
        return [kept]  # of a field's entry without names, version 1 of the store did not say which may be added
    result = processor.take_again(kept, trusted_ms if kept.reason is Reason.FUTURE_TIME else None)
    batch.lines += result.lines
    batch.health_lines += result.health_lines
    batch.marks += result.marks
    batch.transitions += result.transitions
    batch.alerts += result.alerts
    batch.states += result.states
    if result.ledger.informational:
        detail = "the broker had it from before, and it has no time of its own: when it was measured is not known"
        return [kept._replace(detail=detail)]
    return [_revise(kept, refused) for refused in result.quarantined]


def _send_again(kept: Quarantined, batch: Batch) -> list[Quarantined]:
    if kept.reason is not Reason.DAMAGED_ENTRY:
        batch.lines_of(kept.target).append(kept.payload)
        return []
    try:
        batch.lines_of(kept.target).extend(unpack_lines(kept.payload))
    except DamagedEntryError as error:
        return [kept._replace(detail=str(error))]
    return []


def _revise(kept: Quarantined, refused: Quarantined) -> Quarantined:
    """Return an entry with what is wrong with it now, and by which DeviceType; when it came, what it holds stay.

    Only where it turns out to be of a device of which no payload may be kept, that goes; and what came before
    identifiers of people were stripped loses them now.
    """
    payload = refused.payload if len(refused.payload) in (0, kept.length) else kept.payload
    revised = kept._replace(
        reason=refused.reason, detail=refused.detail, device=refused.device, payload=payload, schema=refused.schema
    )
    revised = revised._replace(sha256=refused.sha256) if payload is refused.payload else revised
    if kept.level is Level.FIELD and refused.level is not Level.FIELD:
        return revised  # the reading was accepted long ago; what is refused is still the field
    return revised._replace(level=refused.level, part=refused.part, given_ms=refused.given_ms, fields=refused.fields)
