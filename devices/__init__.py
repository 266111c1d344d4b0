"""Device types, one file each: the file's name is the type's key and its InfluxDB measurement.

A file defines ``DEVICE_TYPE``. To add a type, add a file; its examples are run, its JSON Schema is exported. To change
one so that it breaks what was committed, add its next version: ``<type>_v2.py``.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from schemas.compatibility import find_version_faults
from schemas.device_type import DeviceType
from schemas.registry import RegistryError, load_registry


@functools.cache
def load_device_types() -> Mapping[str, DeviceType]:
    """Return every DeviceType by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    return read_device_types(sys.modules[__name__])


def read_device_types(package: ModuleType) -> Mapping[str, DeviceType]:
    """Return every DeviceType of a folder by its key.

    Raises:
        RegistryError: A file is broken, or the versions of a type do not follow one another.
    """
    found = load_registry(package, "DEVICE_TYPE", DeviceType)
    types = {key: dataclasses.replace(value, key=key) for key, value in found.items()}
    if faults := find_version_faults(types):
        raise RegistryError("; ".join(faults))
    return MappingProxyType(types)
