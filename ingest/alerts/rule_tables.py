"""Tables of a rule's TOML file, as people write them; ``docs/rules.md`` describes them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from ingest.alerts.derivation_table import Number
from ingest.alerts.duration import Duration
from ingest.toml_table import Table
from schemas.device_type import Privacy
from schemas.rule import Aggregate, Severity, Together

Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Keys = Annotated[list[str], Field(min_length=1)]


def _read_never(value: object) -> object:
    """Return None for ``false``, which TOML has where others have null."""
    return None if value is False else value


class LimitsTable(Table):
    """What is beyond a limit (``above``, ``below``, ``outside`` or ``equals``), and from where on it is good again."""

    above: Number | None = None
    below: Number | None = None
    outside: Pair | None = None
    equals: bool | None = None
    clear: Number | Pair | None = None
    hold: Annotated[Duration | None, Field(alias="for")] = None


class LevelTable(LimitsTable):
    """``[[level]]``: from where on an alert is more severe."""

    severity: Annotated[Severity, Field(strict=False)]


class SubjectsTable(Table):
    """Which devices; all where a key is left out."""

    sites: Keys | None = None
    categories: Keys | None = None
    devices: Keys | None = None
    tags: Keys | None = None


class ExceptTable(LimitsTable):
    """``[[except]]``: other limits for some devices, or none."""

    sites: Keys | None = None
    categories: Keys | None = None
    devices: Keys | None = None
    tags: Keys | None = None
    watched: bool = True


class FlappingTable(Table):
    """``flapping = { times = 4, within = "1h" }``."""

    times: Annotated[int, Field(ge=2, le=100)]
    within: Duration


class GroupTable(Table):
    """``group = { by = "site", of = "sum", fresh = "15m" }``."""

    by: Annotated[Together, Field(strict=False)]
    of: Annotated[Aggregate, Field(strict=False)]
    fresh: Duration = "15m"


class AgainstTable(Table):
    """``against = { device = "uteklima-1", fresh = "30m" }``."""

    device: str
    fresh: Duration = "30m"


class ExampleTable(Table):
    """``[[example]]``: minutes and values, and when the rule fires and clears."""

    series: Annotated[list[Pair], Field(min_length=1)]
    fires: Number | None = None
    clears: Number | None = None
    start: str | None = None


class RuleTable(LimitsTable):
    """A rule's file."""

    device_type: str
    watch: Literal["values", "silence", "missing"] = "values"
    field: str = ""
    unit: str
    severity: Annotated[Severity, Field(strict=False)]
    level: Annotated[list[LevelTable], Field(default_factory=list)]
    derive: dict[str, object] | None = None
    group: GroupTable | None = None
    against: AgainstTable | None = None
    doubtful: bool = False
    clear_for: Duration = "0s"
    readings: Annotated[int, Field(ge=1, le=1000)] = 1
    keep: Duration = "0s"
    flapping: Annotated[FlappingTable | None, BeforeValidator(_read_never)] = FlappingTable(times=4, within="1h")
    when: object = None  # see ``ScheduleTable``
    only: SubjectsTable | None = None
    otherwise: Annotated[list[ExceptTable], Field(default_factory=list, alias="except")]
    inhibited_by: Annotated[list[str], Field(default_factory=list)]
    privacy: Annotated[Privacy | None, Field(strict=False)] = None
    text: Text
    text_en: Text | None = None
    link: Annotated[str, StringConstraints(max_length=500)] = ""
    example: Annotated[list[ExampleTable], Field(min_length=1)]
