"""Tables of the inventory's TOML files, as people write them; ``docs/inventory.md`` describes them."""

from datetime import date
from typing import Annotated

from pydantic import Field, InstanceOf, StringConstraints

from ingest.inventory import Category
from ingest.toml_table import Table

_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_COMPONENT = (
    r"^\+{1,2}[0-9A-ZÆØÅ]+(\.[0-9A-ZÆØÅ]+)*"  # location
    r"=[0-9]{3,4}\.[0-9]{3,4}(:[0-9]{2,3})?"  # system, running number, version
    r"-[A-Z]{2,3}[0-9]{3,4}[A-Z]?(%[A-Z]{2,3})?$"  # component, running number, type
)
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
PATTERNS = {
    _SLUG: "must be lower-case letters a-z, digits and single hyphens between them",
    _COMPONENT: "must be a TFM code, location = system - component, such as +A=360.001-RT001 or ++AA=3600.001-RT001",
    _CLOCK: 'must be a time of day such as "07:30", at most "24:00"',
}
"""What each regular expression asks for, in words."""

Slug = Annotated[str, StringConstraints(pattern=_SLUG, max_length=64)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Clock = Annotated[str, StringConstraints(pattern=_CLOCK)]
Degrees = Annotated[float, Field(allow_inf_nan=False)]


class HoursTable(Table):
    """``{ days = "mon-fri", opens = "07:30", closes = "16:00" }``."""

    days: str
    opens: Clock
    closes: Clock


class ZoneTable(Table):
    """``[[site.zone]]``."""

    key: Slug
    title: Title


class SiteTable(Table):
    """``[[site]]``."""

    key: Slug
    title: Title
    category: Annotated[Category, Field(strict=False)]
    latitude: Annotated[Degrees, Field(ge=-90, le=90)]
    longitude: Annotated[Degrees, Field(ge=-180, le=180)]
    area_m2: Annotated[float, Field(gt=0, le=10_000_000, allow_inf_nan=False)] | None = None
    opening_hours: Annotated[list[HoursTable], Field(default_factory=list)]
    zone: Annotated[list[ZoneTable], Field(default_factory=list)]
    part_of: Slug | None = None


class PlacementTable(Table):
    """``{ from = 2025-01-01, site = "radhuset", zone = "1-etasje" }``."""

    begins: Annotated[InstanceOf[date], Field(alias="from")]
    ends: Annotated[InstanceOf[date] | None, Field(alias="to")] = None
    site: str
    zone: str


class DeviceTable(Table):
    """``[[device]]``."""

    id: Slug
    type: str
    component: Annotated[str, StringConstraints(pattern=_COMPONENT)] = ""
    gateway: Slug = ""
    placements: Annotated[list[PlacementTable], Field(min_length=1)]
    tags: Annotated[list[Slug], Field(default_factory=list)]
    source: str = ""
    address: Annotated[str, StringConstraints(max_length=200)] = ""
    model: str = ""
    parameters: Annotated[dict[str, float], Field(default_factory=dict)]
