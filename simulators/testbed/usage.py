"""What a process has used: processor time and memory, as the kernel tells (proc(5))."""

import os
import re
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Fields 14 and 15 of ``stat``, counted after the name."""
_IDLE = slice(3, 5)
"""Idle, and waiting for a disk, in the first line of ``/proc/stat``."""
_COUNTED = 8
"""Guests, which follow, are counted in user already."""
_MEMORY = re.compile(r"^(VmHWM|VmRSS):\s*([0-9]+) kB$", re.MULTILINE)


def read_cpu_s(pid: int) -> float:
    """Return the processor time, user and system, of all threads, to 10 ms.

    Raises:
        OSError: There is no such process.
    """
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(stat[_USER]) + int(stat[_SYSTEM])) / _TICKS_PER_S


def read_peak_mb(pid: int) -> float:
    """Return the most resident memory so far, in 10^6 bytes; 0 of a process that has ended.

    Raises:
        OSError: There is no such process.
    """
    return _read_memory(pid).get("VmHWM", 0) / 1e6


def read_resident_bytes(pid: int) -> int:
    """Return the resident memory of a process.

    Raises:
        OSError: There is no such process.
        LookupError: It has ended.
    """
    return _read_memory(pid)["VmRSS"]


def _read_memory(pid: int) -> dict[str, int]:
    """Return what ``status`` says of a process's memory, in bytes; nothing of one that has ended."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return {name: int(kibibytes) * 1024 for name, kibibytes in _MEMORY.findall(status)}


def read_machine_s() -> tuple[float, float]:
    """Return the processor time that the whole machine has spent working, and in all, by all cores since it started."""
    with Path("/proc/stat").open(encoding="ascii") as file:
        ticks = [int(text) for text in file.readline().split()[1 : _COUNTED + 1]]
    return (sum(ticks) - sum(ticks[_IDLE])) / _TICKS_PER_S, sum(ticks) / _TICKS_PER_S
