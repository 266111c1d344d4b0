"""Who may import whom; see the drawing of the packages in the README."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "schemas": set[str](),
    "devices": {"schemas"},
    "ingest": {"schemas", "devices"},
    "simulators": {"schemas", "devices", "ingest"},
    "dashboards": {"schemas", "devices", "ingest"},
    "gjovik": {"schemas", "devices", "ingest", "simulators", "dashboards"},
}
OURS = {*MAY_IMPORT, "tests"}


def list_imports(file: Path) -> set[str]:
    """Return the first segment of every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_they_may(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py")) or [ROOT / f"{package}.py"]
    for file in files:
        forbidden = (list_imports(file) & OURS) - MAY_IMPORT[package] - {package}
        assert not forbidden, f"{file.relative_to(ROOT)} imports {forbidden}"


def test_only_the_connection_knows_the_codec_library() -> None:
    knows = {file for file in ROOT.glob("ingest/**/*.py") if "mqtt5" in list_imports(file)}
    assert {file.name for file in knows} == {"mqtt_packets.py", "mqtt_protocol.py"}


def test_alerts_know_nothing_of_who_is_told() -> None:
    for file in ROOT.glob("ingest/alerts/**/*.py"):
        assert "from ingest.notify" not in file.read_text(), file.name
