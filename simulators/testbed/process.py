"""A server program as a child of this one: started, waited for, stopped, and never left behind.

- The program gets a session of its own: Ctrl-C in the terminal reaches us, and we decide who stops when.
- The program dies with its parent, also when the parent is killed (PR_SET_PDEATHSIG, set by ``setpriv``).
- It is signalled by its own process id only, and its output is appended to a file of its own.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.02


class ProgramError(Exception):
    """A program is missing, did not start, or ended on its own; the message shows its last lines."""


def find_program(name: str, package: str) -> str:
    """Return the path of a program, also where Debian hides it from ordinary users.

    Args:
        name: For example ``mosquitto``.
        package: The Debian package that has it.

    Raises:
        ProgramError: When it is not installed.
    """
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    path = shutil.which(name, path=search)
    if path is None:
        raise ProgramError(f"The program {name} is not installed; run deploy/install, or apt-get install {package}.")
    return path


class Program:
    """A program that may be started and stopped again and again, with the same command."""

    def __init__(
        self, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Describe the program; nothing runs yet.

        Args:
            command: Path of the program and its arguments.
            folder: Where it runs.
            log: Gets what it prints, appended.
            environment: Variables added to ours.
        """
        self.log = log
        self._command = tuple(command)
        self._folder = folder
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    @property
    def exit_code(self) -> int | None:
        """What it ended with the last time, minus the signal's number where one ended it; None before and while."""
        return None if self._process is None else self._process.returncode

    async def start(self, is_ready: Callable[[], Awaitable[bool]], *, deadline_s: float = 20.0) -> None:
        """Start the program and return when it is ready.

        Args:
            is_ready: Asked every 20 ms.
            deadline_s: Seconds that it may take.

        Raises:
            ProgramError: When it runs already, cannot be started, ends, or is not ready in time.
        """
        if self.pid is not None:
            raise ProgramError(f"{self._command[0]} runs already, as process {self.pid}.")
        setpriv = find_program("setpriv", "util-linux")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(setpriv, "--pdeathsig", "TERM", "--", *self._command),
                cwd=self._folder,
                env=os.environ | self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            await self.wait_until(is_ready, "get ready", deadline_s=deadline_s)
        except BaseException:
            await self.kill()
            raise

    async def wait_until(self, holds: Callable[[], Awaitable[bool]], what: str, *, deadline_s: float) -> None:
        """Return when a condition of the running program holds.

        Args:
            holds: Asked every 20 ms.
            what: What it means, after "did not".
            deadline_s: Seconds that it may take.

        Raises:
            ProgramError: When the program ends, or the time is up.
        """
        try:
            async with asyncio.timeout(deadline_s):
                while not await holds():
                    if self.pid is None:
                        raise ProgramError(self._describe(f"did not {what}: it ended"))
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise ProgramError(self._describe(f"did not {what} within {deadline_s:g} s")) from error

    async def stop(self, *, deadline_s: float = 20.0) -> None:
        """Ask the program to end (SIGTERM) and wait; kill it when it has not ended in time."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(deadline_s):
                await process.wait()
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End the program without warning (SIGKILL) and wait until it is gone."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.kill()
        await process.wait()

    def hang_up(self) -> None:
        """Send SIGHUP, which makes a server read its configuration again.

        Raises:
            ProgramError: When the program does not run.
        """
        if self._process is None or self._process.returncode is not None:
            raise ProgramError(self._describe("does not run"))
        self._process.send_signal(signal.SIGHUP)

    def count_in_log(self, text: str) -> int:
        """Return how often a text stands in what the program printed so far."""
        return self._read_log().count(text)

    def _read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _describe(self, what: str) -> str:
        lines = self._read_log().splitlines()
        return "\n".join([f"{self._command[0]} {what}; the end of {self.log}:", *lines[-15:]])


async def accepts_connections(host: str, port: int) -> bool:
    """Return whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        return False
    return True
