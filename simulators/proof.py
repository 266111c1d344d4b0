"""The proof: what was published, by device and sequence number, against what InfluxDB holds and what is in quarantine.

The three sides count for themselves: the fleet keeps its own tally of what the broker acknowledged to it, InfluxDB is
asked for the sequence numbers that it holds, and quarantine is read from the store by the hash of the payload. Nothing
here trusts the collector's own counts; they are shown beside it.
"""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Seqs = Mapping[str, AbstractSet[int]]
"""Sequence numbers by device."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison found.

    Attributes:
        published: Readings that the broker acknowledged to the fleet.
        stored: Of these, found in InfluxDB.
        quarantined: Of these, found in quarantine and not in InfluxDB.
        both: Of these, stored with a part of them in quarantine.
        missing: Published, and in neither: a lost reading.
        unexpected: In InfluxDB, and never published by this fleet.
    """

    published: int
    stored: int
    quarantined: int
    both: int
    missing: Seqs = field(default_factory=dict)
    unexpected: Seqs = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is missing and nothing is unexpected."""
        return not self.missing and not self.unexpected


def compare(
    published: Mapping[str, Mapping[int, bytes]],
    stored: Seqs,
    quarantined: Mapping[str, Counter[bytes]],
    unanswered: Seqs | None = None,
) -> Proof:
    """Return what became of every published reading.

    Args:
        published: By device, the SHA-256 of the payload by sequence number.
        stored: By device, the sequence numbers in InfluxDB.
        quarantined: By device, how often each payload is in quarantine, by its SHA-256. Two messages of the same bytes
            need two entries.
        unanswered: By device, what was sent and never acknowledged: it may be stored, and need not be.
    """
    found = Counter[str]()
    missing: dict[str, set[int]] = {}
    for device, payloads in published.items():
        held, refused = stored.get(device, frozenset()), Counter(quarantined.get(device, Counter()))
        for seq, digest in payloads.items():
            is_refused = refused[digest] > 0
            refused[digest] -= is_refused
            if seq in held:
                found["stored"] += 1
                found["both"] += is_refused
            elif is_refused:
                found["quarantined"] += 1
            else:
                missing.setdefault(device, set()).add(seq)
    known = {device: set(payloads) | set((unanswered or {}).get(device, ())) for device, payloads in published.items()}
    unexpected = {
        device: surplus for device, seqs in stored.items() if (surplus := set(seqs) - known.get(device, set()))
    }
    return Proof(
        published=sum(map(len, published.values())),
        stored=found["stored"],
        quarantined=found["quarantined"],
        both=found["both"],
        missing=missing,
        unexpected=unexpected,
    )


def describe(proof: Proof, most: int = 10) -> list[str]:
    """Return the proof as lines for people; of devices with a difference at most ``most`` are named."""
    missing = sum(map(len, proof.missing.values()))
    found = f"stored {proof.stored} + quarantined {proof.quarantined} + missing {missing}"
    lines = [f"published {proof.published} = {found}   (stored in part, the rest in quarantine: {proof.both})"]
    for what, different in (("missing", proof.missing), ("unexpected", proof.unexpected)):
        for device in sorted(different)[:most]:
            seqs = sorted(different[device])
            shown = ", ".join(map(str, seqs[:most])) + (", …" if len(seqs) > most else "")
            lines.append(f"{what}: {device} seq {shown} ({len(seqs)})")
        if len(different) > most:
            lines.append(f"{what}: {len(different) - most} more devices")
    return lines
