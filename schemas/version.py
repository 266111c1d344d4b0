"""Versions of a DeviceType: version 1 of ``indoor_climate`` has that key, version 2 has ``indoor_climate_v2``.

A version is a DeviceType by itself, with its own file, JSON Schema and measurement: points of two versions are never
in one series, and devices of both are installed side by side.
"""

import re

_NUMBERED = re.compile(r"(.+)_v([2-9]|[1-9][0-9]+)")
_LOOKS_NUMBERED = re.compile(r".*_[vV][0-9]+")


def split_key(key: str) -> tuple[str, int]:
    """Return name and version of a DeviceType's key; a key that has no version's ending is version 1."""
    match = _NUMBERED.fullmatch(key)
    return (key, 1) if match is None else (match[1], int(match[2]))


def join_key(name: str, version: int) -> str:
    """Return the key of a version of a DeviceType."""
    return name if version == 1 else f"{name}_v{version}"


def is_misnumbered(key: str) -> bool:
    """Whether a key ends like a version's and is none: ``_v1``, ``_v02``, ``_V2``."""
    return split_key(key)[1] == 1 and _LOOKS_NUMBERED.fullmatch(key) is not None
