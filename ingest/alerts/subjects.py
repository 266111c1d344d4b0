"""Of whom a Rule speaks in a while: devices, or groups of them; and whose readings that takes. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingest.alerts.subject import name_group
from ingest.alerts.watch import NOWHERE, choose_levels
from ingest.inventory import Device, Inventory, Placement
from schemas.rule import Level, Rule


class Period(NamedTuple):
    """A while.

    Attributes:
        from_ms: Begin, milliseconds since 1970 in UTC.
        to_ms: End, itself not included.
    """

    from_ms: int
    to_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.to_ms - self.from_ms


class Subject(NamedTuple):
    """A device that a Rule watches, or a group of which it speaks.

    Attributes:
        name: Id of the device, or what names the group.
        site: Where it was placed last in the while.
        members: Ids of the devices whose readings are heard for it; the device itself where it is one.
        levels: Of the Rule for it.
    """

    name: str
    site: str
    members: frozenset[str]
    levels: tuple[Level, ...]


def list_subjects(
    rule: Rule, inventory: Inventory, period: Period, site: str | None = None, device: str | None = None
) -> list[Subject]:
    """Return of whom a Rule speaks in a while, in order of their names.

    Args:
        rule: The condition.
        inventory: What is installed.
        period: The while.
        site: Only at this Site.
        device: Only this one, or its groups.
    """
    members: dict[str, set[str]] = {}
    sites: dict[str, str] = {}
    levels: dict[str, tuple[Level, ...]] = {}
    chosen: set[str] = set()
    for one, placement in _list_watched(rule, inventory, period):
        name = one.id if rule.group is None else name_group(rule.group, placement.site, placement.zone)
        members.setdefault(name, set()).add(one.id)
        sites[name] = placement.site
        levels[name] = find_levels(rule, one, inventory)
        if site in (None, placement.site) and device in (None, one.id):
            chosen.add(name)
    return [Subject(name, sites[name], frozenset(members[name]), levels[name]) for name in sorted(chosen)]


def list_needed(rule: Rule, subjects: Iterable[Subject]) -> frozenset[str]:
    """Return the ids of the devices whose readings a Rule needs for some subjects."""
    needed = frozenset(member for subject in subjects for member in subject.members)
    return needed if rule.reference is None else needed | {rule.reference.device}


def is_watched_by(rule: Rule, device: Device, inventory: Inventory) -> bool:
    """Whether a Rule watches a device; what others are only compared with is not watched."""
    if device.type_key != rule.device_type or (rule.reference is not None and rule.reference.device == device.id):
        return False
    return bool(find_levels(rule, device, inventory))


def find_levels(rule: Rule, device: Device, inventory: Inventory) -> tuple[Level, ...]:
    """Return the Levels of a Rule for a device where it was placed last; none where it does not watch it."""
    return choose_levels(rule, device, inventory.sites.get(device.placements[-1].site, NOWHERE))


def _list_watched(rule: Rule, inventory: Inventory, period: Period) -> Iterator[tuple[Device, Placement]]:
    """Yield the devices that a Rule watches, and where each was placed in a while."""
    for device in inventory.devices.values():
        if is_watched_by(rule, device, inventory):
            for placement in device.placements:
                if placement.from_ms < period.to_ms and placement.to_ms > period.from_ms:
                    yield device, placement
