"""Server: what the servers of the testbed have in common."""

from abc import ABC, abstractmethod
from pathlib import Path

from simulators.testbed.process import Program


class Server(ABC):
    """A program that knows when it is ready, and that keeps its address and its data over restarts.

    Args:
        program: Not started yet.
        drain_s: Seconds that it may take to stop in order.
    """

    def __init__(self, program: Program, *, drain_s: float = 20.0) -> None:
        self._program = program
        self._drain_s = drain_s

    @property
    def log(self) -> Path:
        """What it prints."""
        return self._program.log

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        return self._program.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with the last time, minus the signal's number where one ended it; None before and while."""
        return self._program.exit_code

    @abstractmethod
    async def start(self) -> None:
        """Start it, with what it held when it stopped, and return when it is ready.

        Raises:
            ProgramError: When it does not come up.
        """

    async def stop(self) -> None:
        """Stop it in order (SIGTERM): it saves what it holds."""
        await self._program.stop(deadline_s=self._drain_s)

    async def restart(self) -> None:
        """Stop in order and start again.

        Raises:
            ProgramError: When it does not come up.
        """
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """Kill it (SIGKILL): it saves nothing."""
        await self._program.kill()
