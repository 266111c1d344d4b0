"""Names that are called alike: what a person may have meant by one that is not known. Pure."""

import difflib
from collections.abc import Iterable


def offer_near(name: str, known: Iterable[str], most: int = 1) -> str:
    """Return ``did you mean ...?`` with the known names that are called alike; empty where none is.

    Args:
        name: As it was written.
        known: Those that are there.
        most: How many are offered; those that are nearest.
    """
    near = difflib.get_close_matches(name, known, most)
    return f"did you mean {' or '.join(near)}?" if near else ""
