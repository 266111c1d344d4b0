"""Rule and Transition: a condition on what devices measure, and a change of its state for one subject."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import NamedTuple

from schemas.derivation import Derivation, Given
from schemas.device_type import Privacy
from schemas.schedule import ALWAYS, Schedule


class Severity(StrEnum):
    """How soon a person must look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Level:
    """From where on an alert is how severe.

    Attributes:
        severity: How soon a person must look.
        low: A value below it is wrong; minus infinity where none is too low.
        high: A value above it is wrong; infinity where none is too high.
        clear_low: A value at it or above lets the alert clear (hysteresis); minus infinity likewise.
        clear_high: A value at it or below lets the alert clear, likewise.
        hold_ms: How long the condition must hold in event time before the alert fires.
    """

    severity: Severity
    low: float = -inf
    high: float = inf
    clear_low: float = -inf
    clear_high: float = inf
    hold_ms: int = 0

    def is_beyond(self, value: float) -> bool:
        """Whether a value is strictly on the wrong side of a limit."""
        return not self.low <= value <= self.high

    def is_clear(self, value: float) -> bool:
        """Whether a value lets the alert clear."""
        return self.clear_low <= value <= self.clear_high

    def find_limit(self, value: float) -> float:
        """Return the limit that a value is beyond, or is nearest to being beyond."""
        if self.low == -inf or value > self.high:
            return self.high
        if self.high == inf or value < self.low:
            return self.low
        return self.low if value - self.low < self.high - value else self.high


class Flapping(NamedTuple):
    """When an alert that fires again and again is held, and named so.

    Attributes:
        times: Firings within ``within_ms`` from which on it flaps.
        within_ms: Then it clears only when it has been good for so long.
    """

    times: int
    within_ms: int


class Aggregate(StrEnum):
    """What is made of the newest values of the devices of a group."""

    SUM = "sum"
    MEAN = "mean"
    LEAST = "least"
    MOST = "most"


class Together(StrEnum):
    """Which of the devices that a Rule speaks of make a group."""

    SITE = "site"
    ZONE = "zone"
    ALL = "all"  # with a choice of tags: those that have one of them


class Group(NamedTuple):
    """A Rule that speaks of several devices together.

    Attributes:
        by: Which devices make a group.
        aggregate: What is made of their values; those count that are not older than ``fresh_ms``.
        fresh_ms: Before the newest, in event time.
    """

    by: Together
    aggregate: Aggregate
    fresh_ms: int


class Reference(NamedTuple):
    """A device that others are compared with: what is judged is the difference from its newest value.

    Attributes:
        device: Id.
        fresh_ms: How much older its value may be, in event time.
    """

    device: str
    fresh_ms: int


class Subjects(NamedTuple):
    """Of which devices of its DeviceType a Rule speaks; all where a set is empty.

    Attributes:
        sites: Keys of Sites.
        categories: Values of ``Category``.
        devices: Ids.
        tags: Of devices; any of these.
    """

    sites: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


EVERY = Subjects()


@dataclass(frozen=True, slots=True)
class Override:
    """What is otherwise for some devices or sites.

    Attributes:
        subjects: Which.
        levels: In place of the Rule's; empty where the Rule does not watch them.
    """

    subjects: Subjects
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class RuleExample:
    """A series and when it must fire and clear; run by a test for every Rule.

    Attributes:
        series: Minutes since the start, and the value then.
        fires: Minutes since the start at which it fires; None for never.
        clears: Minutes since the start at which it clears after firing; None for never.
        start_ms: Milliseconds since 1970 in UTC.
    """

    series: tuple[tuple[float, float], ...]
    fires: float | None
    clears: float | None
    start_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition on a field of the devices of one DeviceType.

    Attributes:
        key: Name of its file.
        device_type: Key of the DeviceType.
        field: Field of it; empty where the rule is about silence.
        unit: UCUM code that the limits are in; it is the one of what the derivation makes of the field.
        derivation: What the limits are held against; the field's own value where nothing is made of it.
        group: Which devices it speaks of together; None where it speaks of each alone.
        reference: What each is compared with; None where that is nothing.
        doubtful: Whether it judges values that are not believed, too; see ``ingest.doubt``.
        levels: The mildest first, at least one; each is beyond the one before.
        clear_ms: How long it must be good before it clears.
        least: Readings in a row that must be beyond the limit before it fires.
        keep_ms: How long it fires at least.
        flapping: When it is held; None for never.
        schedule: When it is watched.
        subjects: Of which devices it speaks.
        overrides: What is otherwise for some; the first that fits counts.
        inhibited_by: Keys of rules: while one of them fires at the same site, nobody is told of this one.
        privacy: Who may be told the value.
        is_apart: Whether its DeviceType is one that is kept apart; what it finds is, too.
        text: What the alert says to people, in Norwegian.
        text_en: Likewise in English; empty where there is none.
        link: Of the dashboard that shows it; empty for the one of the site.
        examples: Series with what must become of them.
    """

    key: str
    device_type: str
    field: str
    unit: str
    levels: tuple[Level, ...]
    text: str
    derivation: Derivation = dataclasses.field(default_factory=Given)
    group: Group | None = None
    reference: Reference | None = None
    doubtful: bool = False
    clear_ms: int = 0
    least: int = 1
    keep_ms: int = 0
    flapping: Flapping | None = None
    schedule: Schedule = ALWAYS
    subjects: Subjects = EVERY
    overrides: tuple[Override, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    privacy: Privacy = Privacy.INTERNAL
    is_apart: bool = False
    text_en: str = ""
    link: str = ""
    examples: tuple[RuleExample, ...] = ()

    @property
    def severity(self) -> Severity:
        """The mildest."""
        return self.levels[0].severity

    @property
    def hides_value(self) -> bool:
        """Whether what everybody may hear or look up of it leaves the value out: it tells of a person.

        What is kept apart is heard and looked up by those alone who may.
        """
        return self.privacy.covers(Privacy.PERSONAL) and not self.is_apart

    def speak_of(self, subjects: Subjects) -> "Rule":
        """Return the same condition for other devices, without exceptions."""
        return replace(self, subjects=subjects, overrides=())

    def find_level(self, severity: Severity) -> Level:
        """Return the Level of a severity; the mildest where there is none of it any more."""
        return next((level for level in self.levels if level.severity is severity), self.levels[0])


class AlertPhase(StrEnum):
    """Where one Rule stands for one subject."""

    OK = "ok"
    PENDING = "pending"  # the condition holds, but not yet for long enough
    FIRING = "firing"
    RECOVERING = "recovering"  # it fires, and the condition has ended, but not yet for long enough
    SILENT = "silent"  # it fires, and its device says nothing any more: nobody knows whether the condition holds

    @property
    def is_active(self) -> bool:
        """Whether the alert fires: a dead sensor and a value that is good for a moment end nothing."""
        return self not in {AlertPhase.OK, AlertPhase.PENDING}


class Change(StrEnum):
    """What a Transition tells."""

    FIRED = "fired"
    ESCALATED = "escalated"
    EASED = "eased"
    SILENT = "silent"  # the device of an alert that fires has fallen silent
    HEARD = "heard"  # it is heard again, and the alert still fires
    FLAPPING = "flapping"  # it fired so often that it is held
    CLEARED = "cleared"
    WITHDRAWN = "withdrawn"  # nothing watches it any longer: rule or device is gone
    REPEATED = "repeated"  # nothing: it is told again to a broker that has lost what it knew


class Transition(NamedTuple):
    """A change of an alert that somebody may want to hear of.

    Attributes:
        device: Id in the inventory; of a group, what names it.
        site: Where the device was placed at ``time_ms``.
        zone: Part of the site.
        rule: Key of the Rule.
        phase: After the change.
        time_ms: Event time of the reading that decided it, milliseconds since 1970 in UTC.
        since_ms: Event time at which the condition began to hold.
        value: The value that decided it, in the rule's unit.
        simulated: Whether that reading was simulated.
        severity: After the change; when it cleared, the most severe that it was.
        change: What happened.
        is_apart: Whether the device's type is one that is kept apart; see ``DeviceType``.
    """

    device: str
    site: str
    zone: str
    rule: str
    phase: AlertPhase
    time_ms: int
    since_ms: int
    value: float
    simulated: bool
    severity: Severity
    change: Change
    is_apart: bool = False


Rules = Mapping[str, Rule]
"""By key."""
