"""Batch: what commits together, and the ledger's words for it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

from ingest.doubt import DoubtsOfShard
from ingest.line import Draft
from ingest.source import KnownSession, Reply
from ingest.target import Target
from schemas.derivation import State
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase, Severity, Transition


class Quarantined(NamedTuple):
    """A payload, or a line, that was not taken as it came; kept until a person decides.

    Attributes:
        received_ms: When it came, milliseconds since 1970 in UTC.
        level: What was refused: a message, a reading, a field of a reading, a line.
        reason: Why.
        topic: MQTT topic; empty for a line.
        device: Id in the inventory; empty where none is known.
        detail: The field and value, or the server's answer.
        payload: The bytes, or only their beginning where the payload is above the stated size.
        length: Length of the whole payload in bytes.
        sha256: Hash of the whole payload.
        retain: Whether the broker had kept the message from before the subscription.
        part: Which observation of its payload, see ``ingest.bound_device``; None for a whole message, and for a line.
        given_ms: Event time that the collector gave to a reading of a device without a clock, so that reprocessing
            gives it the same and no other reading gets it; None where there is none.
        fields: Of a field's refusal, the names that reprocessing may still add; conflicts are not among them.
        schema: Name and version of the DeviceType by which it was judged, such as ``indoor_climate/1``; empty where
            none is known.
        target: Of a line, the database that it was meant for.
    """

    received_ms: int
    level: Level
    reason: Reason
    topic: str
    device: str
    detail: str
    payload: bytes
    length: int
    sha256: bytes
    retain: bool = False
    part: int | None = None
    given_ms: int | None = None
    fields: tuple[str, ...] = ()
    schema: str = ""
    target: Target = Target.SHARED


class QuarantineRow(NamedTuple):
    """An entry of the quarantine.

    Attributes:
        id: Grows with time.
        quarantined: What is kept.
    """

    id: int
    quarantined: Quarantined


@dataclass(slots=True)
class Ledger:
    """The counts that prove the promise.

    Messages: ``received = decoded + undecodable + duplicate_messages + informational``.
    Readings: ``produced = accepted + rejected + duplicate_readings``.
    Apart from both: fields that are refused, and values that are stored and doubtful.
    """

    received: int = 0
    decoded: int = 0
    undecodable: int = 0
    duplicate_messages: int = 0
    informational: int = 0
    produced: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate_readings: int = 0
    refused_fields: int = 0
    doubtful_values: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)

    def add(self, other: "Ledger") -> None:
        """Add another ledger's counts to this one."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)

    def balances(self) -> bool:
        """Whether both sums hold."""
        messages = self.decoded + self.undecodable + self.duplicate_messages + self.informational
        readings = self.accepted + self.rejected + self.duplicate_readings
        return self.received == messages and self.produced == readings


SUMS = (
    "received",
    "decoded",
    "undecodable",
    "duplicate_messages",
    "informational",
    "produced",
    "accepted",
    "rejected",
    "duplicate_readings",
    "refused_fields",
    "doubtful_values",
)
"""Names of the Ledger's counts, in the order of the design."""


class AlertRecord(NamedTuple):
    """Where one Rule stands for one subject, as it is stored.

    Attributes:
        device: Id in the inventory; of a group, what names it.
        rule: Key of the Rule.
        phase: Where it stands.
        since_ms: Event time at which the condition began to hold; 0 when OK.
        time_ms: Event time of the reading that was last judged with any effect.
        value: The value of that reading, in the rule's unit.
        site: Where that reading was taken; kept because a rule or a device may vanish while its alert fires.
        zone: Part of the site.
        simulated: Whether that reading was simulated.
        severity: Now; the mildest while it does not fire.
        begun_ms: Of each Level of the Rule, event time at which it began to hold; None where it does not.
        beyond: Readings in a row that were beyond the limit, while it is pending.
        good_ms: Event time at which it began to be good, while it recovers; else None.
        firings_ms: Event times at which it fired, those that count for flapping, and the last.
        worst: The most severe that it was since it fired.
        last_good: Event time and value of the reading before the condition began to hold; None where it is not known.
        is_apart: See ``schemas.rule.Rule``; kept because the rule may vanish while its alert fires.
    """

    device: str
    rule: str
    phase: AlertPhase
    since_ms: int
    time_ms: int
    value: float
    site: str
    zone: str
    simulated: bool
    severity: Severity = Severity.INFO
    begun_ms: tuple[int | None, ...] = ()
    beyond: int = 0
    good_ms: int | None = None
    firings_ms: tuple[int, ...] = ()
    worst: Severity = Severity.INFO
    last_good: tuple[int, float] | None = None
    is_apart: bool = False


class RuleState(NamedTuple):
    """What a derivation remembers of one subject; see ``schemas.derivation``.

    Attributes:
        rule: Key of the Rule.
        device: Id in the inventory; of a group, what names it.
        state: As JSON keeps it.
        digest: Checksum of what the Rule made of readings; see ``ingest.alerts.watch``.
    """

    rule: str
    device: str
    state: State
    digest: int


class Point(IntEnum):
    """What an accepted reading does to the number of points that InfluxDB holds of its device."""

    JOINED = 0  # it adds fields to a point that is there, or is no reading at all
    NEW = 1  # newer than everything of its device: one point more
    LATE = 2  # older, and beyond what is remembered: one point more, unless the same was accepted long ago


class Mark(NamedTuple):
    """What is remembered of an accepted reading, or of a message without one to recognise it by.

    Attributes:
        device: Id in the inventory; empty in the mark of a message.
        key: Event time of the reading in milliseconds; packet identifier of the message, 0 where all are forgotten.
        digest: Checksum of topic and payload.
        names: Fields that were accepted; empty in the mark of a message, and of a refused payload that took a time.
        point: A ``Point``.
        packet_id: Of a reading, packet identifier of the message that it came in, which needs no mark of its own then;
            0 where it has one, or none is remembered.
    """

    device: str
    key: int
    digest: int
    names: tuple[str, ...] = ()
    point: int = Point.JOINED
    packet_id: int = 0


class UplinkFault(StrEnum):
    """What is counted of the uplinks of a LoRaWAN device, since the store was made."""

    MISSED = "missed"  # lost before our broker, by its frame counter
    DUPLICATE = "duplicate"  # heard again, and taken once
    CODEC_FAILED = "codec_failed"  # not decoded, by the network server or by us


class SessionsOfShard(NamedTuple):
    """The sessions of the devices of a shard, behind all Sources.

    Attributes:
        number: See ``ingest.shard``; by address.
        sessions: All of them.
    """

    number: int
    sessions: Sequence[KnownSession]


@dataclass(slots=True)
class Batch:
    """What one call of ``process`` made of its messages; commits in one transaction or not at all.

    Attributes:
        drafts: Readings of which ``process`` has still to make the lines, many together; empty in what it returns.
        lines: Line protocol, a line each without its newline, times in milliseconds, for the database that is shared.
        health_lines: Likewise, for the database for health: all that names a device that is kept apart.
        quarantined: What was refused.
        transitions: Alerts that fired or cleared, in order.
        alerts: Every alert state that changed, for the store.
        states: What derivations of rules remember, where that changed.
        marks: What to remember of readings and messages, in order.
        ledger: Counts of this batch.
        released: Ids of quarantine entries that were reprocessed with success, and leave.
        revised: Quarantine entries that stay after reprocessing, by id, as they are now.
        doubts: What is known of devices by which values are believed, after this batch.
        sessions: Of LoRaWAN devices, where they changed, in order; the last word counts.
        shard_sessions: All sessions after this batch of the shard that the store asked for.
        uplinks: What is counted of the uplinks of a device, by its id and which count.
        replies: What Sources are to be told; published once the batch is on disk, and not again.
    """

    drafts: list[Draft] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    health_lines: list[bytes] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    alerts: list[AlertRecord] = field(default_factory=list)
    states: list[RuleState] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    released: list[int] = field(default_factory=list)
    revised: dict[int, Quarantined] = field(default_factory=dict)
    doubts: list[DoubtsOfShard] = field(default_factory=list)
    sessions: list[KnownSession] = field(default_factory=list)
    shard_sessions: SessionsOfShard | None = None
    uplinks: Counter[tuple[str, UplinkFault]] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)

    def add_lines(self, lines: Iterable[bytes], *, is_apart: bool) -> None:
        """Add lines for the database that they belong in.

        Args:
            lines: Without newlines.
            is_apart: Whether they name a device that is kept apart; see ``DeviceType``.
        """
        self.lines_of(Target.choose(is_apart=is_apart)).extend(lines)

    def lines_of(self, target: Target) -> list[bytes]:
        """Return the lines for a database."""
        return self.health_lines if target is Target.HEALTH else self.lines
