"""The proof: what was published, by device and sequence number, against what InfluxDB holds and what is in quarantine.

The three sides count for themselves: the fleet keeps its own tally of what the broker acknowledged to it, InfluxDB is
asked for the sequence numbers that it holds, and quarantine is read from the store by the hash of the payload. Nothing
of that trusts the collector's own counts; they are shown beside it.

What the quarantine gave up, because a person discarded it or it expired, is gone with its number. Here alone the
store's count is taken: as many readings that are found nowhere are given up, and what is beyond that is lost.

Only the quarantine of a whole message, a whole reading or a line explains that a reading is not in InfluxDB: where one
field was refused, the rest of its reading must be there. Where that field was the number itself, as of the second of
several lists of one moment, the reading counts as stored in part.
"""

from collections import Counter
from collections.abc import Mapping, Sized
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

Seqs = Mapping[str, AbstractSet[int]]
"""Sequence numbers by device."""
T = TypeVar("T")


class Published(NamedTuple):
    """What a fleet says of itself.

    Attributes:
        acknowledged: By device, the SHA-256 of the payload by sequence number, of what the broker took.
        unanswered: By device, what was sent and never answered: it may be stored, and need not be.
        refused: How many messages the broker answered with a failure.
    """

    acknowledged: Mapping[str, Mapping[int, bytes]]
    unanswered: Seqs = MappingProxyType({})
    refused: int = 0


class Refusals(NamedTuple):
    """What the quarantine holds of one device.

    Attributes:
        whole: Messages and whole readings: how often each payload, by its SHA-256. Two messages of the same bytes need
            two entries.
        partial: Likewise, payloads of which a field was refused and the rest accepted.
        lines: Sequence numbers of the lines that InfluxDB refused; they have other bytes than the payload.
        unnumbered: Likewise as ``partial``, payloads whose number was what was refused, because another one of the same
            moment had been accepted. Without its number InfluxDB cannot tell that the rest is there; that the point is
            there the other number tells, which is looked for as every other.
    """

    whole: Mapping[bytes, int] = MappingProxyType({})
    partial: Mapping[bytes, int] = MappingProxyType({})
    lines: Mapping[int, int] = MappingProxyType({})
    unnumbered: Mapping[bytes, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison found.

    Attributes:
        published: Readings that the broker acknowledged to the fleet.
        stored: Of these, found in InfluxDB, or stored beside another number of the same moment.
        quarantined: Of these, found in quarantine and not in InfluxDB.
        both: Of these, stored with a part of them in quarantine.
        unanswered: Messages that the broker never answered; they are in no other number.
        refused: Messages that the broker answered with a failure; likewise.
        missing: Published, and in neither: a lost reading, or one that was given up.
        given_up: How many of ``missing`` the quarantine gave up, at most; which ones, nobody can tell any more.
        unexpected: In InfluxDB, and never published by this fleet.
        repeated: In InfluxDB more than once: a reading without a time of its own that the fleet sent again after a lost
            connection, or that was not recognised when the broker delivered it again.
    """

    published: int
    stored: int
    quarantined: int
    both: int
    unanswered: int = 0
    refused: int = 0
    missing: Seqs = field(default_factory=dict)
    unexpected: Seqs = field(default_factory=dict)
    repeated: Seqs = field(default_factory=dict)
    given_up: int = 0

    @property
    def lost(self) -> int:
        """How many readings are missing beyond what was given up."""
        return _count(self.missing) - self.given_up

    @property
    def holds(self) -> bool:
        """Whether something was published, the broker refused nothing, and nothing is lost or unexpected."""
        return self.published > 0 and self.refused == 0 and self.lost == 0 and not self.unexpected


def compare(
    published: Published,
    stored: Mapping[str, Mapping[int, int]],
    quarantined: Mapping[str, Refusals],
    most_given_up: int = 0,
) -> Proof:
    """Return what became of every published reading.

    Args:
        published: What the fleet says.
        stored: By device, how often each sequence number is in InfluxDB.
        quarantined: By device.
        most_given_up: How many readings the quarantine may have given up.
    """
    found = Counter[str]()
    missing: dict[str, set[int]] = {}
    for device, payloads in published.acknowledged.items():
        held = stored.get(device, {})
        refusals = quarantined.get(device, Refusals())
        whole, partial, lines, unnumbered = (Counter[Any](one) for one in refusals)
        for seq, digest in payloads.items():
            if seq in held:
                found["stored"] += 1
                found["both"] += _take(partial, digest)
            elif _take(unnumbered, digest):
                found["stored"] += 1
                found["both"] += 1
            elif _take(lines, seq) or _take(whole, digest):
                found["quarantined"] += 1
            else:
                missing.setdefault(device, set()).add(seq)
    return Proof(
        published=_count(published.acknowledged),
        stored=found["stored"],
        quarantined=found["quarantined"],
        both=found["both"],
        unanswered=_count(published.unanswered),
        refused=published.refused,
        missing=missing,
        unexpected=_find_unexpected(published, stored),
        repeated={
            device: twice for device, held in stored.items() if (twice := {seq for seq, n in held.items() if n > 1})
        },
        given_up=min(_count(missing), most_given_up),
    )


def _count(readings: Mapping[str, Sized]) -> int:
    return sum(map(len, readings.values()))


def _take(entries: Counter[T], key: T) -> bool:
    """Use up one entry, and return whether there was one."""
    if entries[key] <= 0:
        return False
    entries[key] -= 1
    return True


def _find_unexpected(published: Published, stored: Mapping[str, Mapping[int, int]]) -> Seqs:
    unexpected = {}
    for device, held in stored.items():
        known = published.acknowledged.get(device, {}).keys() | published.unanswered.get(device, set())
        if surplus := held.keys() - known:
            unexpected[device] = surplus
    return unexpected


def judge(proof: Proof) -> str:
    """Return the verdict in one sentence, or two."""
    if proof.lost or proof.unexpected:
        return "The counts differ: something was lost or came from nowhere."
    if proof.refused:
        return f"The broker refused {proof.refused} messages: look at its permissions and at the fleet's accounts."
    if not proof.published:
        return "Nothing was published, so nothing is proved."
    counts = {"Given up in quarantine": proof.given_up, "Stored more than once": _count(proof.repeated)}
    return " ".join(["Nothing was lost.", *(f"{what}: {count}." for what, count in counts.items() if count)])


def describe(proof: Proof, most: int = 10) -> list[str]:
    """Return the proof as lines for people; of devices with a difference at most ``most`` are named."""
    given_up = f" + given up {proof.given_up}" if proof.given_up else ""
    found = f"stored {proof.stored} + quarantined {proof.quarantined}{given_up} + missing {proof.lost}"
    lines = [
        f"published {proof.published} = {found}   (stored in part, the rest in quarantine: {proof.both})",
        f"beside it: unanswered {proof.unanswered}, refused {proof.refused} by the broker",
    ]
    where = "missing"
    if proof.given_up:
        lines.append(
            "given up: by the store's count at least as many entries were discarded from quarantine or expired there; "
            "their numbers are gone with them"
        )
        where = "missing or given up" if proof.lost else "given up"
    differences = {where: proof.missing, "unexpected": proof.unexpected, "stored more than once": proof.repeated}
    for what, different in differences.items():
        for device in sorted(different)[:most]:
            seqs = sorted(different[device])
            shown = ", ".join(map(str, seqs[:most])) + (", …" if len(seqs) > most else "")
            lines.append(f"{what}: {device} seq {shown} ({len(seqs)})")
        if len(different) > most:
            lines.append(f"{what}: {len(different) - most} more devices")
    return lines
