"""``process``: messages and a time in, a Batch out. Pure: no I/O, no clock of its own.

Invariants:
    - Every message ends in exactly one count of the ledger, whatever its bytes are; nothing here raises for bad input.
    - Every refusal is in the batch's quarantine with its Reason and the payload.
    - What is remembered (deduplication, alert states) changes only here, in the order of the messages. The shell
      commits every Batch that this returns, in order, before it acknowledges; a commit that fails is tried again,
      never skipped.
    - A reading without a time of its own has its time to itself, and so has one that was refused: it may be accepted
      yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ingest.alerts.announcement import format_late_line, format_line
from ingest.alerts.book import AlertBook
from ingest.arrival import Arrival, Candidate, choose_time, compare
from ingest.batch import Batch, Ledger, Mark, Point, Quarantined, UplinkFault
from ingest.bound_device import WHOLE, find_index
from ingest.codec import Fields, Observation, RefusedError, collect_fields
from ingest.device_doubt import UNJUDGED, Doubts
from ingest.doubt import mark_doubtful
from ingest.duplicate import split_fields
from ingest.lane import Lane, Limits, make_lane
from ingest.line import finish_line, finish_lines
from ingest.memory import FORGET_PACKETS, PACKET_MARK, DeviceMemory, Memory, digest_payload, digest_topic
from ingest.message import Message
from ingest.open_source import OpenSource, Outcome, Unheard
from ingest.refusal import Origin, Refusals, blame
from ingest.route import PlacedAt, Route, RouteTable
from ingest.rule_reading import make_reading, recall_newest
from ingest.sample import Samplers, make_samplers
from ingest.source import UnbornError
from ingest.source_figures import sum_up
from ingest.source_lines import note_broken, note_event, note_uplink
from ingest.source_table import SourceTable
from ingest.stripping import NATIVE_TRAITS, Traits
from schemas.reason import Level, Reason

DRAFTS_AT_ONCE = 200
"""Lines are made of so many drafts together, while their values are still in the processor's cache: in a batch of 5,000
that takes a sixth off ``process``."""


class Hearing(NamedTuple):
    """How a message of a Source is heard: whose it is, its checksum, the quarantine's entry that it comes from."""

    source: OpenSource
    digest: int
    kept: Quarantined | None


class Processor:
    """What ``process`` needs between calls: routes, memory, alert states, limits. Same calls, same batches."""

    def __init__(
        self,
        routes: RouteTable,
        memory: Memory,
        alerts: AlertBook,
        limits: Limits,
        sources: SourceTable | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        self.sources = SourceTable() if sources is None else sources
        self.memory = memory
        self.alerts = alerts
        self.doubts = Doubts() if doubts is None else doubts
        self._routes = routes
        self._lanes: dict[str, Lane] = {}
        self._samplers: dict[str, Samplers | None] = {}
        self._limits = limits
        self._refusals = Refusals(limits.kept_payload_bytes, self._find_traits)

    @property
    def routes(self) -> RouteTable:
        """Topics to Routes of the present inventory; may be replaced between two batches."""
        return self._routes

    @routes.setter
    def routes(self, routes: RouteTable) -> None:
        self._routes = routes
        self._lanes = {}
        self._samplers = {}
        self.memory.sets.held.clear()
        self.doubts.retain(routes.devices)

    def process(self, messages: Iterable[Message]) -> Batch:
        """Return what becomes of these messages; each carries the time at which it was received."""
        batch = Batch()
        lanes, alerts, packets, straight = self._lanes, self.alerts, dict[int, int](), 0
        for message in messages:
            topic, payload, packet_id = message.topic, message.payload, message.packet_id
            lane = lanes.get(topic)
            digest = digest_payload(digest_topic(topic) if lane is None else lane.topic_digest, payload)
            if packet_id is not None:
                if message.redelivered and self._is_redelivery(packet_id, digest, packets):
                    batch.ledger.received += 1
                    batch.ledger.duplicate_messages += 1
                    continue
                packets[packet_id] = digest
            if lane is not None and lane.take(message, digest, alerts, batch):
                straight += 1
                if len(batch.drafts) >= DRAFTS_AT_ONCE:
                    _write_drafts(batch)
                continue
            if packet_id is not None:
                batch.marks.append(Mark(PACKET_MARK, packet_id, digest))
            batch.ledger.received += 1
            self._take_message(message, digest, None, batch)
        self.memory.note_packets(packets)
        batch.ledger.add(Ledger(received=straight, decoded=straight, produced=straight, accepted=straight))
        return self._finish(batch)

    def take_again(self, kept: Quarantined, received_ms: int | None = None) -> Batch:
        """Return what becomes of a payload of the quarantine by the present routes and limits, as if it came then.

        What is accepted is history: only what is newer than everything of its Device is judged by the rules. The
        ledger of this batch is not for the totals: they counted the payload when it came.

        Args:
            kept: The entry, with its whole payload; of one of a field, only what ``fields`` names is looked at.
            received_ms: Taken for the time of receipt, milliseconds since 1970 in UTC; the entry's own when left out.
        """
        batch = Batch()
        received_ms = kept.received_ms if received_ms is None else received_ms
        message = Message(kept.topic, kept.payload, received_ms, kept.retain)
        try:
            self._take_message(message, digest_payload(digest_topic(kept.topic), kept.payload), kept, batch)
        except Exception as error:  # noqa: BLE001 - what is remembered of it by now must be committed, or it would be lost
            fault = blame(message, error)
            batch.quarantined.append(kept._replace(reason=fault.reason, detail=fault.detail))
        return self._finish(batch)

    def forget_packets(self) -> Batch:
        """Return the batch that has the packet identifiers forgotten: the broker made a new session."""
        self.memory.forget_packets()
        return Batch(marks=[Mark(PACKET_MARK, FORGET_PACKETS, 0)])

    def _is_redelivery(self, packet_id: int, digest: int, packets: Mapping[int, int]) -> bool:
        """Whether the broker sends again what was read last under this identifier, be it in the present batch."""
        if packet_id in packets:
            return packets[packet_id] == digest
        return self.memory.is_redelivery(packet_id, digest)

    def _finish(self, batch: Batch) -> Batch:
        """Make the batch's lines, have it tell which alert states changed, and let go what only it had to know."""
        _write_drafts(batch)
        for transition in batch.transitions:
            line = format_line(transition, self.alerts.describe(transition.rule, transition.device))
            batch.add_lines((line,), is_apart=transition.is_apart)
        batch.alerts.extend(self.alerts.take_changed())
        batch.states.extend(self.alerts.take_states())
        self.memory.forget_names()
        self._refusals.forget()
        return batch

    def _take_message(self, message: Message, digest: int, kept: Quarantined | None, batch: Batch) -> None:
        """Count a message, and take what it says; one that is refused as a whole ends here."""
        source = self.sources.find(message.topic)
        if source is not None and self.sources.is_copy(message):
            batch.ledger.duplicate_messages += 1
            return
        if source is not None:
            before = sum_up(batch.ledger)
            self._take_told(source, message, digest, kept, batch)
            if kept is None:
                source.figures.note_message(message.received_ms, before, sum_up(batch.ledger), retain=message.retain)
            return
        arrival = None
        try:
            route = self._routes.find(message.topic)
            arrival = Arrival(message, route, self._recall(route), digest, kept, route.device_type.keeps_payload)
            observations = self._read(arrival)
        except RefusedError as error:
            self._refusals.refuse_message(self._find_origin(message), arrival, error, batch)
        except Exception as error:  # noqa: BLE001 - see blame
            self._refusals.refuse_message(self._find_origin(message), arrival, blame(message, error), batch)
        else:
            self._take_observations(arrival, observations, batch)

    def _find_traits(self, topic: str) -> Traits:
        source = self.sources.find(topic)
        return NATIVE_TRAITS if source is None else source.traits

    def _find_origin(self, message: Message) -> Origin:
        device = self._routes.find_device(message.topic)
        return Origin(message, device, self._routes.keeps_payload(device))

    def _take_told(
        self, source: OpenSource, message: Message, digest: int, kept: Quarantined | None, batch: Batch
    ) -> None:
        """Count a message of a Source, and take what it says of each device."""
        origin = Origin(message, "", source.keeps_payloads)
        try:
            if len(message.payload) > self._limits.source_payload_bytes:
                raise _refuse_size(message)  # noqa: TRY301 - as everything else that is refused
            heard, outcomes = source.read(message, again=kept is not None)
        except RefusedError as error:
            if kept is None and isinstance(error, UnbornError):
                batch.replies += error.replies
            self._refusals.refuse_message(origin, None, error, batch)
            return
        except Exception as error:  # noqa: BLE001 - see blame
            self._refusals.refuse_message(origin, None, blame(message, error), batch)
            return
        if kept is None:
            batch.sessions += source.take_sessions()
            batch.replies += heard.replies
            for event in heard.events:
                note_event(source, event, message.received_ms, batch)
        # What was retained without a time of its own tells what was, not when.
        told = [(index, one) for index, one in enumerate(outcomes) if one.said.has_time or not message.retain]
        if not told:
            batch.ledger.informational += 1
            return
        batch.ledger.decoded += 1
        origin = origin._replace(keeps_payload=source.keeps_payload(outcomes))
        for index, outcome in told:
            if kept is None or kept.part is None or find_index(kept.part) == index:
                self._take_outcome(origin, index, outcome, Hearing(source, digest, kept), batch)

    def _take_outcome(self, origin: Origin, index: int, outcome: Outcome, hearing: Hearing, batch: Batch) -> None:
        """Take what a Source says of one device."""
        message, said, (source, digest, kept) = origin.message, outcome.said, hearing
        if isinstance(outcome, Unheard):
            origin = origin._replace(device=outcome.device, schema=outcome.schema)
            self._refusals.refuse_part(origin, WHOLE - index, outcome.error, batch)
            if kept is None:
                note_uplink(source, said, message.received_ms, batch)
                if outcome.error.reason is Reason.BROKEN_FRAME:
                    note_broken(source, outcome, message.received_ms, batch)
            return
        memory = self.memory.recall(outcome.device)
        if said.counter is not None:
            digest = digest_topic(f"{outcome.device} {said.counter.session} {said.counter.number}")
            if kept is None and memory.knows(digest):
                batch.ledger.produced += len(outcome.readings)
                batch.ledger.duplicate_readings += len(outcome.readings)
                batch.uplinks[outcome.device, UplinkFault.DUPLICATE] += 1
                return
        for part, one in outcome.readings:
            if kept is not None and kept.part is not None and 0 <= kept.part != part:
                continue
            batch.ledger.produced += 1
            observation = Observation({}) if isinstance(one, RefusedError) else one
            route = outcome.timeless if observation.time_ms is None else outcome.timed
            arrival = Arrival(message, route, memory, digest, kept, origin.keeps_payload)
            candidate = Candidate(arrival, part, observation, choose_time(arrival, part, observation))
            if isinstance(one, RefusedError):
                self._refusals.refuse_reading(candidate, one, batch)
            else:
                self._take(candidate, batch)
        if kept is None:
            note_uplink(source, said, message.received_ms, batch)

    def _recall(self, route: Route) -> DeviceMemory:
        """Return what is remembered of a Route's Device; the next message of its topic finds a Lane."""
        if route.topic not in self._lanes:
            samplers = self._recall_samplers(route)
            if samplers is not None:
                doubted = self.doubts.recall(route.device.id, route.device_type)
                lane = make_lane(route, self.memory, self._limits, samplers, doubted)
                if lane is not None:
                    self._lanes[route.topic] = lane
        return self.memory.recall(route.device.id)

    def _recall_samplers(self, route: Route) -> Samplers | None:
        """Return the Samplers of a Route's DeviceType, which all its devices share; None where its codec has none."""
        key = route.device_type.key
        if key not in self._samplers:
            codec = route.codec
            self._samplers[key] = None if codec is None else make_samplers(route.device_type, codec, self.memory.sets)
        return self._samplers[key]

    def _read(self, arrival: Arrival) -> Sequence[Observation]:
        payload = arrival.message.payload
        if len(payload) > self._limits.max_payload_bytes:
            raise _refuse_size(arrival.message)
        return arrival.route.read(payload)

    def _take_observations(self, arrival: Arrival, observations: Sequence[Observation], batch: Batch) -> None:
        if arrival.message.retain and not arrival.route.has_clock:
            # Without a time of its own it tells what was, not when; storing it now would invent a reading.
            batch.ledger.informational += 1
            return
        batch.ledger.decoded += 1
        if any(one.refusals for one in observations):  # in quarantine it is stripped, and must be known as the same
            arrival = arrival._replace(digest=self._refusals.digest(arrival.message))
        kept = arrival.kept
        for part, observation in enumerate(observations):
            if kept is None or kept.part is None or kept.part == part:
                batch.ledger.produced += 1
                self._take(Candidate(arrival, part, observation, choose_time(arrival, part, observation)), batch)

    def _take(self, candidate: Candidate, batch: Batch) -> None:
        kept = candidate.arrival.kept
        try:
            if kept is not None and kept.level is Level.FIELD:
                self._accept_fields(candidate, kept.fields, batch)
            else:
                self._accept(candidate, batch)
        except RefusedError as error:
            self._refusals.refuse_reading(candidate, error, batch)
        except Exception as error:  # noqa: BLE001 - see blame
            self._refusals.refuse_reading(candidate, blame(candidate.arrival.message, error), batch)

    def _accept(self, candidate: Candidate, batch: Batch) -> None:
        """Add one Observation to the batch. All that can fail comes first, so a refusal leaves no half of it behind."""
        arrival, _, observation, time_ms = candidate
        memory, received_ms = arrival.memory, arrival.message.received_ms
        if arrival.route.has_clock and time_ms > received_ms + arrival.route.ahead_ms:
            ahead_s = (time_ms - received_ms) / 1000
            raise RefusedError(Reason.FUTURE_TIME, f"the reading is {ahead_s:.0f} s ahead of the collector's clock")
        placed = arrival.route.find_placement(time_ms)
        if observation.simulated and not self._limits.accept_simulated:
            raise RefusedError(Reason.SIMULATED_REFUSED, "simulated is true")
        fields, refusals, point = collect_fields(observation), observation.refusals, Point.NEW
        is_newest = memory.newest_ms is None or time_ms > memory.newest_ms
        if not is_newest:
            novelty = compare(arrival, time_ms, fields)
            if novelty is None:
                batch.ledger.duplicate_readings += 1
                return
            fields, conflicts, point = novelty
            refusals += conflicts
        is_late = memory.newest_ms is not None and time_ms < memory.newest_ms
        is_judged = not is_late and (is_newest or arrival.kept is None)
        self._add(candidate, placed, fields, point, batch, is_judged=is_judged)
        batch.ledger.accepted += 1
        if refusals:
            self._refusals.refuse_fields(candidate, refusals, batch)

    def _accept_fields(self, candidate: Candidate, names: Sequence[str], batch: Batch) -> None:
        """Add fields that were refused before, and can be stored now, to the reading that was accepted without them."""
        arrival, _, observation, time_ms = candidate
        placed = arrival.route.find_placement(time_ms)
        repaired = {name: value for name, value in observation.values.items() if name in names}
        fields, conflicts = split_fields(arrival.memory.find_known(time_ms, arrival.route.read), repaired)
        if fields:
            self._add(candidate, placed, fields, Point.JOINED, batch, is_judged=False)
        refusals = tuple(refusal for refusal in observation.refusals if refusal.member in names) + conflicts
        if refusals:
            self._refusals.refuse_fields(candidate, refusals, batch)

    def _add(
        self,
        candidate: Candidate,
        placed: PlacedAt,
        fields: Fields,
        point: Point,
        batch: Batch,
        *,
        is_judged: bool,
    ) -> None:
        """Add a point, what the rules make of it, and what is to be remembered."""
        arrival, _, observation, time_ms = candidate
        memory, received_ms = arrival.memory, arrival.message.received_ms
        stated_ms = time_ms if observation.time_ms is None else observation.time_ms
        delay_s = (received_ms - stated_ms) / 1000
        prefix = placed.find_prefix(simulated=observation.simulated)
        doubted = self.doubts.recall(arrival.route.device.id, arrival.route.device_type)
        if doubted is None:
            verdict = UNJUDGED
        elif is_judged:
            verdict = doubted.judge(fields, time_ms, placed.placement.from_ms)
        else:
            verdict = doubted.judge_again(fields, time_ms)
        reading = make_reading(candidate, placed, fields, delay_s, verdict.doubts)
        transitions = self.alerts.judge_reading(reading, partial(recall_newest, arrival, doubted)) if is_judged else ()
        if not is_judged:
            late = [format_late_line(reading, *one) for one in self.alerts.list_late(reading)]
            batch.add_lines(late, is_apart=arrival.route.device_type.is_apart)
        if arrival.route.has_clock or arrival.kept is not None:
            # What a backlog brings, or quarantine, was said then, and is no sign of life now.
            memory.heard_ms = max(memory.heard_ms, min(received_ms, time_ms))
        else:
            memory.heard_ms = received_ms
        names = memory.remember(time_ms, arrival.digest, fields, arrival.route.read)
        batch.marks.append(Mark(arrival.route.device.id, time_ms, arrival.digest, names, point))
        batch.transitions += transitions
        if doubted is not None:
            doubted.keep(verdict)
        draft = (prefix, fields, delay_s, time_ms)
        if doubted is not None and verdict.doubts:
            batch.ledger.doubtful_values += len(verdict.doubts)
            _write_drafts(batch)  # what came before it stands before it
            marked = mark_doubtful(fields, verdict.doubts, doubted.list_told(time_ms))
            line = finish_line(prefix.decode(), marked | {"delay": delay_s}, time_ms)
            batch.add_lines([line], is_apart=arrival.route.device_type.is_apart)
        elif arrival.route.device_type.is_apart:
            batch.health_lines += finish_lines((draft,))
        else:
            batch.drafts.append(draft)


def _refuse_size(message: Message) -> RefusedError:
    return RefusedError(Reason.OVERSIZED_PAYLOAD, f"the payload has {len(message.payload)} bytes")


def _write_drafts(batch: Batch) -> None:
    """Make the lines of the drafts that are there."""
    batch.lines += finish_lines(batch.drafts)
    batch.drafts.clear()
