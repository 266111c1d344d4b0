"""Tables of ``deploy/notify.toml``, as people write them; ``docs/notifications.md`` describes them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, InstanceOf, StringConstraints

from ingest.alerts.duration import PATTERNS as DURATION_PATTERNS
from ingest.alerts.duration import Duration
from ingest.alerts.schedule import ScheduleTable
from ingest.alerts.words import Language
from ingest.inventory import Category
from ingest.inventory_tables import PATTERNS as INVENTORY_PATTERNS
from ingest.inventory_tables import Clock, Slug, Title
from ingest.toml_table import CHOICE, Table
from schemas.rule import Severity

_LINK = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
PATTERNS = {
    **INVENTORY_PATTERNS,
    **DURATION_PATTERNS,
    _LINK: 'must be an address such as "https://grafana.example.no", without a question mark',
    _VARIABLE: "must be the name of an environment variable",
}
"""What each regular expression asks for, in words."""

Keys = Annotated[list[Slug], Field(min_length=1), CHOICE]
MOST_PER_HOUR = 240
"""More messages an hour, one each quarter of a minute, nobody reads."""


class ContactTable(Table):
    """``[[contact]]``."""

    key: Slug
    title: Title
    language: Annotated[Language, Field(strict=False)] = Language.NB
    address_file: Annotated[str, StringConstraints(min_length=1)] | None = None
    address_env: Annotated[str, StringConstraints(pattern=_VARIABLE)] | None = None


class TurnTable(Table):
    """``{ from = 2026-01-05, contacts = ["kari", "ola"] }``."""

    begins: Annotated[InstanceOf[date], Field(alias="from")]
    contacts: Annotated[list[Slug], Field(min_length=1)]  # one may have two turns in a row
    every: Literal["day", "week"] = "week"


class StandInTable(Table):
    """``{ from = 2026-02-12, to = 2026-02-14, contact = "per" }``."""

    begins: Annotated[InstanceOf[date], Field(alias="from")]
    ends: Annotated[InstanceOf[date], Field(alias="to")]
    contact: Slug


class RotaTable(Table):
    """``[[rota]]``."""

    key: Slug
    handover: Clock
    turns: Annotated[list[TurnTable], Field(min_length=1)]
    overrides: Annotated[list[StandInTable], Field(default_factory=list)]


class MessageRouteTable(Table):
    """``[[route]]``."""

    key: Slug
    to: Keys
    severities: Annotated[list[Annotated[Severity, Field(strict=False)]], Field(default_factory=list), CHOICE]
    sites: Annotated[list[Slug], Field(default_factory=list), CHOICE]
    categories: Annotated[list[Annotated[Category, Field(strict=False)]], Field(default_factory=list), CHOICE]
    rules: Annotated[list[Slug], Field(default_factory=list), CHOICE]
    times: Annotated[ScheduleTable, Field(default_factory=ScheduleTable)]
    escalate_after: Duration | None = None
    escalate_to: Annotated[list[Keys], Field(min_length=1)] | None = None
    remind_every: Duration | None = None
    group_within: Duration = "0s"
    most_per_hour: Annotated[int, Field(ge=1, le=MOST_PER_HOUR)] = 20
    say_cleared: bool = True


class PublicTable(Table):
    """``[public]``."""

    link: Annotated[str, StringConstraints(pattern=_LINK)] = ""
    desk: Title | None = None


class RoutingTable(Table):
    """The whole file."""

    public: PublicTable | None = None
    contact: Annotated[list[ContactTable], Field(default_factory=list)]
    rota: Annotated[list[RotaTable], Field(default_factory=list)]
    route: Annotated[list[MessageRouteTable], Field(default_factory=list)]
