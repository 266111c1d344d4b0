"""How a Source fares: what came of it, and what did not, since the collector started. Pure."""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import NamedTuple

from ingest.batch import Ledger
from schemas.reason import Reason

NOBODY = ""
"""Stands for all devices that the inventory does not have, now or any more: their names would have no bound."""


class Sums(NamedTuple):
    """Counts of a ledger that a Source is told by."""

    readings: int
    refused: int
    unknown: int
    informational: int


def sum_up(ledger: Ledger) -> Sums:
    """Return these counts of a ledger as they stand."""
    refused = ledger.undecodable + ledger.rejected
    return Sums(ledger.accepted, refused, ledger.reasons[Reason.UNKNOWN_DEVICE], ledger.informational)


@dataclass(slots=True)
class SourceCounts:
    """What came of a Source, since the collector started. What comes again from the quarantine does not count.

    Attributes:
        heard_ms: When something came last that the broker had not retained, milliseconds since 1970 in UTC; None where
            nothing did.
        messages: How many came.
        readings: How many of their readings were accepted.
        refused: How many messages and readings were refused.
        unknown: How many of those because the inventory does not have the device.
        informational: Messages that were no reading.
    """

    heard_ms: int | None = None
    messages: int = 0
    readings: int = 0
    refused: int = 0
    unknown: int = 0
    informational: int = 0


@dataclass(slots=True)
class SourceFigures(SourceCounts):
    """Likewise, as it is counted.

    Attributes:
        missed: Uplinks that their frame counters say were lost, by device.
        codec_failed: Uplinks that a decoder failed on, the network server's or ours, by device.
    """

    missed: Counter[str] = field(default_factory=Counter)
    codec_failed: Counter[str] = field(default_factory=Counter)

    def note_message(self, received_ms: int, before: Sums, after: Sums, *, retain: bool) -> None:
        """Count a message.

        Args:
            received_ms: When it came, milliseconds since 1970 in UTC.
            before: The ledger before it was taken.
            after: And after.
            retain: Whether the broker had kept it from before the subscription.
        """
        if not retain:
            self.heard_ms = received_ms
        self.messages += 1
        self.readings += after.readings - before.readings
        self.refused += after.refused - before.refused
        self.unknown += after.unknown - before.unknown
        self.informational += after.informational - before.informational

    def forget_devices(self, known: Container[str]) -> None:
        """Count what is of devices that are gone as nobody's: the sums stay, the names do not.

        Args:
            known: Ids of those that are there.
        """
        for counts in (self.missed, self.codec_failed):
            for device in [one for one in counts if one not in known]:
                count = counts.pop(device)
                counts[NOBODY] += count


def list_worst(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """Return the devices with the greatest counts, at most so many; those of the same count by name."""
    ranked = ((-count, device) for device, count in counts.items() if count > 0 and device != NOBODY)
    return [(device, -count) for count, device in nsmallest(most, ranked)]
