"""The publisher as a process, for whoever orders it; see ``order``."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.bench.order import Publish, Published, Ready, Start, read_line, write_line
from simulators.errors import PublishError

ROOT = Path(__file__).parents[2]
START_S = 30.0
SAVE_S = 60.0


class PublisherProcess:
    """A publisher that is connected.

    Args:
        process: With pipes for its orders and answers.
        log: What it says when it fails.

    Attributes:
        ports: Of its taps.

    Raises:
        PublishError: The process has no pipes.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.ports: tuple[int, ...] = ()
        if process.stdin is None or process.stdout is None:
            raise PublishError("the publisher was started without pipes")
        self._orders, self._answers = process.stdin, process.stdout
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def start(self, start: Start) -> None:
        """Have it connect.

        Raises:
            PublishError: It does not; the message is the end of its log.
        """
        self.ports = tuple(read_line(await self._ask(write_line(start), START_S), Ready).ports)

    async def publish(self, order: Publish, deadline_s: float) -> Published:
        """Have it publish, and return when the broker has acknowledged everything.

        Args:
            order: What.
            deadline_s: Seconds that it may take.

        Raises:
            PublishError: It fails, or the time is up.
        """
        return read_line(await self._ask(write_line(order), deadline_s), Published)

    async def finish(self) -> None:
        """Have it save its traces and end; one that has ended is left in peace.

        Raises:
            PublishError: It fails.
        """
        self._orders.close()
        try:
            async with asyncio.timeout(SAVE_S):
                code = await self._process.wait()
        except TimeoutError:
            raise PublishError("the publisher did not end") from None
        if code:
            raise PublishError(self._describe())

    async def kill(self) -> None:
        """End it, if it has not."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, line: bytes, deadline_s: float) -> bytes:
        try:
            async with asyncio.timeout(deadline_s):
                self._orders.write(line)
                answer = await self._answers.readline()
        except TimeoutError:
            raise PublishError(f"the publisher gave no answer within {deadline_s:g} s") from None
        if not answer:
            await self.kill()
            raise PublishError(self._describe())
        return answer

    def _describe(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"the publisher ended: {lines[-1] if lines else 'it did not say why'}; see {self._log}"


@asynccontextmanager
async def run_publisher(start: Start, folder: Path) -> AsyncIterator[PublisherProcess]:
    """Run a publisher until the block ends; it never outlives it.

    Args:
        start: Its first order.
        folder: Gets its log.

    Raises:
        PublishError: It does not start.
    """
    log = folder / "publisher.log"
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.bench.publisher"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            start_new_session=True,  # Ctrl-C reaches us, and we end it
        )
    publisher = PublisherProcess(process, log)
    try:
        await publisher.start(start)
        yield publisher
    finally:
        await publisher.kill()
