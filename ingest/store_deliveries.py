"""Rows of the tables ``deliveries`` and ``tellings``: messages that must arrive. The caller has the transaction.

Invariants:
    - A key is there once, whatever becomes of its row: planning twice adds nothing.
    - ``waiting -> delivered`` or ``waiting -> dead``; only a person brings one back from ``dead``.
    - A word on disk that was damaged there hides nothing: it is read as what people look at first.
    - From the beginning of a try until its end is known a row is in doubt. Begun again, it may arrive twice; that is
      counted.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

from pydantic_core import to_json

from ingest.incidents.incident import Step, StepKind
from ingest.notify.delivery import Delivery, DeliveryState, Stage, StageKind, Telling
from ingest.store_rows import add_counts
from schemas.rule import Severity

TABLE = """
CREATE TABLE deliveries (       -- see ingest.notify.delivery.Delivery and ingest.store_deliveries
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    route TEXT NOT NULL,
    contact TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    first_try_ms INTEGER,
    in_doubt INTEGER NOT NULL DEFAULT 0, -- 1 while a try is begun of which nobody knows how it ended
    state TEXT NOT NULL DEFAULT 'waiting',
    error TEXT NOT NULL DEFAULT '',
    delivered_ms INTEGER
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (contact, id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_age ON deliveries (created_ms);

CREATE TABLE tellings (         -- of which incidents a delivery tells, and as what
    delivery INTEGER NOT NULL,
    incident INTEGER NOT NULL,
    stage TEXT NOT NULL,
    PRIMARY KEY (incident, delivery, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX tellings_by_delivery ON tellings (delivery);
"""

DELIVERY_REPEATED = "delivery_repeated"
"""Name of the event in the store's counts: a message may have arrived twice."""

_SEVERITIES = frozenset(Severity)
_STATES = frozenset(DeliveryState)
_COLUMNS = (
    "d.id, d.key, d.route, d.contact, d.severity, d.title, d.body, d.created_ms, d.due_ms, d.tries, d.first_try_ms, "
    "d.state, d.error, d.delivered_ms"
)


def add_deliveries(connection: sqlite3.Connection, deliveries: Iterable[Delivery]) -> int:
    """Add messages, without those whose key is there already; return how many were added."""
    added = 0
    for one in deliveries:
        row = connection.execute(
            "INSERT INTO deliveries (key, route, contact, severity, title, body, created_ms, due_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING id",
            (one.key, one.route, one.contact, one.severity, one.title, one.body, one.created_ms, one.due_ms),
        ).fetchone()
        if row is None:
            continue
        added += 1
        connection.executemany(
            "INSERT INTO tellings (delivery, incident, stage) VALUES (?, ?, ?)",
            [(row[0], telling.incident, str(telling.stage)) for telling in one.tellings],
        )
    return added


def read_told(connection: sqlite3.Connection, incidents: Collection[int], since_ms: int) -> list[Delivery]:
    """Return the messages that tell of some incidents, and those planned from a moment on; what planning looks at."""
    return _read(
        connection,
        "d.id IN (SELECT delivery FROM tellings WHERE incident IN (SELECT value FROM json_each(?))) "
        "OR d.created_ms >= ?",
        (to_json(list(incidents)).decode(), since_ms),
    )


def read_untold(connection: sqlite3.Connection) -> list[Step]:
    """Return what was written down of what nobody is told, of the incidents that are not closed."""
    rows = connection.execute(
        "SELECT incident, time_ms, author, text FROM steps WHERE kind = ? "
        "AND incident IN (SELECT id FROM incidents WHERE closed_ms IS NULL) ORDER BY id",
        (StepKind.UNTOLD,),
    )
    return [Step(incident, time_ms, StepKind.UNTOLD, author, text) for incident, time_ms, author, text in rows]


def find_due_contacts(connection: sqlite3.Connection, now_ms: int) -> list[str]:
    """Return the keys of the contacts to which a message is due."""
    rows = connection.execute(
        "SELECT DISTINCT contact FROM deliveries WHERE state = 'waiting' AND due_ms <= ? ORDER BY contact", (now_ms,)
    )
    return [contact for (contact,) in rows]


def read_waiting(connection: sqlite3.Connection, contact: str, limit: int) -> list[Delivery]:
    """Return what waits for a Contact, the oldest first, due or not; at most so many."""
    where = "d.id IN (SELECT id FROM deliveries WHERE contact = ? AND state = 'waiting' ORDER BY id LIMIT ?)"
    return _read(connection, where, (contact, limit))


def read_deliveries(
    connection: sqlite3.Connection, states: Collection[DeliveryState], after_id: int = 0, limit: int = 100
) -> list[Delivery]:
    """Return messages in some states for people to see, in order of their ids, at most so many.

    Args:
        connection: To the store.
        states: Which.
        after_id: Messages up to this one are left out.
        limit: Most messages.
    """
    where = (
        "d.id IN (SELECT id FROM deliveries WHERE state IN (SELECT value FROM json_each(?)) AND id > ? "
        "ORDER BY id LIMIT ?)"
    )
    return _read(connection, where, (to_json(list(states)).decode(), after_id, limit))


def count_deliveries(connection: sqlite3.Connection) -> dict[DeliveryState, int]:
    """Return how many messages are in each state."""
    rows = connection.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
    return dict.fromkeys(DeliveryState, 0) | {DeliveryState(state): count for state, count in rows if state in _STATES}


def count_failing(connection: sqlite3.Connection) -> int:
    """Return how many messages wait although they were tried twice or more."""
    count: int = connection.execute(
        "SELECT count(*) FROM deliveries WHERE state = 'waiting' AND tries >= 2 AND in_doubt = 0"
    ).fetchone()[0]
    return count


def begin_delivery(connection: sqlite3.Connection, delivery: int, now_ms: int) -> None:
    """Take note that a message is about to be sent; count it where it may have arrived before."""
    row = connection.execute("SELECT in_doubt FROM deliveries WHERE id = ?", (delivery,)).fetchone()
    connection.execute(
        "UPDATE deliveries SET tries = tries + 1, in_doubt = 1, first_try_ms = coalesce(first_try_ms, ?) WHERE id = ?",
        (now_ms, delivery),
    )
    if row is not None and row[0]:
        add_counts(connection, "event", [(DELIVERY_REPEATED, 1)])


def mark_delivered(connection: sqlite3.Connection, delivery: int, now_ms: int) -> Delivery | None:
    """Take note that a message arrived, and return it; None where it is no longer there."""
    connection.execute(
        "UPDATE deliveries SET state = 'delivered', delivered_ms = ?, in_doubt = 0, error = '' WHERE id = ?",
        (now_ms, delivery),
    )
    return _find(connection, delivery)


def postpone_delivery(
    connection: sqlite3.Connection, delivery: int, due_ms: int, error: str, *, in_doubt: bool
) -> None:
    """Have a message tried again later.

    Args:
        connection: To the store.
        delivery: Id.
        due_ms: Not before then.
        error: Why it did not arrive, without secrets.
        in_doubt: Whether it may have arrived all the same.
    """
    connection.execute(
        "UPDATE deliveries SET due_ms = ?, error = ?, in_doubt = ? WHERE id = ? AND state = 'waiting'",
        (due_ms, error, int(in_doubt), delivery),
    )


def postpone_contact(connection: sqlite3.Connection, contact: str, due_ms: int) -> None:
    """Have nothing that waits for a Contact tried before a moment: it cannot be reached."""
    connection.execute(
        "UPDATE deliveries SET due_ms = ? WHERE contact = ? AND state = 'waiting' AND due_ms < ?",
        (due_ms, contact, due_ms),
    )


def bury_delivery(connection: sqlite3.Connection, delivery: int, error: str, *, in_doubt: bool) -> Delivery | None:
    """Give a message up, and return it; None where it is no longer there. The arguments are those of postponing."""
    connection.execute(
        "UPDATE deliveries SET state = 'dead', error = ?, in_doubt = ? WHERE id = ? AND state = 'waiting'",
        (error, int(in_doubt), delivery),
    )
    return _find(connection, delivery)


def retry_delivery(connection: sqlite3.Connection, delivery: int, now_ms: int) -> bool:
    """Have a message that was given up tried again, with all its time; return whether there was one."""
    row = connection.execute(
        "UPDATE deliveries SET state = 'waiting', due_ms = ?, first_try_ms = NULL "
        "WHERE id = ? AND state = 'dead' RETURNING id",
        (now_ms, delivery),
    ).fetchone()
    return row is not None


def forget_deliveries(connection: sqlite3.Connection, before_ms: int, open_incidents: Collection[int]) -> int:
    """Remove messages that are old and wait no longer; return how many.

    Args:
        connection: To the store.
        before_ms: Older ones go.
        open_incidents: What tells of one of them stays: planning must know it.
    """
    gone = connection.execute(
        "DELETE FROM deliveries WHERE created_ms < ? AND state != 'waiting' AND id NOT IN "
        "(SELECT delivery FROM tellings WHERE incident IN (SELECT value FROM json_each(?))) RETURNING id",
        (before_ms, to_json(list(open_incidents)).decode()),
    ).fetchall()
    connection.executemany("DELETE FROM tellings WHERE delivery = ?", gone)
    return len(gone)


def _find(connection: sqlite3.Connection, delivery: int) -> Delivery | None:
    return next(iter(_read(connection, "d.id = ?", (delivery,))), None)


def _read(connection: sqlite3.Connection, where: str, values: Sequence[int | str]) -> list[Delivery]:
    rows = connection.execute(
        f"SELECT {_COLUMNS}, t.incident, t.stage FROM deliveries d JOIN tellings t ON t.delivery = d.id "  # noqa: S608 - the values are parameters
        f"WHERE {where} ORDER BY d.id, t.incident, t.stage",
        values,
    ).fetchall()
    return [_make_delivery(list(group)) for _, group in groupby(rows, key=lambda row: row[0])]


def _make_delivery(rows: Sequence[Any]) -> Delivery:
    """Return the Delivery of its rows, one a Telling."""
    (
        row_id, key, route, contact, severity, title, body, created_ms, due_ms, tries, first_try_ms,
        state, error, delivered_ms, *_,
    ) = rows[0]  # fmt: skip
    return Delivery(
        key=key,
        route=route,
        contact=contact,
        tellings=tuple(Telling(incident, _parse_stage(stage)) for *_, incident, stage in rows),
        severity=Severity(severity) if severity in _SEVERITIES else Severity.CRITICAL,
        title=title,
        body=body,
        created_ms=created_ms,
        due_ms=due_ms,
        id=row_id,
        tries=tries,
        first_try_ms=first_try_ms,
        state=DeliveryState(state) if state in _STATES else DeliveryState.DEAD,
        error=error,
        delivered_ms=delivered_ms,
    )


def _parse_stage(text: str) -> Stage:
    try:
        return Stage.parse(text)
    except ValueError:
        return Stage(StageKind.FIRST, Severity.CRITICAL)
