"""Stop: how a run is ended in order, and given up when the order takes too long.

The first signal asks for an orderly end, a second one gives up waiting for it.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

DRAIN_S = 15.0
"""How long a run that was told to stop waits for the last answers."""


class Stop:
    """The end of one run, in its event loop: first a drain, and that with a limit."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the run is to end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for the end: nothing new is begun, and what is under way has ``DRAIN_S`` left. Again it does nothing."""
        if not self._asked.is_set():
            self._asked.set()
            self._allow(DRAIN_S)

    def abandon(self) -> None:
        """End at once: what is under way stays undone."""
        self._asked.set()
        self._allow(0.0)

    async def wait(self, seconds: float) -> bool:
        """Wait for so long or until the end is asked for, and return whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._asked.wait()
        return self.is_asked

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Run the block, and cut it short when the time for the drain is up."""
        try:
            async with asyncio.timeout(DRAIN_S if self.is_asked else None) as self._limit:
                yield
        except TimeoutError:
            if self._limit is None or not self._limit.expired():
                raise
        finally:
            self._limit = None

    def _allow(self, seconds: float) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + seconds)


@contextmanager
def stopped_by_signals(stop: Callable[[], None], abandon: Callable[[], None]) -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end what runs in the block, in the present event loop.

    Args:
        stop: Called for the first signal.
        abandon: Called for every further one.
    """
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when the terminal is closed
    calls = [abandon, stop]

    def end() -> None:
        calls[-1]()
        del calls[1:]

    for number in numbers:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
