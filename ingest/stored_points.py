"""What InfluxDB holds of devices: points per hour, and sequence numbers; in InfluxQL that 1.6 and 2.x share.

Every point of a reading has the field ``delay``, whatever its DeviceType, and nothing else has it. A device that was
moved, or was simulated for a while, has several series; they are added up.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from ingest.influx import InfluxClient, Series
from ingest.sequence import Numbering
from ingest.store_hours import HOUR_MS

LOOK_AROUND_MS = 7 * 24 * HOUR_MS
"""How far from a time the numbers may lie with which its first and its last are compared."""

Counts = Counter[tuple[str, int]]
"""Points by device and hour since 1970 in UTC."""

_DURATION = re.compile(r"(\d+)h(\d+)m(\d+)s")


class Asked(NamedTuple):
    """What is to be compared.

    Attributes:
        from_ms: Begin of an hour, milliseconds since 1970 in UTC.
        to_ms: End of an hour.
        device: Only this one.
    """

    from_ms: int
    to_ms: int
    device: str | None = None


class Numbered(NamedTuple):
    """A reading with a number.

    Attributes:
        numbering: Who counted.
        time_ms: Event time.
        seq: Its number.
    """

    numbering: Numbering
    time_ms: int
    seq: int


class Receipt(NamedTuple):
    """When a reading was received.

    Attributes:
        numbering: Whose it is.
        time_ms: Event time.
        received_ms: Milliseconds since 1970 in UTC.
    """

    numbering: Numbering
    time_ms: int
    received_ms: int


class Queried(Protocol):
    """What answers InfluxQL: an InfluxClient, or ``Databases``."""

    async def query(self, statement: str) -> list[Series]:
        """Return what a statement finds; see ``ingest.influx.InfluxClient.query``."""


class Databases:
    """Several databases that are asked as one: what they hold is added up.

    Args:
        clients: The databases.
    """

    def __init__(self, clients: Sequence[InfluxClient]) -> None:
        self._clients = clients

    async def query(self, statement: str) -> list[Series]:
        """Return what a statement finds in each, one after the other.

        Raises:
            InfluxError: One could not be asked, or refused.
        """
        return [series for client in self._clients for series in await client.query(statement)]


async def count_points(influx: Queried, asked: Asked) -> Counts:
    """Return how many points there are, by device and hour.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    only = "" if asked.device is None else f" AND {name_devices([asked.device])}"
    span = f"time >= {asked.from_ms}ms AND time < {asked.to_ms}ms"
    statement = f'SELECT count("delay") FROM /.*/ WHERE {span}{only} GROUP BY time(1h), "device" fill(none)'  # noqa: S608 - quoted
    counts: Counts = Counter()
    for series in await influx.query(statement):
        name = series.tags.get("device", "")
        for time_ms, count in series.values:
            if name and count:
                counts[name, time_ms // HOUR_MS] += count
    return counts


async def list_devices(influx: Queried, asked: Asked) -> list[str]:
    """Return the devices that the database ever heard of, or the one that is asked for.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    if asked.device is not None:
        return [asked.device]
    return sorted(await _select_devices(influx, ""))


async def has_device(influx: Queried, device: str) -> bool:
    """Return whether the database ever heard of a device.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    return device in await _select_devices(influx, f" WHERE {name_devices([device])}")


async def _select_devices(influx: Queried, where: str) -> set[str]:
    found = await influx.query(f'SHOW TAG VALUES WITH KEY = "device"{where}')
    return {row[series.columns.index("value")] for series in found for row in series.values}


async def list_numbers(influx: Queried, devices: Sequence[str], from_ms: int, to_ms: int) -> Iterator[Numbered]:
    """Return the numbers of some devices, of each in order of event time.

    Args:
        influx: The database.
        devices: At least one.
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    return await _select_numbers(influx, '"seq"', devices, from_ms, to_ms)


async def list_last_numbers(influx: Queried, devices: Sequence[str], before_ms: int) -> Iterator[Numbered]:
    """Return the last numbers of some devices before a time; see ``list_numbers``."""
    return await _select_numbers(influx, 'last("seq")', devices, before_ms - LOOK_AROUND_MS, before_ms)


async def list_first_numbers(influx: Queried, devices: Sequence[str], from_ms: int) -> Iterator[Numbered]:
    """Return the first numbers of some devices from a time on; see ``list_numbers``."""
    return await _select_numbers(influx, 'first("seq")', devices, from_ms, from_ms + LOOK_AROUND_MS)


async def list_receipts(influx: Queried, devices: Sequence[str], from_ms: int, to_ms: int) -> Iterator[Receipt]:
    """Return when the readings of some devices were received; see ``list_numbers``."""
    return (
        Receipt(numbering, time_ms, time_ms + round(delay * 1000))
        for numbering, time_ms, delay in await _select(influx, '"delay"', devices, from_ms, to_ms)
    )


async def _select_numbers(
    influx: Queried, selected: str, devices: Sequence[str], from_ms: int, to_ms: int
) -> Iterator[Numbered]:
    rows = [
        Numbered(numbering, time_ms, int(seq))
        for numbering, time_ms, seq in await _select(influx, selected, devices, from_ms, to_ms)
    ]
    # A device whose type was corrected is in two measurements.
    return iter(sorted(rows, key=lambda row: row[:2]))


async def _select(
    influx: Queried, selected: str, devices: Sequence[str], from_ms: int, to_ms: int
) -> Iterator[tuple[Numbering, int, float]]:
    """Return whose a value is, its time and the value itself."""
    span = f"time >= {from_ms}ms AND time < {to_ms}ms"
    statement = f'SELECT {selected} FROM /.*/ WHERE {name_devices(devices)} AND {span} GROUP BY "device", "simulated"'  # noqa: S608 - quoted
    return (
        (Numbering(series.tags.get("device", ""), series.tags.get("simulated") == "true"), time_ms, value)
        for series in await influx.query(statement)
        for time_ms, value in series.values
        if isinstance(value, int | float)  # somebody else may have written a text
    )


async def read_retention(influx: Queried) -> int | None:
    """Return for how long the database keeps points, in milliseconds; None where it keeps them for ever.

    Of several databases the one that keeps them shortest counts.

    InfluxDB 2.x and 3.x say "for ever" here whatever their bucket does.

    Raises:
        InfluxError: It could not be asked, or refused.
    """
    found = await influx.query("SHOW RETENTION POLICIES")
    policies = [dict(zip(series.columns, row, strict=True)) for series in found for row in series.values]
    durations = [read_duration(str(policy["duration"])) for policy in policies if policy.get("default")]
    return min((one for one in durations if one is not None), default=None)


def read_duration(text: str) -> int | None:
    """Return the milliseconds of a retention policy's duration as InfluxDB writes it (``720h0m0s``); None for ever."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 or None


def name_devices(devices: Sequence[str]) -> str:
    """Return the condition that a point is one of these devices'."""
    quoted = (device.replace("\\", "\\\\").replace("'", "\\'") for device in devices)
    return "(" + " OR ".join(f"\"device\" = '{device}'" for device in quoted) + ")"
