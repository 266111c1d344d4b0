"""Unknown devices as people and programs read them. Pure: values in, texts and plain values out."""

from typing import Any

from ingest.discovery import Discovered, Grounds, Guess
from ingest.event_time import format_time
from ingest.local_time import format_local

HEADINGS = ("Id", "Format", "Site", "Product", "May be", "By", "First", "Last", "Entries", "Says")
NUMBERS = ("Entries",)
SHOWN_GUESSES = 3
"""Guesses that people are shown; the rest is counted."""


def render_discovered(found: Discovered) -> tuple[str, ...]:
    """Return the cells of a device, under ``HEADINGS``."""
    times = format_local(found.first_ms), format_local(found.last_ms)
    grounds = "" if found.grounds is Grounds.NONE else str(found.grounds)
    return (
        *(found.id, found.format_key or "?", found.site, found.product),
        *(_render_guesses(found) or f"? {found.note}", grounds, *times, str(found.entries), found.says),
    )


def _render_guesses(found: Discovered) -> str:
    more = f" or {len(found.guesses) - SHOWN_GUESSES} more" if len(found.guesses) > SHOWN_GUESSES else ""
    return " or ".join(map(_render_guess, found.guesses[:SHOWN_GUESSES])) + more


def _render_guess(guess: Guess) -> str:
    return f"{guess.type_key} ({guess.model})" if guess.model else guess.type_key


def to_plain(found: Discovered) -> dict[str, Any]:
    """Return a device as JSON has it."""
    return {
        "id": found.id,
        "source": found.source,
        "address": found.address,
        "format": found.format_key,
        "site": found.site,
        "product": found.product,
        "guesses": [{"type": one.type_key, "model": one.model} for one in found.guesses],
        "grounds": str(found.grounds),
        "first": format_time(found.first_ms),
        "last": format_time(found.last_ms),
        "entries": found.entries,
        "says": found.says,
        "note": found.note,
    }
