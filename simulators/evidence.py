"""Evidence for the proof: what InfluxDB holds and what is in quarantine, asked of each directly."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ingest.batch import Quarantined
from ingest.quarantine_filter import Filter
from ingest.sequence import is_without_number
from ingest.store_reader import open_reader
from schemas.reason import Level, Reason
from simulators.proof import Published, Refusals
from simulators.tally import Outcome, Tally
from simulators.testbed.influxd import Influxd, quote_text

_SEQ = re.compile(rb"[ ,]seq=([0-9.e+]+)[ ,]")
"""Sequence number in a line; in a tag's value the equals sign would be escaped."""


def list_published(tally: Tally) -> Published:
    """Return what a tally says was published."""
    return Published(
        {
            device: {
                entry.seq: entry.sha256 for entry in tally.entries(device) if entry.outcome is Outcome.ACKNOWLEDGED
            }
            for device in tally.devices()
        },
        {
            device: {entry.seq for entry in tally.entries(device) if entry.outcome is Outcome.WAITING}
            for device in tally.devices()
        },
        sum(entry.outcome is Outcome.REFUSED for device in tally.devices() for entry in tally.entries(device)),
    )


async def list_stored(influxd: Influxd, database: str, devices: Iterable[str]) -> dict[str, Counter[int]]:
    """Return, by device, how often InfluxDB holds each sequence number, asked for a device at a time.

    Raises:
        QueryError: The server refuses.
        aiohttp.ClientError: It does not answer.
    """
    stored: dict[str, Counter[int]] = {}
    for device in devices:
        statement = f'SELECT "seq" FROM /.*/ WHERE "device" = {quote_text(device)}'  # noqa: S608 - quoted, and our own
        series = await influxd.query(statement, database)
        seqs = Counter(int(row[1]) for one in series for row in one.rows if row[1] is not None)
        if seqs:
            stored[device] = seqs
    return stored


def list_quarantined(folder: Path) -> dict[str, Refusals]:
    """Return, by device, what is in the quarantine of a store.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    with open_reader(folder) as reader:
        return sort_quarantined(row.quarantined for row in reader.quarantine())


def sort_quarantined(entries: Iterable[Quarantined]) -> dict[str, Refusals]:
    """Return entries of the quarantine by device and by what they excuse; see ``Refusals``."""
    found: dict[str, tuple[Counter[bytes], Counter[bytes], Counter[int], Counter[bytes]]] = {}
    for entry in entries:
        counters = Counter[bytes](), Counter[bytes](), Counter[int](), Counter[bytes]()
        whole, partial, lines, unnumbered = found.setdefault(entry.device, counters)
        if entry.level is Level.LINE:
            if seq := _SEQ.search(entry.payload):
                lines[int(float(seq[1]))] += 1
        elif entry.level is Level.FIELD:
            (unnumbered if is_without_number(entry) else partial)[entry.sha256] += 1
        else:
            whole[entry.sha256] += 1
    return {device: Refusals(*counters) for device, counters in found.items()}


def count_given_up(folder: Path) -> int:
    """Return of how many readings the quarantine may have given up the only trace, since the store was made.

    A bound: of messages, readings and lines that came into quarantine, those that are no longer there, and never more
    than the entries that a person discarded or that expired. What is left of a payload after a field was refused is
    stored, so an entry of a field is none of them. The bound is exact where nothing was reprocessed and all that was
    given up was the fleet's. A payload of several readings that are refused one by one when they are reprocessed has
    more entries than it is counted for here.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    with open_reader(folder) as reader, reader.snapshot():
        ledger, moves, reasons = reader.ledger(), reader.moves(), reader.reasons()
        fields = sum(group.entries for group in reader.stats(Filter(level=Level.FIELD)))
    came = ledger.undecodable + ledger.rejected + moves.refused_by_database
    held = reasons.total() - reasons[Reason.DAMAGED_ENTRY] - fields
    return max(0, min(came - held, moves.discarded + moves.expired))


def describe_ledger(folder: Path) -> list[str]:
    """Return the collector's own ledger as the lines of the design, to stand beside the proof.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    with open_reader(folder) as reader:
        ledger, moves, held = reader.ledger(), reader.moves(), reader.reasons().total()
    in_outbox = moves.committed - moves.stored - moves.refused_by_database - moves.damaged
    damaged = f" + damaged {moves.damaged}" if moves.damaged else ""
    outcomes = f"undecodable {ledger.undecodable} + duplicate {ledger.duplicate_messages}"
    sums = {
        "messages": f"received {ledger.received} = decoded {ledger.decoded} + {outcomes}"
        f" + informational {ledger.informational}",
        "readings": f"produced {ledger.produced} = accepted {ledger.accepted} + rejected {ledger.rejected}"
        f" + duplicate {ledger.duplicate_readings}   (refused fields {ledger.refused_fields})",
        "lines": f"committed {moves.committed} = stored {moves.stored}"
        f" + refused by database {moves.refused_by_database}{damaged} + in the outbox {in_outbox}",
        "quarantine": f"quarantined {moves.quarantined} = held {held} + reprocessed {moves.reprocessed}"
        f" + discarded {moves.discarded} + expired {moves.expired}",
        "reasons": ", ".join(f"{reason} {count}" for reason, count in ledger.reasons.most_common()) or "none",
        "both sums hold": "yes" if ledger.balances() else "NO",
    }
    return [f"{name}: {text}" for name, text in sums.items()]
