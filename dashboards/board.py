"""Board: a page of panels, and where each stands on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dashboards.annotation import Annotation
from dashboards.panel import Panel
from dashboards.query import Variable

COLUMNS = 24
"""Width of a board in Grafana's columns."""


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading; a section without a title has no heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A page of panels.

    Attributes:
        uid: Its identity in Grafana, and its address; never changes.
        title: What it is called, in Norwegian.
        description: What it is for, in Norwegian.
        sections: Panels in the order of reading.
        variables: Choices at the top; a later one may refer to earlier ones.
        period: Start of the period that is shown at first, as Grafana writes it; it ends now.
        refresh: How often it is refreshed by itself.
        annotations: Marks on the time axes of its panels.
    """

    uid: str
    title: str
    description: str
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...] = ()
    period: str = "now-14d/d"
    refresh: str = "5m"
    annotations: tuple[Annotation, ...] = ()

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel in the order of reading."""
        return (panel for section in self.sections for panel in section.panels)


class Rectangle(NamedTuple):
    """Where something stands: column and row of its upper left corner, width and height."""

    x: int
    y: int
    width: int
    height: int


def place_panels(panels: tuple[Panel, ...], top: int) -> tuple[list[Rectangle], int]:
    """Set panels from left to right in lines, each line as high as its highest panel.

    Args:
        panels: In the order of reading.
        top: Row of the first line.

    Returns:
        A place for each panel, and the first free row below them.
    """
    places: list[Rectangle] = []
    x, line_top, bottom = 0, top, top
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, line_top = 0, bottom
        places.append(Rectangle(x, line_top, panel.width, panel.height))
        x += panel.width
        bottom = max(bottom, line_top + panel.height)
    return places, bottom
