"""DeviceType: what a model of sensor measures, and what its readings must look like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import isfinite

from schemas.quantities import QUANTITIES, Kind, Quantity
from schemas.reason import Reason
from schemas.version import split_key

_FIELD_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
RESERVED_MEMBERS = frozenset({"time", "seq", "simulated", "delay"})
"""Names that no field may have: members of the native format, and the field that the collector adds."""


class Area(StrEnum):
    """The five areas of the municipality's programme."""

    BUILDINGS = "buildings"
    INFRASTRUCTURE = "infrastructure"
    MOBILITY = "mobility"
    WELFARE = "welfare"
    LEARNING = "learning"


class Privacy(StrEnum):
    """Who a reading may be shown to, and what it may be joined with."""

    PUBLIC = "public"  # may be published as open data
    INTERNAL = "internal"  # totals of a building, for those who run it
    PERSONAL = "personal"  # says something about one person or one dwelling
    HEALTH = "health"  # says something about one person's health

    def covers(self, other: "Privacy") -> bool:
        """Whether what is as private as this may hold what is as private as another."""
        order = list(Privacy)
        return order.index(other) <= order.index(self)


class Clock(StrEnum):
    """Whose clock gives a reading its event time."""

    DEVICE = "device"  # the device's own, in `time`; a reading without it is rejected
    RECEIVED = "received"  # the collector's, when the reading came; the device has no clock to trust


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a DeviceType.

    Attributes:
        quantity: Key in ``schemas.quantities.QUANTITIES``.
        title: What people read, in Norwegian.
        required: A reading without it is rejected.
        low: Lowest plausible value in the quantity's unit where it is narrower than the quantity's own.
        high: Highest plausible value, likewise.
        sentinels: Values beside the quantity's own by which sensors of this kind say that they have none, outside of
            the bounds, such as the 85 degrees of a thermometer that has just got power.
        privacy: Who its values may be shown to, where that is not as its DeviceType says.
    """

    quantity: str
    title: str
    required: bool = True
    low: float | None = None
    high: float | None = None
    sentinels: tuple[float, ...] = ()
    privacy: Privacy | None = None

    def __post_init__(self) -> None:
        """Refuse what could only fail later, with a reading in hand.

        Raises:
            ValueError: The quantity is not known, the bounds leave nothing between them, or a sentinel is a value that
                could be measured.
        """
        if self.quantity not in QUANTITIES:
            raise ValueError(f"quantity {self.quantity!r} is not known; known are: {', '.join(sorted(QUANTITIES))}")
        low, high = self.bounds
        if low >= high:
            raise ValueError(f"{self.title}: low {low:g} must be below high {high:g}")
        if self.sentinels and self.is_state:
            raise ValueError(f"{self.title}: a state is true or false and has no sentinels")
        for sentinel in self.every_sentinel:
            if not isfinite(sentinel) or low <= sentinel <= high:
                raise ValueError(
                    f"{self.title}: sentinel {sentinel:g} must be a number outside {low:g} to {high:g}; "
                    f"inside it could be measured"
                )

    @property
    def measures(self) -> Quantity:
        """The quantity behind the key."""
        return QUANTITIES[self.quantity]

    @property
    def is_state(self) -> bool:
        """Whether values are true or false instead of numbers."""
        return self.measures.kind is Kind.STATE

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest plausible value, in the quantity's unit."""
        quantity = self.measures
        low = quantity.low if self.low is None else self.low
        high = quantity.high if self.high is None else self.high
        return low, high

    @property
    def every_sentinel(self) -> tuple[float, ...]:
        """Every value by which a sensor says that it has none: the quantity's and the field's own."""
        return self.measures.sentinels + self.sentinels


@dataclass(frozen=True, slots=True)
class Example:
    """A payload and what must become of it; run by a test for every DeviceType.

    Examples are received at 2026-01-15T12:00:02Z.

    Attributes:
        payload: JSON text in the native format.
        fields: Field set in line protocol without the collector's own ``delay``; None when nothing is accepted.
        reason: Why the whole payload is refused; None when a reading is accepted.
        refused: Fields that are refused while the rest is accepted.
    """

    payload: str
    fields: str | None = None
    reason: Reason | None = None
    refused: Mapping[str, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceType:
    """What a model of sensor measures.

    Attributes:
        title: What people call it, in Norwegian.
        area: Area of the municipality's programme.
        fields: Fields by name, in the order of the line.
        interval: How often a healthy device reports.
        privacy: Who its readings may be shown to; no field is more private.
        examples: Payloads and what must become of them.
        clock: Whose clock gives the event time.
        ahead: How far ahead of the collector's clock a reading's time is believable.
        key: Name of its file and of its InfluxDB measurement; set when the folder is walked.
    """

    title: str
    area: Area
    fields: Mapping[str, Field]
    interval: timedelta
    privacy: Privacy
    examples: tuple[Example, ...]
    clock: Clock = Clock.DEVICE
    ahead: timedelta = timedelta(minutes=5)
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse names of fields that would have to be escaped, and fields that are more private than the whole.

        Whoever looks at the DeviceType alone must not show too much.

        Raises:
            ValueError: A name is not made of letters, digits and underscores, or a field is more private.
        """
        for name, one in self.fields.items():
            if not _FIELD_NAME.fullmatch(name):
                raise ValueError(f"field {name!r}: a name is a letter, then letters, digits and underscores")
            if not self.privacy.covers(self.privacy_of(name)):
                raise ValueError(f"field {name!r} is {one.privacy}, its device type only {self.privacy}")

    @property
    def name(self) -> str:
        """What all versions of it are called: its key, without the version's ending."""
        return split_key(self.key)[0]

    @property
    def version(self) -> int:
        """Which version of its name it is, from 1."""
        return split_key(self.key)[1]

    @property
    def schema(self) -> str:
        """Name and version, such as ``indoor_climate/1``: by what a reading was judged."""
        return f"{self.name}/{self.version}"

    def privacy_of(self, name: str) -> Privacy:
        """Return who a field's values may be shown to; of what is no field, such as silence, as of the whole."""
        one = self.fields.get(name)
        return self.privacy if one is None or one.privacy is None else one.privacy
