"""Witness: asks the database again and again for the readings of the first device, and notes when each is there."""

import asyncio
import time

from simulators.bench.load import TYPE, name_device
from simulators.testbed.influxd import Influxd, quote_name, quote_text

ASK_S = 0.02
SELECT = f"SELECT seq FROM {quote_name(TYPE)} WHERE device = {quote_text(name_device(0))}"  # noqa: S608 - our own names
COUNT = f"SELECT count(seq) FROM {quote_name(TYPE)}"  # noqa: S608 - likewise


class Witness:
    """What can be queried of one device.

    Args:
        influxd: Asked.
        database: In it.

    Attributes:
        seen_ns: When each sequence number was first in an answer, monotonic.
    """

    def __init__(self, influxd: Influxd, database: str) -> None:
        self.seen_ns: dict[int, int] = {}
        self._influxd = influxd
        self._database = database
        self._next_seq: int | None = None
        self._since_ms = 0

    async def watch(self) -> None:
        """Ask every 20 ms, one question at a time, until cancelled."""
        while True:
            begun_s = time.monotonic()
            await self._ask()
            await asyncio.sleep(max(0.0, begun_s + ASK_S - time.monotonic()))

    async def wait_seen(self, seq: int, patience_s: float) -> None:
        """Return when a sequence number is there, or when nothing new has come for so many seconds."""
        count, since_s = 0, time.monotonic()
        while seq not in self.seen_ns and time.monotonic() - since_s < patience_s:
            if len(self.seen_ns) > count:
                count, since_s = len(self.seen_ns), time.monotonic()
            await asyncio.sleep(ASK_S)

    async def _ask(self) -> None:
        """Ask for what comes after the last reading before which none is missing: later ones may be there first."""
        answer = await self._influxd.query(f"{SELECT} AND time > {self._since_ms}ms", self._database)
        now_ns = time.monotonic_ns()
        for time_ms, seq in (row for series in answer for row in series.rows):
            number = int(seq)
            self.seen_ns.setdefault(number, now_ns)
            if self._next_seq is None or number == self._next_seq:
                self._since_ms, self._next_seq = time_ms, number + 1


async def count_stored(influxd: Influxd, database: str) -> int:
    """Return how many readings the database has."""
    answer = await influxd.query(COUNT, database)
    return int(answer[0].rows[0][1]) if answer else 0
