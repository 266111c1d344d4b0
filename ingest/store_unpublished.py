"""Rows of the table ``unpublished``: transitions on their way to the broker; the caller has the transaction.

A row is kept for a while after the broker has it, under the number of its seal (see ``ingest.alert_publisher``): a
broker that is killed may lose what it took last.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.rule import AlertPhase, Change, Severity, Transition

_COLUMNS = 11
"""Members of a Transition that a row has: all but whether it is kept apart."""


class Unpublished(NamedTuple):
    """A transition that the broker does not have yet.

    Attributes:
        id: Grows with time.
        transition: What to publish.
        tries: How often publishing it was begun: above 0 the broker may have it already.
    """

    id: int
    transition: Transition
    tries: int = 0


def add_unpublished(connection: sqlite3.Connection, transitions: Iterable[Transition]) -> None:
    """Remember transitions until they are published; what is kept apart never is, for many may hear."""
    connection.executemany(
        "INSERT INTO unpublished "
        "(device, site, zone, rule, phase, time_ms, since_ms, value, simulated, severity, change) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [one[:_COLUMNS] for one in transitions if not one.is_apart],
    )


def read_unpublished(connection: sqlite3.Connection) -> list[Unpublished]:
    """Return the transitions that are not published, in order."""
    rows = connection.execute(
        "SELECT id, tries, device, site, zone, rule, phase, time_ms, since_ms, value, simulated, severity, change "
        "FROM unpublished WHERE published = 0 ORDER BY id"
    )
    found: list[Unpublished] = []
    for row_id, tries, *placed, phase, time_ms, since_ms, value, simulated, severity, change in rows:
        try:
            kinds = AlertPhase(phase), Severity(severity), Change(change)
        except ValueError:
            continue  # damaged, or of a later version
        transition = Transition._make((*placed, kinds[0], time_ms, since_ms, value, bool(simulated), *kinds[1:], False))
        found.append(Unpublished(row_id, transition, tries))
    return found


def begin_publishing(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Take note that these are about to be sent; return how many of them had been begun before."""
    repeated = [
        tries
        for one in ids
        for (tries,) in connection.execute(
            "UPDATE unpublished SET tries = tries + 1 WHERE id = ? RETURNING tries", (one,)
        ).fetchall()
        if tries > 1
    ]
    return len(repeated)


def mark_published(connection: sqlite3.Connection, ids: Sequence[int], seal: int) -> None:
    """Take note that the broker has these, behind a seal, which is above 0."""
    connection.executemany("UPDATE unpublished SET published = ? WHERE id = ?", [(seal, one) for one in ids])


def read_seals(connection: sqlite3.Connection) -> list[int]:
    """Return the seals of the published rows, the oldest first."""
    rows = connection.execute("SELECT DISTINCT published FROM unpublished WHERE published > 0 ORDER BY published")
    return [seal for (seal,) in rows]


def reseal(connection: sqlite3.Connection, seals: Sequence[int], seal: int) -> int:
    """Let what lies behind some seals lie behind another, or, for 0, be published again; return how many rows."""
    changed = [
        connection.execute("UPDATE unpublished SET published = ? WHERE published = ?", (seal, one)) for one in seals
    ]
    return sum(one.rowcount for one in changed)


def forget_published(connection: sqlite3.Connection, seals: Sequence[int]) -> None:
    """Remove the rows behind some seals."""
    connection.executemany("DELETE FROM unpublished WHERE published = ?", [(one,) for one in seals if one])
