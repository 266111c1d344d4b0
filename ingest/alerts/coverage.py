"""Coverage: what no Rule watches, and Rules that watch nothing. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ingest.alerts.subjects import is_watched_by
from ingest.configuration import Configuration
from ingest.inventory import Device, Inventory
from schemas.rule import Rule


class Unwatched(NamedTuple):
    """Devices of one type at one Site that no Rule watches.

    Attributes:
        type_key: Key of the DeviceType.
        site: Key of the Site.
        devices: Ids, in order.
    """

    type_key: str
    site: str
    devices: tuple[str, ...]


class UnwatchedField(NamedTuple):
    """A field of a DeviceType that is in use, which no Rule looks at.

    Attributes:
        type_key: Key of the DeviceType.
        field: Name.
        devices: How many devices of the type are placed.
    """

    type_key: str
    field: str
    devices: int


class VainInhibition(NamedTuple):
    """A Rule that another one inhibits which can never fire where it does.

    Attributes:
        rule: Key of the Rule.
        inhibitor: Key of the one that should inhibit it.
        sites: Where the Rule may fire and the inhibitor cannot, in order.
        is_everywhere: Whether that is wherever the Rule may fire.
    """

    rule: str
    inhibitor: str
    sites: tuple[str, ...]
    is_everywhere: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is and is not watched.

    Attributes:
        placed: Devices that are placed now.
        watched: How many of them at least one Rule watches.
        unwatched: The others, by type and Site.
        idle: Keys of Rules that watch no device.
        fields: Fields that no Rule looks at.
        vain: Inhibitions that have no effect somewhere.
    """

    placed: int
    watched: int
    unwatched: tuple[Unwatched, ...]
    idle: tuple[str, ...]
    fields: tuple[UnwatchedField, ...]
    vain: tuple[VainInhibition, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every device is watched, every Rule watches one, and every inhibition has an effect somewhere."""
        return not (self.unwatched or self.idle or any(one.is_everywhere for one in self.vain))


def find_coverage(configuration: Configuration, now_ms: int) -> Coverage:
    """Return what is and is not watched of the devices that are placed at a moment.

    Args:
        configuration: Device types, inventory and rules.
        now_ms: Milliseconds since 1970 in UTC.
    """
    rules = configuration.rules
    by_type: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules.values():
        by_type[rule.device_type].append(rule)
    sites: dict[str, set[str]] = {key: set() for key in rules}
    unwatched: dict[tuple[str, str], list[str]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for device, site in _list_placed(configuration.inventory, now_ms):
        counts[device.type_key] += 1
        watching = [one for one in by_type[device.type_key] if is_watched_by(one, device, configuration.inventory)]
        for rule in watching:
            sites[rule.key].add(site)
        if not watching:
            unwatched[device.type_key, site].append(device.id)
    missed = sum(map(len, unwatched.values()))
    return Coverage(
        placed=sum(counts.values()),
        watched=sum(counts.values()) - missed,
        unwatched=tuple(Unwatched(*at, tuple(sorted(ids))) for at, ids in sorted(unwatched.items())),
        idle=tuple(key for key in sorted(rules) if not sites[key]),
        fields=tuple(_list_fields(configuration, counts, sites)),
        vain=tuple(_list_vain(rules, sites)),
    )


def _list_placed(inventory: Inventory, now_ms: int) -> Iterator[tuple[Device, str]]:
    """Yield the devices that are placed, with their Site."""
    for device in inventory.devices.values():
        placement = device.find_placement(now_ms)
        if placement is not None:
            yield device, placement.site


def _list_fields(
    configuration: Configuration, counts: Mapping[str, int], sites: Mapping[str, set[str]]
) -> Iterator[UnwatchedField]:
    watched = {(rule.device_type, rule.field) for rule in configuration.rules.values() if sites[rule.key]}
    for type_key, count in sorted(counts.items()):
        for field in configuration.types[type_key].fields:
            if (type_key, field) not in watched:
                yield UnwatchedField(type_key, field, count)


def _list_vain(rules: Mapping[str, Rule], sites: Mapping[str, set[str]]) -> Iterator[VainInhibition]:
    for key, rule in sorted(rules.items()):
        for inhibitor in rule.inhibited_by:
            elsewhere = sites[key] - sites.get(inhibitor, set())
            if elsewhere:
                yield VainInhibition(key, inhibitor, tuple(sorted(elsewhere)), elsewhere == sites[key])
