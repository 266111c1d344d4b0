"""The quarantine's rows: added, evicted by quota, read, revised, released, discarded, expired.

The caller has the transaction.

Invariants:
    - ``quarantined = held + reprocessed + discarded + expired``: each is a move, and no entry leaves otherwise.
    - Nothing expires by age that was not announced before (``ingest.store_announced``).
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
from ingest.store_announced import DAY_MS, announce_expiry
from ingest.store_groups import change_groups, sum_bytes
from ingest.store_rows import add_counts, find_reason, read_reasons
from ingest.target import Target
from schemas.reason import Level, Reason

CHUNK = 1_000
"""Rows read at a time: a long read would keep SQLite from emptying its write-ahead log."""
CHUNK_BYTES = 1024**2
"""No more rows are read at a time when their payloads have so many bytes."""
PIECE = 500
"""Rows removed at a time: commits of readings wait for a transaction that removes."""
EVICTED_AT_ONCE = 100
"""Entries taken from the largest group before it is asked again which one is the largest."""
ROW_BYTES = 256
"""What an entry takes beside its texts and its payload: numbers, hash and indexes."""

_HIGHEST_ID = 2**63 - 1
_LEVELS = frozenset(Level)
_COLUMNS = (
    "received_ms, level, reason, topic, device, detail, payload, length, sha256, retain, part, given_ms, fields, "
    "schema, target"
)


class Expired(NamedTuple):
    """What one call of ``expire`` removed.

    Attributes:
        by_age: Entries older than the settings keep them.
        by_quota: Entries of groups that hold too many, or of the largest, because all together take too much room.
        is_done: Whether nothing more is to be removed now.
    """

    by_age: int
    by_quota: int
    is_done: bool


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
        f"INSERT INTO quarantine (sender, bytes, {_COLUMNS}) "  # noqa: S608 - names of columns
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(sender, size, *_list_cells(one)) for sender, size, one in rows],
    )
    came = Counter((sender, str(one.reason)) for sender, _, one in rows)
    held = change_groups(connection, ((sender, size, one.reason) for sender, size, one in rows), 1)
    add_counts(connection, "move", [("quarantined", len(rows))])
    # As much as came may go, and as much again: so room is made as fast as it is taken, and a quota that was lowered
    # does not end in one long transaction.
    expired = sum(
        _remove_oldest(connection, *group, min(entries - quotas.most_entries_each, 2 * came[group]))
        for group, entries in held.items()
        if entries > quotas.most_entries_each
    )
    expired += _make_room(connection, quotas.most_bytes, 2 * sum(size for _, size, _ in rows))
    add_counts(connection, "move", [("expired", expired)])
    return expired


def count_quarantined(connection: sqlite3.Connection) -> Counter[Reason]:
    """Return how many entries the quarantine holds, by Reason."""
    return read_reasons(connection, "quarantine")


def read_quarantine(
    connection: sqlite3.Connection,
    where: Filter = EVERYTHING,
    after_id: int | None = None,
    limit: int = CHUNK,
    *,
    newest_first: bool = False,
) -> list[QuarantineRow]:
    """Return entries in order of their id, fewer than there are when their payloads have ``CHUNK_BYTES``.

    Args:
        connection: To the store.
        where: Which are meant.
        after_id: Entries up to this one, in that order, are left out.
        limit: Most entries.
        newest_first: Whether the order is the other way round.
    """
    condition, values = where.where
    step, order = ("id < ?", "DESC") if newest_first else ("id > ?", "ASC")
    start = after_id if after_id is not None else _HIGHEST_ID if newest_first else 0
    cursor = connection.execute(
        f"SELECT id, {_COLUMNS} FROM quarantine WHERE {condition} AND {step} ORDER BY id {order} LIMIT ?",  # noqa: S608 - the values are parameters
        (*values, start, limit),
    )
    rows: list[QuarantineRow] = []
    size = 0
    for row in map(_make_row, cursor):
        rows.append(row)
        size += len(row.quarantined.payload)
        if size >= CHUNK_BYTES:
            break
    cursor.close()
    return rows


def iterate_quarantine(
    connection: sqlite3.Connection,
    where: Filter = EVERYTHING,
    after_id: int | None = None,
    *,
    newest_first: bool = False,
) -> Iterator[QuarantineRow]:
    """Yield entries as ``read_quarantine`` does, read in pieces, with those that come behind while reading."""
    while rows := read_quarantine(connection, where, after_id, newest_first=newest_first):
        yield from rows
        after_id = rows[-1].id


def find_ids(connection: sqlite3.Connection, where: Filter, after_id: int, limit: int) -> tuple[int, ...]:
    """Return the ids of the next entries behind an id, at most so many; no payload is looked at."""
    condition, values = where.where
    rows = connection.execute(
        f"SELECT id FROM quarantine WHERE {condition} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608 - the values are parameters
        (*values, after_id, limit),
    )
    return tuple(row_id for (row_id,) in rows.fetchall())


def find_newest(connection: sqlite3.Connection) -> int:
    """Return the id of the newest entry; 0 where there is none."""
    newest: int = connection.execute("SELECT coalesce(max(id), 0) FROM quarantine").fetchone()[0]
    return newest


def release_entries(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Quarantined]:
    """Take out entries that were reprocessed with success, and return them.

    One that has left by now is passed over: it is counted as what it left as.
    """
    gone = [row for one in ids for row in _delete(connection, "id = ?", (one,), f"sender, bytes, id, {_COLUMNS}")]
    change_groups(connection, ((row[0], row[1], row[5]) for row in gone), -1)
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
            (sender, size, *_list_cells(one), entry_id),
        )
        change_groups(connection, [before], -1)
        change_groups(connection, [(sender, size, one.reason)], 1)


def discard_entries(connection: sqlite3.Connection, where: Filter, limit: int = PIECE) -> int:
    """Remove entries that a person gives up; return how many, fewer than the limit when none is left."""
    condition, values = where.where
    gone = _delete(
        connection,
        f"id IN (SELECT id FROM quarantine WHERE {condition} LIMIT ?)",  # noqa: S608 - the values are parameters
        (*values, limit),
    )
    change_groups(connection, gone, -1)
    add_counts(connection, "move", [("discarded", len(gone))])
    return len(gone)


def expire_entries(connection: sqlite3.Connection, now_ms: int, quotas: Quarantine, limit: int = PIECE) -> Expired:
    """Remove what is too old or too much, a bounded piece at a time; call again until it is done.

    What will be too old is announced by the same call, so it is to be called more often than once an hour.
    """
    too_old = _take_old(connection, now_ms, quotas.days, limit)
    change_groups(connection, too_old, -1)
    too_many = _trim_group(connection, quotas.most_entries_each, limit)
    too_much = _make_room(connection, quotas.most_bytes, limit * ROW_BYTES)
    add_counts(connection, "move", [("expired", len(too_old) + too_many + too_much)])
    is_within = not too_many and (not too_much or sum_bytes(connection) <= quotas.most_bytes)
    return Expired(len(too_old), too_many + too_much, is_done=len(too_old) < limit and is_within)


def _take_old(connection: sqlite3.Connection, now_ms: int, days: int, limit: int) -> list[Any]:
    """Remove the oldest of what is too old, and was announced to be, at most so many; return sender, bytes, reason."""
    announced = announce_expiry(connection, now_ms, days)
    if announced is None:
        return []
    return _delete(
        connection,
        "id IN (SELECT id FROM quarantine WHERE received_ms < ? AND id <= ? ORDER BY received_ms LIMIT ?)",
        (min(now_ms - days * DAY_MS, announced.before_ms), announced.up_to_id, limit),
    )


def _trim_group(connection: sqlite3.Connection, most_entries: int, limit: int) -> int:
    """Remove the oldest of the group of the most entries, if it holds too many; return how many were removed."""
    fullest = connection.execute(
        "SELECT sender, reason, entries FROM quarantine_groups WHERE entries > ? ORDER BY entries DESC LIMIT 1",
        (most_entries,),
    ).fetchone()
    if fullest is None:
        return 0
    sender, reason, entries = fullest
    return _remove_oldest(connection, sender, reason, min(entries - most_entries, limit))


def _make_room(connection: sqlite3.Connection, most_bytes: int, limit_bytes: int) -> int:
    """Remove the oldest of the largest groups until all take at most so much; return how many were removed.

    Args:
        connection: To the store.
        most_bytes: What all may take.
        limit_bytes: What one call may remove, about.
    """
    removed = 0
    stop_at = max(most_bytes, sum_bytes(connection) - limit_bytes)
    while sum_bytes(connection) > stop_at:
        largest = connection.execute(
            "SELECT sender, reason, bytes / entries FROM quarantine_groups ORDER BY bytes DESC LIMIT 1"
        ).fetchone()
        if largest is None:
            break
        sender, reason, each = largest
        excess = -(-(sum_bytes(connection) - stop_at) // each)
        gone = _remove_oldest(connection, sender, reason, min(excess, EVICTED_AT_ONCE))
        if not gone:
            break  # sums that do not agree with the rows must not hold the store up for ever
        removed += gone
    return removed


def _remove_oldest(connection: sqlite3.Connection, sender: str, reason: str, count: int) -> int:
    gone = _delete(
        connection,
        "id IN (SELECT id FROM quarantine WHERE sender = ? AND reason = ? ORDER BY id LIMIT ?)",
        (sender, reason, count),
    )
    change_groups(connection, gone, -1)
    return len(gone)


def _delete(
    connection: sqlite3.Connection, condition: str, values: Sequence[int | str], columns: str = "sender, bytes, reason"
) -> list[Any]:
    statement = f"DELETE FROM quarantine WHERE {condition} RETURNING {columns}"  # noqa: S608 - the values are parameters
    return connection.execute(statement, values).fetchall()


def _weigh(one: Quarantined) -> int:
    texts = len(one.topic) + len(one.detail) + len(one.schema) + sum(map(len, one.fields))
    return ROW_BYTES + len(one.payload) + texts


def _list_cells(one: Quarantined) -> tuple[object, ...]:
    """Return the values of ``_COLUMNS``."""
    *cells, names, schema, target = one
    return *cells, _write_names(names), schema, target


def _write_names(names: tuple[str, ...]) -> str:
    return to_json(names).decode() if names else ""


def _make_row(row: Sequence[Any]) -> QuarantineRow:
    row_id, received_ms, level, reason, *rest, retain, part, given_ms, names, schema, target = row
    known_level = Level(level) if level in _LEVELS else Level.MESSAGE
    kept = Quarantined(received_ms, known_level, find_reason(reason), *rest)
    kept = kept._replace(retain=bool(retain), part=part, given_ms=given_ms, fields=_read_names(names))
    return QuarantineRow(row_id, kept._replace(schema=schema, target=Target(target)))


def _read_names(names: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, from_json(names))) if names else ()
    except (TypeError, ValueError):
        return ()  # damaged on disk; without names nothing of the field is added
