"""The proof: what was published, by device and sequence number, against what InfluxDB holds and what is in quarantine.

The three sides count for themselves: the fleet keeps its own tally of what the broker acknowledged to it, InfluxDB is
asked for the sequence numbers that it holds, and quarantine is read from the store by the hash of the payload. Nothing
here trusts the collector's own counts; they are shown beside it.
"""

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
    published: Mapping[str, Mapping[int, bytes]], stored: Seqs, quarantined: Mapping[str, AbstractSet[bytes]]
) -> Proof:
    """Return what became of every published reading.

    Args:
        published: By device, the SHA-256 of the payload by sequence number.
        stored: By device, the sequence numbers in InfluxDB.
        quarantined: By device, the SHA-256 of the payloads in quarantine.
    """
    found_stored = found_quarantined = found_both = 0
    missing: dict[str, set[int]] = {}
    for device, payloads in published.items():
        held, refused = stored.get(device, frozenset()), quarantined.get(device, frozenset())
        for seq, digest in payloads.items():
            if seq in held:
                found_stored += 1
                found_both += digest in refused
            elif digest in refused:
                found_quarantined += 1
            else:
                missing.setdefault(device, set()).add(seq)
    unexpected = {
        device: surplus for device, seqs in stored.items() if (surplus := set(seqs) - set(published.get(device, {})))
    }
    return Proof(
        published=sum(len(payloads) for payloads in published.values()),
        stored=found_stored,
        quarantined=found_quarantined,
        both=found_both,
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
