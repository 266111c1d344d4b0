"""What InfluxDB holds of devices: points per hour, and sequence numbers; in InfluxQL that 1.6 and 2.x share.

Every point of a reading has the field ``delay``, whatever its DeviceType, and nothing else has it. A device that was
moved, or was simulated for a while, has several series; they are added up.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingest.influx import InfluxClient
from ingest.store_hours import HOUR_MS

LOOK_BACK_MS = 7 * 24 * HOUR_MS
"""How far before a time its first number is compared with one that came before it."""

Counts = Counter[tuple[str, int]]
"""Points by device and hour since 1970 in UTC."""


class Numbered(NamedTuple):
    """A reading with a number.

    Attributes:
        device: Id.
        time_ms: Event time.
        seq: Its number.
    """

    device: str
    time_ms: int
    seq: int


async def count_points(influx: InfluxClient, from_ms: int, to_ms: int, device: str | None) -> Counts:
    """Return how many points there are, by device and hour.

    Args:
        influx: The database.
        from_ms: Begin of an hour, milliseconds since 1970 in UTC.
        to_ms: End of an hour.
        device: Only this one.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    only = "" if device is None else f" AND {name_devices([device])}"
    span = f"time >= {from_ms}ms AND time < {to_ms}ms"
    statement = f'SELECT count("delay") FROM /.*/ WHERE {span}{only} GROUP BY time(1h), "device" fill(none)'  # noqa: S608 - quoted
    counts: Counts = Counter()
    for series in await influx.query(statement):
        name = series.tags.get("device", "")
        for time_ms, count in series.values:
            if name and count:
                counts[name, time_ms // HOUR_MS] += count
    return counts


async def list_numbers(
    influx: InfluxClient, devices: Sequence[str], from_ms: int, to_ms: int, *, look_back: bool
) -> Iterator[Numbered]:
    """Return the numbers of some devices, of each in order of event time.

    Args:
        influx: The database.
        devices: At least one.
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
        look_back: Whether the last number before begins the list.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    where = f'FROM /.*/ WHERE {name_devices(devices)} AND time < {{}}ms AND time >= {{}}ms GROUP BY "device"'
    found = []
    if look_back:
        found += await influx.query(f'SELECT last("seq") {where.format(from_ms, from_ms - LOOK_BACK_MS)}')
    found += await influx.query(f'SELECT "seq" {where.format(to_ms, from_ms)}')
    rows = [
        Numbered(series.tags.get("device", ""), time_ms, int(seq))
        for series in found
        for time_ms, seq in series.values
        if seq is not None
    ]
    # A device whose type was corrected is in two measurements.
    return iter(sorted(rows, key=lambda row: row[:2]))


def name_devices(devices: Sequence[str]) -> str:
    """Return the condition that a point is one of these devices'."""
    quoted = (device.replace("\\", "\\\\").replace("'", "\\'") for device in devices)
    return "(" + " OR ".join(f"\"device\" = '{device}'" for device in quoted) + ")"
