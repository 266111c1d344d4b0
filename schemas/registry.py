"""A folder as a registry: the file's name is the key, the folder is walked, no list is edited.

A file that cannot be imported, or that lacks the expected name, is an error that says which file; it is never skipped.
"""

import importlib
import pkgutil
from collections.abc import Collection
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


class RegistryError(Exception):
    """A file of a registry folder is broken."""


def load_registry(package: ModuleType, name: str, kind: type[T], *, leave_out: Collection[str] = ()) -> dict[str, T]:
    """Import every module of a package and collect one object from each.

    Args:
        package: The folder, for example ``devices``.
        name: The module-level name that each file defines, for example ``DEVICE_TYPE``.
        kind: What that object must be an instance of.
        leave_out: Files that define something else.

    Returns:
        Objects by the name of their file, sorted by it.

    Raises:
        RegistryError: A file cannot be imported, or does not define ``name`` as a ``kind``.
    """
    found: dict[str, T] = {}
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if entry.name in leave_out:
            continue
        place = f"{package.__name__}/{entry.name}.py"
        try:
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
        except Exception as error:
            raise RegistryError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error
        value = getattr(module, name, None)
        if not isinstance(value, kind):
            raise RegistryError(f"{place} must define {name} as a {kind.__name__}")
        found[entry.name] = value
    return found
