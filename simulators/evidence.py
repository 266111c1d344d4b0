"""Evidence for the proof: what InfluxDB holds and what is in quarantine, asked of each directly."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ingest.store_reader import open_reader
from schemas.reason import Level
from simulators.tally import Outcome, Tally
from simulators.testbed.influxd import Influxd, quote_text


def list_published(tally: Tally) -> dict[str, dict[int, bytes]]:
    """Return, by device, the hash of every payload that the broker acknowledged, by sequence number."""
    return {
        device: {entry.seq: entry.sha256 for entry in tally.entries(device) if entry.outcome is Outcome.ACKNOWLEDGED}
        for device in tally.devices()
    }


def list_unanswered(tally: Tally) -> dict[str, set[int]]:
    """Return, by device, the sequence numbers that the broker never answered."""
    return {
        device: {entry.seq for entry in tally.entries(device) if entry.outcome is Outcome.WAITING}
        for device in tally.devices()
    }


async def list_stored(influxd: Influxd, database: str, devices: Iterable[str]) -> dict[str, set[int]]:
    """Return, by device, every sequence number that InfluxDB holds, asked for a device at a time.

    Raises:
        QueryError: The server refuses.
        aiohttp.ClientError: It does not answer.
    """
    stored: dict[str, set[int]] = {}
    for device in devices:
        statement = f'SELECT "seq" FROM /.*/ WHERE "device" = {quote_text(device)}'  # noqa: S608 - quoted, and our own
        series = await influxd.query(statement, database)
        seqs = {int(row[1]) for one in series for row in one.rows if row[1] is not None}
        if seqs:
            stored[device] = seqs
    return stored


def list_quarantined(folder: Path) -> dict[str, Counter[bytes]]:
    """Return, by device, how often each payload is in the quarantine of a store, by its hash.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    quarantined: dict[str, Counter[bytes]] = {}
    with open_reader(folder) as reader:
        for row in reader.quarantine():
            if row.quarantined.level is not Level.LINE:
                quarantined.setdefault(row.quarantined.device, Counter())[row.quarantined.sha256] += 1
    return quarantined


def describe_ledger(folder: Path) -> list[str]:
    """Return the collector's own ledger as the lines of the design, to stand beside the proof.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    with open_reader(folder) as reader:
        ledger, moves = reader.ledger(), reader.moves()
    in_outbox = moves.committed - moves.stored - moves.refused_by_database
    outcomes = f"undecodable {ledger.undecodable} + duplicate {ledger.duplicate_messages}"
    sums = {
        "messages": f"received {ledger.received} = decoded {ledger.decoded} + {outcomes}"
        f" + informational {ledger.informational}",
        "readings": f"produced {ledger.produced} = accepted {ledger.accepted} + rejected {ledger.rejected}"
        f" + duplicate {ledger.duplicate_readings}   (refused fields {ledger.refused_fields})",
        "lines": f"committed {moves.committed} = stored {moves.stored}"
        f" + refused by database {moves.refused_by_database} + in the outbox {in_outbox}",
        "reasons": ", ".join(f"{reason} {count}" for reason, count in ledger.reasons.most_common()) or "none",
        "both sums hold": "yes" if ledger.balances() else "NO",
    }
    return [f"{name}: {text}" for name, text in sums.items()]
