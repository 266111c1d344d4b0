"""Rendering: a Board becomes the classic JSON that Grafana 11 to 13 provisions from a file.

No ``id`` (Grafana's own), a fixed ``uid``, data sources by type and uid, times in Europe/Oslo. The JSON is committed,
and ``deploy/generate.py --check`` says when it is stale.
"""

import json
import string
from collections.abc import Iterator, Mapping

from dashboards.board import COLUMNS, Board, Rectangle, place_panels
from dashboards.boards import load_boards
from dashboards.panel import Column, Panel, Shown, Step
from dashboards.query import ZONE_NAME, Query, Variable
from dashboards.units import grafana_unit
from dashboards.visual import Json, TimeSeries

SCHEMA_VERSION = 41
TAG = "gjovik"
HEADING = "row"
"""Grafana's type of what is no panel."""
DATASOURCE_UID = "gjovik-influxdb"
"""Same as in deploy/grafana/provisioning/datasources/influxdb.yaml."""


def datasource() -> Json:
    """How JSON refers to the data source."""
    return {"type": "influxdb", "uid": DATASOURCE_UID}


def render_all() -> Mapping[str, str]:
    """Render every board.

    Returns:
        JSON text by file name, in the order of the names; keys in a stable order, a newline at the end.

    Raises:
        RegistryError: A board's file is broken.
        UnitError: A panel's unit has no counterpart in Grafana.
    """
    return {f"{key}.json": render_text(board) for key, board in load_boards().items()}


def render_text(board: Board) -> str:
    """Render a board to the text of its file."""
    return json.dumps(render_board(board), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def render_board(board: Board) -> Json:
    """Render a board to Grafana's dashboard model."""
    panels = list(_render_panels(board))
    return {
        "annotations": {"list": list(_render_annotations(board, panels))},
        "description": board.description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [_board_links()],
        "panels": panels,
        "refresh": board.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "tags": [TAG],
        "templating": {"list": [_render_variable(variable) for variable in board.variables]},
        "time": {"from": board.period, "to": "now"},
        "timepicker": {},
        "timezone": ZONE_NAME,
        "title": board.title,
        "uid": board.uid,
        "weekStart": "monday",
    }


def _board_links() -> Json:
    """Links from every board to all the others, with the period kept."""
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "Sider",
        "type": "dashboards",
    }


def _render_variable(variable: Variable) -> Json:
    all_of_them: Json = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "allValue": None,
        "current": all_of_them if variable.several else {},
        "datasource": datasource(),
        "definition": variable.text,
        "hide": 0,
        "includeAll": variable.several,
        "label": variable.title,
        "multi": variable.several,
        "name": variable.name,
        "options": [],
        "query": {"query": variable.text, "refId": f"variable-{variable.name}"},
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
        "type": "query",
    }


def _render_annotations(board: Board, rendered: list[Json]) -> Iterator[Json]:
    """Marks on the panels that they concern. They have no switch: eight of those would fill the top of a board."""
    numbers = [item["id"] for item in rendered if item["type"] != HEADING]
    numbered = list(zip(numbers, board.panels, strict=True))
    for annotation in board.annotations:
        yield {
            "datasource": datasource(),
            "enable": True,
            "filter": {"exclude": False, "ids": [number for number, panel in numbered if annotation.concerns(panel)]},
            "hide": True,
            "iconColor": annotation.color,
            "name": annotation.title,
            # As Grafana's own editor of annotations for InfluxQL writes it.
            "target": {
                "fromAnnotations": True,
                "query": annotation.select.text,
                "refId": "Anno",
                "tagsColumn": ",".join(annotation.tags),
                "textColumn": annotation.text,
            },
        }


def _render_panels(board: Board) -> Iterator[Json]:
    """Headings and panels in the order of reading, numbered from 1."""
    number, top = 1, 0
    for section in board.sections:
        if section.title:
            yield _render_heading(number, section.title, Rectangle(0, top, COLUMNS, 1))
            number, top = number + 1, top + 1
        places, top = place_panels(section.panels, top)
        for panel, place in zip(section.panels, places, strict=True):
            yield _render_panel(number, panel, place)
            number += 1


def _render_heading(number: int, title: str, place: Rectangle) -> Json:
    return {
        "collapsed": False,
        "gridPos": _render_place(place),
        "id": number,
        "panels": [],
        "title": title,
        "type": HEADING,
    }


def _render_place(place: Rectangle) -> Json:
    return {"x": place.x, "y": place.y, "w": place.width, "h": place.height}


def _render_panel(number: int, panel: Panel, place: Rectangle) -> Json:
    rendered: Json = {
        "description": panel.description,
        "gridPos": _render_place(place),
        "id": number,
        "options": panel.visual.options,
        "title": panel.title,
        "type": panel.visual.kind,
    }
    if not panel.queries:
        return rendered
    letters = zip(string.ascii_uppercase, panel.queries, strict=False)
    return rendered | {
        "datasource": datasource(),
        "fieldConfig": {
            "defaults": _render_defaults(panel),
            "overrides": [_render_column(column) for column in panel.columns],
        },
        "targets": [_render_query(letter, query) for letter, query in letters],
        "transformations": [{"id": step.id, "options": dict(step.options)} for step in panel.transformations],
    }


def _render_query(letter: str, query: Query) -> Json:
    return {
        "alias": query.alias,
        "datasource": datasource(),
        "query": query.select.text,
        "rawQuery": True,
        "refId": letter,
        "resultFormat": query.shape.value,
    }


def _render_defaults(panel: Panel) -> Json:
    optional: Json = {"decimals": panel.decimals, "max": panel.high, "min": panel.low, "noValue": panel.nothing}
    by_value = bool(panel.steps) and not isinstance(panel.visual, TimeSeries)
    return {
        "color": {"mode": "thresholds" if by_value else "palette-classic"},
        "custom": panel.visual.custom,
        "mappings": _render_values(panel.values),
        "thresholds": _render_steps(panel.steps or (Step("blue"),)),
        "unit": grafana_unit(panel.unit),
    } | {key: value for key, value in optional.items() if value is not None}


def _render_steps(steps: tuple[Step, ...]) -> Json:
    return {"mode": "absolute", "steps": [{"color": step.color, "value": step.start} for step in steps]}


def _render_values(values: Mapping[str, Shown] | None) -> list[Json]:
    if not values:
        return []
    options: Json = {
        value: {"index": index, "text": shown.text} | ({"color": shown.color} if shown.color else {})
        for index, (value, shown) in enumerate(values.items())
    }
    return [{"type": "value", "options": options}]


def _render_column(column: Column) -> Json:
    properties: dict[str, object] = {
        "displayName": column.title,
        "unit": grafana_unit(column.unit) if column.unit else None,
        "decimals": column.decimals,
        "mappings": _render_values(column.values) or None,
        "links": [{"title": title, "url": url} for title, url in (column.links or {}).items()] or None,
    }
    if column.steps:
        properties |= {"thresholds": _render_steps(column.steps), "color": {"mode": "thresholds"}}
    if column.steps or any(shown.color for shown in (column.values or {}).values()):
        properties["custom.cellOptions"] = {"type": "color-background" if column.filled else "color-text"}
    if column.right:
        properties |= {
            "custom.axisPlacement": "right",
            "custom.drawStyle": "line",
            "custom.fillOpacity": 0,
            "custom.lineWidth": 2,
            "custom.stacking": {"mode": "none", "group": "A"},
        }
    return {
        "matcher": {"id": "byName", "options": column.name},
        "properties": [{"id": key, "value": value} for key, value in properties.items() if value is not None],
    }
