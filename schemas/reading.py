"""Reading: one validated observation of one Device at one event time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, float | bool] = MappingProxyType({})
"""Stands for no values."""


class Reading(NamedTuple):
    """What is stored and judged.

    Attributes:
        device: Id in the inventory.
        type_key: Key of the DeviceType, and the InfluxDB measurement.
        site: Where the device was placed at ``time_ms``.
        zone: Part of the site.
        time_ms: Event time, milliseconds since 1970 in UTC.
        delay_s: Time of receipt less the device's own time, in seconds, so that both can be found again.
        values: Numbers in the quantity's unit, states as booleans; those that are believed.
        seq: The publisher's sequence number, where it sends one.
        simulated: Whether the reading says that it is simulated.
        doubtful: Values that are not believed; one of ``values`` and these is not empty.
    """

    device: str
    type_key: str
    site: str
    zone: str
    time_ms: int
    delay_s: float
    values: dict[str, float | bool]
    seq: int | None = None
    simulated: bool = False
    doubtful: Mapping[str, float | bool] = NOTHING
