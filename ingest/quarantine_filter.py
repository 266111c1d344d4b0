"""Filter: which entries of the quarantine a person means."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.reason import Level, Reason

SqlValue = int | str

_GLOB = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


class Filter(NamedTuple):
    """Which entries are meant; what is not given does not restrict, and an empty Filter means all.

    Attributes:
        ids: Of entries; at most some hundred, each is a parameter of the query.
        reason: Why they were refused.
        device: Id in the inventory, or what the topic has in its place where no such device is known.
        topic: MQTT topic filter of the source: ``+`` stands for one level, a ``#`` at the end for all that follow.
        level: What was refused.
        of_schema: By which device type it was judged: ``indoor_climate/1``, or ``indoor_climate`` for every version.
        from_ms: Received then or later, milliseconds since 1970 in UTC.
        to_ms: Received before then.
        last_id: Of the last entry that is meant: what came after a person looked is not.
    """

    ids: tuple[int, ...] | None = None
    reason: Reason | None = None
    device: str | None = None
    topic: str | None = None
    level: Level | None = None
    of_schema: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    last_id: int | None = None

    @property
    def where(self) -> tuple[str, tuple[SqlValue, ...]]:
        """The condition as SQL over the columns of table ``quarantine``, and its parameters.

        Raises:
            ValueError: The topic filter is none, or mixes ``+`` with ``#``.
        """
        terms = list(self._list_terms())
        if not terms:
            return "1", ()
        return " AND ".join(term for term, _ in terms), tuple(value for _, values in terms for value in values)

    def _list_terms(self) -> Iterator[tuple[str, tuple[SqlValue, ...]]]:
        if self.ids is not None:
            yield f"id IN ({', '.join('?' * len(self.ids))})", self.ids
        for column, value in (("reason", self.reason), ("sender", self.device), ("level", self.level)):
            if value is not None:
                yield f"{column} = ?", (str(value),)
        if self.of_schema is not None:
            is_whole = "/" in self.of_schema
            text = self.of_schema if is_whole else self.of_schema.translate(_GLOB) + "/*"
            yield "schema = ?" if is_whole else "schema GLOB ?", (text,)
        if self.topic is not None:
            yield _match_topic(self.topic)
        if self.from_ms is not None:
            yield "received_ms >= ?", (self.from_ms,)
        if self.to_ms is not None:
            yield "received_ms < ?", (self.to_ms,)
        if self.last_id is not None:
            yield "id <= ?", (self.last_id,)


def _match_topic(pattern: str) -> tuple[str, tuple[SqlValue, ...]]:
    """Return the SQL that holds for the topics that an MQTT topic filter matches.

    A ``*`` of SQLite's GLOB crosses levels; in a topic of as many levels as the filter has, none can.
    """
    *upper, last = pattern.split("/")
    if any(len(level) > 1 and ("+" in level or "#" in level) for level in (*upper, last)) or "#" in upper:
        raise ValueError(f"{pattern!r} is no topic filter: + and # stand for whole levels, and # only for the last")
    if last == "#":
        if "+" in upper:
            raise ValueError(f"{pattern!r} has both + and #; use one of them")
        if not upper:
            return "1", ()
        parent = "/".join(upper)
        return "(topic = ? OR topic GLOB ?)", (parent, parent.translate(_GLOB) + "/*")
    if "+" not in (*upper, last):
        return "topic = ?", (pattern,)
    glob = "/".join("*" if level == "+" else level.translate(_GLOB) for level in (*upper, last))
    return "(topic GLOB ? AND length(topic) - length(replace(topic, '/', '')) = ?)", (glob, len(upper))


EVERYTHING = Filter()
"""Restricts nothing."""
