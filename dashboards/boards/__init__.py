"""Boards, one file each: the file's name is the board's key and the name of its JSON.

A file defines ``BOARD``. To add a board, add a file and run ``deploy/generate.py``; its queries are run by a test.
"""

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from dashboards.board import Board
from schemas.registry import load_registry


@functools.cache
def load_boards() -> Mapping[str, Board]:
    """Return every Board by its key.

    Raises:
        RegistryError: A file of this folder is broken.
    """
    return MappingProxyType(load_registry(sys.modules[__name__], "BOARD", Board))
