"""What a reading says to a Watch: of which subject, and which value. Pure.

A Rule speaks of each device alone, of the difference between each and another one, or of a group of devices together.
What is made of the value then is its derivation's.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from ingest.alerts.watch import Watch
from ingest.inventory import Device
from schemas.derivation import Derivation, State, copy_state
from schemas.rule import Aggregate, Group, Together

_AGGREGATES: Mapping[Aggregate, Callable[[Sequence[float]], float]] = {
    Aggregate.SUM: sum,
    Aggregate.MEAN: fmean,
    Aggregate.LEAST: min,
    Aggregate.MOST: max,
}


class Said(NamedTuple):
    """What a reading says to a Watch.

    Attributes:
        subject: Whose state it is.
        state: What is remembered of it from now on.
        value: What the limits are held against; None while nothing can be said.
    """

    subject: str
    state: State
    value: float | None


def name_group(group: Group, site: str, zone: str) -> str:
    """Return what names a group where a device would be named; no device is named so."""
    match group.by:
        case Together.SITE:
            return f"{site}:"
        case Together.ZONE:
            return f"{site}:{zone}"
        case Together.ALL:
            return ":"


def is_member(group: Group, device: Device, name: str) -> bool:
    """Whether a Device stands where the group of a name is."""
    placement = device.placements[-1]
    return name_group(group, placement.site, placement.zone) == name


def hear_together(watch: Watch, device: str, place: tuple[str, str], time_ms: int, value: float) -> Said:
    """Return what a value says to a Watch on the values of several devices; nothing changes.

    Args:
        watch: To whom.
        device: Id of the device that measured it.
        place: Its site and zone.
        time_ms: Event time.
        value: Of the Rule's field.
    """
    rule, states = watch.rule, watch.standing.states
    if rule.reference is not None:
        if device == rule.reference.device:
            return Said(device, [time_ms, value], None)
        known = states.get(rule.reference.device)
        if known is None or time_ms - known[0] > rule.reference.fresh_ms:
            return Said(device, states.get(device), None)
        value -= known[1]
    if rule.group is None:
        return Said(device, *_derive(rule.derivation, states.get(device), time_ms, value))
    subject = name_group(rule.group, *place)
    members, inner = states.get(subject) or ({}, None)
    members = {**members, device: [time_ms, value]}
    # A group goes on in time with its newest member; what comes out of order changes a member, and says nothing.
    newest_ms = max(at_ms for at_ms, _ in members.values())
    if newest_ms > time_ms:
        return Said(subject, [members, inner], None)
    inner, told = _derive(rule.derivation, inner, time_ms, _gather(rule.group, members, time_ms))
    return Said(subject, [members, inner], told)


def _derive(derivation: Derivation, state: State, time_ms: int, value: float) -> tuple[State, float | None]:
    """Return what a derivation remembers of one more value, and what that says; nothing changes."""
    after = derivation.hear(copy_state(state), time_ms, value)
    return state if after is None else after, derivation.tell(state, time_ms, value)


def _gather(group: Group, members: Mapping[str, tuple[int, float]], time_ms: int) -> float:
    """Return what is made of the values that are fresh."""
    fresh = [value for at_ms, value in members.values() if time_ms - at_ms <= group.fresh_ms]
    return _AGGREGATES[group.aggregate](fresh)
