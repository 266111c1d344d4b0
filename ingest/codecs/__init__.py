"""Codecs: payload bytes to plain values and event time. One file a format; they know formats, not devices.

``native`` defines ``CODEC``, the platform's own format, which it also writes. Every other file defines ``FORMAT``: the
format of a Source. Any bytes at all are understood or raise ``CodecError``, nothing else; tests hold every file to it.
"""

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from ingest.source import Format, Source
from schemas.registry import load_registry

NATIVE = "native"
"""Key of the platform's own format."""


@functools.cache
def load_formats() -> Mapping[str, Format]:
    """Return every Format of a Source by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    found = load_registry(sys.modules[__name__], "FORMAT", Format, leave_out=(NATIVE,))
    return MappingProxyType(found)


def list_filters(source: Source) -> list[str]:
    """Return the topic filters of a Source, as its Format has them."""
    return [*load_formats()[source.format_key].list_filters(source)]
