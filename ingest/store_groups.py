"""Groups of the quarantine: what it holds, by sender and Reason, and how far its quotas are used.

A sum for each group stands beside the rows, so that no question takes longer because more is held. The caller has the
transaction, and changes rows and sums together.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ingest.quarantine_filter import EVERYTHING, Filter
from ingest.settings import Quarantine
from ingest.store_announced import find_first_expiry
from ingest.store_rows import add_counts, find_reason, read_counts
from schemas.reason import Reason

ANNOUNCED_SHARE = 0.8
"""A quota that is used so far is announced."""
SHOWN_GROUPS = 20


class Group(NamedTuple):
    """Entries of one sender and one Reason.

    Attributes:
        sender: The device's id, or what stands for it in the topic where no such device is known; see ``find_sender``.
        reason: Why they were refused.
        entries: How many.
        bytes: What they take.
        oldest_ms: When the first of them was received, milliseconds since 1970 in UTC.
        newest_ms: Likewise the last.
    """

    sender: str
    reason: Reason
    entries: int
    bytes: int
    oldest_ms: int
    newest_ms: int


class Quotas(NamedTuple):
    """How far the quarantine's quotas are used.

    Attributes:
        full_groups: Groups that hold ``ANNOUNCED_SHARE`` of the most entries each or more, the largest first, at most
            ``SHOWN_GROUPS``.
        bytes: What all entries take.
        most_bytes: What they may take.
        first_expires_ms: When the entry received first expires by age, milliseconds since 1970 in UTC; None when there
            is none.
    """

    full_groups: tuple[Group, ...]
    bytes: int
    most_bytes: int
    first_expires_ms: int | None

    @property
    def share(self) -> float:
        """The part of the bytes that is used; 1 is full."""
        return self.bytes / self.most_bytes


def list_groups(connection: sqlite3.Connection, where: Filter = EVERYTHING) -> list[Group]:
    """Return the groups of the entries that are meant, the largest first; quick where they are meant as a whole."""
    condition, values = where.where
    if where._replace(reason=None, device=None) == EVERYTHING:
        whole = connection.execute(
            f"SELECT sender, reason, entries, bytes FROM quarantine_groups WHERE {condition} ORDER BY 3 DESC, 1, 2",  # noqa: S608 - the values are parameters
            values,
        )
        return [_make_group(connection, *row) for row in whole.fetchall()]
    rows = connection.execute(
        "SELECT sender, reason, count(*), sum(bytes), min(received_ms), max(received_ms) FROM quarantine "  # noqa: S608 - the values are parameters
        f"WHERE {condition} GROUP BY sender, reason ORDER BY 3 DESC, 1, 2",
        values,
    )
    return [Group(sender, find_reason(reason), *rest) for sender, reason, *rest in rows]


def list_senders(connection: sqlite3.Connection, reason: Reason, source: str | None, limit: int) -> list[Group]:
    """Return the groups of one Reason, those of the most entries first; quick, however much is held.

    Args:
        connection: To the store.
        reason: Why they were refused.
        source: Only those that this Source tells of.
        limit: Most groups.
    """
    # What a Source tells of is its key and the address, with a colon between; a semicolon comes next after a colon.
    first, behind = ("", "\U0010ffff") if source is None else (f"{source}:", f"{source};")
    rows = connection.execute(
        "SELECT sender, reason, entries, bytes FROM quarantine_groups "
        "WHERE reason = ? AND sender >= ? AND sender < ? ORDER BY entries DESC, sender LIMIT ?",
        (reason, first, behind, limit),
    )
    return [_make_group(connection, *row) for row in rows.fetchall()]


def count_senders(connection: sqlite3.Connection, reason: Reason) -> int:
    """Return how many groups of one Reason there are."""
    counted: int = connection.execute("SELECT count(*) FROM quarantine_groups WHERE reason = ?", (reason,)).fetchone()[
        0
    ]
    return counted


def measure_quotas(connection: sqlite3.Connection, quotas: Quarantine) -> Quotas:
    """Return how far the quotas are used; quick, however much is held."""
    full = connection.execute(
        "SELECT sender, reason, entries, bytes FROM quarantine_groups WHERE entries >= ? ORDER BY entries DESC LIMIT ?",
        (ANNOUNCED_SHARE * quotas.most_entries_each, SHOWN_GROUPS),
    ).fetchall()
    return Quotas(
        full_groups=tuple(_make_group(connection, *row) for row in full),
        bytes=sum_bytes(connection),
        most_bytes=quotas.most_bytes,
        first_expires_ms=find_first_expiry(connection, quotas.days),
    )


def _make_group(connection: sqlite3.Connection, sender: str, reason: str, entries: int, size: int) -> Group:
    found = [
        connection.execute(
            f"SELECT received_ms FROM quarantine WHERE sender = ? AND reason = ? ORDER BY id {order} LIMIT 1",  # noqa: S608 - one of two words
            (sender, reason),
        ).fetchone()
        for order in ("ASC", "DESC")
    ]
    # A sum without rows is one that was damaged on disk.
    first_ms, last_ms = (0 if row is None else row[0] for row in found)
    return Group(sender, find_reason(reason), entries, size, first_ms, last_ms)


def change_groups(
    connection: sqlite3.Connection, entries: Iterable[tuple[str, int, str]], sign: int
) -> dict[tuple[str, str], int]:
    """Add entries to their groups, or take them out, and to the counts of their Reasons and of all.

    Args:
        connection: To the store.
        entries: Of each its sender, bytes and Reason.
        sign: 1 for those that came, -1 for those that left.

    Returns:
        How many entries these groups hold now, by sender and Reason.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    reasons = Counter[str]()
    for sender, size, reason in entries:
        groups.setdefault((sender, reason), []).append(size)
        reasons[reason] += sign
    held = {
        group: _change_group(connection, *group, sign * len(sizes), sign * sum(sizes))
        for group, sizes in groups.items()
    }
    add_counts(connection, "quarantine", reasons.items())
    add_counts(connection, "quarantine_bytes", [("held", sign * sum(map(sum, groups.values())))])
    return held


def _change_group(connection: sqlite3.Connection, sender: str, reason: str, entries: int, size: int) -> int:
    held: int = connection.execute(
        "INSERT INTO quarantine_groups (sender, reason, entries, bytes) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (sender, reason) DO UPDATE "
        "SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes RETURNING entries",
        (sender, reason, entries, size),
    ).fetchall()[0][0]
    if held == 0:
        connection.execute("DELETE FROM quarantine_groups WHERE sender = ? AND reason = ?", (sender, reason))
    return held


def sum_bytes(connection: sqlite3.Connection) -> int:
    """Return what all entries take."""
    return read_counts(connection, "quarantine_bytes").get("held", 0)
