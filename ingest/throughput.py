"""Throughput: how fast readings come and go, and for how long there is room for them."""

import time
from collections import deque

from ingest.capacity import Capacity, Counted, Meter, Room, state_capacity
from ingest.collector import Collector
from ingest.mqtt import Broker
from ingest.store_outbox import Depth
from ingest.store_reserve import Usage
from ingest.store_rows import Moves

RATE_S = 5
"""Seconds over which the rates of readings are taken."""


class Throughput:
    """The rates of one collector, measured from call to call: each second.

    Args:
        collector: The one that commits.
        broker: Where messages come from.
        broker_bytes: Memory that the broker's host can spare.
    """

    def __init__(self, collector: Collector, broker: Broker, broker_bytes: int) -> None:
        self._collector = collector
        self._broker = broker
        self._broker_bytes = broker_bytes
        self._seen: deque[tuple[float, int, int]] = deque(maxlen=RATE_S + 1)
        self._arriving, self._passing = Meter(), Meter()

    def measure_rates(self) -> tuple[float, float]:
        """Return how many readings are received, and accepted, per second."""
        ledger = self._collector.ledger
        self._seen.append((time.monotonic(), ledger.received, ledger.accepted))
        (first_s, received, accepted), (last_s, *_) = self._seen[0], self._seen[-1]
        span_s = last_s - first_s
        if span_s <= 0:
            return 0.0, 0.0
        return (ledger.received - received) / span_s, (ledger.accepted - accepted) / span_s

    def measure_capacity(self, depth: Depth, moves: Moves, usage: Usage, age_s: float) -> Capacity:
        """Return how long the room lasts for readings that wait.

        Args:
            depth: Of the outbox.
            moves: What left it so far.
            usage: Of the store.
            age_s: Seconds that the oldest of the outbox has waited.
        """
        now_s, mqtt = time.monotonic(), self._broker.status
        counted = Counted(
            messages=mqtt.received,
            payload_bytes=mqtt.received_bytes,
            lines=self._collector.committed_lines,
            disk_bytes=self._collector.committed_bytes,
            gone=moves.stored + moves.refused_by_database,
        )
        self._passing.add(now_s, counted)
        # While nothing can come, the rate is what it was: that nothing comes says nothing about what would.
        if mqtt.connected and not self._collector.store_error:
            self._arriving.add(now_s, counted)
        else:
            self._arriving.pause()
        room = Room(
            used_bytes=usage.store_bytes,
            most_bytes=usage.most_bytes,
            disk_free_bytes=usage.disk_free_bytes,
            broker_bytes=self._broker_bytes,
            is_held=usage.is_held,
        )
        return state_capacity(room, self._arriving.flow(), self._passing.flow(), depth.lines, age_s)
