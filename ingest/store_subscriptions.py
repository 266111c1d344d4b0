"""Topic filters of Sources that the collector's session at the broker may have, from whatever configuration.

A subscription stays in the session until somebody ends it. What a Source had that is gone, or has other topics now, is
unsubscribed from at the next start, so it is written down before it is subscribed to. It is never struck out: a broker
that went back to what it had saved may have it again, and to unsubscribe from what is not there does no harm.
"""

import sqlite3
from collections.abc import Iterable

from ingest.store_rows import read_counts, set_count

_KIND = "source_filter"


def note_filters(connection: sqlite3.Connection, filters: Iterable[str]) -> None:
    """Write down filters that are about to be subscribed to."""
    for one in filters:
        set_count(connection, _KIND, one, 1)


def read_filters(connection: sqlite3.Connection) -> list[str]:
    """Return every filter that was ever written down."""
    return sorted(read_counts(connection, _KIND))
