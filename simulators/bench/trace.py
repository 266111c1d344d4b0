"""Trace: when how many readings had passed a point; from two of them, how long each reading took between.

Times are monotonic, in nanoseconds, and comparable between processes of one machine.
"""

import time
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

Steps = NDArray[np.int64]
"""Rows of (time in ns, readings up to then), both growing."""


class Trace:
    """Written while readings pass; one entry for each chunk of them.

    Attributes:
        total: Readings so far.
    """

    def __init__(self) -> None:
        self.total = 0
        self._entries = array("q")

    def note(self, count: int) -> None:
        """Note that so many more readings pass now."""
        if count:
            self.total += count
            self._entries.extend((time.monotonic_ns(), self.total))

    def save(self, file: Path) -> None:
        """Write the entries as an ``.npy`` file; see ``Steps``."""
        np.save(file, np.array(self._entries, dtype=np.int64).reshape(-1, 2))


def load_trace(file: Path) -> Steps:
    """Return the entries that ``Trace.save`` wrote."""
    steps: Steps = np.load(file)
    return steps


def find_times_ns(steps: Steps, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return when each reading passed.

    Args:
        steps: Of one point.
        numbers: Readings, from 0; all of them passed.
    """
    times: NDArray[np.int64] = steps[np.searchsorted(steps[:, 1], numbers, side="right"), 0]
    return times


def measure_waits_ms(begun: Steps, ended: Steps, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many milliseconds passed between two points, for each of the readings that passed both."""
    waits: NDArray[np.float64] = (find_times_ns(ended, numbers) - find_times_ns(begun, numbers)) / NS_PER_MS
    return waits


def find_share(waits_ms: NDArray[np.float64], percent: float) -> float | None:
    """Return what so many percent of the waits do not exceed, in milliseconds; None without any."""
    return float(np.percentile(waits_ms, percent, method="higher")) if len(waits_ms) else None
