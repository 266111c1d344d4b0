"""Models: products and what they call the fields of a DeviceType, one file each; the file's name is the key.

A file defines ``MODEL``. To add a product, add a file; its examples are run. Besides, each DeviceType has a Model for
what calls its fields by their own names, see ``ingest.plain_model``.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from devices import load_device_types
from ingest.model import Model
from ingest.plain_model import make_plain_models
from schemas.registry import load_registry


@functools.cache
def load_models() -> Mapping[str, Model]:
    """Return every Model by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    found = load_registry(sys.modules[__name__], "MODEL", Model)
    products = {key: dataclasses.replace(value, key=key) for key, value in found.items()}
    return MappingProxyType(products | make_plain_models(load_device_types()))
