"""History: readings read back from InfluxDB, in order of event time, in pieces that memory holds.

Points are counted by hour first; then hours are read together, or parts of one, so that a piece has about
``MOST_POINTS``. In InfluxQL that 1.6 and 2.x share.

A reading has the fields that are asked for; one that has none of them still tells that its device lived. What of them
is doubtful is read where it is asked for by the name under which it is stored. What has come by now is read, however
late it came: history knows nothing of the order in which it came.
"""

import heapq
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingest.influx import BrokenOffError, InfluxClient, Series
from ingest.store_hours import HOUR_MS
from ingest.stored_points import name_devices
from schemas.device_type import DOUBTFUL
from schemas.reading import Reading

MOST_POINTS = 20_000
"""About so many are read at a time."""
COUNTED_HOURS = 31 * 24
"""Counted at a time."""
FINEST_MS = 1_000
"""A piece is not made shorter."""


class Excerpt(NamedTuple):
    """Which readings are meant.

    Attributes:
        type_key: Of their DeviceType.
        fields: Which of its fields, by the names that they are stored under.
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        devices: Ids; all where it is empty.
        simulated: Whether simulated readings are meant too.
    """

    type_key: str
    fields: tuple[str, ...]
    from_ms: int
    to_ms: int
    devices: tuple[str, ...] = ()
    simulated: bool = False


class Span(NamedTuple):
    """A piece of time.

    Attributes:
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        points: How many there were when they were counted.
    """

    from_ms: int
    to_ms: int
    points: int


async def iterate_history(
    influx: InfluxClient, excerpt: Excerpt, most: int = MOST_POINTS
) -> AsyncIterator[tuple[Span, Sequence[Reading]]]:
    """Yield pieces of the readings that are meant, one after the other in time; a piece may be empty.

    Within a piece they are in order of event time, then of device. Of one device each is later than the one before: of
    two at the same time, which only a real and a simulated one of the same id can be, the real one counts.

    Args:
        influx: The database.
        excerpt: What is meant.
        most: About so many readings make a piece.

    Raises:
        InfluxError: The database could not be asked, or refused.
    """
    counts = await count_hours(influx, excerpt)
    for span in divide_time(excerpt.from_ms, excerpt.to_ms, counts, most):
        async for piece in _read_span(influx, excerpt, span):
            yield piece


async def _read_span(
    influx: InfluxClient, excerpt: Excerpt, span: Span
) -> AsyncIterator[tuple[Span, Sequence[Reading]]]:
    """Yield a piece, or its halves where the database does not give an answer so large."""
    waiting = [span]
    while waiting:
        one = waiting.pop()
        try:
            readings = await read_piece(influx, excerpt._replace(from_ms=one.from_ms, to_ms=one.to_ms))
        except BrokenOffError:
            if one.to_ms - one.from_ms <= FINEST_MS:
                raise
            middle_ms, half = (one.from_ms + one.to_ms) // 2, one.points // 2
            waiting += [Span(middle_ms, one.to_ms, one.points - half), Span(one.from_ms, middle_ms, half)]
        else:
            yield one, readings


async def count_hours(influx: InfluxClient, excerpt: Excerpt) -> Mapping[int, int]:
    """Return how many points are meant, by hour since 1970 in UTC; hours without any are left out.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    counts: dict[int, int] = {}
    begin_ms, hours = excerpt.from_ms, COUNTED_HOURS
    while begin_ms < excerpt.to_ms:
        # Ends of a part are ends of hours, so that no hour is counted in two parts.
        end_ms = min(excerpt.to_ms, (begin_ms // HOUR_MS + hours) * HOUR_MS)
        where = _limit(excerpt._replace(from_ms=begin_ms, to_ms=end_ms))
        statement = f'SELECT count("delay") FROM {_quote(excerpt.type_key)} WHERE {where} GROUP BY time(1h) fill(none)'  # noqa: S608 - quoted
        try:
            found = await influx.query(statement)
        except BrokenOffError:
            if hours == 1:
                raise
            hours = max(1, hours // 4)
            continue
        counts |= {time_ms // HOUR_MS: count for series in found for time_ms, count in series.values if count}
        begin_ms = end_ms
    return counts


def divide_time(from_ms: int, to_ms: int, counts: Mapping[int, int], most: int = MOST_POINTS) -> Iterator[Span]:
    """Yield pieces of a time, none left out, with about so many points each.

    Args:
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        counts: Points by hour since 1970 in UTC.
        most: Points of a piece; an hour with more is divided evenly.
    """
    begin_ms, points = from_ms, 0
    for hour in range(from_ms // HOUR_MS, -(-to_ms // HOUR_MS)):
        count = counts.get(hour, 0)
        hour_ms = max(from_ms, hour * HOUR_MS)
        if begin_ms < hour_ms and points + count > most:
            yield Span(begin_ms, hour_ms, points)
            begin_ms, points = hour_ms, 0
        if count > most:
            end_ms = min(to_ms, (hour + 1) * HOUR_MS)
            parts = min(-(-count // most), max(1, (end_ms - begin_ms) // FINEST_MS))
            edges = [begin_ms + (end_ms - begin_ms) * part // parts for part in range(parts + 1)]
            yield from (Span(*edge, count // parts) for edge in pairwise(edges))
            begin_ms = end_ms
        else:
            points += count
    if begin_ms < to_ms:
        yield Span(begin_ms, to_ms, points)


async def read_piece(influx: InfluxClient, excerpt: Excerpt) -> Sequence[Reading]:
    """Return the readings that are meant, all at once; see ``iterate_history``.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    selected = ", ".join(map(_quote, ("delay", *excerpt.fields)))
    groups = ", ".join(map(_quote, ("device", "site", "zone", "simulated")))
    statement = f"SELECT {selected} FROM {_quote(excerpt.type_key)} WHERE {_limit(excerpt)} GROUP BY {groups}"  # noqa: S608 - quoted
    series = [_read_series(one, excerpt.type_key) for one in await influx.query(statement)]
    merged = heapq.merge(*series, key=lambda one: (one.time_ms, one.device, one.simulated))
    readings: list[Reading] = []
    for reading in merged:
        last = readings[-1] if readings else None
        if last is None or (last.time_ms, last.device) != (reading.time_ms, reading.device):
            readings.append(reading)
    return readings


def _read_series(series: Series, type_key: str) -> Iterator[Reading]:
    """Yield the readings of a series, which are in order of time."""
    device, site, zone = (series.tags.get(name, "") for name in ("device", "site", "zone"))
    simulated = series.tags.get("simulated") == "true"
    names = series.columns[2:]
    doubted = {name for name in names if name.endswith(DOUBTFUL)}
    for time_ms, delay_s, *cells in series.values:
        if device and isinstance(delay_s, int | float):
            # A number without a fraction comes as a whole one; a text was written by somebody else.
            values: dict[str, float | bool] = {
                name: cell if isinstance(cell, bool) else float(cell)
                for name, cell in zip(names, cells, strict=True)
                if isinstance(cell, bool | int | float)
            }
            doubtful = {name.removesuffix(DOUBTFUL): values.pop(name) for name in doubted & values.keys()}
            reading = Reading(device, type_key, site, zone, time_ms, float(delay_s), values, simulated=simulated)
            yield reading._replace(doubtful=doubtful) if doubtful else reading


def _limit(excerpt: Excerpt) -> str:
    """Return the condition that a point is meant."""
    parts = [f"time >= {excerpt.from_ms}ms AND time < {excerpt.to_ms}ms"]
    if excerpt.devices:
        parts.append(name_devices(excerpt.devices))
    if not excerpt.simulated:
        parts.append("\"simulated\" != 'true'")
    return " AND ".join(parts)


def _quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
