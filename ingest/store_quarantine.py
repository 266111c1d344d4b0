"""The quarantine's rows: added, evicted by quota, read, revised, released, discarded, expired.

The caller has the transaction.

Invariants:
    - ``quarantined = held + reprocessed + discarded + expired``: each is a move, and no entry leaves otherwise.
    - Entries of one sender and one reason are a group. A group that is full loses its own oldest; where all together
      take too much room the largest group loses its oldest. So a flood of one poison evicts itself, not what can be
      repaired.
    - No call takes longer because more entries are held: counts and bytes are kept per group, and every way in is an
      index. Only what a person asks for by topic, level or time may look at every row.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from ingest.batch import Quarantined, QuarantineRow
from ingest.quarantine_filter import EVERYTHING, Filter
from ingest.settings import Quarantine
from ingest.store_rows import add_counts, read_counts
from schemas.reason import Level, Reason

CHUNK = 1_000
"""Rows read at a time: a long read would keep SQLite from emptying its write-ahead log."""
PIECE = 500
"""Rows removed at a time: commits of readings wait for a transaction that removes."""
EVICTED_AT_ONCE = 100
"""Entries taken from the largest group before it is asked again which one is the largest."""
ROW_BYTES = 256
"""What an entry takes beside its texts and its payload: numbers, hash and indexes."""
ANNOUNCED_SHARE = 0.8
"""A quota that is used so far is announced."""
SHOWN_GROUPS = 20
DAY_MS = 86_400_000

_COLUMNS = "received_ms, level, reason, topic, device, detail, payload, length, sha256, retain, part, given_ms, fields"


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


class Expired(NamedTuple):
    """What one call of ``expire`` removed.

    Attributes:
        by_age: Entries older than the settings keep them.
        by_bytes: Entries of the largest groups, because all together take too much room.
        is_done: Whether nothing more is to be removed now.
    """

    by_age: int
    by_bytes: int
    is_done: bool


class Quotas(NamedTuple):
    """How far the quarantine's quotas are used.

    Attributes:
        full_groups: Groups that hold ``ANNOUNCED_SHARE`` of the most entries each or more, the largest first, at most
            ``SHOWN_GROUPS``.
        bytes: What all entries take.
        most_bytes: What they may take.
        first_expires_ms: When the oldest entry expires by age, milliseconds since 1970 in UTC; None when there is none.
    """

    full_groups: tuple[Group, ...]
    bytes: int
    most_bytes: int
    first_expires_ms: int | None

    @property
    def share(self) -> float:
        """The part of the bytes that is used; 1 is full."""
        return self.bytes / self.most_bytes


def find_sender(device: str, topic: str) -> str:
    """Return who an entry is counted for: the device, or the topic's last level but one, where its account stands.

    Not the whole topic where no device is known: whoever may publish under one name would have a group for each site
    that it invents. A topic without levels is its own sender; a line's is empty when it is none of a device.
    """
    if device:
        return device
    levels = topic.rsplit("/", 2)
    return levels[-2] if len(levels) > 1 else topic


def add_quarantined(connection: sqlite3.Connection, quarantined: Iterable[Quarantined], quotas: Quarantine) -> int:
    """Put refused payloads or lines in the quarantine; return how many older ones expired to make room."""
    rows = [(find_sender(one.device, one.topic), _weigh(one), one) for one in quarantined]
    if not rows:
        return 0
    connection.executemany(
        f"INSERT INTO quarantine (sender, bytes, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - names of columns
        [(sender, size, *one[:-1], _write_names(one.fields)) for sender, size, one in rows],
    )
    held = _change_groups(connection, ((sender, size, one.reason) for sender, size, one in rows), 1)
    expired = 0
    for (sender, reason), entries in held.items():
        if entries > quotas.most_entries_each:
            expired += _remove_oldest(connection, sender, reason, entries - quotas.most_entries_each)
    add_counts(connection, "move", [("quarantined", len(rows))])
    # As much as came may go, and a little more: so room is made as fast as it is taken, and a bound that was lowered
    # does not end in one long transaction.
    expired += _make_room(connection, quotas.most_bytes, 2 * sum(size for _, size, _ in rows))
    add_counts(connection, "move", [("expired", expired)])
    return expired


def count_quarantined(connection: sqlite3.Connection) -> Counter[Reason]:
    """Return how many entries the quarantine holds, by Reason."""
    return Counter({Reason(name): count for name, count in read_counts(connection, "quarantine").items() if count})


def read_quarantine(
    connection: sqlite3.Connection, where: Filter = EVERYTHING, after_id: int = 0, limit: int = CHUNK
) -> list[QuarantineRow]:
    """Return entries in order of their id.

    Args:
        connection: To the store.
        where: Which are meant.
        after_id: Entries up to this one are left out.
        limit: Most entries.
    """
    condition, values = where.where
    rows = connection.execute(
        f"SELECT id, {_COLUMNS} FROM quarantine WHERE {condition} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608 - the values are parameters
        (*values, after_id, limit),
    )
    return [_make_row(row) for row in rows.fetchall()]


def iterate_quarantine(
    connection: sqlite3.Connection, where: Filter = EVERYTHING, after_id: int = 0
) -> Iterator[QuarantineRow]:
    """Yield entries in order of their id, read in pieces, those that come while reading included."""
    while rows := read_quarantine(connection, where, after_id):
        yield from rows
        after_id = rows[-1].id


def release_entries(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Quarantined]:
    """Take out entries that were reprocessed with success, and return them.

    One that has left by now is passed over: it is counted as what it left as.
    """
    gone = [row for one in ids for row in _delete(connection, "id = ?", (one,), f"sender, bytes, id, {_COLUMNS}")]
    _change_groups(connection, ((row[0], row[1], row[5]) for row in gone), -1)
    add_counts(connection, "move", [("reprocessed", len(gone))])
    return [_make_row(row[2:]).quarantined for row in gone]


def revise_entries(connection: sqlite3.Connection, revised: Mapping[int, Quarantined]) -> None:
    """Set entries to what they are after reprocessing; one that has left by now is passed over."""
    names = ", ".join(f"{name} = ?" for name in ("sender", "bytes", *_COLUMNS.split(", ")))
    for entry_id, one in revised.items():
        sender, size = find_sender(one.device, one.topic), _weigh(one)
        before = connection.execute("SELECT sender, bytes, reason FROM quarantine WHERE id = ?", (entry_id,)).fetchone()
        if before is None:
            continue
        connection.execute(
            f"UPDATE quarantine SET {names} WHERE id = ?",  # noqa: S608 - names of columns
            (sender, size, *one[:-1], _write_names(one.fields), entry_id),
        )
        _change_groups(connection, [before], -1)
        _change_groups(connection, [(sender, size, one.reason)], 1)


def discard_entries(connection: sqlite3.Connection, where: Filter, limit: int = PIECE) -> int:
    """Remove entries that a person gives up; return how many, fewer than the limit when none is left."""
    condition, values = where.where
    gone = _delete(
        connection,
        f"id IN (SELECT id FROM quarantine WHERE {condition} LIMIT ?)",  # noqa: S608 - the values are parameters
        (*values, limit),
    )
    _change_groups(connection, gone, -1)
    add_counts(connection, "move", [("discarded", len(gone))])
    return len(gone)


def expire_entries(connection: sqlite3.Connection, now_ms: int, quotas: Quarantine, limit: int = PIECE) -> Expired:
    """Remove what is too old or too much, a bounded piece at a time; call again until it is done."""
    too_old = _delete(
        connection,
        "id IN (SELECT id FROM quarantine WHERE received_ms < ? ORDER BY received_ms LIMIT ?)",
        (now_ms - quotas.days * DAY_MS, limit),
    )
    _change_groups(connection, too_old, -1)
    by_bytes = _make_room(connection, quotas.most_bytes, limit * ROW_BYTES)
    add_counts(connection, "move", [("expired", len(too_old) + by_bytes)])
    is_done = len(too_old) < limit and (not by_bytes or _sum_bytes(connection) <= quotas.most_bytes)
    return Expired(len(too_old), by_bytes, is_done)


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
    return [Group(sender, Reason(reason), *rest) for sender, reason, *rest in rows]


def measure_quotas(connection: sqlite3.Connection, quotas: Quarantine) -> Quotas:
    """Return how far the quotas are used; quick, however much is held."""
    full = connection.execute(
        "SELECT sender, reason, entries, bytes FROM quarantine_groups WHERE entries >= ? ORDER BY entries DESC LIMIT ?",
        (ANNOUNCED_SHARE * quotas.most_entries_each, SHOWN_GROUPS),
    ).fetchall()
    oldest = connection.execute("SELECT min(received_ms) FROM quarantine").fetchone()[0]
    return Quotas(
        full_groups=tuple(_make_group(connection, *row) for row in full),
        bytes=_sum_bytes(connection),
        most_bytes=quotas.most_bytes,
        first_expires_ms=None if oldest is None else oldest + quotas.days * DAY_MS,
    )


def _make_group(connection: sqlite3.Connection, sender: str, reason: str, entries: int, size: int) -> Group:
    first, last = (
        connection.execute(
            f"SELECT received_ms FROM quarantine WHERE sender = ? AND reason = ? ORDER BY id {order} LIMIT 1",  # noqa: S608 - one of two words
            (sender, reason),
        ).fetchone()[0]
        for order in ("ASC", "DESC")
    )
    return Group(sender, Reason(reason), entries, size, first, last)


def _make_room(connection: sqlite3.Connection, most_bytes: int, limit_bytes: int) -> int:
    """Remove the oldest of the largest groups until all take at most so much; return how many were removed.

    Args:
        connection: To the store.
        most_bytes: What all may take.
        limit_bytes: What one call may remove, about.
    """
    removed = 0
    stop_at = max(most_bytes, _sum_bytes(connection) - limit_bytes)
    while _sum_bytes(connection) > stop_at:
        largest = connection.execute(
            "SELECT sender, reason, bytes / entries FROM quarantine_groups ORDER BY bytes DESC LIMIT 1"
        ).fetchone()
        if largest is None:
            break
        sender, reason, each = largest
        excess = -(-(_sum_bytes(connection) - stop_at) // each)
        removed += _remove_oldest(connection, sender, reason, min(excess, EVICTED_AT_ONCE))
    return removed


def _remove_oldest(connection: sqlite3.Connection, sender: str, reason: str, count: int) -> int:
    gone = _delete(
        connection,
        "id IN (SELECT id FROM quarantine WHERE sender = ? AND reason = ? ORDER BY id LIMIT ?)",
        (sender, reason, count),
    )
    _change_groups(connection, gone, -1)
    return len(gone)


def _delete(
    connection: sqlite3.Connection, condition: str, values: Sequence[int | str], columns: str = "sender, bytes, reason"
) -> list[Any]:
    statement = f"DELETE FROM quarantine WHERE {condition} RETURNING {columns}"  # noqa: S608 - the values are parameters
    return connection.execute(statement, values).fetchall()


def _change_groups(
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


def _sum_bytes(connection: sqlite3.Connection) -> int:
    return read_counts(connection, "quarantine_bytes").get("held", 0)


def _weigh(one: Quarantined) -> int:
    texts = len(one.topic) + len(one.detail) + sum(map(len, one.fields))
    return ROW_BYTES + len(one.payload) + texts


def _write_names(names: tuple[str, ...]) -> str:
    return to_json(names).decode() if names else ""


def _make_row(row: Sequence[Any]) -> QuarantineRow:
    row_id, received_ms, level, reason, *rest, retain, part, given_ms, names = row
    kept = Quarantined(received_ms, Level(level), Reason(reason), *rest)
    known = tuple(from_json(names)) if names else ()
    return QuarantineRow(row_id, kept._replace(retain=bool(retain), part=part, given_ms=given_ms, fields=known))
