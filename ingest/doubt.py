"""Doubt: whether a value is believed beside what its device said before. Pure, and looked at one field at a time.

A value is believed where it is plausible beside the last one that was: it changed no more than its field may in the
time between (an interval of the device type is always granted), and a total did not go back, unless it rolled over. One
that is not is doubtful, and begins a candidate: where the next ones are plausible beside that, and not beside what was
believed, the third of them is believed, and so is what follows: a meter was swapped, a sensor moved. A value that has
been exactly the same for its limit is doubtful until it changes.

Nothing is doubted at first, nor where a new placement of the device begins after what is known of it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import inf
from typing import NamedTuple

from schemas.device_type import DOUBTFUL, DeviceType, Field
from schemas.quantities import Kind

IN_A_ROW = 3
"""Values that are plausible beside each other before a new level is believed."""
PAUSE_PART = 4
"""After a silence of this part of the limit nobody knows whether a value was the same all the time."""
ROLLOVER_PART = 10
"""A register that begins anew has grown by this part of its range at most since it was last believed. Else a long
silence, after which much may be, would excuse every step back."""
HOUR_MS = 3_600_000
SLACK = 1 + 1e-9
"""A change of exactly the limit is believed, whichever way the difference of two decimals is rounded."""


class Doubt(StrEnum):
    """Why a value is doubtful."""

    RATE = "rate"  # it changed faster than it can
    STUCK = "stuck"  # it has been exactly the same for too long
    STEP = "step"  # a total went back


class Scrutiny(NamedTuple):
    """What is looked at in a field, as its DeviceType declares it.

    Attributes:
        fall: Most that it falls in a millisecond, as a negative number, in the quantity's unit; 0 of a total, infinite
            where nobody knows.
        rise: Most that it rises, likewise, as a positive one.
        interval_ms: Change of so long is granted, however close two readings are.
        stuck_ms: How long it may be exactly the same; 0 for ever.
        rollovers: Where a total may begin anew at 0.
        is_total: Whether it is one.
    """

    fall: float
    rise: float
    interval_ms: int
    stuck_ms: int
    rollovers: tuple[float, ...]
    is_total: bool


class Candidate(NamedTuple):
    """Values that may be a new level.

    Attributes:
        value: The last of them.
        time_ms: Its event time.
        in_a_row: How many there were; 0 where it is a stuck value, plausible beside what was believed.
    """

    value: float
    time_ms: int
    in_a_row: int


class Known(NamedTuple):
    """What is known of one field of a device.

    Attributes:
        value: The last that was believed.
        time_ms: When it was: event time in milliseconds since 1970 in UTC.
        since_ms: Since when the value that was seen last is there, believed or not.
        candidate: What was seen last, where it is not believed.
    """

    value: float
    time_ms: int
    since_ms: int
    candidate: Candidate | None = None

    @property
    def seen(self) -> "Candidate | Known":
        """What has the value and time that were seen last."""
        return self if self.candidate is None else self.candidate


class DoubtRow(NamedTuple):
    """What is known of a device, as JSON keeps it.

    Attributes:
        device: Id in the inventory.
        type_key: Key of its DeviceType.
        newest_ms: Event time of its newest reading; what is known is of that reading and those before.
        known: By field: value, event time, since when it is the same; then value, time and count of a candidate.
        told: Event times at which something was doubtful, each with what and why.
    """

    device: str
    type_key: str
    newest_ms: int
    known: Mapping[str, Sequence[float]]
    told: Sequence[tuple[int, Mapping[str, str]]] = ()


class DoubtsOfShard(NamedTuple):
    """What is known of the devices of a shard.

    Attributes:
        number: See ``ingest.shard``.
        rows: All of them.
    """

    number: int
    rows: Sequence[DoubtRow]


def make_scrutinies(device_type: DeviceType) -> dict[str, Scrutiny]:
    """Return what is looked at in the fields of a DeviceType, by name; fields that declare nothing are left out."""
    interval_ms = round(1000 * device_type.interval.total_seconds())
    return {name: _make_scrutiny(one, interval_ms) for name, one in device_type.fields.items() if one.is_doubted}


def _make_scrutiny(field: Field, interval_ms: int) -> Scrutiny:
    steepness = inf if field.steepness is None else field.steepness / HOUR_MS * SLACK
    is_total = field.measures.kind is Kind.TOTAL
    return Scrutiny(
        fall=0.0 if is_total else -steepness,
        rise=steepness,
        interval_ms=interval_ms,
        stuck_ms=0 if field.stuck_after is None else round(1000 * field.stuck_after.total_seconds()),
        rollovers=field.rollovers or (),
        is_total=is_total,
    )


def mark_doubtful(
    fields: Mapping[str, float | bool], doubts: Mapping[str, Doubt], told: Mapping[str, Doubt]
) -> dict[str, float | bool | str]:
    """Return the fields of a point whose doubtful values stand under other names, and the text that says why.

    Args:
        fields: By name.
        doubts: Which of them are doubtful.
        told: Everything that is doubtful at their time, in other readings of that moment too.
    """
    named: dict[str, float | bool | str] = {
        name + DOUBTFUL if name in doubts else name: value for name, value in fields.items()
    }
    return named | {"quality": ";".join(f"{name}:{doubt}" for name, doubt in told.items())}


def judge(scrutiny: Scrutiny, known: Known | None, value: float, time_ms: int) -> tuple[Known, Doubt | None]:
    """Return what is known of a field after one more value, and why that is doubtful; None where it is believed.

    Args:
        scrutiny: Of the field.
        known: Before; None where that is nothing.
        value: In the quantity's unit.
        time_ms: Event time, later than that of what was seen last.
    """
    if known is None:
        return Known(value, time_ms, time_ms), None
    is_same = value == known.seen.value and not is_pause(scrutiny.stuck_ms, time_ms - known.seen.time_ms)
    since_ms = known.since_ms if is_same else time_ms
    doubt = _compare(scrutiny, known, value, time_ms)
    if doubt is not None:
        candidate = _follow(scrutiny, known.candidate, value, time_ms)
        if candidate.in_a_row < IN_A_ROW:
            return known._replace(since_ms=since_ms, candidate=candidate), doubt
    if is_stuck(scrutiny.stuck_ms, since_ms, time_ms):
        # What comes when it is free again may be as far away as it can get from when it was last believed.
        believed_ms = known.time_ms if value == known.value else time_ms
        return Known(value, believed_ms, since_ms, Candidate(value, time_ms, 0)), Doubt.STUCK
    return Known(value, time_ms, since_ms), None


def is_pause(stuck_ms: int, silent_ms: int) -> bool:
    """Whether nothing was heard of a field for so long that it counts as changed."""
    return PAUSE_PART * silent_ms > stuck_ms


def is_stuck(stuck_ms: int, since_ms: int, time_ms: int) -> bool:
    """Whether a value that is there since a time is doubtful for it."""
    return 0 < stuck_ms <= time_ms - since_ms


def _follow(scrutiny: Scrutiny, before: Candidate | None, value: float, time_ms: int) -> Candidate:
    """Return the candidate that a doubtful value goes on with, or begins."""
    follows = before is not None and _compare(scrutiny, before, value, time_ms) is None
    return Candidate(value, time_ms, before.in_a_row + 1 if before is not None and follows else 1)


def _compare(scrutiny: Scrutiny, before: Known | Candidate, value: float, time_ms: int) -> Doubt | None:
    """Return why a value is not plausible beside an earlier one; None where it is."""
    span_ms = max(time_ms - before.time_ms, scrutiny.interval_ms)
    rise = scrutiny.rise * span_ms
    # The difference, as the quick way has it (``ingest.device_doubt``): the two must not round apart.
    if scrutiny.fall * span_ms <= value - before.value <= rise:
        return None
    if not scrutiny.is_total or value > before.value:
        return Doubt.RATE
    rolled = any(
        before.value <= at and at - before.value + value <= min(rise, at / ROLLOVER_PART) for at in scrutiny.rollovers
    )
    return None if rolled else Doubt.STEP
