"""Which Watches each device has, prepared for the hot path."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from ingest.alerts.hearing import Listen, make_listen
from ingest.alerts.standing import Standing
from ingest.alerts.watch import NOWHERE, Watch, choose_levels, find_limits, is_plain
from ingest.batch import AlertRecord
from ingest.inventory import Device, Inventory
from schemas.rule import EVERY, Level, Rule

ANYONE = Device("", "", "", ())
"""Stands for the devices of a site together."""

_Plain = tuple[str, float, float, dict[str, AlertRecord]]
"""A Watch on a field's own value for the hot path: field, between which values, these included, it is good, where the
Rule stands for each device. A plain tuple: one with names takes three times as long to take apart."""


class Watches(NamedTuple):
    """What watches a device.

    Attributes:
        all: In order of the rules.
        plain: Those on a field's own value, for the hot path.
        listen: Has those hear a reading that need more than its own values; None where there are none.
        timed: Those that time decides, not readings.
    """

    all: tuple[Watch, ...]
    plain: tuple[_Plain, ...]
    listen: Listen | None
    timed: tuple[Watch, ...]


NOTHING = Watches((), (), None, ())


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
        listen = make_listen([one for one in of_values if not is_plain(one.rule)])
        return Watches(watches, plain, listen, timed)

    def _watch(self, rule: Rule, levels: tuple[Level, ...]) -> Watch:
        low, high = find_limits(levels) if rule.field else (-inf, inf)
        return Watch(rule, levels, low, high, self._standings[rule.key])
