"""How writing goes: what stands in the way, how much was written, and how fast. Pure, but for the log."""

import logging
from collections import deque
from typing import NamedTuple

RATE_WINDOW_S = 10.0
REPEATED_EVERY_S = 300.0
"""How often the same trouble is said again while it lasts."""

log = logging.getLogger(__name__)


class WriterState(NamedTuple):
    """How writing goes.

    Attributes:
        error: What stands in the way and what to do about it; empty while all is well.
        needs_person: A person must correct a setting or the server before it can go on.
        failing_since_ms: When it began, milliseconds since 1970 in UTC; None while all is well.
        written_lines: Lines written since the writer began.
        lines_per_s: Over the last ten seconds.
    """

    error: str
    needs_person: bool
    failing_since_ms: int | None
    written_lines: int
    lines_per_s: float


class Trouble:
    """What stands in the way of writing, said aloud when it changes, from time to time, and when it ends.

    Attributes:
        error: What and what to do; empty while all is well.
        needs_person: Only a person can end it.
        since_ms: When it began; None while all is well.
        failures: In a row.

    Args:
        database: Name of the one that is written to, for the log.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self.error = ""
        self.needs_person = False
        self.since_ms: int | None = None
        self.failures = 0
        self._said_s = 0.0

    def note(self, error: str, now_s: float, *, needs_person: bool) -> None:
        """Remember that writing fails."""
        if error != self.error or now_s - self._said_s > REPEATED_EVERY_S:
            log.error(
                "nothing is written to database %s of InfluxDB and all is kept in the outbox: %s", self._database, error
            )
            self._said_s = now_s
        self.error = error
        self.needs_person = needs_person
        if self.since_ms is None:
            self.since_ms = int(now_s * 1000)

    def end(self, now_s: float) -> None:
        """Remember that writing goes well."""
        if self.since_ms is not None:
            log.warning(
                "database %s of InfluxDB takes lines again, after %.0f s", self._database, now_s - self.since_ms / 1000
            )
        self.error = ""
        self.needs_person = False
        self.since_ms = None
        self.failures = 0


class Tally:
    """How many lines were written, and how fast of late.

    Attributes:
        total: Lines ever.
    """

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, lines: int, now_s: float) -> None:
        """Count lines that were written now."""
        self.total += lines
        self._recent.append((now_s, lines))
        self._forget(now_s)

    def rate(self, now_s: float) -> float:
        """Return the lines per second of the last ``RATE_WINDOW_S``."""
        self._forget(now_s)
        return sum(lines for _, lines in self._recent) / RATE_WINDOW_S

    def _forget(self, now_s: float) -> None:
        while self._recent and self._recent[0][0] <= now_s - RATE_WINDOW_S:
            self._recent.popleft()
