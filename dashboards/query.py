"""Select, Query, Variable: what a panel asks InfluxDB, in InfluxQL that 1.6, 1.8 and 2.7 all answer.

A Select is a value and not a text, so that a test can walk it and compare every name with the device types. Rules that
it keeps, each because InfluxDB 1.6.7 was seen to answer wrongly otherwise:

- One statement per query: Grafana reads the first result only.
- Days are local, by ``tz()`` in every statement that makes them; without it they begin at midnight UTC.
- The period bounds the statement that reads measurements, and none around it. Bounded there too, differences lose the
  first bucket, and three statements inside each other answer nothing for a period that begins within an hour. Only one
  that fills empty buckets of what it reads in statements is bounded too: it would fill them until now.
"""

from dataclasses import dataclass
from enum import StrEnum

ZONE_NAME = "Europe/Oslo"
"""Time zone of days and of every board."""

PERIOD = "$timeFilter"
"""Grafana's macro for the period that the reader chose."""

AT_SITE = '"site" =~ /^$site$/'
"""Condition: one of the sites that the reader chose. A regular expression serves one, several and all."""

IN_ZONE = '"zone" =~ /^$zone$/'
"""Condition: one of the zones that the reader chose."""


class Shape(StrEnum):
    """How Grafana shapes the answer."""

    SERIES = "time_series"  # one frame a series and column
    TABLE = "table"  # one frame: time, tags, columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """One SELECT statement of InfluxQL.

    Attributes:
        columns: What is selected; every name in double quotes, results named with AS.
        source: Measurements, or statements whose columns are selected from. Of several statements InfluxDB takes the
            rows together, but never those of different measurements, and a column only where they name it alike.
        where: Conditions; all must hold.
        by: Tags to group by.
        every: Length of the buckets; ``1h``, ``1d`` or ``$__interval``; InfluxDB before 1.8.5 sets weeks wrong.
        fill: What an empty bucket holds.
        period: Condition on time, where measurements are read; empty for all of time.
        tail: ORDER BY and LIMIT.
    """

    columns: str
    source: "tuple[str, ...] | Select | tuple[Select, ...]"
    where: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    every: str = ""
    fill: str = "none"
    period: str = PERIOD
    tail: str = ""

    @property
    def measurements(self) -> tuple[str, ...]:
        """The measurements that it reads itself; none when it selects from statements."""
        return () if isinstance(self.source, Select) else tuple(name for name in self.source if isinstance(name, str))

    @property
    def statements(self) -> "tuple[Select, ...]":
        """The statements that it selects from; none when it reads measurements."""
        if isinstance(self.source, Select):
            return (self.source,)
        return tuple(part for part in self.source if isinstance(part, Select))

    @property
    def text(self) -> str:
        """The statement in InfluxQL."""
        return " ".join(part for part in self._parts() if part)

    def _parts(self) -> tuple[str, ...]:
        bounded = bool(self.measurements) or (bool(self.every) and self.fill != "none")
        period = (self.period,) if bounded and self.period else ()
        conditions = " AND ".join((*self.where, *period))
        buckets = (f"time({self.every})",) if self.every else ()
        groups = ", ".join((*buckets, *(f'"{tag}"' for tag in self.by)))
        return (
            f"SELECT {self.columns}",
            f"FROM {self._source_text()}",
            f"WHERE {conditions}" if conditions else "",
            f"GROUP BY {groups}" if groups else "",
            f"fill({self.fill})" if self.every else "",
            self.tail,
            f"tz('{ZONE_NAME}')" if self.every == "1d" else "",
        )

    def _source_text(self) -> str:
        sources = (*(f'"{name}"' for name in self.measurements), *(f"({part.text})" for part in self.statements))
        return ", ".join(sources)


@dataclass(frozen=True, slots=True)
class Query:
    """A Select with how its answer is shaped and named.

    Attributes:
        select: What is asked.
        alias: Name of each series; ``$tag_site`` and the like are replaced by Grafana. Unused in a table.
        shape: Series or table.
    """

    select: Select
    alias: str = ""
    shape: Shape = Shape.SERIES


def table(select: Select) -> Query:
    """Ask for a table."""
    return Query(select, shape=Shape.TABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the top of a board: the values of a tag.

    Attributes:
        name: How queries refer to it, and the tag whose values it offers.
        title: What the reader sees.
        measurements: Where the tag's values are looked up.
        field: Only values of the tag that have this field are offered; empty for all.
        where: Conditions, which may refer to variables before this one.
        several: Whether the reader may choose several, and all (then all is chosen from the start).
    """

    name: str
    title: str
    measurements: tuple[str, ...]
    field: str = ""
    where: tuple[str, ...] = ()
    several: bool = True

    @property
    def text(self) -> str:
        """The statement in InfluxQL. It names no time: 1.x ignores it here, and Grafana's backend cannot parse it."""
        if self.field:
            # SHOW TAG VALUES knows no fields. Grafana offers the first column after the time.
            columns = f'last("{self.field}") AS "{self.field}"'
            each = Select(columns=columns, source=self.measurements, where=self.where, by=(self.name,), period="")
            return Select(columns=f'"{self.name}"', source=each).text
        names = ", ".join(f'"{name}"' for name in self.measurements)
        conditions = " AND ".join(self.where)
        return f'SHOW TAG VALUES FROM {names} WITH KEY = "{self.name}"' + (f" WHERE {conditions}" if conditions else "")
