"""A small disk of one's own that can be full: a tmpfs, and a file that takes all the room that is left."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.testbed.process import ProgramError, find_program

BALLAST = "ballast"
BLOCK_BYTES = 64 * 1024


class SmallDisk:
    """A mounted disk; see ``mount_small_disk``.

    Args:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Take all the room that is left."""
        with (self.folder / BALLAST).open("ab", buffering=0) as ballast:
            for size in (BLOCK_BYTES, 4096):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        """Give the room back."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """Room that is left."""
        return shutil.disk_usage(self.folder).free


def explain_no_disk() -> str:
    """Return why no disk can be mounted here; nothing when it can, as far as one knows without trying."""
    return "" if os.geteuid() == 0 else "a small disk needs the right to mount: run as root, or under `unshare -rm`"


@asynccontextmanager
async def mount_small_disk(folder: Path, size_bytes: int) -> AsyncIterator[SmallDisk]:
    """Mount a disk of so many bytes until the block ends.

    Args:
        folder: Where; made when it is missing.
        size_bytes: Its size.

    Raises:
        ProgramError: It cannot be mounted.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    await _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        await _run("umount", "--lazy", str(folder))


async def _run(*command: str) -> None:
    program = find_program(command[0], "mount")
    process = await asyncio.create_subprocess_exec(program, *command[1:], stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    if process.returncode:
        raise ProgramError(f"{' '.join(command)} failed: {said.decode(errors='replace').strip()}")
