"""Laws: no dashboard asks for what tells of people's health, nor for a field that is personal."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from dashboards.boards import load_boards
from dashboards.measurements import OWN, load_measurements
from dashboards.query import Select
from devices import load_device_types
from schemas.device_type import Privacy

TYPES = load_device_types()
APART = sorted(key for key, one in TYPES.items() if one.is_apart)
ROOT = Path(__file__).parent.parent


def list_selects() -> Iterator[tuple[str, Select]]:
    """Yield every statement that a panel asks, with those inside it."""
    for key, board in load_boards().items():
        waiting = [query.select for panel in board.panels for query in panel.queries]
        while waiting:
            select = waiting.pop()
            waiting += select.statements
            yield key, select


def list_statements() -> list[str]:
    """Return the text of everything that the committed dashboards ask, panels, variables and marks alike."""
    found: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, dict):
            found.extend(part[name] for name in ("query", "definition") if isinstance(part.get(name), str))
            for one in part.values():
                walk(one)
        elif isinstance(part, list):
            for one in part:
                walk(one)

    for file in sorted((ROOT / "dashboards" / "json").glob("*.json")):
        walk(json.loads(file.read_text(encoding="utf-8")))
    return found


def find_sources(statement: str) -> list[str]:
    """Return what stands behind each FROM: a name, in double quotes or not, or a regular expression."""
    behind = re.findall(r"\bFROM\s+([^\s(),]+(?:\s*,\s*[^\s(),]+)*)", statement, re.IGNORECASE)
    return [one.strip() for part in behind for one in part.split(",")]


def test_no_dashboard_queries_what_is_kept_apart() -> None:
    statements = list_statements()
    assert len(statements) > 50
    allowed = {f'"{name}"' for name in load_measurements() if name not in APART}
    for statement in statements:
        sources = find_sources(statement)
        assert sources, statement
        # By name alone: a regular expression over measurements, or "all of them", would reach what is to come, too.
        assert set(sources) <= allowed, statement
        assert not [key for key in APART if key in statement], statement


def test_such_a_query_is_found() -> None:
    assert find_sources('SELECT last("alarm") FROM "safety_alarm" WHERE time > 0') == ['"safety_alarm"']
    assert find_sources("SELECT * FROM /.*/") == ["/.*/"]
    assert find_sources('SHOW TAG VALUES FROM "a", "room_presence" WITH KEY = "site"') == ['"a"', '"room_presence"']
    assert find_sources('SELECT "x" FROM (SELECT "x" FROM "health".."a" WHERE "b" = 1)') == ['"health".."a"']


def test_no_dashboard_shows_a_field_that_is_personal() -> None:
    checked = 0
    for key, select in list_selects():
        for name in select.measurements:
            if name in OWN:
                continue
            secret = {one for one in TYPES[name].fields if TYPES[name].privacy_of(one).covers(Privacy.PERSONAL)}
            read = set(re.findall(r'"([^"]+)"', f"{select.columns} {' '.join(select.where)}"))
            assert not secret & read, f"{key} shows {secret & read} of {name}"
            assert not secret or not re.search(r"\*|/", select.columns), f"{key} shows everything of {name}"
            checked += 1
    assert checked > 20


def test_grafana_has_one_database_and_no_right_to_another() -> None:
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/influxdb.yaml").read_text())
    assert [one["jsonData"]["dbName"] for one in provisioned["datasources"]] == ["sensors"]
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    having = {name for name, one in services.items() if "influx_health_password" in one.get("secrets", ())}
    assert having == {"influxdb", "collector"}
    script = (ROOT / "deploy/influxdb/setup-health-2.x.sh").read_text()
    assert re.findall(r"--username (\S+)", script) == ["collector-health"]
