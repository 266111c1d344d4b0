"""Lanes: the straight way through ``process`` for a topic whose messages are as they should be.

A message goes down its lane where nothing is left to decide: one Observation with nothing refused, by the Device's own
clock, newer than all before, beyond doubt, at the Device's present place, and of no interest to any rule. That is
nearly every message, and it costs 4 us, where the general way takes 11. Everything else, a topic's first message
included, goes the general way, which gives the same result for these: a test sends everything both ways.
"""

from dataclasses import dataclass
from typing import NamedTuple

from msgspec import ValidationError

from ingest.alerts.book import AlertBook
from ingest.batch import Batch, Mark, Point
from ingest.codec import Sampled, Sampler
from ingest.device_doubt import UNDOUBTED, DeviceDoubt, Group, Values
from ingest.memory import DeviceMemory, Memory, digest_topic
from ingest.message import Message
from ingest.route import PlacedAt, Route
from ingest.sample import Samplers

KEPT_BYTES = 1_024
"""A larger payload is not kept for its values: it may be mostly blanks."""
_NEW = int(Point.NEW)
_mark = tuple.__new__
"""Makes a Mark of a tuple in half the time (0.09 us) that its class takes."""


class Limits(NamedTuple):
    """What a Processor is told by the settings.

    Attributes:
        accept_simulated: Whether readings that say they are simulated are accepted.
        max_payload_bytes: A larger payload is quarantined unread.
        kept_payload_bytes: How much of a payload that is larger than this is kept in quarantine.
        source_payload_bytes: A larger payload of a Source is quarantined unread.
    """

    accept_simulated: bool
    max_payload_bytes: int
    kept_payload_bytes: int
    source_payload_bytes: int = 8_388_608


@dataclass(slots=True)
class Lane:
    """What a topic's messages meet, prepared once for a Route.

    Attributes:
        topic_digest: What the checksums of its messages begin with.
        samplers: Of the DeviceType.
        sample: Takes payloads with the fields that the last one had, and no others.
        number: Of the names of those fields.
        device: Id of the Device.
        type_key: Key of its DeviceType.
        memory: What is remembered of the Device.
        placed: The Device at its last placement.
        from_ms: Event times from here, milliseconds since 1970 in UTC, belong to that placement.
        to_ms: And up to here, itself not included.
        ahead_ms: How far ahead of the time of receipt an event time is believable.
        most_bytes: A larger payload needs the general way.
        accept_simulated: Whether readings that say they are simulated are accepted.
        doubted: What the Device was last believed.
        group: Fields that ``sample`` takes and that may be doubtful; None where there are none.
    """

    topic_digest: int
    samplers: Samplers
    sample: Sampler
    number: int
    device: str
    type_key: str
    memory: DeviceMemory
    placed: PlacedAt
    from_ms: int
    to_ms: int
    ahead_ms: int
    most_bytes: int
    accept_simulated: bool
    doubted: DeviceDoubt
    group: Group | None

    def take(self, message: Message, digest: int, alerts: AlertBook, batch: Batch) -> bool:
        """Add the reading of a message to a batch, or change nothing where that needs the general way.

        Args:
            message: Of this topic.
            digest: Its checksum.
            alerts: Where the rules stand.
            batch: Gets draft and mark; the ledger is the caller's.

        Returns:
            Whether the reading was added.
        """
        payload, received_ms = message.payload, message.received_ms
        if len(payload) > self.most_bytes:
            return False
        memory = self.memory
        newest_ms = memory.newest_ms
        trusted: Values | None = None
        try:
            try:
                (sample, time_ms, simulated), number = self.sample(payload), self.number
            except ValidationError:
                (sample, time_ms, simulated), number = self._adapt(payload)
            if (
                newest_ms is None
                or time_ms <= newest_ms
                or time_ms > received_ms + self.ahead_ms
                or not self.from_ms <= time_ms < self.to_ms
                or (simulated and not self.accept_simulated)
            ):
                return False
            group, doubted = self.group, self.doubted
            if group is not None and (
                group is not doubted.group
                or doubted.placed_ms != self.from_ms
                or (trusted := group.weigh(doubted.values, sample)) is None
                or (group.stuck_ms and doubted.is_stuck(trusted, time_ms))
            ):
                return False
            # The last, as what is quiet has been heard.
            if not alerts.is_quiet(self.type_key, self.device, sample, self.placed.placement, time_ms):
                return False
        except Exception:  # noqa: BLE001 - nothing has changed; the general way meets it again, and gives it its name
            return False
        if trusted is not None:
            if doubted.since_ms:
                doubted.note_same(trusted, time_ms)
            doubted.values, doubted.time_ms = trusted, time_ms
        names = memory.sets.names[number]
        values = payload if len(payload) <= KEPT_BYTES else tuple([getattr(sample, name) for name in names])
        memory.advance(time_ms, digest, number, values)
        # Newer than all before, so heard later than all before, unless its clock is ahead of ours.
        memory.heard_ms = time_ms if time_ms <= received_ms else max(memory.heard_ms, received_ms)
        placed = self.placed
        prefix = (placed.simulated_prefix if simulated else placed.prefix) or placed.find_prefix(simulated=simulated)
        batch.drafts.append((prefix, sample, (received_ms - time_ms) / 1000, time_ms))
        batch.marks.append(_mark(Mark, (self.device, time_ms, digest, names, _NEW, message.packet_id or 0)))
        return True

    def _adapt(self, payload: bytes) -> tuple[Sampled, int]:
        """Return what a payload says that has other fields than the last one; from now on those are expected.

        Raises:
            ValueError: It is not sure what it says, or which of its fields may be doubtful.
        """
        found, number = self.samplers.take(payload)
        sampler = self.samplers.find(number)
        if sampler is not None:
            self.sample, self.number = sampler, number
            if self.doubted is not UNDOUBTED:
                self.group = self.doubted.doubted.find(self.memory.sets.names[number])
        elif self.doubted is not UNDOUBTED:
            raise ValueError("its fields are of too many kinds to have a group each")
        return found, number


def make_lane(
    route: Route, memory: Memory, limits: Limits, samplers: Samplers, doubted: DeviceDoubt | None
) -> Lane | None:
    """Return the Lane of a Route; None where each message needs the general way.

    That is where the time is not the Device's own, where the Device was last placed at another site, and where what it
    tells is kept apart: so the others need not look which database a line is for.
    """
    placed = route.placed[0]
    if not route.has_clock or placed.placement.site != route.site or route.device_type.is_apart:
        return None
    return Lane(
        topic_digest=digest_topic(route.topic),
        samplers=samplers,
        sample=samplers.whole,
        number=samplers.whole_number,
        device=route.device.id,
        type_key=route.device.type_key,
        memory=memory.recall(route.device.id),
        placed=placed,
        from_ms=placed.placement.from_ms,
        to_ms=placed.placement.to_ms,
        ahead_ms=route.ahead_ms,
        most_bytes=limits.max_payload_bytes,
        accept_simulated=limits.accept_simulated,
        doubted=UNDOUBTED if doubted is None else doubted,
        group=None if doubted is None else doubted.doubted.find(route.device_type.fields),
    )
