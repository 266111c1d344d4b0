"""Inventory: the sites, zones and devices of a municipality, and where each device was when.

A Device has placements with validity: sensors are moved and meters are swapped, and history keeps what was true then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

OPEN_END_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: the end of a placement that has none."""
NO_PARAMETERS: Mapping[str, float] = {}
"""Of a device that has none: one for all."""
GATEWAY = "gateway"
"""Key of the DeviceType of the devices through which others are heard."""


class Category(StrEnum):
    """What a Site is used for."""

    # buildings: they have a heated floor area
    OFFICE = "office"
    SCHOOL = "school"
    KINDERGARTEN = "kindergarten"
    NURSING_HOME = "nursing_home"
    HEALTH_CENTRE = "health_centre"
    HOUSING = "housing"
    SPORTS_HALL = "sports_hall"
    SWIMMING_HALL = "swimming_hall"
    LIBRARY = "library"
    CULTURE = "culture"
    FIRE_STATION = "fire_station"
    WORKSHOP = "workshop"
    # places: they have none
    STREET = "street"
    ROAD = "road"
    BRIDGE = "bridge"
    CYCLE_PATH = "cycle_path"
    PARKING = "parking"
    PARK = "park"
    WATER_SUPPLY = "water_supply"
    SEWERAGE = "sewerage"
    RECORDINGS = "recordings"  # where replayed series belong, which were measured somewhere else

    @property
    def is_building(self) -> bool:
        """Whether a Site of this category has a heated floor area."""
        return self not in _PLACES


_PLACES = frozenset(
    {
        Category.STREET,
        Category.ROAD,
        Category.BRIDGE,
        Category.CYCLE_PATH,
        Category.PARKING,
        Category.PARK,
        Category.WATER_SUPPLY,
        Category.SEWERAGE,
        Category.RECORDINGS,
    }
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A floor, room, lane or other part of a Site."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a Site is in use, in local time.

    Attributes:
        weekday: 0 is Monday.
        opens_min: Minutes since local midnight.
        closes_min: Minutes since local midnight, at most 1440.
    """

    weekday: int
    opens_min: int
    closes_min: int


@dataclass(frozen=True, slots=True)
class Site:
    """A building or place.

    Attributes:
        key: Segment of the topic and value of the tag ``site``.
        title: What people call it.
        category: What it is used for; a value of ``Category``.
        latitude: Degrees north, WGS 84.
        longitude: Degrees east, WGS 84.
        area_m2: Heated floor area; None for a place that is not a building.
        zones: Zones by key.
        opening_hours: When it is in use; empty where that means nothing.
        part_of: Key of the Site that it is a part of; empty for none.
    """

    key: str
    title: str
    category: str
    latitude: float
    longitude: float
    area_m2: float | None
    zones: Mapping[str, Zone]
    opening_hours: tuple[OpeningHours, ...]
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a Device was from one moment (included) to another (not included).

    Attributes:
        from_ms: Milliseconds since 1970 in UTC.
        to_ms: Likewise; ``OPEN_END_MS`` while it stands.
        site: Key of the Site.
        zone: Key of the Zone in it.
    """

    from_ms: int
    to_ms: int
    site: str
    zone: str


@dataclass(frozen=True, slots=True)
class Device:
    """One installed sensor.

    Attributes:
        id: Segment of the topic, name of its broker account, and value of the tag ``device``.
        type_key: Key of its DeviceType.
        component: Component code in the Norwegian TFM form, such as ``+A=360.001-RT001``; empty where it has none.
        placements: In order of time, without overlap, at least one.
        gateway: Id of the Device through which it is heard; empty where there is none in between, or it is not known.
        tags: What people call it together with others, so that rules can speak of them.
        source: Key of the Source that tells of it; empty for a device that publishes its own readings.
        address: What the Source calls it.
        model: Key of its Model; empty where it has no Source.
        parameters: What its Model must know of it, by name.
    """

    id: str
    type_key: str
    component: str
    placements: tuple[Placement, ...]
    gateway: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    address: str = ""
    model: str = ""
    parameters: Mapping[str, float] = field(default_factory=lambda: NO_PARAMETERS, hash=False)

    def find_placement(self, time_ms: int) -> Placement | None:
        """Return where the Device was at a moment; None where it was nowhere."""
        return next((one for one in self.placements if one.from_ms <= time_ms < one.to_ms), None)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that is installed.

    Attributes:
        sites: By key.
        devices: By id.
        zone_info: The municipality's time zone; dates in the files are local.
    """

    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    zone_info: ZoneInfo

    def list_wholes(self, site: str) -> list[str]:
        """Return a Site and those that it is a part of, the smallest first."""
        found: list[str] = []
        while site and site not in found:
            found.append(site)
            site = self.sites[site].part_of if site in self.sites else ""
        return found
