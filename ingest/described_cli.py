"""``gjovik devices described``: what devices tell of themselves by Home Assistant discovery. It connects to nothing.

Exit codes: 0 done; 1 a line could not be read; 2 wrong usage.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from devices import load_device_types
from ingest.command_line import PROBLEM, AsJson, explained_errors, refuse_nul
from ingest.description import DescribedDevice, NotRead, read_descriptions
from ingest.printed_table import make_visible, print_table
from ingest.request import WrongRequestError
from ingest.type_proposal import Proposal

MOST_BYTES = 64 * 1024 * 1024
"""More than thousands of devices tell of themselves; a file that never ends is not read to its end."""
HEADINGS = ("Device", "Name", "Product", "May be", "Fields", "Lacks")
SHOWN_PROPOSALS = 3
SHOWN_FAULTS = 10


def add_commands(app: typer.Typer) -> None:
    """Add the command to the group ``devices``."""
    app.command("described")(list_described)


def list_described(
    file: Annotated[Path, typer.Argument(callback=refuse_nul, help="Lines of topic and payload; - is standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List devices that describe themselves by Home Assistant discovery, and the device types that they may be.

    The descriptions are retained at the broker:

    mosquitto_sub -v -W 5 -t 'homeassistant/#' | gjovik devices described -

    Exit code 1 if a line could not be read.
    """
    with explained_errors(as_json=as_json):
        found, wrong = read_descriptions(_read_file(file), load_device_types())
    if as_json:
        plain = {"devices": [_to_plain(one) for one in found], "not_read": [one._asdict() for one in wrong]}
        typer.echo(json.dumps(plain, ensure_ascii=False))
    else:
        _print(found, wrong)
    raise typer.Exit(PROBLEM if wrong else 0)


def _read_file(file: Path) -> bytes:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise WrongRequestError(f"{file} cannot be read ({error.strerror}).") from None
    if len(data) > MOST_BYTES:
        raise WrongRequestError(f"{file} has more than {MOST_BYTES} bytes; give it in parts.")
    return data


def _print(found: tuple[DescribedDevice, ...], wrong: tuple[NotRead, ...]) -> None:
    if found:
        print_table(HEADINGS, map(_render, found))
        typer.echo("Put one in: gjovik devices add ID --type TYPE --site SITE --source SOURCE --address ADDRESS")
    else:
        typer.echo("No device describes itself.")
    for one in wrong[:SHOWN_FAULTS]:
        typer.echo(make_visible(f"line {one.line}: {one.why}"), err=True)
    if len(wrong) > SHOWN_FAULTS:
        typer.echo(f"{len(wrong) - SHOWN_FAULTS} more lines could not be read", err=True)


def _render(one: DescribedDevice) -> tuple[str, ...]:
    shown = one.proposals[:SHOWN_PROPOSALS]
    best = shown[0] if shown else None
    fields = "" if best is None else ", ".join(f"{name} ({_place(best, name)})" for name in best.fields)
    lacking = "" if best is None else ", ".join(best.missing)
    return one.id, one.name, one.product, " or ".join(each.type_key for each in shown) or "?", fields, lacking


def _place(proposal: Proposal, field: str) -> str:
    """Return where the values of a field come from."""
    described = proposal.fields[field]
    return f"{described.topic} {described.member}".strip() if described.member is not None else described.topic


def _to_plain(one: DescribedDevice) -> dict[str, Any]:
    """Return a device as JSON has it."""
    return {
        "id": one.id,
        "name": one.name,
        "product": one.product,
        "values": [value._asdict() for value in one.values],
        "proposals": [
            {
                "type": each.type_key,
                "fields": {
                    name: {"topic": value.topic, "member": value.member, "unit": value.unit}
                    for name, value in each.fields.items()
                },
                "missing": list(each.missing),
            }
            for each in one.proposals
        ],
    }
