"""``process``: messages and a time in, a Batch out. Pure: no I/O, no clock of its own.

Invariants:
    - Every message ends in exactly one count of the ledger, whatever its bytes are; nothing here raises for bad input.
    - Every refusal is in the batch's quarantine with its Reason and the payload.
    - What is remembered (deduplication, alert states) changes only here, in the order of the messages. The shell
      commits every Batch that this returns, in order, before it acknowledges; a commit that fails is tried again,
      never skipped.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingest.alerts.announcement import format_line
from ingest.alerts.book import AlertBook
from ingest.batch import Batch, Mark, Quarantined
from ingest.codec import Observation, RefusedError
from ingest.line import finish_line
from ingest.memory import PACKET_MARK, DeviceMemory, Memory, digest_message
from ingest.message import Message
from ingest.route import PlacedAt, Route, RouteTable
from schemas.device_type import Clock
from schemas.reading import Reading
from schemas.reason import Level, Reason, explain
from schemas.validation import Refusal

Fields = dict[str, float | bool]

log = logging.getLogger(__name__)

SET_BACK_MS = 60_000
"""The collector's clock was set back when a message is received so much earlier than the one before it."""
SHOWN_REFUSALS = 20
"""Most refused fields that one quarantine entry spells out: a payload can hold thousands of unknown ones."""


class Limits(NamedTuple):
    """What a Processor is told by the settings.

    Attributes:
        accept_simulated: Whether readings that say they are simulated are accepted.
        max_payload_bytes: A larger payload is quarantined unread.
        kept_payload_bytes: How much of a payload that is larger than this is kept in quarantine.
    """

    accept_simulated: bool
    max_payload_bytes: int
    kept_payload_bytes: int


class Arrival(NamedTuple):
    """A message of a known Device whose bytes could be read.

    Attributes:
        message: As it came.
        route: Of its topic.
        memory: What is remembered of its Device.
        digest: Checksum of the payload.
        observations: What the payload says, checked.
    """

    message: Message
    route: Route
    memory: DeviceMemory
    digest: int
    observations: Sequence[Observation]

    @property
    def has_clock(self) -> bool:
        """Whether the event time is the Device's own."""
        return self.route.device_type.clock is Clock.DEVICE


class Processor:
    """What ``process`` needs between calls: routes, memory, alert states, limits. Same calls, same batches."""

    def __init__(self, routes: RouteTable, memory: Memory, alerts: AlertBook, limits: Limits) -> None:
        self.routes = routes
        self.memory = memory
        self.alerts = alerts
        self._limits = limits

    def process(self, messages: Iterable[Message]) -> Batch:
        """Return what becomes of these messages; each carries the time at which it was received."""
        batch = Batch()
        for message in messages:
            batch.ledger.received += 1
            digest = digest_message(message.topic, message.payload)
            if message.packet_id is not None:
                if message.redelivered and self.memory.is_redelivery(message.packet_id, digest):
                    batch.ledger.duplicate_messages += 1
                    continue
                self.memory.note_packet(message.packet_id, digest)
            arrival = self._open(message, digest, batch)
            if arrival is None:
                continue
            batch.ledger.decoded += 1
            for observation in arrival.observations:
                batch.ledger.produced += 1
                self._take(arrival, observation, batch)
        batch.alerts.extend(self.alerts.take_changed())
        return batch

    def _open(self, message: Message, digest: int, batch: Batch) -> Arrival | None:
        """Return a message with what it says; None when it ends here, counted."""
        try:
            arrival = self._read(message, digest)
        except RefusedError as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - see _blame
            refused = _blame(message, error)
        else:
            if not arrival.has_clock:
                _mark_packet(message, digest, batch)
                if message.retain:
                    # Without a time of its own it tells what was, not when; storing it now would invent a reading.
                    batch.ledger.informational += 1
                    return None
            return arrival
        self._refuse(batch, message, refused)
        _mark_packet(message, digest, batch)
        return None

    def _read(self, message: Message, digest: int) -> Arrival:
        route = self.routes.find(message.topic)
        memory = self.memory.recall(route.device.id)
        if len(message.payload) > self._limits.max_payload_bytes:
            raise RefusedError(Reason.OVERSIZED_PAYLOAD, f"the payload has {len(message.payload)} bytes")
        return Arrival(message, route, memory, digest, route.read(message.payload))

    def _take(self, arrival: Arrival, observation: Observation, batch: Batch) -> None:
        try:
            self._accept(arrival, observation, batch)
        except RefusedError as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - see _blame
            refused = _blame(arrival.message, error)
        else:
            return
        batch.ledger.rejected += 1
        batch.ledger.reasons[refused.reason] += 1
        batch.quarantined.append(self._keep(arrival.message, Level.READING, refused))

    def _accept(self, arrival: Arrival, observation: Observation, batch: Batch) -> None:
        """Add one Observation to the batch. All that can fail comes first, so a refusal leaves no half of it behind."""
        route, memory, received_ms = arrival.route, arrival.memory, arrival.message.received_ms
        time_ms = _choose_time(arrival, observation)
        if arrival.has_clock and time_ms > received_ms + route.ahead_ms:
            ahead_s = (time_ms - received_ms) / 1000
            raise RefusedError(Reason.FUTURE_TIME, f"the reading is {ahead_s:.0f} s ahead of the collector's clock")
        placed = route.find_placement(time_ms)
        if observation.simulated and not self._limits.accept_simulated:
            raise RefusedError(Reason.SIMULATED_REFUSED, "simulated is true")
        fields, refusals = collect_fields(observation), observation.refusals
        if arrival.has_clock and memory.newest_ms is not None and time_ms <= memory.newest_ms:
            compared = _compare(memory, time_ms, fields, arrival.digest)
            if compared is None:
                batch.ledger.duplicate_readings += 1
                return
            fields, conflicts = compared
            refusals += conflicts
        stated_ms = time_ms if observation.time_ms is None else observation.time_ms
        delay_s = (received_ms - stated_ms) / 1000
        reading = _make_reading(route, placed, observation, fields, time_ms, delay_s)
        prefix = placed.simulated_prefix if observation.simulated else placed.prefix
        lines = [finish_line(prefix, fields | {"delay": delay_s}, time_ms)]
        transitions = self.alerts.judge_reading(reading)
        lines.extend(format_line(one, self.alerts.find_rule(one.rule)) for one in transitions)

        if not arrival.has_clock:
            memory.newest_ms = time_ms
        memory.remember(time_ms, time_ms, arrival.digest, fields)
        # What a backlog brings was said then, and is no sign of life now.
        memory.heard_ms = max(memory.heard_ms, min(received_ms, time_ms)) if arrival.has_clock else received_ms
        batch.ledger.accepted += 1
        batch.lines.extend(lines)
        batch.marks.append(Mark(reading.device, time_ms, time_ms, arrival.digest))
        batch.transitions.extend(transitions)
        if refusals:
            self._refuse_fields(arrival, refusals, batch)

    def _refuse_fields(self, arrival: Arrival, refusals: tuple[Refusal, ...], batch: Batch) -> None:
        batch.ledger.refused_fields += len(refusals)
        for refusal in refusals:
            batch.ledger.reasons[refusal.reason] += 1
        shown = "; ".join(refusal.detail for refusal in refusals[:SHOWN_REFUSALS])
        error = RefusedError(refusals[0].reason, shown)
        batch.quarantined.append(self._keep(arrival.message, Level.FIELD, error))

    def _refuse(self, batch: Batch, message: Message, error: RefusedError) -> None:
        """Count and keep a message of which nothing was accepted."""
        batch.ledger.reasons[error.reason] += 1
        level = explain(error.reason).level
        if level is Level.MESSAGE:
            batch.ledger.undecodable += 1
        else:
            level = Level.READING
            batch.ledger.decoded += 1
            batch.ledger.produced += 1
            batch.ledger.rejected += 1
        batch.quarantined.append(self._keep(message, level, error))

    def _keep(self, message: Message, level: Level, error: RefusedError) -> Quarantined:
        return Quarantined(
            received_ms=message.received_ms,
            level=level,
            reason=error.reason,
            topic=message.topic,
            device=self.routes.find_device(message.topic),
            detail=error.detail,
            payload=message.payload[: self._limits.kept_payload_bytes],
            length=len(message.payload),
            sha256=hashlib.sha256(message.payload).digest(),
        )


def _blame(message: Message, error: Exception) -> RefusedError:
    """Log a fault of our own and return it as a reason.

    The net under ``process``: one message must never stop the others, and must never be lost for a fault of ours.
    """
    log.error("the collector failed on a message of topic %s; it is in quarantine", message.topic, exc_info=error)
    return RefusedError(Reason.COLLECTOR_FAULT, f"{type(error).__name__}: {error}")


def _mark_packet(message: Message, digest: int, batch: Batch) -> None:
    """Have a message remembered over a restart that nothing but its packet identifier can be recognised by."""
    if message.packet_id is not None:
        batch.marks.append(Mark(PACKET_MARK, message.packet_id, 0, digest))


def _choose_time(arrival: Arrival, observation: Observation) -> int:
    """Return the event time in milliseconds."""
    if arrival.has_clock and observation.time_ms is not None:
        return observation.time_ms
    # Two readings received in one millisecond are two readings: the later gets the next millisecond, however many come.
    # Only where the collector's own clock was set back does time go back, or it would stay wrong for as long.
    memory, received_ms = arrival.memory, arrival.message.received_ms
    if memory.newest_ms is None or received_ms < memory.heard_ms - SET_BACK_MS:
        return received_ms
    return max(received_ms, memory.newest_ms + 1)


def _make_reading(
    route: Route, placed: PlacedAt, observation: Observation, fields: Fields, time_ms: int, delay_s: float
) -> Reading:
    return Reading(
        device=route.device.id,
        type_key=route.device.type_key,
        site=placed.placement.site,
        zone=placed.placement.zone,
        time_ms=time_ms,
        delay_s=delay_s,
        values=fields if observation.seq is None else {name: fields[name] for name in fields if name != "seq"},
        seq=observation.seq,
        simulated=observation.simulated,
    )


def collect_fields(observation: Observation) -> Fields:
    """Return the fields that an Observation stores: its values, and ``seq`` as a float where it has one."""
    if observation.seq is None:
        return observation.values
    return observation.values | {"seq": float(observation.seq)}


def _compare(
    memory: DeviceMemory, time_ms: int, fields: Fields, digest: int
) -> tuple[Fields, tuple[Refusal, ...]] | None:
    """Return what is new in a reading that is not newer than its device's newest; None for a duplicate.

    Raises:
        RefusedError: Everything in it contradicts what was accepted for that time (CONFLICT).
    """
    if memory.is_repeated(time_ms, digest):
        return None
    known = memory.values if time_ms == memory.newest_ms else None
    if known is None:
        if memory.is_taken(time_ms, fields):
            raise RefusedError(Reason.CONFLICT, "another payload with such a field was accepted for that time already")
        return fields, ()
    conflicts = tuple(
        Refusal(name, Reason.CONFLICT, f"{name} already has another value at that time")
        for name, value in fields.items()
        if name in known and known[name] != value
    )
    fresh = {name: value for name, value in fields.items() if name not in known}
    if fresh:
        return fresh, conflicts
    if conflicts:
        raise RefusedError(Reason.CONFLICT, "; ".join(refusal.detail for refusal in conflicts))
    return None
