"""Write the files that are made from code, or with ``--check`` say which of them are stale.

schemas/json/<device type>.json     the contract for whoever writes firmware
dashboards/json/<board>.json        what Grafana is provisioned with
docs/reference/commands.md          every command with its options
docs/reference/settings.md          every setting with its default
docs/reference/devices.md           every device type with its fields
docs/reference/reasons.md           every reason for which something is refused
devices/README.md                   the catalogue: every device type in a line, and the products that are one
docs/performance.md                 its tables alone, from the results in deploy/bench
"""

import sys
from pathlib import Path

import gjovik
from dashboards.render import render_all
from devices import load_device_types
from ingest.models import load_models
from ingest.reference import describe_catalogue, describe_devices, describe_reasons, describe_settings
from schemas.json_schema import render_json_schema
from simulators.bench.findings import load_findings
from simulators.bench.page import fill_page, render_tables

ROOT = Path(__file__).parent.parent
PERFORMANCE = Path("docs/performance.md")
RESULTS = Path("deploy/bench")
CATALOGUE = Path("devices/README.md")
WRITTEN = {PERFORMANCE.parent, CATALOGUE.parent}
"""Folders in which people write too: what no code makes stays there."""


def render_files() -> dict[Path, str]:
    """Return the text of every generated file by its path below the project's folder."""
    types = load_device_types()
    files = {Path("schemas/json") / f"{key}.json": render_json_schema(value) for key, value in types.items()}
    files |= {Path("dashboards/json") / name: text for name, text in render_all().items()}
    reference = Path("docs/reference")
    files[reference / "commands.md"] = gjovik.describe_commands()
    files[reference / "settings.md"] = describe_settings()
    files[reference / "devices.md"] = describe_devices(types)
    files[reference / "reasons.md"] = describe_reasons()
    files[CATALOGUE] = describe_catalogue(types, load_models())
    files[PERFORMANCE] = fill_page((ROOT / PERFORMANCE).read_text(), render_tables(load_findings(ROOT / RESULTS)))
    return files


def find_stale(files: dict[Path, str]) -> list[Path]:
    """Return the files that differ from what the code makes, and those that no code makes any more."""
    differing = [path for path, text in files.items() if _read(ROOT / path) != text]
    folders = {path.parent for path in files} - WRITTEN
    present = {file.relative_to(ROOT) for folder in folders for file in (ROOT / folder).glob("*.*")}
    return sorted({*differing, *(present - set(files))})


def _read(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def main() -> int:
    """Write or check; return the exit code."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: deploy/generate.py [--check]", file=sys.stderr)
        return 2
    files = render_files()
    stale = find_stale(files)
    if sys.argv[1:]:
        for path in stale:
            print(f"{path} is stale: run deploy/generate.py")
        return 1 if stale else 0
    for path in stale:
        if path in files:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(files[path])
            print(f"{path} written")
        else:
            (ROOT / path).unlink()
            print(f"{path} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
