"""Marks on disk: what deduplication remembers, packed per batch, never one row a reading.

A batch adds one row, columns of its marks as JSON, deflated. When the loose rows hold ``LOOSE_RATIO`` times what the
snapshot holds, all rows are folded into a new snapshot, so a start reads a bounded number of marks and folding costs
each mark a bounded share.

The fold is what ``ingest.memory`` would remember after all of them: per device the last ``WINDOW`` payloads, and the
one of the newest event time, which must be known though later readings of the past pushed it out of the window; and the
last ``PACKETS`` packet identifiers.
"""

import itertools
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence

from pydantic_core import from_json, to_json

from ingest.batch import Mark
from ingest.memory import PACKET_MARK, PACKETS, WINDOW

PlainMark = tuple[str, int, int, int]
"""A Mark before it is one: device, key, time_ms, digest."""

LOOSE_RATIO = 4
LOOSE_FLOOR = 20_000
"""Loose marks below which folding is not worth its while."""
CHECKED_EVERY = 64
"""Rows between two looks at whether folding is due: counting them costs more than adding one."""


def append_marks(connection: sqlite3.Connection, marks: Sequence[Mark]) -> None:
    """Add a batch's marks within the caller's transaction, and fold all when it is time."""
    if not marks:
        return
    row = connection.execute(
        "INSERT INTO marks (snapshot, count, body) VALUES (0, ?, ?)", (len(marks), pack_marks(marks))
    ).lastrowid
    if row is not None and row % CHECKED_EVERY == 0:
        folded, loose = connection.execute(
            "SELECT total(count) FILTER (WHERE snapshot), total(count) FILTER (WHERE NOT snapshot) FROM marks"
        ).fetchone()
        if loose > max(LOOSE_FLOOR, LOOSE_RATIO * folded):
            fold_rows(connection)


def fold_rows(connection: sqlite3.Connection) -> None:
    """Replace all rows by one snapshot within the caller's transaction."""
    marks = read_marks(connection)
    connection.execute("DELETE FROM marks")
    connection.execute("INSERT INTO marks (snapshot, count, body) VALUES (1, ?, ?)", (len(marks), pack_marks(marks)))


def read_marks(connection: sqlite3.Connection) -> list[Mark]:
    """Return the folded marks, per device the oldest first."""
    rows = connection.execute("SELECT body FROM marks ORDER BY id DESC")
    return fold_marks(itertools.chain.from_iterable(unpack_latest_first(body) for (body,) in rows))


def fold_marks(latest_first: Iterable[PlainMark]) -> list[Mark]:
    """Return what is worth remembering of marks that come in reverse order, turned round again."""
    windows: dict[str, dict[tuple[int, int], PlainMark]] = {}
    newest: dict[str, PlainMark] = {}
    for mark in latest_first:
        device, key, time_ms, digest = mark
        window = windows.get(device)
        if window is None:
            windows[device] = {(key, digest): mark}
            newest[device] = mark
            continue
        if time_ms > newest[device][2]:
            newest[device] = mark
        most = PACKETS if device == PACKET_MARK else WINDOW
        if len(window) < most and (key, digest) not in window:
            window[key, digest] = mark
    return [Mark._make(mark) for device, window in windows.items() for mark in _turn_round(window, newest[device])]


def _turn_round(window: dict[tuple[int, int], PlainMark], newest: PlainMark) -> Iterator[PlainMark]:
    if newest not in window.values():
        yield newest
    yield from reversed(window.values())


def pack_marks(marks: Sequence[Mark]) -> bytes:
    """Return marks as four columns (device, key, time_ms, digest) in JSON, deflated."""
    return zlib.compress(to_json(tuple(zip(*marks, strict=True))), 1)


def unpack_latest_first(body: bytes) -> Iterator[PlainMark]:
    """Yield what ``pack_marks`` packed in reverse order; plain tuples, as most are looked at once and dropped."""
    return zip(*(reversed(column) for column in from_json(zlib.decompress(body))), strict=True)
