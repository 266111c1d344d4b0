"""Write the files that are made from code, or with ``--check`` say which of them are stale.

schemas/json/<device type>.json     the contract for whoever writes firmware
dashboards/json/<board>.json        what Grafana is provisioned with
docs/reference/commands.md          every command with its options
docs/reference/settings.md          every setting with its default
docs/reference/devices.md           every device type with its fields
docs/reference/reasons.md           every reason for which something is refused
devices/README.md                   the catalogue: every device type in a line, and the products that are one
docs/hazards.md                     what goes wrong with payloads, and the tests of it in each format
docs/performance.md                 its tables alone, from the results in deploy/bench

Where a device type breaks its committed JSON Schema (see schemas/compatibility.py), nothing is written. --unreleased
lets the types through that nobody relies on yet: no device sends them, and no firmware was written for them.
"""

import argparse
import importlib
import sys
from pathlib import Path

import gjovik
from dashboards.render import render_all
from devices import load_device_types
from ingest.models import load_models
from ingest.reference import describe_catalogue, describe_devices, describe_reasons, describe_settings
from schemas.compatibility import Break, find_breaks
from schemas.json_schema import read_committed, render_json_schema
from simulators.bench.findings import load_findings
from simulators.bench.page import fill_page, render_tables

ROOT = Path(__file__).parent.parent
SCHEMAS = Path("schemas/json")
PERFORMANCE = Path("docs/performance.md")
RESULTS = Path("deploy/bench")
CATALOGUE = Path("devices/README.md")
HAZARDS = Path("docs/hazards.md")
WRITTEN = {PERFORMANCE.parent, CATALOGUE.parent}
"""Folders in which people write too: what no code makes stays there."""


def render_files() -> dict[Path, str]:
    """Return the text of every generated file by its path below the project's folder."""
    types = load_device_types()
    files = {SCHEMAS / f"{key}.json": render_json_schema(value) for key, value in types.items()}
    files |= {Path("dashboards/json") / name: text for name, text in render_all().items()}
    reference = Path("docs/reference")
    files[reference / "commands.md"] = gjovik.describe_commands()
    files[reference / "settings.md"] = describe_settings()
    files[reference / "devices.md"] = describe_devices(types)
    files[reference / "reasons.md"] = describe_reasons()
    files[CATALOGUE] = describe_catalogue(types, load_models())
    files[HAZARDS] = _render_hazards()
    files[PERFORMANCE] = fill_page((ROOT / PERFORMANCE).read_text(), render_tables(load_findings(ROOT / RESULTS)))
    return files


def find_stale(files: dict[Path, str]) -> list[Path]:
    """Return the files that differ from what the code makes, and those that no code makes any more."""
    differing = [path for path, text in files.items() if _read(ROOT / path) != text]
    folders = {path.parent for path in files} - WRITTEN
    present = {file.relative_to(ROOT) for folder in folders for file in (ROOT / folder).glob("*.*")}
    return sorted({*differing, *(present - set(files))})


def _render_hazards() -> str:
    """Return the page of hazards; tests are not installed, so they are found by their folder."""
    sys.path.insert(0, str(ROOT))
    text: str = importlib.import_module("tests.hazards").render_hazards()
    return text


def _read(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def refuse(breaks: list[Break]) -> set[Path]:
    """Say what is broken; return the JSON Schemas that it is broken of."""
    for one in breaks:
        print(one)
    return {SCHEMAS / f"{one.key}.json" for one in breaks}


def read_arguments() -> argparse.Namespace:
    """Return what the command was asked; end it with code 2 where that is not understood."""
    parser = argparse.ArgumentParser(description="Write the files that are made from code.", allow_abbrev=False)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="say which are stale or broken, and write nothing")
    choice.add_argument(
        "--unreleased",
        action="append",
        default=[],
        metavar="TYPE",
        help="a device type that nobody relies on yet: its JSON Schema may be broken; as often as needed",
    )
    return parser.parse_args()


def main() -> int:
    """Write or check; return the exit code."""
    asked = read_arguments()
    files = render_files()
    stale = find_stale(files)
    committed = read_committed(ROOT / SCHEMAS)
    breaks = [one for one in find_breaks(committed, load_device_types()) if one.key not in asked.unreleased]
    broken = refuse(breaks)
    if asked.check:
        for path in stale:
            if path not in broken:
                print(f"{path} is stale: run deploy/generate.py")
        return 1 if stale or broken else 0
    if broken:
        print("Nothing was written. A type that was never released, nor sent by any device: --unreleased TYPE")
        return 1
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
