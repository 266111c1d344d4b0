"""Annotation: a mark on the time axis of the panels it concerns; of each alert, when it fired and when it was over."""

from dataclasses import dataclass

from dashboards.panel import Panel
from dashboards.query import AT_SITE, Select
from dashboards.visual import TimeSeries
from devices import load_device_types
from schemas.rule import Change

FIRED = (Change.FIRED, Change.ESCALATED)
OVER = (Change.CLEARED, Change.WITHDRAWN)
MOST_MARKS = 200
"""Of each kind; more of them would be a wall, and the panel below it unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Marks of one kind.

    Attributes:
        title: What they are, in Norwegian; unlike the others of its board.
        color: Of the marks.
        measurement: They stand on the panels over time that read it.
        select: When they are, with the columns of ``text`` and ``tags``.
        text: Column that is shown when the reader points at a mark.
        tags: Columns that are shown under it.
    """

    title: str
    color: str
    measurement: str
    select: Select
    text: str
    tags: tuple[str, ...]

    def concerns(self, panel: Panel) -> bool:
        """Whether a panel gets the marks."""
        is_over_time = isinstance(panel.visual, TimeSeries)
        return is_over_time and any(reads(query.select, self.measurement) for query in panel.queries)


def reads(select: Select, measurement: str) -> bool:
    """Whether a statement reads a measurement, itself or in the statements that it selects from."""
    return measurement in select.measurements or any(reads(part, measurement) for part in select.statements)


def mark_alerts(*measurements: str, where: tuple[str, ...] = ()) -> tuple[Annotation, ...]:
    """Return marks of alerts at the chosen sites: where they fired, or became more severe, and where they were over.

    Args:
        measurements: Device types; the alerts of each stand on the panels that read it.
        where: Conditions on the alerts, beside the site.
    """
    types = load_device_types()
    return tuple(
        Annotation(
            title=f"{title}: {types[measurement].title}",
            color=color,
            measurement=measurement,
            select=_changes(measurement, changes, where),
            text="text",
            tags=("site", "zone", "device"),
        )
        for measurement in measurements
        for title, color, changes in (("Varsel utløst", "red", FIRED), ("Varsel over", "green", OVER))
    )


def _changes(measurement: str, changes: tuple[Change, ...], where: tuple[str, ...]) -> Select:
    # Not grouped by a tag: Grafana takes the marks from one series.
    either = " OR ".join(f"\"change\" = '{change}'" for change in changes)
    return Select(
        columns='"text", "site", "zone", "device"',
        source=("alerts",),
        where=(AT_SITE, f"\"type\" = '{measurement}'", f"({either})", *where),
        tail=f"ORDER BY time DESC LIMIT {MOST_MARKS}",
    )
