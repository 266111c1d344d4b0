"""Capacity: how much room there is for readings that wait, and for how long it lasts. Pure: figures in, figures out.

Two places hold readings while InfluxDB is away: the store, up to ``store.most_bytes``, and then, when the store takes
no more, the broker's memory. How long both last follows from how fast readings come now.

Rates are those of the last ``WINDOW_S`` seconds, so that a single busy second does not make the figures jump.
"""

from collections import deque
from typing import NamedTuple

WINDOW_S = 60.0
"""Seconds over which a rate is taken."""
SHORTEST_S = 3.0
"""Seconds that must have been seen before there is a rate at all."""
BROKER_MESSAGE_BYTES = 400
"""Memory that Mosquitto takes for a message that waits, beside its payload: 390 measured on 2.0.11, by
``tests.benchmarks.broker_queue``, and a little for longer topics."""
PROMPT_S = 10.0
"""While the oldest line is younger than this the writer keeps up, and what is in the outbox is only on its way."""
HOUR_S = 3600.0


class Counted(NamedTuple):
    """Counters of a collector at a moment; they only grow.

    Attributes:
        messages: That were received.
        payload_bytes: Of those.
        lines: That were committed.
        disk_bytes: That those lines take in the outbox.
        gone: Lines that left the outbox.
    """

    messages: int = 0
    payload_bytes: int = 0
    lines: int = 0
    disk_bytes: int = 0
    gone: int = 0


class Flow(NamedTuple):
    """What ``Counted`` counts, per second."""

    messages: float = 0.0
    payload_bytes: float = 0.0
    lines: float = 0.0
    disk_bytes: float = 0.0
    gone: float = 0.0


class Meter:
    """Counters to rates, over a sliding window."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Counted]] = deque()
        self._flow: Flow | None = None
        self._is_paused = False

    def add(self, now_s: float, counted: Counted) -> None:
        """Take note of the counters.

        Args:
            now_s: Seconds on a clock that is never set.
            counted: As they stand then.
        """
        if self._is_paused:
            self._seen.clear()
            self._is_paused = False
        self._seen.append((now_s, counted))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - WINDOW_S:  # noqa: PLR2004 - a rate needs two
            self._seen.popleft()
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        span_s = last_s - first_s
        if span_s >= SHORTEST_S:
            self._flow = Flow._make((after - before) / span_s for before, after in zip(first, last, strict=True))

    def pause(self) -> None:
        """Say that the counters cannot grow now: the rates stay, and are taken anew after this."""
        self._is_paused = True

    def flow(self) -> Flow | None:
        """Return the rates; None while too little has been seen."""
        return self._flow


class Room(NamedTuple):
    """What there is for readings that wait.

    Attributes:
        used_bytes: Of the store.
        most_bytes: At which the store takes no more.
        disk_free_bytes: Of the disk that the store is on.
        broker_bytes: Memory that the broker's host can spare.
        is_held: The store takes nothing at this moment.
    """

    used_bytes: int
    most_bytes: int
    disk_free_bytes: int
    broker_bytes: int
    is_held: bool = False

    @property
    def left_bytes(self) -> int:
        """What the store can still take, by its own bound and by its disk."""
        return 0 if self.is_held else max(0, min(self.most_bytes - self.used_bytes, self.disk_free_bytes))


class Capacity(NamedTuple):
    """How long the room lasts.

    Attributes:
        drain_per_s: Lines that leave the outbox, per second.
        empty_in_s: Seconds until the outbox is empty; None when it does not shrink.
        store_hours: Hours that the store lasts if nothing leaves it from now on; None when nothing comes.
        broker_hours: Hours that the broker's memory lasts after that; likewise.
    """

    drain_per_s: float
    empty_in_s: float | None
    store_hours: float | None
    broker_hours: float | None

    @property
    def hours(self) -> float | None:
        """Hours until readings are lost if InfluxDB went away now; None when nothing comes."""
        if self.store_hours is None or self.broker_hours is None:
            return None
        return self.store_hours + self.broker_hours


def state_capacity(room: Room, arriving: Flow | None, passing: Flow | None, lines: int, age_s: float) -> Capacity:
    """Return how long the room lasts at the present rates.

    Args:
        room: What there is.
        arriving: Rates while readings were taken; None when they are not known.
        passing: Rates of the last minute, whatever happened; None when they are not known.
        lines: That wait in the outbox.
        age_s: Seconds that the oldest of them has waited.
    """
    store_hours = broker_hours = None
    if arriving is not None and arriving.messages > 0:
        per_s = arriving.payload_bytes + BROKER_MESSAGE_BYTES * arriving.messages
        broker_hours = room.broker_bytes / per_s / HOUR_S
        store_hours = 0.0 if room.is_held else _divide(room.left_bytes, arriving.disk_bytes)
    drain_per_s = 0.0 if passing is None else passing.gone
    shrinks_per_s = drain_per_s if passing is None or age_s < PROMPT_S else drain_per_s - passing.lines
    empty_in_s = 0.0 if not lines else _divide(lines, shrinks_per_s, 1.0)
    return Capacity(drain_per_s, empty_in_s, store_hours, broker_hours)


def _divide(amount: float, per_s: float, unit_s: float = HOUR_S) -> float | None:
    return amount / per_s / unit_s if per_s > 0 else None
