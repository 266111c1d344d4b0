"""Disturbances, one file each: the file's name is the key of what goes wrong.

A file defines ``DISTURBANCE``. To try something else, add a file; the fast tests, the whole run and the soak find it.
"""

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from schemas.registry import load_registry
from simulators.trials.disturbance import Disturbance


@functools.cache
def load_disturbances() -> Mapping[str, Disturbance]:
    """Return every Disturbance by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    return MappingProxyType(load_registry(sys.modules[__name__], "DISTURBANCE", Disturbance))
