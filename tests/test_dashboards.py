"""Laws over all boards: what Grafana provisions, what people can read, and names that exist.

The JSON is looked at as it is committed, because that is what Grafana gets.
"""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.annotation import Annotation
from dashboards.board import COLUMNS
from dashboards.boards import load_boards
from dashboards.collector_figures import NO_ANSWER
from dashboards.measurements import load_measurements
from dashboards.panel import Panel
from dashboards.push import FOLDER_UID
from dashboards.query import AT_SITE, ZONE_NAME, Select, Shape
from dashboards.render import DATASOURCE_UID, render_all
from dashboards.transformation import Transformation
from dashboards.units import GRAFANA_UNITS
from dashboards.visual import BarChart, Stat, TimeSeries
from dashboards.words import CHANGES, PHASES, REASONS, SEVERITIES
from schemas.quantities import QUANTITIES
from schemas.reason import Reason
from schemas.rule import AlertPhase, Change, Severity

ROOT = Path(__file__).parent.parent
Json = dict[str, Any]

BOARDS: dict[str, Json] = {name: json.loads(text) for name, text in render_all().items()}
PANELS = [
    pytest.param(board, panel, id=f"{name}: {panel['title']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
SELECTS = [
    pytest.param(query.select, id=f"{key}: {panel.title}")
    for key, board in load_boards().items()
    for panel in board.panels
    for query in panel.queries
]


ANNOTATIONS = [
    pytest.param(key, annotation, id=f"{key}: {annotation.title}")
    for key, board in load_boards().items()
    for annotation in board.annotations
]
PLACED = [(key, panel) for key, board in load_boards().items() for panel in board.panels]


def test_there_are_the_four_boards() -> None:
    assert {board["title"] for board in BOARDS.values()} >= {"Energi: alle bygg", "Bygg", "Mobilitet", "Drift"}


def test_the_committed_json_is_fresh() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "dashboards" / "json").glob("*.json")}
    assert committed == dict(render_all()), "run deploy/generate.py"


def test_boards_have_addresses_of_their_own() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_board_is_what_grafana_provisions(board: Json) -> None:
    assert "id" not in board
    assert 39 <= board["schemaVersion"] <= 42
    assert board["timezone"] == "Europe/Oslo"
    assert board["editable"] is False
    assert board["description"]
    assert board["refresh"]
    assert board["time"]["to"] == "now"
    assert board["tags"]


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_have_numbers_and_places_of_their_own(board: Json) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        cells = set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )
        assert not cells & taken, f"{panel['title']} covers another panel"
        taken |= cells


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_explains_itself(board: Json, panel: Json) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    if panel["type"] == "text":
        assert panel["options"]["content"]
        return
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert board["title"]


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_asks_our_datasource_one_statement_at_a_time(board: Json, panel: Json) -> None:
    names = {variable["name"] for variable in board["templating"]["list"]} | {
        "timeFilter",
        "__interval",
        "__from",
        "__to",
    }
    assert [target["refId"] for target in panel.get("targets", ())] == list("ABCDEFGH")[: len(panel.get("targets", ()))]
    for target in panel.get("targets", ()):
        assert target["datasource"] == panel["datasource"] == {"type": "influxdb", "uid": DATASOURCE_UID}
        assert target["rawQuery"] is True
        assert target["resultFormat"] in {"time_series", "table"}
        assert ";" not in target["query"]
        # What is known of a site has no period: the latest holds for all of time.
        assert re.search(r'\$timeFilter|\$\{__to\}|FROM "site_facts"', target["query"])
        assert set(re.findall(r"\$\{?(\w+)", target["query"])) <= names
        # A day that begins at midnight UTC is no day in Norway; weeks and longer are set wrong before 1.8.5.
        assert set(re.findall(r"time\(([^)]*)\)", target["query"])) <= {"1h", "1d", "$__interval"}
        assert target["query"].count("time(1d)") == target["query"].count(f"tz('{ZONE_NAME}')")


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_variable_refers_only_to_those_before_it(board: Json) -> None:
    defined: set[str] = set()
    for variable in board["templating"]["list"]:
        used = set(re.findall(r"\$\{?(\w+)", variable["query"]["query"]))
        assert used <= defined, f"{variable['name']} uses {used - defined}"
        assert variable["query"]["query"] == variable["definition"]
        assert not variable["name"].startswith(("interval", "timeFilter")), "Grafana would replace a part of it"
        defined.add(variable["name"])


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_board_warns_of_simulated_readings(board: Json) -> None:
    queries = [target["query"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert any("\"simulated\" = 'true'" in query for query in queries)


def list_results(select: Select) -> set[str]:
    """Return the names of the columns of an answer that are no tags."""
    plain = re.findall(r'(?:^|, )"([^"]+)"(?=,|$)', select.columns)
    return set(re.findall(r'AS "([^"]+)"', select.columns)) | set(plain)


def list_missing(select: Select) -> set[str]:
    """Return the names that a statement uses and nothing gives."""
    used = set(re.findall(r'"([^"]+)"', re.sub(r'AS "[^"]+"', "", select.columns) + " ".join(select.where)))
    if select.statements:
        tags: set[str] = set.intersection(*({*part.by} for part in select.statements))
        known = tags.union(*(list_results(part) for part in select.statements))
        missing: set[str] = set().union(*(list_missing(part) for part in select.statements))
        return missing | (used - known) | (set(select.by) - tags)
    measurements = [load_measurements()[name] for name in select.measurements]
    known = set().union(*(measurement.tags | measurement.fields for measurement in measurements))
    return (used - known) | (set(select.by) - frozenset.intersection(*(one.tags for one in measurements)))


@pytest.mark.parametrize("select", SELECTS)
def test_every_name_in_a_query_is_of_a_device_type_or_of_the_collector(select: Select) -> None:
    assert list_missing(select) == set()


def test_a_name_that_nothing_has_is_found() -> None:
    wrong = Select(columns='mean("powr") AS "watts"', source=("electricity_meter",), by=("room",))
    assert list_missing(Select(columns='max("wats")', source=wrong)) == {"powr", "room", "wats"}


def list_columns(panel: Panel) -> set[str]:
    """Return the names that a panel's answers have in Grafana: columns of tables, and names of series."""
    names: set[str] = set()
    for query in panel.queries:
        if query.shape is Shape.TABLE:
            names |= {"Time", *query.select.by, *list_results(query.select)}
        elif "$" not in query.alias:
            names.add(query.alias)
        elif query.alias == "$m":
            names |= set(query.select.measurements)
        elif query.alias == "$tag_reason":
            names |= {str(reason) for reason in Reason}
    return names


def list_used(step: Transformation) -> set[str]:
    """Return the columns that a transformation looks for."""
    options: Any = step.options
    calculation = options.get("binary", {})
    return {
        *options.get("reduce", {}).get("include", ()),
        *(calculation[side] for side in ("left", "right") if side in calculation),
        *options.get("include", {}).get("names", ()),
        *options.get("indexByName", ()),
        *(sort["field"] for sort in options.get("sort", ())),
        *(condition["fieldName"] for condition in options.get("filters", ())),
        *(options[key] for key in ("byField", "timeField") if key in options),
        *(options["fields"] if step.id == "groupBy" else ()),
    }


def list_left(step: Transformation, names: set[str]) -> set[str]:
    """Return the columns that there are after a transformation."""
    options: Any = step.options
    if step.id == "filterFieldsByName":
        return set(options["include"]["names"])
    if step.id == "groupBy":
        return {
            name if field["operation"] == "groupby" else f"{name} ({field['aggregations'][0]})"
            for name, field in options["fields"].items()
        }
    return names | {options["alias"]} if step.id == "calculateField" else names


@pytest.mark.parametrize("panel", [pytest.param(panel, id=f"{key}: {panel.title}") for key, panel in PLACED])
def test_every_name_that_a_panel_shows_is_in_its_answer(panel: Panel) -> None:
    names = list_columns(panel)
    for step in panel.transformations:
        assert list_used(step) <= names, step
        names = list_left(step, names)
    assert {column.name for column in panel.columns} <= names
    if isinstance(panel.visual, BarChart):
        assert panel.visual.over in names


def test_a_collector_that_does_not_answer_is_red() -> None:
    panels = [panel for key, panel in PLACED if key == "drift" and isinstance(panel.visual, Stat) and panel.queries]
    silent = [panel for panel in panels if panel.nothing == NO_ANSWER]
    others = {panel.title for panel in panels} - {panel.title for panel in silent}
    # Simulated sensors are none without an answer; what follows from a rate is not known while nothing moves.
    assert others == {"Simulerte sensorer", "Kapasitet igjen", "Utboksen tom om"}
    # Grafana draws what stands for no answer in the colour of the lowest step.
    assert {panel.steps[0].color for panel in silent} == {"red"}


def test_bars_stand_after_the_time_at_which_they_begin() -> None:
    bars = [panel for _, panel in PLACED if isinstance(panel.visual, TimeSeries) and panel.visual.bars]
    assert bars
    assert {panel.visual.custom["barAlignment"] for panel in bars} == {1}


def test_titles_on_a_board_are_told_apart() -> None:
    for key, board in load_boards().items():
        titles = [panel.title for panel in board.panels]
        assert len(set(titles)) == len(titles), key


@pytest.mark.parametrize("page", ["operations.md", "facility-manager.md"])
def test_panels_that_the_pages_for_people_name_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    known = {panel.title for board in load_boards().values() for panel in board.panels}
    known |= {board.title for board in load_boards().values()}
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text))
    assert named
    assert named <= known


def test_every_reason_severity_phase_and_change_has_words_for_people() -> None:
    assert set(REASONS) == set(Reason)
    assert set(SEVERITIES) == set(Severity)
    assert set(PHASES) == set(AlertPhase)
    assert set(CHANGES) == set(Change)


def test_everything_that_a_device_type_may_measure_has_a_unit_in_grafana() -> None:
    assert {quantity.unit for quantity in QUANTITIES.values()} <= set(GRAFANA_UNITS)


def test_severities_colour_their_cells() -> None:
    (table,) = [panel for panel in BOARDS["drift.json"]["panels"] if panel["title"] == "Utløste varsler"]
    (column,) = [one for one in table["fieldConfig"]["overrides"] if one["matcher"]["options"] == "severity"]
    properties = {one["id"]: one["value"] for one in column["properties"]}
    assert properties["custom.cellOptions"] == {"type": "color-background"}
    assert {name: shown["color"] for name, shown in properties["mappings"][0]["options"].items()} == {
        "info": "blue",
        "warning": "orange",
        "critical": "red",
    }


def test_links_lead_to_boards_that_have_the_variable() -> None:
    by_uid = {board["uid"]: board for board in BOARDS.values()}
    links = re.findall(r'"url": "(/d/[^"]+)"', "".join(json.dumps(board) for board in BOARDS.values()))
    assert links
    for link in links:
        found = re.fullmatch(r"/d/([a-z-]+)\?var-(\w+)=\$\{__value\.text\}&\$\{__url_time_range\}", link)
        assert found, link
        assert found[2] in {variable["name"] for variable in by_uid[found[1]]["templating"]["list"]}


@pytest.mark.parametrize(("key", "annotation"), ANNOTATIONS)
def test_marks_stand_on_the_panels_of_their_type_and_on_no_others(key: str, annotation: Annotation) -> None:
    rendered = BOARDS[f"{key}.json"]
    (mark,) = [one for one in rendered["annotations"]["list"] if one["name"] == annotation.title]
    marked = [panel for panel in rendered["panels"] if panel["id"] in mark["filter"]["ids"]]
    assert marked
    assert len(marked) == len(mark["filter"]["ids"])
    reading = f'FROM "{annotation.measurement}"'
    over_time = [panel for panel in rendered["panels"] if panel["type"] == "timeseries"]
    assert marked == [panel for panel in over_time if any(reading in one["query"] for one in panel["targets"])]


@pytest.mark.parametrize(("key", "annotation"), ANNOTATIONS)
def test_marks_ask_our_datasource_for_what_they_show(key: str, annotation: Annotation) -> None:
    board = BOARDS[f"{key}.json"]
    (mark,) = [one for one in board["annotations"]["list"] if one["name"] == annotation.title]
    target = mark["target"]
    assert mark["datasource"] == {"type": "influxdb", "uid": DATASOURCE_UID}
    assert mark["enable"]
    assert target["fromAnnotations"]
    assert list_missing(annotation.select) == set()
    assert {target["textColumn"], *target["tagsColumn"].split(",")} == list_results(annotation.select)
    names = {variable["name"] for variable in board["templating"]["list"]} | {"timeFilter"}
    assert set(re.findall(r"\$\{?(\w+)", target["query"])) <= names
    assert "$timeFilter" in target["query"]
    assert ";" not in target["query"]


def list_read_at_site(select: Select) -> set[str]:
    """Return the measurements of which a statement reads the chosen sites."""
    own = set(select.measurements) if AT_SITE in select.where else set[str]()
    return own.union(*(list_read_at_site(part) for part in select.statements))


@pytest.mark.parametrize("key", [key for key, board in load_boards().items() if board.annotations])
def test_a_board_marks_the_alerts_of_every_type_that_it_shows_over_time(key: str) -> None:
    board = load_boards()[key]
    over_time = [panel for panel in board.panels if isinstance(panel.visual, TimeSeries)]
    shown = {name for panel in over_time for query in panel.queries for name in list_read_at_site(query.select)}
    assert {annotation.measurement for annotation in board.annotations} == shown


def test_the_boards_of_sites_mark_alerts() -> None:
    assert {key for key, board in load_boards().items() if board.annotations} == {
        key for key, board in load_boards().items() if any(variable.name == "site" for variable in board.variables)
    }


def test_provisioning_names_the_same_datasource_and_folder() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    datasource = (folder / "datasources" / "influxdb.yaml").read_text(encoding="utf-8")
    assert f"uid: {DATASOURCE_UID}" in datasource
    assert "httpMode: POST" in datasource
    assert "version: InfluxQL" in datasource
    assert f"folderUid: {FOLDER_UID}" in (folder / "dashboards" / "gjovik.yaml").read_text(encoding="utf-8")
