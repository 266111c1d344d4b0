"""Laws over all boards: what Grafana provisions, what people can read, and names that exist.

The JSON is looked at as it is committed, because that is what Grafana gets.
"""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.board import COLUMNS
from dashboards.boards import load_boards
from dashboards.measurements import load_measurements
from dashboards.push import FOLDER_UID
from dashboards.query import ZONE_NAME, Select
from dashboards.render import DATASOURCE_UID, render_all
from dashboards.words import REASONS, SEVERITIES
from schemas.reason import Reason
from schemas.rule import Severity

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


def test_there_are_the_four_boards() -> None:
    assert {board["title"] for board in BOARDS.values()} == {"Energi: alle bygg", "Bygg", "Mobilitet", "Drift"}


def test_the_committed_json_is_fresh() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "dashboards" / "json").glob("*.json")}
    assert committed == dict(render_all()), "run `gjovik generate`"


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
    names = {variable["name"] for variable in board["templating"]["list"]} | {"timeFilter", "__interval", "__to"}
    assert [target["refId"] for target in panel.get("targets", ())] == list("ABCDEFGH")[: len(panel.get("targets", ()))]
    for target in panel.get("targets", ()):
        assert target["datasource"] == panel["datasource"] == {"type": "influxdb", "uid": DATASOURCE_UID}
        assert target["rawQuery"] is True
        assert target["resultFormat"] in {"time_series", "table"}
        assert ";" not in target["query"]
        assert "$timeFilter" in target["query"] or "${__to}" in target["query"]
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


def list_names(select: Select) -> tuple[set[str], set[str]]:
    """Return the names that a statement gives its results, and those that it uses and nothing gives."""
    given = set(re.findall(r'AS "([^"]+)"', select.columns))
    used = set(re.findall(r'"([^"]+)"', re.sub(r'AS "[^"]+"', "", select.columns) + " ".join(select.where)))
    if isinstance(select.source, Select):
        inner, missing = list_names(select.source)
        return given, missing | (used - inner) | (set(select.by) - set(select.source.by))
    measurements = [load_measurements()[name] for name in select.source]
    known = set().union(*(measurement.tags | measurement.fields for measurement in measurements))
    tags = set.intersection(*(set(measurement.tags) for measurement in measurements))
    return given, (used - known) | (set(select.by) - tags)


@pytest.mark.parametrize("select", SELECTS)
def test_every_name_in_a_query_is_of_a_device_type_or_of_the_collector(select: Select) -> None:
    assert list_names(select)[1] == set()


def test_a_name_that_nothing_has_is_found() -> None:
    wrong = Select(columns='mean("powr") AS "watts"', source=("electricity_meter",), by=("room",))
    assert list_names(Select(columns='max("wats")', source=wrong))[1] == {"powr", "room", "wats"}


def test_every_reason_and_severity_has_words_for_people() -> None:
    assert set(REASONS) == set(Reason)
    assert set(SEVERITIES) == set(Severity)


def test_provisioning_names_the_same_datasource_and_folder() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    datasource = (folder / "datasources" / "influxdb.yaml").read_text(encoding="utf-8")
    assert f"uid: {DATASOURCE_UID}" in datasource
    assert "httpMode: POST" in datasource
    assert "version: InfluxQL" in datasource
    assert f"folderUid: {FOLDER_UID}" in (folder / "dashboards" / "gjovik.yaml").read_text(encoding="utf-8")
