"""Visuals: how a panel is drawn. Each knows its name and its options in Grafana, and nothing of queries."""

from dataclasses import dataclass
from typing import Protocol

Json = dict[str, object]


class Visual(Protocol):
    """What every way to draw a panel can say."""

    @property
    def kind(self) -> str:
        """Grafana's name of the panel plugin."""

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""


MOST_ROWS = 200
"""Rows of a ranking that are drawn at most; Grafana stops at 25 unless told."""

BAR_BEGINS = 1
"""A bar stands after the time at which its bucket begins. Centred, Saturday's would reach from Friday noon on."""


def _reduce(calculation: str) -> Json:
    """One value a series by a calculation."""
    return {"calcs": [calculation], "fields": "", "values": False}


def _legend(*, shown: bool = True) -> Json:
    return {"showLegend": shown, "displayMode": "list", "placement": "bottom", "calcs": []}


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Values over time: lines, or bars for sums of days and hours.

    Attributes:
        bars: Bars instead of lines.
        stacked: Series on top of each other.
        limits: Whether the panel's Steps are drawn as dashed lines.
    """

    bars: bool = False
    stacked: bool = False
    limits: bool = False
    kind: str = "timeseries"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {"legend": _legend(), "tooltip": {"mode": "multi", "sort": "desc"}}

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {
            "barAlignment": BAR_BEGINS,
            "drawStyle": "bars" if self.bars else "line",
            "fillOpacity": 70 if self.bars else 8,
            "lineWidth": 1 if self.bars else 2,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if self.limits else "off"},
        }


@dataclass(frozen=True, slots=True)
class Stat:
    """One large figure.

    Attributes:
        calculation: How a series becomes one value.
        filled: Colour the background instead of the figure.
        graph: Draw the series behind the figure.
    """

    calculation: str = "lastNotNull"
    filled: bool = False
    graph: bool = False
    kind: str = "stat"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {
            "colorMode": "background" if self.filled else "value",
            "graphMode": "area" if self.graph else "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "reduceOptions": _reduce(self.calculation),
            "textMode": "auto",
        }

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {}


@dataclass(frozen=True, slots=True)
class BarGauge:
    """A ranking: one bar for each row of a table."""

    kind: str = "bargauge"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {
            "displayMode": "basic",
            "minVizHeight": 16,
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "limit": MOST_ROWS, "values": True},
            "showUnfilled": True,
            "sizing": "auto",
            "valueMode": "color",
        }

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns."""

    kind: str = "table"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {"cellHeight": "sm", "footer": {"show": False}, "showHeader": True}

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars over names instead of times.

    Attributes:
        over: Column with the names.
    """

    over: str
    kind: str = "barchart"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {
            "barWidth": 0.9,
            "groupWidth": 0.8,
            "legend": _legend(),
            "orientation": "vertical",
            "showValue": "never",
            "stacking": "none",
            "tooltip": {"mode": "multi", "sort": "none"},
            "xField": self.over,
            "xTickLabelSpacing": 0,
        }

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {"fillOpacity": 80, "lineWidth": 1}


@dataclass(frozen=True, slots=True)
class StateTimeline:
    """States over time, one band a series."""

    kind: str = "state-timeline"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {
            "alignValue": "left",
            "legend": _legend(shown=False),
            "mergeValues": True,
            "rowHeight": 0.85,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {"fillOpacity": 80, "lineWidth": 0}


@dataclass(frozen=True, slots=True)
class Heatmap:
    """How often values of a size occurred, over time.

    Attributes:
        step: Height of a cell, in the panel's unit.
        unit: Grafana's identifier of the unit of the axis.
    """

    step: float
    unit: str
    kind: str = "heatmap"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {
            "calculate": True,
            "calculation": {
                "xBuckets": {"mode": "size", "value": "1h"},
                "yBuckets": {"mode": "size", "value": f"{self.step:g}"},
            },
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 32, "exponent": 0.5},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "unit": self.unit},
        }

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {}


@dataclass(frozen=True, slots=True)
class Text:
    """Words to the reader, in Markdown."""

    markdown: str
    kind: str = "text"

    @property
    def options(self) -> Json:
        """The ``options`` of the panel."""
        return {"mode": "markdown", "content": self.markdown}

    @property
    def custom(self) -> Json:
        """The ``fieldConfig.defaults.custom`` of the panel."""
        return {}
