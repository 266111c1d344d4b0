"""Refusals: what is not taken is counted under its Reason, and kept in the batch's quarantine.

Here, and nowhere else, a payload and what quotes it enter the store: identifiers of people are stripped of both. The
checksum of what is stripped is that of what is left, or who has it could try all number plates.
"""

import hashlib
import logging
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ingest.arrival import Arrival, Candidate, give_time, hold_time
from ingest.batch import Batch, Quarantined
from ingest.codec import RefusedError
from ingest.identifier import blank_detail, blank_text
from ingest.memory import digest_payload, digest_topic
from ingest.message import Message
from ingest.stripping import Stripped, Traits, strip_payload
from schemas.reason import Level, Reason, explain
from schemas.validation import Refusal

log = logging.getLogger(__name__)

SHOWN_REFUSALS = 20
"""Most refused fields that one quarantine entry spells out: a payload can hold thousands of unknown ones."""

BEYOND_BYTES = 256
"""So much behind what is kept of a payload is looked at: an identifier may stand across the edge."""


class Origin(NamedTuple):
    """Where something that is refused came from.

    Attributes:
        message: In which it came.
        device: Id in the inventory, or what stands for it; empty where none is known.
        keeps_payload: Whether the quarantine may hold the payload, and what quotes it.
        schema: By which DeviceType it was judged; see ``ingest.batch.Quarantined``.
    """

    message: Message
    device: str
    keeps_payload: bool = True
    schema: str = ""


class Refusals:
    """Counts and keeps what is refused.

    Args:
        kept_bytes: How much is kept of a payload that is larger.
        find_traits: Traits of the Format by topic.
    """

    def __init__(self, kept_bytes: int, find_traits: Callable[[str], Traits]) -> None:
        self._kept_bytes = kept_bytes
        self._find_traits = find_traits
        self._last: tuple[Message, Stripped] | None = None

    def refuse_message(self, origin: Origin, arrival: Arrival | None, error: RefusedError, batch: Batch) -> None:
        """Count and keep a message of which nothing was accepted.

        Args:
            origin: The message.
            arrival: The same, where its Device is known.
            error: Why.
            batch: Gets it.
        """
        batch.ledger.reasons[error.reason] += 1
        level = explain(error.reason).level
        if level is Level.MESSAGE:
            batch.ledger.undecodable += 1
        else:
            level = Level.READING
            batch.ledger.decoded += 1
            batch.ledger.produced += 1
            batch.ledger.rejected += 1
        given_ms = None
        if arrival is not None:
            origin = origin._replace(schema=arrival.route.device_type.schema)
        if arrival is not None and not arrival.route.has_clock and not origin.message.retain:
            given_ms = hold_time(arrival, give_time(arrival, 0), batch)
        batch.quarantined.append(self._keep(origin, level, error)._replace(given_ms=given_ms))

    def refuse_part(self, origin: Origin, part: int, error: RefusedError, batch: Batch) -> None:
        """Count and keep what a Source says of one device, where nothing could be made of it."""
        batch.ledger.produced += 1
        batch.ledger.rejected += 1
        batch.ledger.reasons[error.reason] += 1
        batch.quarantined.append(self._keep(origin, Level.READING, error)._replace(part=part))

    def refuse_reading(self, candidate: Candidate, error: RefusedError, batch: Batch) -> None:
        """Count and keep a reading of a message that could be read."""
        batch.ledger.rejected += 1
        batch.ledger.reasons[error.reason] += 1
        kept = self._keep(_find_origin(candidate.arrival), Level.READING, error)
        given_ms = hold_time(candidate.arrival, candidate.time_ms, batch)
        batch.quarantined.append(kept._replace(part=candidate.part, given_ms=given_ms))

    def refuse_fields(self, candidate: Candidate, refusals: Sequence[Refusal], batch: Batch) -> None:
        """Keep a payload of which fields were refused, once for what may be repaired and once for the conflicts."""
        batch.ledger.refused_fields += len(refusals)
        for refusal in refusals:
            batch.ledger.reasons[refusal.reason] += 1
        conflicts = [refusal for refusal in refusals if refusal.reason is Reason.CONFLICT]
        others = [refusal for refusal in refusals if refusal.reason is not Reason.CONFLICT]
        given_ms = None if candidate.arrival.route.has_clock else candidate.time_ms
        for some, names in ((others, tuple(dict.fromkeys(refusal.member for refusal in others))), (conflicts, ())):
            if some:
                error = RefusedError(some[0].reason, "; ".join(refusal.detail for refusal in some[:SHOWN_REFUSALS]))
                kept = self._keep(_find_origin(candidate.arrival), Level.FIELD, error)
                # A payload invents names as it likes; where it is not kept, nothing can be added any more.
                left = tuple(name for name in names if blank_text(name) == name) if kept.payload else ()
                batch.quarantined.append(kept._replace(part=candidate.part, given_ms=given_ms, fields=left))

    def _keep(self, origin: Origin, level: Level, error: RefusedError) -> Quarantined:
        message, keeps = origin.message, origin.keeps_payload
        stripped, is_safe = self._strip(message)
        return Quarantined(
            received_ms=message.received_ms,
            level=level,
            reason=error.reason,
            topic=message.topic,
            device=origin.device,
            detail=blank_detail(error.detail, f"{message.topic} {origin.device}") if keeps else "",
            payload=stripped[: self._kept_bytes] if keeps and is_safe else b"",
            length=len(message.payload),
            sha256=hashlib.sha256(stripped).digest(),
            retain=message.retain,
            schema=origin.schema,
        )

    def digest(self, message: Message) -> int:
        """Return the checksum by which deduplication knows a message that is stripped when it is kept."""
        return digest_payload(digest_topic(message.topic), self._strip(message).payload)

    def forget(self) -> None:
        """Let go the message that was stripped last."""
        self._last = None

    def _strip(self, message: Message) -> Stripped:
        """Return a message's payload as it may be kept; what lies far behind what is kept of it is not looked at."""
        if self._last is not None and self._last[0] is message:  # a pack may have a thousand refusals
            return self._last[1]
        looked_at = self._kept_bytes + BEYOND_BYTES
        payload = message.payload
        stripped = strip_payload(payload[:looked_at], message.topic, self._find_traits(message.topic))
        if len(payload) > looked_at:
            stripped = stripped._replace(payload=stripped.payload + payload[looked_at:])
        self._last = message, stripped
        return stripped


def _find_origin(arrival: Arrival) -> Origin:
    route = arrival.route
    return Origin(arrival.message, route.device.id, arrival.keeps_payload, route.device_type.schema)


def blame(message: Message, error: Exception) -> RefusedError:
    """Log a fault of our own and return it as a reason.

    The net under ``process``: one message must never stop the others, and must never be lost for a fault of ours.
    """
    trace = blank_detail("".join(traceback.format_exception(error)), message.topic)
    log.error("the collector failed on a message of topic %s; it is in quarantine\n%s", message.topic, trace)
    return RefusedError(Reason.COLLECTOR_FAULT, f"{type(error).__name__}: {error}")
