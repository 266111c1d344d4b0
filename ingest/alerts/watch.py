"""Watch: a Rule prepared for the hot path, with where it stands for each subject; and which Watches a device has."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from ingest.batch import AlertRecord
from ingest.inventory import Device, Inventory, Site
from schemas.derivation import Derived, Given, State
from schemas.rule import EVERY, Level, Rule, Subjects

NOWHERE = Site("", "", "", 0.0, 0.0, None, {}, ())
"""Stands for the Site of a device that the inventory does not have."""
ANYONE = Device("", "", "", ())
"""Stands for the devices of a site together."""


@dataclass(slots=True)
class Standing:
    """Where a Rule stands for each subject that is not OK, and what its derivation remembers of each.

    Attributes:
        digest: See ``digest_watch``; of the Rule whose states these are.
        records: By device.
        states: By device.
        moved: Devices whose states changed since the store was last told.
    """

    digest: int = 0
    records: dict[str, AlertRecord] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    moved: dict[str, None] = field(default_factory=dict)

    def become(self, digest: int) -> None:
        """Begin anew with states, where the Rule makes another thing of readings now."""
        if digest != self.digest:
            self.digest = digest
            self.states.clear()
            self.moved.clear()


class Watch(NamedTuple):
    """A Rule for the devices for which it has the same Levels.

    Attributes:
        rule: The condition.
        levels: The mildest first.
        low: A value from here,
        high: up to here is good.
        standing: Of the Rule, shared by all its Watches.
    """

    rule: Rule
    levels: tuple[Level, ...]
    low: float
    high: float
    standing: Standing


_Plain = tuple[str, float, float, dict[str, AlertRecord]]
"""A Watch on a field's own value for the hot path: field, between which values, these included, it is good, where the
Rule stands for each device. A plain tuple: one with names takes three times as long to take apart."""


Heard = tuple[dict[str, State], dict[str, None], str, State]
"""What is remembered of devices, which of that changed, a subject, and what is to be remembered of it."""
_Alone = tuple[
    str, float, float, dict[str, AlertRecord], dict[str, State], dict[str, None], Callable[[State, int, float], Derived]
]
"""A Watch on what is made of a field of each device alone, likewise: also what is remembered of each device, which of
that changed, and what makes the value."""


class Watches(NamedTuple):
    """What watches a device.

    Attributes:
        all: In order of the rules.
        plain: Those on a field's own value, for the hot path.
        alone: Those on what is made of a field's values of each device.
        joint: Those on what is made of the values of several devices.
        timed: Those that time decides, not readings.
    """

    all: tuple[Watch, ...]
    plain: tuple[_Plain, ...]
    alone: tuple[_Alone, ...]
    joint: tuple[Watch, ...]
    timed: tuple[Watch, ...]


NOTHING = Watches((), (), (), (), ())


class WatchTable:
    """Which Watches each device has.

    Args:
        rules: By key.
        standings: By key of the Rule.
        inventory: What is installed; None where rules speak of every device of their type (in examples and tests).
    """

    def __init__(
        self, rules: Mapping[str, Rule], standings: Mapping[str, Standing], inventory: Inventory | None
    ) -> None:
        self._by_type: dict[str, list[Rule]] = {}
        for rule in rules.values():
            self._by_type.setdefault(rule.device_type, []).append(rule)
        self._standings = standings
        self._inventory = inventory
        self._usual = {key: self._make([(rule, rule.levels) for rule in some]) for key, some in self._by_type.items()}
        self._special: dict[str, Watches] = {}
        if inventory is not None:
            self._find_special(inventory)

    def find(self, type_key: str, device: str) -> Watches:
        """Return what watches a device of a type."""
        special = self._special
        found = special.get(device) if special else None
        return self._usual.get(type_key, NOTHING) if found is None else found

    def list_shared(self, type_key: str, site: str) -> list[Watch]:
        """Return what watches the share of the devices of a type at a site that are silent."""
        rules = [rule for rule in self._by_type.get(type_key, ()) if not rule.field and rule.group is not None]
        if self._inventory is None:
            return [self._watch(rule, rule.levels) for rule in rules]
        place = self._inventory.sites.get(site, NOWHERE)
        chosen = [(rule, choose_levels(rule, ANYONE, place)) for rule in rules]
        return [self._watch(rule, levels) for rule, levels in chosen if levels]

    def _find_special(self, inventory: Inventory) -> None:
        """Find the devices that some rule of their type does not watch, or watches by other limits."""
        choosy = {
            key: some
            for key, some in self._by_type.items()
            if any(rule.overrides or rule.subjects != EVERY for rule in some)
        }
        known: dict[tuple[tuple[str, tuple[Level, ...]], ...], Watches] = {}
        for device in inventory.devices.values():
            rules = choosy.get(device.type_key)
            if rules is None:
                continue
            site = inventory.sites.get(device.placements[-1].site, NOWHERE)
            chosen = [(rule, levels) for rule in rules if (levels := choose_levels(rule, device, site))]
            key = tuple((rule.key, levels) for rule, levels in chosen)
            if key not in known:
                known[key] = self._make(chosen)
            self._special[device.id] = known[key]

    def _make(self, chosen: Iterable[tuple[Rule, Sequence[Level]]]) -> Watches:
        watches = tuple(self._watch(rule, tuple(levels)) for rule, levels in chosen)
        timed = tuple(one for one in watches if not one.rule.field)
        of_values = [one for one in watches if one.rule.field]
        plain = tuple(
            (one.rule.field, one.low, one.high, one.standing.records) for one in of_values if is_plain(one.rule)
        )
        alone = tuple(_make_alone(one) for one in of_values if not is_plain(one.rule) and not _is_joint(one.rule))
        joint = tuple(one for one in of_values if _is_joint(one.rule))
        return Watches(watches, plain, alone, joint, timed)

    def _watch(self, rule: Rule, levels: tuple[Level, ...]) -> Watch:
        low, high = (levels[0].low, levels[0].high) if rule.field else (-inf, inf)
        return Watch(rule, levels, low, high, self._standings[rule.key])


LAYOUT = 1
"""To be counted up where any derivation remembers something else than before: what is on disk says nothing to it."""


def digest_watch(rule: Rule) -> int:
    """Return a checksum of what a Rule makes of readings: what it remembers says nothing to another one."""
    what = (LAYOUT, rule.device_type, rule.field, rule.derivation, rule.group, rule.reference)
    return zlib.crc32(repr(what).encode())


def is_plain(rule: Rule) -> bool:
    """Whether a Rule judges each device's own values, and nothing that is made of them."""
    return rule.group is None and rule.reference is None and isinstance(rule.derivation, Given)


def _is_joint(rule: Rule) -> bool:
    """Whether what a Rule judges is made of the values of several devices."""
    return rule.group is not None or rule.reference is not None


def _make_alone(watch: Watch) -> _Alone:
    standing = watch.standing
    return (
        *(watch.rule.field, watch.low, watch.high),
        *(standing.records, standing.states, standing.moved),
        watch.rule.derivation.derive,
    )


def choose_levels(rule: Rule, device: Device, site: Site) -> tuple[Level, ...]:
    """Return the Levels of a Rule for a device at a site; none where it does not watch it."""
    if rule.reference is not None and rule.reference.device == device.id:
        return rule.levels  # it is heard, wherever it is
    if not _is_meant(rule.subjects, device, site):
        return ()
    return next((one.levels for one in rule.overrides if _is_meant(one.subjects, device, site)), rule.levels)


def _is_meant(subjects: Subjects, device: Device, site: Site) -> bool:
    return (
        (not subjects.sites or site.key in subjects.sites)
        and (not subjects.categories or site.category in subjects.categories)
        and (not subjects.devices or device.id in subjects.devices)
        and (not subjects.tags or not subjects.tags.isdisjoint(device.tags))
    )
