"""``gjovik quarantine``: look at what was refused, and empty it.

Exit codes: 0 done, also when nothing matched; 1 found a problem, entries that stay among them; 2 wrong usage.
"""

import asyncio
import itertools
import os
import re
import sys
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as ProgressBar

from ingest.command_line import (
    PROBLEM,
    USAGE,
    AsJson,
    ChosenStore,
    SettingsFile,
    StoreFolder,
    choose_store,
    end_command,
    explained_errors,
    print_json,
    read_moment,
)
from ingest.printed_table import format_bytes, make_visible, print_table
from ingest.quarantine_filter import EVERYTHING, Filter
from ingest.quarantine_view import (
    GROUP_HEADINGS,
    LIST_HEADINGS,
    REASON_HEADINGS,
    REQUEST_HEADINGS,
    hide_line,
    render_entry,
    render_group,
    render_payload,
    render_reasons,
    render_request,
    render_row,
    to_plain,
    to_plain_group,
    to_plain_request,
)
from ingest.request import (
    MOST_IDS,
    Outcome,
    Progress,
    Request,
    RequestKind,
    Waiting,
    describe_outcome,
    format_entries,
)
from ingest.request_alone import ask_or_do
from ingest.request_socket import find_login
from ingest.settings import Quarantine
from ingest.store_groups import Group
from ingest.store_reader import open_reader
from ingest.store_requests import MOST_REQUESTS
from schemas.reason import Level, Reason, explain

SHOWN = 20
"""Groups that people are shown by ``stats``; ``--json`` has all."""
_SCHEMA = re.compile("[a-z][a-z0-9_]*(/[1-9][0-9]{0,3})?")

app = typer.Typer(help="What was refused: look at it, reprocess it after a repair, discard it.", no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(help="Ids of entries; every entry when left out.", show_default=False)]
ReasonOption = Annotated[Reason | None, typer.Option(help="Only what was refused for this reason.")]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="Only of this device; of one that is unknown, what stands for it, such as SOURCE:ADDRESS."),
]
TopicOption = Annotated[
    str | None, typer.Option(help="Only from topics that this filter matches: + is one level, # at the end the rest.")
]
LevelOption = Annotated[Level | None, typer.Option(help="Only whole messages, readings, fields, or lines.")]
SchemaOption = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE[/VERSION]",
        help="Only what was judged by this device type: indoor_climate/1, or indoor_climate for all its versions.",
    ),
]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Only what was received then or later: a day or time in Oslo, or RFC 3339.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Only what was received before then; written likewise.")]
RevealOption = Annotated[bool, typer.Option("--reveal", help="Also show lines of the database for health.")]
AuthorOption = Annotated[str | None, typer.Option(help="Your name for the log; your login name when left out.")]


@app.callback()
def main() -> None:
    """What was refused: look at it, reprocess it after a repair, discard it."""


@app.command("list")
def list_entries(  # noqa: PLR0913 - a command has as many parameters as it has options
    ids: Ids = None,
    *,
    reason: ReasonOption = None,
    device: DeviceOption = None,
    topic: TopicOption = None,
    level: LevelOption = None,
    schema: SchemaOption = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most entries on a page.")] = 50,
    after: Annotated[
        int | None, typer.Option(min=0, help="Go on after the entry with this id.", show_default=False)
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    reveal: RevealOption = False,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List entries, the oldest first, a page at a time; as JSON with their payloads, so that they can be kept."""
    where = _make_filter(ids, Filter(None, reason, device, topic, level, schema), since, until)
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        with open_reader(chosen.folder) as reader:
            of = sum(group.entries for group in reader.stats(where))
            found = itertools.islice(reader.quarantine(where, after, newest_first=newest), limit)
            rows = [row if reveal else hide_line(row) for row in found]
    last = rows[-1].id if rows else after
    if as_json:
        print_json({"matched": of, "entries": [to_plain(row) for row in rows], "after": last})
        return
    if not of:
        typer.echo("Nothing in the quarantine matches.")
        return
    print_table(LIST_HEADINGS, map(render_row, rows), ("Id",), ("Received", "Reason"))
    order, option = ("newest", "--newest ") if newest else ("oldest", "")
    more = f"; the next page: {option}--after {last}" if len(rows) == limit else ""
    typer.echo(f"{len(rows)} of {format_entries(of)}, the {order} first{more}")


@app.command("show")
def show_entry(
    entry: Annotated[int, typer.Argument(metavar="ID", help="Id of the entry, as `list` shows it.")],
    *,
    reveal: RevealOption = False,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show an entry: why it was refused, what to do about it, and its payload."""
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        with open_reader(chosen.folder) as reader:
            row = next(iter(reader.quarantine(_make_filter([entry]))), None)
    if row is None:
        end_command(f"The quarantine has no entry {entry}; it may have left since.", PROBLEM, as_json=as_json)
    if not reveal:
        row = hide_line(row)
    if as_json:
        print_json(to_plain(row))
        return
    parts = render_entry(row)
    width = max(len(name) for name, _ in parts)
    for name, value in parts:
        typer.echo(f"{name:<{width}}  {value}")
    typer.echo()
    typer.echo(render_payload(row.quarantined.payload))


@app.command("stats")
def count_entries(  # noqa: PLR0913 - see list_entries
    ids: Ids = None,
    *,
    reason: ReasonOption = None,
    device: DeviceOption = None,
    topic: TopicOption = None,
    level: LevelOption = None,
    schema: SchemaOption = None,
    since: FromOption = None,
    until: ToOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Count entries by reason, then by reason and device, with their share of the quota and when the first expires.

    People are shown the 20 largest groups of one reason and device; as JSON there are all.
    """
    where = _make_filter(ids, Filter(None, reason, device, topic, level, schema), since, until)
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        groups = _read_groups(chosen.folder, where)
    told = chosen.settings
    quotas = Quarantine() if told is None else told.quarantine.within(told.store)
    entries, size = sum(group.entries for group in groups), sum(group.bytes for group in groups)
    if as_json:
        plain = [to_plain_group(group, quotas) for group in groups]
        print_json({"entries": entries, "bytes": size, "most_bytes": quotas.most_bytes, "groups": plain})
        return
    if not groups:
        typer.echo("Nothing in the quarantine matches.")
        return
    print_table(REASON_HEADINGS, render_reasons(groups, quotas), ("Devices", "Entries", "Bytes"), ("Oldest", "Expires"))
    typer.echo()
    rows = (render_group(group, quotas) for group in groups[:SHOWN])
    print_table(GROUP_HEADINGS, rows, ("Entries", "Quota"), ("Expires",))
    if len(groups) > SHOWN:
        typer.echo(f"and {len(groups) - SHOWN} more; --reason or --device shows fewer, --json all.")
    share = f"{format_bytes(size)}, {size / quotas.most_bytes:.1%} of {format_bytes(quotas.most_bytes)}"
    guess = " (quotas and days are the defaults; name --settings for the collector's own)"
    typer.echo(f"{format_entries(entries)}, {share}{guess if chosen.settings is None else ''}")


@app.command("reprocess")
def reprocess_entries(  # noqa: PLR0913 - see list_entries
    ids: Ids = None,
    *,
    reason: ReasonOption = None,
    device: DeviceOption = None,
    topic: TopicOption = None,
    level: LevelOption = None,
    schema: SchemaOption = None,
    since: FromOption = None,
    until: ToOption = None,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run the present code and inventory over entries; send refused lines again.

    What succeeds is written at its original time and leaves; what fails stays with its new reason, and then the exit
    code is 1. The collector does it while it runs, after a reload (SIGHUP) with the mended inventory; without one the
    command does it itself.

    With ``--reason future_time`` readings that were ahead of the collector's clock are judged by its present time: for
    when it was that clock which was behind.
    """
    where = _make_filter(ids, Filter(None, reason, device, topic, level, schema), since, until)
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        outcome = _request(chosen, Request(RequestKind.REPROCESS, where, author or find_login(os.getuid())))
    kept = sum(outcome.kept.values())
    if as_json:
        print_json({"matched": outcome.matched, "reprocessed": outcome.left, "kept": outcome.kept})
    elif not outcome.matched:
        typer.echo("Nothing in the quarantine matches; nothing was done.")
    else:
        rows = [("reprocessed", str(outcome.left), "")]
        rows += [
            (f"still {one}", str(count), explain(one).remedy) for one, count in Counter(outcome.kept).most_common()
        ]
        print_table(("Outcome", "Entries", "What to do"), rows, ("Entries",))
        typer.echo(f"{describe_outcome(RequestKind.REPROCESS, outcome).capitalize()}.")
    raise typer.Exit(PROBLEM if kept else 0)


@app.command("discard")
def discard_entries(  # noqa: PLR0913 - see list_entries
    ids: Ids = None,
    *,
    reason: ReasonOption = None,
    device: DeviceOption = None,
    topic: TopicOption = None,
    level: LevelOption = None,
    schema: SchemaOption = None,
    since: FromOption = None,
    until: ToOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every entry, when nothing else says which.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")] = False,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Give entries up for good; they are counted as discarded, and the log names who did it."""
    where = _make_filter(ids, Filter(None, reason, device, topic, level, schema), since, until)
    if (where == Filter()) is not everything:
        raise typer.BadParameter("name ids or options that say which entries, or else --all", param_hint="--all")
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        if not yes:
            where = _confirm(chosen.folder, where, as_json=as_json)
        outcome = _request(chosen, Request(RequestKind.DISCARD, where, author or find_login(os.getuid())))
    if as_json:
        print_json({"matched": outcome.matched, "discarded": outcome.left})
    elif not outcome.matched:
        typer.echo("Nothing in the quarantine matches; nothing was done.")
    else:
        typer.echo(f"{describe_outcome(RequestKind.DISCARD, outcome)}.")


@app.command("requests")
def list_requests(
    *,
    limit: Annotated[int, typer.Option(min=1, max=MOST_REQUESTS, help="Most requests.")] = 50,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List who asked for what, and what came of it, the newest first."""
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        with open_reader(chosen.folder) as reader:
            requests = reader.requests(limit)
    if as_json:
        print_json({"requests": [to_plain_request(one) for one in requests]})
    elif not requests:
        typer.echo("Nobody has asked for anything yet.")
    else:
        print_table(REQUEST_HEADINGS, map(render_request, requests), whole=("Begun", "Request"))


def _make_filter(
    ids: list[int] | None, where: Filter = EVERYTHING, since: str | None = None, until: str | None = None
) -> Filter:
    """Return a Filter with ids and times beside what it has; end the command where something of it is wrong."""
    if ids and len(ids) > MOST_IDS:
        raise typer.BadParameter(
            f"{len(ids)} ids are too many, {MOST_IDS} are the most; use the options", param_hint="IDS"
        )
    if ids and not all(0 <= one < 2**63 for one in ids):
        raise typer.BadParameter("an id is a positive number, as `list` shows it", param_hint="IDS")
    if where.of_schema is not None and not _SCHEMA.fullmatch(where.of_schema):
        raise typer.BadParameter(
            f"{where.of_schema!r} is no device type with a version, such as indoor_climate/1, nor without, such as "
            "indoor_climate",
            param_hint="--schema",
        )
    from_ms, to_ms = read_moment(since, "--from"), read_moment(until, "--to")
    where = where._replace(ids=tuple(ids) if ids else None, from_ms=from_ms, to_ms=to_ms)
    try:
        _ = where.where
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--topic") from None
    return where


def _read_groups(folder: Path, where: Filter) -> list[Group]:
    with open_reader(folder) as reader:
        return reader.stats(where)


def _confirm(folder: Path, where: Filter, *, as_json: bool) -> Filter:
    """Ask whether entries are to be given up; end the command where the answer is no, or nobody can be asked.

    Returns:
        The entries that the person was told of: what comes while the answer is thought over is not among them.
    """
    with open_reader(folder) as reader:
        where = where._replace(last_id=reader.newest_id())
        groups = reader.stats(where)
    entries = sum(group.entries for group in groups)
    if not entries:
        return where
    if not sys.stdin.isatty():
        message = f"{format_entries(entries)} would be discarded for good; say --yes where nobody can be asked."
        end_command(message, USAGE, as_json=as_json)
    reasons = Counter[str]()
    for group in groups:
        reasons[group.reason] += group.entries
    shown = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if not typer.confirm(f"Discard {format_entries(entries)} for good ({shown})?"):
        typer.echo("Nothing was discarded.")
        raise typer.Exit(PROBLEM)
    return where


def _request(chosen: ChosenStore, request: Request) -> Outcome:
    """Have a request performed, with a bar for people while it lasts."""
    # Also finds out that there is no store: to ask is not to make one.
    if not _read_groups(chosen.folder, request.where):
        return Outcome(0, 0, {})
    return asyncio.run(follow_request(chosen, request))


async def follow_request(chosen: ChosenStore, request: Request) -> Outcome:
    """Have a request performed; see ``ask_or_do`` for what it raises."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    outcome = Outcome(0, 0, {})
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(str(request.kind), total=None)
        async with aclosing(ask_or_do(chosen.folder, request, chosen.settings)) as answers:
            async for answer in answers:
                match answer:
                    case Waiting():
                        console.print(make_visible(f"{answer.author} comes first: {answer.kind}"), markup=False)
                    case Progress():
                        bar.update(task, completed=answer.done, total=answer.of)
                    case Outcome():
                        outcome = answer
    return outcome
