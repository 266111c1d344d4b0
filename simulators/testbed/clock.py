"""A wall clock of one's own for a program: the system's, shifted by so many seconds, changed while the program runs.

A small library stands before the C library's ``clock_gettime`` (LD_PRELOAD). The program is the one that production
runs, without a hook in it. Only the wall clock is shifted; monotonic clocks go on, as when a person or NTP sets the
clock.
"""

import asyncio
import shutil
import struct
from pathlib import Path

from simulators.testbed.process import ProgramError

SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile long long *shift;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    shift = map == MAP_FAILED ? NULL : map;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME && shift) now->tv_sec += *shift;
    return failed;
}
"""


class ShiftedClock:
    """The clock of a program that is started with its ``environment``.

    Args:
        folder: Gets the library and the file with the shift.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._file = self._folder / "shift"
        self._library = self._folder / "clock.so"

    async def build(self) -> None:
        """Build the library.

        Raises:
            ProgramError: There is no C compiler, or it fails.
        """
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        (self._folder / "clock.c").write_text(SOURCE, encoding="utf-8")
        self.shift(0)
        command = ("cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(self._folder / "clock.c"), "-ldl")
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        if process.returncode:
            raise ProgramError(f"cc failed: {said.decode(errors='replace').strip()}")

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the program."""
        return {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(self._file)}

    def shift(self, seconds: int) -> None:
        """Set the clock to the system's plus so many seconds, at once."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


def explain_no_clock() -> str:
    """Return why no clock can be shifted here; nothing when it can."""
    return "" if shutil.which("cc") else "a shifted clock needs a C compiler: apt-get install gcc libc6-dev"
