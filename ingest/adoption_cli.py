"""``gjovik devices discovered|adopt|add``: who sends what no inventory knows, and how it gets in.

Exit codes: 0 done; 1 there is no such device, a reading still waits, or the collector cannot be asked; 2 wrong usage,
settings or inventory, and nothing was changed.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from devices import load_device_types
from ingest.adoption import Known, Wanted, choose_place, make_entry, refuse_known
from ingest.batch import QuarantineRow
from ingest.collector import read_clock
from ingest.command_line import (
    PROBLEM,
    AsJson,
    ChosenStore,
    SettingsFile,
    explained_errors,
    print_json,
    read_moment,
)
from ingest.configuration import Configuration
from ingest.discovery import LOOKED_AT, UNKEPT, Discovered, discover, find_earliest, takes_nothing
from ingest.discovery_view import HEADINGS, NUMBERS, render_discovered, to_plain
from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.inventory_change import Changed, InventoryChange, explain_wrong
from ingest.inventory_writing import append_devices, find_day, format_device, locked
from ingest.known_names import describe_unknown
from ingest.models import load_models
from ingest.parameter_option import ParameterOption, read_parameters
from ingest.printed_table import make_lines_visible, make_visible, print_table
from ingest.quarantine_cli import AuthorOption, follow_request
from ingest.quarantine_filter import Filter
from ingest.request import (
    Outcome,
    Request,
    RequestError,
    RequestKind,
    WrongRequestError,
    describe_outcome,
    format_entries,
)
from ingest.request_socket import find_login
from ingest.settings import Settings
from ingest.settings_file import load_settings
from ingest.source_files import load_sources
from ingest.store_reader import StoreReader, open_reader
from ingest.toml_file import ConfigurationError
from ingest.written_time import to_ms
from schemas.reason import Reason, explain

FILE = "adopted.toml"
"""What ``adopt`` and ``add`` write to, in the folder of the inventory."""
HEADING = """Devices that `gjovik devices adopt` and `gjovik devices add` have put in.
Change them here, or move them to other files of this folder; new ones are added at the end."""
MOST_LOOKED_AT = 5_000
"""Oldest readings of a device that its first one is looked for among."""
MOST_LIKE = 10_000
"""Unknown senders among which one of a similar name is looked for."""

TypeOption = Annotated[str | None, typer.Option("--type", help="Device type; a guess when left out, if only one fits.")]
ModelOption = Annotated[str | None, typer.Option(help="Model, of a device that a source tells of; likewise.")]
SiteOption = Annotated[
    str | None, typer.Option(help="Site where it is; that of its topic when left out, where it is native.")
]
ZoneOption = Annotated[str | None, typer.Option(help="Zone in the site; the only one when left out.")]
ComponentOption = Annotated[str | None, typer.Option(help="Component code (TFM), such as +A=360.001-RT001.")]
TrialOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, say what would be written, and write nothing.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the group ``devices``."""
    app.command("discovered")(list_discovered)
    app.command("adopt")(adopt_device)
    app.command("add")(add_device)


def list_discovered(
    *,
    source: Annotated[str | None, typer.Option(help="Only what this source tells of.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most devices, those that are heard most first.")] = 100,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List devices that send and that no inventory has: what they say, and what they may be.

    They are found by their readings in quarantine, so a device that has said nothing yet is not among them.
    """
    with explained_errors(as_json=as_json):
        told = load_settings(settings, os.environ)
        sources = load_sources(told.sources, told.mqtt.topic_prefix)
        if source is not None and source not in sources:
            raise WrongRequestError(describe_unknown("source", source, sources))
        with open_reader(told.store.folder) as reader:
            of = reader.count_senders(Reason.UNKNOWN_DEVICE)
            groups = reader.senders(Reason.UNKNOWN_DEVICE, source, limit)
            looked = [(group, *_look(reader, _of(group.sender))) for group in groups]
    # What has left since it was counted is passed over.
    found = [discover(group, rows, sources, oldest) for group, rows, oldest in looked if rows]
    if as_json:
        print_json({"discovered": [to_plain(one) for one in found], "senders": of})
    elif not found:
        typer.echo("No unknown device has sent anything that is held.")
    else:
        print_table(HEADINGS, map(render_discovered, found), NUMBERS, ("Id",))
        typer.echo(
            f"{len(found)} of {of} unknown senders; `gjovik devices adopt ID --site S` puts one in the inventory"
        )


def adopt_device(  # noqa: PLR0913 - a command has as many parameters as it has options
    device: Annotated[str, typer.Argument(metavar="ID", help="As `discovered` shows it.")],
    *,
    type_key: TypeOption = None,
    site: SiteOption = None,
    zone: ZoneOption = None,
    new_id: Annotated[
        str | None, typer.Option("--id", help="Id in the inventory; made of source and address when left out.")
    ] = None,
    model: ModelOption = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Since when it is there, in Oslo; the day of its first reading when left out."),
    ] = None,
    component: ComponentOption = None,
    parameter: ParameterOption = None,
    author: AuthorOption = None,
    is_trial: TrialOption = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a device that sends into the inventory, and take in what it has sent so far.

    The entry is added to adopted.toml in the inventory's folder, once the whole inventory is right with it; the running
    collector reloads, and then the readings of the device leave the quarantine. Exit code 1 if some stay.
    """
    with explained_errors(as_json=as_json):
        asked = _read_asked(settings, parameter, since, author, is_trial=is_trial)
        told, given = asked.settings, asked.parameters
        wanted = Wanted(type_key or "", model or "", site or "", zone or "", new_id or "", component or "", given)
        with _changing(told) as (change, present):
            found, first_ms, rows = _find(told, device, present)
            from_ms = first_ms if asked.from_ms is None else asked.from_ms
            entry = make_entry(found, wanted, from_ms, _know(present))
            changed = _put_in(change, present, entry, asked)
            source_of = present.sources.get(found.source)
            is_vain = source_of is not None and takes_nothing(load_models()[entry.model], source_of, rows)
        outcome = Outcome(0, 0, {})
        if is_vain:
            hint = f"Hint: {entry.model} takes nothing of what it has sent, so nothing of that is stored: {found.says}"
            typer.echo(make_visible(hint), err=True)
        if not is_trial:
            request = Request(RequestKind.REPROCESS, _of(found.id), asked.author)
            outcome = asyncio.run(follow_request(ChosenStore(told.store.folder, told), request))
    _tell(_Report(change, entry, changed, outcome, found), as_json=as_json)
    raise typer.Exit(PROBLEM if outcome.kept else 0)


def add_device(  # noqa: PLR0913 - see adopt_device
    device: Annotated[str, typer.Argument(metavar="ID", help="Id in the inventory.")],
    *,
    type_key: Annotated[str, typer.Option("--type", help="Device type.")],
    site: Annotated[str, typer.Option(help="Site where it is.")],
    zone: ZoneOption = None,
    source: Annotated[str | None, typer.Option(help="Source that tells of it; none of a native device.")] = None,
    address: Annotated[str | None, typer.Option(help="What the source calls it.")] = None,
    model: Annotated[str | None, typer.Option(help="Model, of a device that a source tells of.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Since when it is there, in Oslo; today when left out.")
    ] = None,
    component: ComponentOption = None,
    parameter: ParameterOption = None,
    author: AuthorOption = None,
    is_trial: TrialOption = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a device that was not heard yet into the inventory; the running collector reloads.

    As `adopt` does it; what waits in quarantine is left alone.
    """
    with explained_errors(as_json=as_json):
        asked = _read_asked(settings, parameter, since, author, is_trial=is_trial)
        with _changing(asked.settings) as (change, present):
            place = choose_place(site, zone or "", present.inventory)
            begins_ms = to_ms(find_day(read_clock())) if asked.from_ms is None else asked.from_ms
            entry = Device(
                id=device,
                type_key=type_key,
                component=component or "",
                placements=(Placement(begins_ms, OPEN_END_MS, *place),),
                source=source or "",
                address=address or "",
                model=model or "",
                parameters=asked.parameters,
            )
            changed = _put_in(change, present, entry, asked)
    _tell(_Report(change, entry, changed, Outcome(0, 0, {}), None), as_json=as_json)


class _Asked(NamedTuple):
    """What is asked of both commands that put a device in.

    Attributes:
        settings: Of the collector.
        parameters: Of the Model.
        from_ms: Since when the device is there; None where that was not said.
        author: Who asks.
        is_trial: Whether nothing is to be written.
    """

    settings: Settings
    parameters: Mapping[str, float]
    from_ms: int | None
    author: str
    is_trial: bool


def _read_asked(
    file: Path | None, parameters: Collection[str] | None, since: str | None, author: str | None, *, is_trial: bool
) -> _Asked:
    from_ms = read_moment(since, "--from")
    login = author or find_login(os.getuid())
    return _Asked(load_settings(file, os.environ), read_parameters(parameters or ()), from_ms, login, is_trial)


@contextmanager
def _changing(settings: Settings) -> Iterator[tuple[InventoryChange, Configuration]]:
    """Have no other command change the inventory; yield the change of the file, and what is in use before it."""
    with locked(settings.inventory):
        change = InventoryChange(settings, FILE)
        yield change, change.check(change.before)


class _Report(NamedTuple):
    """What was done.

    Attributes:
        change: Of which file.
        entry: What was put in.
        changed: What came of that.
        outcome: What became of the device's readings in quarantine.
        found: What was known of it before; None where it was not heard.
    """

    change: InventoryChange
    entry: Device
    changed: Changed
    outcome: Outcome
    found: Discovered | None


def _of(sender: str) -> Filter:
    """Return the entries of an unknown sender."""
    return Filter(reason=Reason.UNKNOWN_DEVICE, device=sender)


def _look(reader: StoreReader, where: Filter) -> tuple[list[QuarantineRow], list[QuarantineRow]]:
    """Return the newest entries of a sender, the newest first, and its oldest, the oldest first."""
    return reader.newest(where, LOOKED_AT), reader.oldest(where, LOOKED_AT)


def _know(present: Configuration) -> Known:
    return Known(load_device_types(), load_models(), present.inventory)


def _find(settings: Settings, device: str, present: Configuration) -> tuple[Discovered, int, Sequence[QuarantineRow]]:
    """Return what is known of an unknown device, the beginning of the day of its first reading, and its newest entries.

    Raises:
        WrongRequestError: It has sent nothing that is held.
        RequestError: It has left a moment ago.
    """
    with open_reader(settings.store.folder) as reader:
        where = _of(_find_sender(device, reader, present))
        groups, (rows, first) = reader.stats(where), _look(reader, where)
        if not groups or not rows:
            raise RequestError(f"What {device} sent has left the quarantine meanwhile.")
        found = discover(groups[0], rows, present.sources, first)
        oldest = islice(reader.quarantine(where), MOST_LOOKED_AT)
        earliest_ms = find_earliest(oldest, present.sources.get(found.source))
    return found, to_ms(find_day(found.first_ms if earliest_ms is None else earliest_ms)), rows[::-1]


def _find_sender(device: str, reader: StoreReader, present: Configuration) -> str:
    """Return the unknown sender of a name, be it in other letters: addresses are compared without regard to case.

    Raises:
        WrongRequestError: There is none.
    """
    if reader.newest(_of(device), 1):
        return device
    if device in present.inventory.devices:
        raise WrongRequestError(f"{device} is in the inventory already, and nothing of it waits.")
    known = [group.sender for group in reader.senders(Reason.UNKNOWN_DEVICE, None, MOST_LIKE)]
    alike = [name for name in known if name.lower() == device.lower()]
    if len(alike) == 1:
        return alike[0]
    near = get_close_matches(device, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise WrongRequestError(
        f'No unknown device "{device}" has sent anything that is held{hint} `gjovik devices discovered` lists them, '
        "`gjovik devices add` is for what was not heard yet."
    )


def _put_in(change: InventoryChange, present: Configuration, entry: Device, asked: _Asked) -> Changed:
    """Add an entry to the file that is changed, if all is right with it.

    Raises:
        WrongRequestError: It is not, or the collector refuses it; nothing is changed.
        RequestError: See ``InventoryChange.write``.
    """
    refuse_known(entry, present.inventory)
    try:
        data = append_devices(change.before, [entry], HEADING)
        change.check(data)
    except ConfigurationError as error:
        raise explain_wrong(error) from None
    except UnicodeEncodeError:
        raise WrongRequestError("Nothing is written; what was said is not UTF-8 text.") from None
    return Changed(is_written=False, devices=None) if asked.is_trial else change.write(data, asked.author)


def _report_plain(report: _Report) -> dict[str, Any]:
    entry, outcome = report.entry, report.outcome
    plain = {
        "id": entry.id,
        "file": str(report.change.path),
        "entry": format_device(entry),
        "written": report.changed.is_written,
        "reloaded": report.changed.devices is not None,
        "matched": outcome.matched,
        "reprocessed": outcome.left,
        "kept": outcome.kept,
    }
    return plain if report.found is None else plain | {"discovered": to_plain(report.found)}


def _tell(report: _Report, *, as_json: bool) -> None:
    if as_json:
        print_json(_report_plain(report))
    else:
        _print_report(report)


def _print_report(report: _Report) -> None:
    typer.echo(make_lines_visible(format_device(report.entry)))
    if not report.changed.is_written:
        typer.echo(f"Right, and not written to {report.change.path}: that was a dry run.")
        return
    typer.echo(f"Written to {report.change.path}.")
    if report.changed.devices is None:
        typer.echo("No collector runs; it reads the entry when it starts.")
    else:
        typer.echo(f"The collector has reloaded, and knows {report.changed.devices} devices.")
    if not report.entry.source and report.found is None:
        typer.echo("It publishes for itself, so it needs an account at the broker: gjovik accounts --help")
    if report.found is not None:
        _print_outcome(report.outcome, report.found)


def _print_outcome(outcome: Outcome, found: Discovered) -> None:
    typer.echo(f"{describe_outcome(RequestKind.REPROCESS, outcome).capitalize()}.")
    for reason, count in Counter(outcome.kept).most_common():
        # Under the sender's own name no payload stays that can be read: the inventory has the device now.
        is_unkept = reason is Reason.UNKNOWN_DEVICE and found.note.startswith(UNKEPT)
        typer.echo(
            f"{format_entries(count)} still {reason}: {_explain_unkept(found) if is_unkept else explain(reason).remedy}"
        )


def _explain_unkept(found: Discovered) -> str:
    """Return what to do about entries of which there is nothing to take in."""
    return (
        f"{UNKEPT}, so what it has sent until now is lost; what it sends from now on is taken. "
        f"`gjovik quarantine discard --device {make_visible(found.id)} --reason {Reason.UNKNOWN_DEVICE}` forgets them"
    )
