"""Announcements of expiry by age: what people were told of, and when. The caller has the transaction.

The clock alone does not say what is old. A collector whose clock was far behind when it started would find, once it is
put right, all that came in between ages old; one that was away for weeks would take out what nobody was told of. So
what is soon too old is announced, each time by a time of receipt and by the newest id, and only what was announced
``AHEAD_DAYS`` before expires. What came after an announcement is none of its entries, whatever time of receipt it has.
"""

import sqlite3
from typing import NamedTuple

from ingest.store_rows import read_counts, set_count

AHEAD_DAYS = 7
"""How long before it expires an entry is announced; as long as it is kept at all where that is less."""
EVERY_MS = 3_600_000
DAY_MS = 86_400_000

_BEFORE, _UP_TO = "expires_before", "expires_up_to"


class Announced(NamedTuple):
    """Entries whose expiry was announced.

    Attributes:
        made_ms: When, milliseconds since 1970 in UTC.
        before_ms: Those that were received earlier than this,
        up_to_id: and that were there then.
    """

    made_ms: int
    before_ms: int
    up_to_id: int


def announce_expiry(connection: sqlite3.Connection, now_ms: int, days: int) -> Announced | None:
    """Announce what is soon too old, if it is time to, and return what was announced long enough ago; None for nothing.

    Args:
        connection: To the store.
        now_ms: Milliseconds since 1970 in UTC.
        days: After which an entry expires.
    """
    ahead_ms = _measure_ahead(days)
    made = read_announced(connection)
    due = [one for one in made if one.made_ms + ahead_ms <= now_ms]
    coming = [one for one in made if one.made_ms + ahead_ms > now_ms]
    # Those of a time to come were made by a clock that was ahead.
    for one in (*due[:-1], *(one for one in coming if one.made_ms > now_ms)):
        connection.execute("DELETE FROM counts WHERE kind IN (?, ?) AND name = ?", (_BEFORE, _UP_TO, str(one.made_ms)))
    newest_ms = max((one.made_ms for one in made if one.made_ms <= now_ms), default=None)
    if newest_ms is None or newest_ms + EVERY_MS <= now_ms:
        newest_id = connection.execute("SELECT coalesce(max(id), 0) FROM quarantine").fetchone()[0]
        set_count(connection, _BEFORE, str(now_ms), now_ms - days * DAY_MS + ahead_ms)
        set_count(connection, _UP_TO, str(now_ms), newest_id)
    return due[-1] if due else None


def find_first_expiry(connection: sqlite3.Connection, days: int) -> int | None:
    """Return when the entry received first expires by age, milliseconds since 1970 in UTC; None when there is none."""
    oldest = connection.execute("SELECT id, received_ms FROM quarantine ORDER BY received_ms LIMIT 1").fetchone()
    if oldest is None:
        return None
    entry_id, received_ms = oldest
    too_old_ms: int = received_ms + days * DAY_MS
    made = read_announced(connection)
    if not made:
        return too_old_ms
    told = (one.made_ms for one in made if entry_id <= one.up_to_id and received_ms < one.before_ms)
    return max(too_old_ms, next(told, made[-1].made_ms + EVERY_MS) + _measure_ahead(days))


def read_announced(connection: sqlite3.Connection) -> list[Announced]:
    """Return the announcements, the oldest first."""
    before, up_to = read_counts(connection, _BEFORE), read_counts(connection, _UP_TO)
    return sorted(Announced(int(name), before_ms, up_to.get(name, 0)) for name, before_ms in before.items())


def _measure_ahead(days: int) -> int:
    return min(AHEAD_DAYS, days) * DAY_MS
