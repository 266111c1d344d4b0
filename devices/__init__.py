"""Device types, one file each: the file's name is the type's key and its InfluxDB measurement.

A file defines ``DEVICE_TYPE``. To add a type, add a file; its examples are run, its JSON Schema is exported.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from schemas.device_type import DeviceType
from schemas.registry import load_registry


@functools.cache
def load_device_types() -> Mapping[str, DeviceType]:
    """Return every DeviceType by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    found = load_registry(sys.modules[__name__], "DEVICE_TYPE", DeviceType)
    return MappingProxyType({key: dataclasses.replace(value, key=key) for key, value in found.items()})
