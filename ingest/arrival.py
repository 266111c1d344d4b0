"""Arrival: a message of a known Device, and the time that is given to what has none of its own."""

from typing import NamedTuple

from ingest.batch import Batch, Mark, Point, Quarantined
from ingest.codec import Fields, Observation
from ingest.duplicate import Novelty, find_novelty
from ingest.memory import DeviceMemory
from ingest.message import Message
from ingest.route import Route

SET_BACK_MS = 60_000
"""The collector's clock was set back when a message is received so much earlier than the one before it."""


class Arrival(NamedTuple):
    """A message of a known Device.

    Attributes:
        message: As it came.
        route: Of its topic.
        memory: What is remembered of its Device.
        digest: Checksum of the payload; of one with refused fields, of what is left when it is stripped; of a LoRaWAN
            uplink, of which one it is.
        kept: The quarantine's entry that it comes from; None for what the broker delivers.
        keeps_payload: Whether the quarantine may hold the payload.
    """

    message: Message
    route: Route
    memory: DeviceMemory
    digest: int
    kept: Quarantined | None
    keeps_payload: bool = True


class Candidate(NamedTuple):
    """An Observation that may become a reading.

    Attributes:
        arrival: The message that it came in.
        part: Its index in the payload; of a message of a Source see ``ingest.bound_device``.
        observation: What the payload says, checked.
        time_ms: Event time in milliseconds, the Device's or one that was given to it.
    """

    arrival: Arrival
    part: int
    observation: Observation
    time_ms: int


def compare(arrival: Arrival, time_ms: int, fields: Fields) -> Novelty | None:
    """Return what is new in a reading that is not newer than its device's newest; None for a duplicate."""
    if arrival.route.has_clock or arrival.kept is not None:
        return find_novelty(arrival.memory, time_ms, fields, arrival.digest, arrival.route.read)
    # The collector's own clock was set back; from here on this time is the newest.
    arrival.memory.newest_ms = None
    return Novelty(fields, (), Point.LATE)


def choose_time(arrival: Arrival, part: int, observation: Observation) -> int:
    """Return the event time in milliseconds."""
    if observation.time_ms is not None and arrival.route.has_clock:
        return observation.time_ms
    return give_time(arrival, part)


def give_time(arrival: Arrival, part: int) -> int:
    """Return a time for a payload without one.

    Two readings received in one millisecond are two readings: the later gets the next millisecond, however many come.
    Only where the collector's own clock was set back does time go back, or it would stay wrong for as long.
    """
    memory, received_ms, kept = arrival.memory, arrival.message.received_ms, arrival.kept
    if kept is None:
        newest_ms = memory.newest_ms
        if newest_ms is None or received_ms < min(newest_ms, memory.heard_ms) - SET_BACK_MS:
            return received_ms
        return max(received_ms, newest_ms + 1)
    if kept.given_ms is not None and part == (kept.part or 0):
        return kept.given_ms
    # It came before its device was known. What is older than this run was given other times, so one is looked for.
    time_ms = received_ms
    if received_ms <= memory.again_ms < received_ms + SET_BACK_MS:
        time_ms = memory.again_ms + 1
    while memory.is_given(time_ms):
        time_ms += 1
    memory.again_ms = time_ms
    return time_ms


def hold_time(arrival: Arrival, time_ms: int, batch: Batch) -> int | None:
    """Let a refused payload without a time of its own have the one it was given, and return that; else None."""
    if arrival.route.has_clock:
        return None
    if arrival.kept is None and arrival.memory.newest_ms is not None and time_ms <= arrival.memory.newest_ms:
        arrival.memory.newest_ms = None  # as for one that is accepted; see compare
    if arrival.kept is None or arrival.kept.given_ms != time_ms:
        arrival.memory.remember(time_ms, arrival.digest, {}, arrival.route.read)
        batch.marks.append(Mark(arrival.route.device.id, time_ms, arrival.digest))
    return time_ms
