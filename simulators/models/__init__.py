"""Simulated models, one file each: the file's name is the key of the DeviceType whose readings it makes up.

A file defines ``MODEL``. To simulate another DeviceType, add a file; laws hold every model to its DeviceType's schema
and to the same bytes from the same seed.
"""

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from schemas.registry import load_registry
from simulators.model import Model


@functools.cache
def load_models() -> Mapping[str, Model]:
    """Return every Model by the key of its DeviceType.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    return MappingProxyType(load_registry(sys.modules[__name__], "MODEL", Model))
