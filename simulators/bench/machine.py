"""Machine: what a benchmark ran on, so that its figures can be compared with others."""

import asyncio
import json
import os
import platform
import re
import timeit
from dataclasses import dataclass
from pathlib import Path

from simulators.bench.load import PAYLOAD
from simulators.testbed.process import find_program

ROOT = Path(__file__).parents[2]
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_LOADS, _TRIES = 200, 50
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Processor and programs.

    Attributes:
        processor: Its model.
        cores: Those that we may use.
        kernel: Version.
        python: Version.
        mosquitto: Version.
        influxdb: Version.
        json_us: Microseconds that ``json.loads`` takes for a payload of the load. The speed of a machine that others
            share differs by half from hour to hour: figures can be compared where this is about the same.
    """

    processor: str
    cores: int
    kernel: str
    python: str
    mosquitto: str
    influxdb: str
    json_us: float


async def describe_machine() -> Machine:
    """Return what this is.

    Raises:
        ProgramError: A server is not installed.
    """
    return Machine(
        processor=_read_model(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        mosquitto=_find_version(await _run(find_program("mosquitto", "mosquitto"), "-h")),
        influxdb=_find_version(await _run(find_program("influxd", "influxdb"), "version")),
        json_us=await asyncio.to_thread(_measure_json),
    )


async def find_commit() -> str | None:
    """Return the commit of this checkout, with ``-dirty`` where files differ from it; None where there is none."""
    try:
        # It may look at what others are about to change, and changes nothing itself.
        said = await _run(
            "git", "--no-optional-locks", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"
        )
    except FileNotFoundError:
        return None
    return said.strip() or None


def _read_model() -> str:
    try:
        found = _MODEL.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def _measure_json() -> float:
    """Return the best of many tries, so that what else runs at the moment does not count."""
    text = PAYLOAD.replace(b"#", b"1")
    tries = timeit.repeat(lambda: json.loads(text), number=_LOADS, repeat=_TRIES)
    return min(tries) / _LOADS * 1e6


def _find_version(said: str) -> str:
    found = _VERSION.search(said)
    return found[0] if found else "unknown"


async def _run(*command: str) -> str:
    """Return what a program prints; how it ends does not matter: Mosquitto calls its help a failure."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")
