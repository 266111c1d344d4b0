"""DeviceType: what a model of sensor measures, and what its readings must look like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import inf, isfinite

from schemas.quantities import QUANTITIES, Kind, Quantity
from schemas.reason import Reason
from schemas.version import split_key

_FIELD_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
RESERVED_MEMBERS = frozenset({"time", "seq", "simulated", "delay", "quality"})
"""Names that no field may have: members of the native format, and the fields that the collector adds."""
DOUBTFUL = "_doubtful"
"""What the name of a field ends with where its value is doubtful; no field's own name does."""
STUCK_INTERVALS = 12
"""A value is stuck after so many intervals at least: a few that are the same say nothing."""


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
        steepness: Most that it changes in an hour, in the quantity's unit: what changes more is doubtful. None where
            anything may be.
        stuck_after: For how long it may be exactly the same; from then on it is doubtful. None where it may for ever.
        rollovers: Of a total, values at which meters of this kind begin anew at 0; empty where none does. None where
            nobody looks at it, and it may go back.
    """

    quantity: str
    title: str
    required: bool = True
    low: float | None = None
    high: float | None = None
    sentinels: tuple[float, ...] = ()
    privacy: Privacy | None = None
    steepness: float | None = None
    stuck_after: timedelta | None = None
    rollovers: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what could only fail later, with a reading in hand.

        Raises:
            ValueError: The quantity is not known, the bounds leave nothing between them, a sentinel is a value that
                could be measured, or what makes a value doubtful makes no sense.
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
        self._check_doubts()

    def _check_doubts(self) -> None:
        """Refuse what makes a value doubtful where that makes no sense.

        Raises:
            ValueError: The message says what.
        """
        if self.is_doubted and self.is_state:
            raise ValueError(f"{self.title}: a state is true or false, and neither is doubtful")
        if self.steepness is not None and not 0 < self.steepness < inf:
            raise ValueError(f"{self.title}: steepness {self.steepness:g} must be above 0, in the unit per hour")
        if self.stuck_after is not None and self.stuck_after <= timedelta(0):
            raise ValueError(f"{self.title}: stuck_after {self.stuck_after} must be above 0")
        if self.measures.kind is not Kind.TOTAL:
            if self.rollovers is not None:
                raise ValueError(f"{self.title}: {self.quantity} is no total; only a total has rollovers")
            return
        if self.is_doubted and self.rollovers is None:
            raise ValueError(f"{self.title}: say at which values the total rolls over; () where it does not")
        if self.rollovers and self.steepness is None:
            raise ValueError(f"{self.title}: without a steepness any step back could be a rollover")
        for rollover in self.rollovers or ():
            if not 0 < rollover <= self.bounds[1]:
                raise ValueError(f"{self.title}: rollover {rollover:g} must be above 0, and not above its bounds")

    @property
    def is_doubted(self) -> bool:
        """Whether anything makes its values doubtful."""
        return not (self.steepness is None and self.stuck_after is None and self.rollovers is None)

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
        """Refuse names of fields that cannot be written, and fields that are more private than the whole.

        Whoever looks at the DeviceType alone must not show too much.

        Raises:
            ValueError: A name is not made of letters, digits and underscores, or is the collector's own; a field is
                more private; or it counts as stuck after too few readings.
        """
        for name, one in self.fields.items():
            if not _FIELD_NAME.fullmatch(name):
                raise ValueError(f"field {name!r}: a name is a letter, then letters, digits and underscores")
            if name == "quality" or name.endswith(DOUBTFUL):
                raise ValueError(f"field {name!r}: the collector writes fields of this name about doubtful values")
            if one.stuck_after is not None and one.stuck_after < STUCK_INTERVALS * self.interval:
                raise ValueError(f"field {name!r}: stuck_after must be at least {STUCK_INTERVALS} intervals")
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

    @property
    def is_apart(self) -> bool:
        """Whether all that is known of its devices is kept apart, in the database for health."""
        return self.privacy is Privacy.HEALTH

    @property
    def keeps_payload(self) -> bool:
        """Whether the quarantine may hold payloads of its devices: they may tell more of people than fields do."""
        return not self.privacy.covers(Privacy.PERSONAL)

    def privacy_of(self, name: str) -> Privacy:
        """Return who a field's values may be shown to; of what is no field, such as silence, as of the whole."""
        one = self.fields.get(name)
        return self.privacy if one is None or one.privacy is None else one.privacy
