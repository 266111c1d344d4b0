"""What another version of a Rule would have done otherwise. Pure.

Firings of one subject that overlap are the same event told in two ways, also where one version tells it as one firing
and the other as several.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from ingest.alerts.backtest import Outcome, PastFiring


class Kind(StrEnum):
    """What becomes of an event."""

    SAME = "same"
    NEW = "new"  # only the other version fires
    GONE = "gone"  # only the present one does
    LONGER = "longer"  # the other fires for longer in all
    SHORTER = "shorter"
    OTHERWISE = "otherwise"  # as long, but at another time, more severe, or in more pieces


class Event(NamedTuple):
    """Firings of one subject that overlap.

    Attributes:
        kind: What becomes of it.
        device: Id, or what names the group.
        before: Firings of the present version.
        after: Those of the other.
        more_ms: How much longer the other fires.
    """

    kind: Kind
    device: str
    before: tuple[PastFiring, ...]
    after: tuple[PastFiring, ...]
    more_ms: int

    @property
    def fired_ms(self) -> int:
        """When the first of them fired."""
        return min(one.fired_ms for one in (*self.before, *self.after))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side.

    Attributes:
        before: What the present version would have done.
        after: What the other would have done.
        events: Everything that either tells, in order of time.
    """

    before: Outcome
    after: Outcome
    events: tuple[Event, ...]

    @property
    def differences(self) -> list[Event]:
        """The events that are not the same."""
        return [one for one in self.events if one.kind is not Kind.SAME]

    def count(self, kind: Kind) -> int:
        """Return how many events there are of a kind."""
        return sum(one.kind is kind for one in self.events)


def compare_outcomes(before: Outcome, after: Outcome) -> Comparison:
    """Return what another version of a Rule does otherwise, over the same time and the same readings."""
    by_device: dict[str, list[tuple[PastFiring, bool]]] = {}
    for firings, is_after in ((before.firings, False), (after.firings, True)):
        for one in firings:
            by_device.setdefault(one.device, []).append((one, is_after))
    end_ms = before.period.to_ms
    events = [_make_event(device, some, end_ms) for device, all_ in by_device.items() for some in _group(all_, end_ms)]
    return Comparison(before, after, tuple(sorted(events, key=attrgetter("fired_ms", "device"))))


def _group(firings: Iterable[tuple[PastFiring, bool]], end_ms: int) -> Iterator[list[tuple[PastFiring, bool]]]:
    """Yield what overlaps, directly or through another."""
    group: list[tuple[PastFiring, bool]] = []
    until_ms = 0
    for firing, is_after in sorted(firings, key=lambda pair: (pair[0].fired_ms, pair[1])):
        if group and firing.fired_ms >= until_ms and firing.fired_ms > group[-1][0].fired_ms:
            yield group
            group = []
        until_ms = max(until_ms, firing.find_end(end_ms)) if group else firing.find_end(end_ms)
        group.append((firing, is_after))
    if group:
        yield group


def _make_event(device: str, firings: Iterable[tuple[PastFiring, bool]], end_ms: int) -> Event:
    both = tuple(firings)
    before = tuple(one for one, is_after in both if not is_after)
    after = tuple(one for one, is_after in both if is_after)
    more_ms = sum(one.find_end(end_ms) - one.fired_ms for one in after) - sum(
        one.find_end(end_ms) - one.fired_ms for one in before
    )
    return Event(_find_kind(before, after, more_ms), device, before, after, more_ms)


def _find_kind(before: tuple[PastFiring, ...], after: tuple[PastFiring, ...], more_ms: int) -> Kind:
    if not before:
        return Kind.NEW
    if not after:
        return Kind.GONE
    if more_ms:
        return Kind.LONGER if more_ms > 0 else Kind.SHORTER
    is_same = [_tell(one) for one in before] == [_tell(one) for one in after]
    return Kind.SAME if is_same else Kind.OTHERWISE


def _tell(firing: PastFiring) -> tuple[int, int | None, str]:
    """Return what of a firing people notice."""
    return firing.fired_ms, firing.cleared_ms, firing.severity
