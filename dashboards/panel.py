"""Panel: one figure on a board, and how it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.query import Query
from dashboards.transformation import Transformation
from dashboards.visual import Visual


@dataclass(frozen=True, slots=True)
class Step:
    """A colour from a value upwards; the first Step of a panel has no value and colours everything below."""

    color: str
    start: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown instead of a value, and in which colour."""

    text: str
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How one series or one column of a table is shown where it differs from the panel.

    Attributes:
        name: Its name in the answer.
        title: What the reader sees instead.
        unit: UCUM code.
        decimals: Digits after the decimal comma.
        steps: Colours by value.
        values: What is shown instead of single values.
        links: Addresses behind the value by what they are called; of several the reader chooses. Grafana fills in
            ``${__value.text}``, ``${__data.fields.<column>}`` and ``${__url_time_range}``.
        filled: In a table, colour the background of the cell instead of its text.
        right: Whether it has the axis on the right, as a line over bars.
    """

    name: str
    title: str | None = None
    unit: str | None = None
    decimals: int | None = None
    steps: tuple[Step, ...] = ()
    values: Mapping[str, Shown] | None = None
    links: Mapping[str, str] | None = None
    filled: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One figure on a board.

    Attributes:
        title: What it shows, in Norwegian.
        description: What the figure means, how it is computed, what to do about it; in Norwegian.
        visual: How it is drawn.
        queries: What it asks InfluxDB; none for a text.
        unit: UCUM code; empty for a text.
        width: Of the 24 columns of a board.
        height: In Grafana's rows of about 30 pixels.
        decimals: Digits after the decimal comma; Grafana's choice when left out.
        low: Lowest value of the axis or bar.
        high: Highest value of the axis or bar.
        steps: Colours by value; on a time series a dashed line at each.
        values: What is shown instead of single values.
        nothing: What is shown when the answer is empty.
        columns: Series and columns that differ.
        transformations: What Grafana does to the answer before it draws, in order.
    """

    title: str
    description: str
    visual: Visual
    queries: tuple[Query, ...] = ()
    unit: str = ""
    width: int = 12
    height: int = 8
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[Step, ...] = ()
    values: Mapping[str, Shown] | None = None
    nothing: str | None = None
    columns: tuple[Column, ...] = ()
    transformations: tuple[Transformation, ...] = ()
