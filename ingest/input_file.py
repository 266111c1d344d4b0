"""What a command reads: a file that is named, or standard input, never without an end."""

import sys
from pathlib import Path
from typing import BinaryIO

from ingest.printed_table import format_bytes
from ingest.request import WrongRequestError

STANDARD_INPUT = "-"


def read_input(file: Path, most_bytes: int) -> bytes:
    """Return what a file holds.

    Args:
        file: Its name; ``-`` is standard input.
        most_bytes: More is refused: a device such as ``/dev/zero`` never ends.

    Raises:
        WrongRequestError: It cannot be read, or holds more.
    """
    is_standard = str(file) == STANDARD_INPUT
    name = "standard input" if is_standard else str(file)
    try:
        if is_standard:
            data = _open_standard_input().read(most_bytes + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(most_bytes + 1)
    except OSError as error:
        raise WrongRequestError(f"{name} cannot be read ({error.strerror}).") from None
    if len(data) > most_bytes:
        raise WrongRequestError(f"{name} is larger than {format_bytes(most_bytes)}, the most that this command reads.")
    return data


def _open_standard_input() -> BinaryIO:
    # Whoever started the program may have closed it.
    if sys.stdin is None:
        raise WrongRequestError("standard input is closed; name a file.")
    return sys.stdin.buffer
