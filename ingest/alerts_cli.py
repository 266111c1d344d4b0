"""``gjovik alerts``: look at incidents, and say what is done about them.

Commands of files of their own are added to ``alerts_app``, as ``ingest.maintenance_cli`` does.

Exit codes: 0 done; 1 found a problem: what is asked cannot be done as things stand, such as closing an incident that
is not there; 2 wrong usage or settings: it could never be done, such as a snooze of eight days, or a rule that nobody
knows.
"""

import asyncio
import os
import re
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ingest.alerts_view import (
    HISTORY_HEADINGS,
    LIST_HEADINGS,
    STEP_HEADINGS,
    render_incident,
    render_past,
    render_step,
    render_whole,
    to_plain,
)
from ingest.collector import read_clock
from ingest.command_line import (
    PROBLEM,
    AsJson,
    SettingsFile,
    StoreFolder,
    choose_store,
    end_command,
    explained_errors,
    print_json,
    read_moment,
)
from ingest.incidents.act import LONGEST_TEXT, Act, ActKind, find_fault
from ingest.incidents.incident import IncidentState
from ingest.printed_table import make_visible, print_table
from ingest.request import MOST_IDS, Performed
from ingest.request_alert import ActRequest, AlertRequest
from ingest.request_alone import ask_or_do
from ingest.request_socket import find_login
from ingest.store_incidents import IncidentFilter
from ingest.store_reader import open_reader
from schemas.rule import Severity

alerts_app = typer.Typer(help="Incidents: what alerts are open, and what people do about them.", no_args_is_help=True)

_HIGHEST_ID = 2**63 - 1
_SPAN = re.compile(r"([0-9]{1,6}) ?(s|m|min|h|d)", re.ASCII)
_SPAN_MS = {"s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}

Id = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=_HIGHEST_ID, help="Id of the incident, as `list` shows it.")
]
Ids = Annotated[
    list[int], typer.Argument(metavar="ID", min=1, max=_HIGHEST_ID, help="Ids of incidents, as `list` shows them.")
]
SiteOption = Annotated[str | None, typer.Option(help="Only at this site.")]
RuleOption = Annotated[str | None, typer.Option(help="Only of this rule.")]
DeviceOption = Annotated[str | None, typer.Option(help="Only of this device.")]
SeverityOption = Annotated[Severity | None, typer.Option(help="Only as severe, or more.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Only what fired then or later: a day or time in Oslo, or RFC 3339.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Only what fired before then; written likewise.")]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="Most incidents on a page.")]
AfterOption = Annotated[
    int | None, typer.Option(min=1, max=_HIGHEST_ID, help="Go on behind the incident with this id.", show_default=False)
]
AuthorOption = Annotated[
    str | None, typer.Option(help="Your name for the audit trail; your login name when left out, beside it otherwise.")
]
TextOption = Annotated[
    str, typer.Option("--text", help=f"Why, for the audit trail; at most {LONGEST_TEXT} characters.")
]


@alerts_app.callback()
def main() -> None:
    """Incidents: what alerts are open, and what people do about them."""


@alerts_app.command("list")
def list_incidents(  # noqa: PLR0913 - a command has as many parameters as it has options
    *,
    state: Annotated[
        list[IncidentState] | None, typer.Option(help="Only so far; open and cleared when left out. May be repeated.")
    ] = None,
    site: SiteOption = None,
    rule: RuleOption = None,
    device: DeviceOption = None,
    severity: SeverityOption = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: LimitOption = 100,
    after: AfterOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List incidents that are not closed, the newest first: the open ones, and those that cleared and wait for that."""
    states = frozenset(state or (IncidentState.OPEN, IncidentState.CLEARED))
    where = IncidentFilter(states, site, rule, device, severity, *_read_period(since, until))
    now_ms = read_clock()
    with explained_errors(as_json=as_json), open_reader(choose_store(settings, store).folder) as reader:
        of = reader.count_incidents(where)
        incidents = reader.incidents(where, limit, after)
        maintenance = reader.present_maintenance(now_ms)
    if as_json:
        covering = [[one.id for one in maintenance if one.covers(incident, now_ms)] for incident in incidents]
        plain = [to_plain(one) | {"maintenance": ids} for one, ids in zip(incidents, covering, strict=True)]
        print_json({"matched": of, "incidents": plain, "after": incidents[-1].id if incidents else after})
    elif not of:
        typer.echo("No incident matches.")
    else:
        rows = (render_incident(one, maintenance, now_ms) for one in incidents)
        print_table(LIST_HEADINGS, rows, ("Id", "Value"), ("Fired", "Severity"))
        _print_page(len(incidents), of, incidents[-1].id if len(incidents) == limit else None)


@alerts_app.command("history")
def list_history(  # noqa: PLR0913 - see list_incidents
    *,
    site: SiteOption = None,
    rule: RuleOption = None,
    device: DeviceOption = None,
    severity: SeverityOption = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: LimitOption = 100,
    after: AfterOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List all incidents, the closed ones too, the newest first, with how long each lasted."""
    where = IncidentFilter(frozenset(), site, rule, device, severity, *_read_period(since, until))
    with explained_errors(as_json=as_json), open_reader(choose_store(settings, store).folder) as reader:
        of = reader.count_incidents(where)
        incidents = reader.incidents(where, limit, after)
    if as_json:
        plain = [to_plain(one) for one in incidents]
        print_json({"matched": of, "incidents": plain, "after": incidents[-1].id if incidents else after})
    elif not of:
        typer.echo("No incident matches.")
    else:
        now_ms = read_clock()
        rows = (render_past(one, now_ms) for one in incidents)
        print_table(HISTORY_HEADINGS, rows, ("Id",), ("Fired", "Lasted", "Severity"))
        _print_page(len(incidents), of, incidents[-1].id if len(incidents) == limit else None)


@alerts_app.command("show")
def show_incident(
    incident: Id, *, settings: SettingsFile = None, store: StoreFolder = None, as_json: AsJson = False
) -> None:
    """Show an incident with its whole life: every step, when it was in Oslo, who did it, and why."""
    now_ms = read_clock()
    with explained_errors(as_json=as_json), open_reader(choose_store(settings, store).folder) as reader:
        found = reader.incident(incident)
        maintenance = reader.present_maintenance(now_ms)
    if found is None:
        message = f"There is no incident {incident}; one that was closed long ago has left."
        end_command(message, PROBLEM, as_json=as_json)
    one, steps = found
    if as_json:
        print_json(
            to_plain(one, steps) | {"maintenance": [each.id for each in maintenance if each.covers(one, now_ms)]}
        )
        return
    parts = render_whole(one, maintenance, now_ms)
    width = max(len(name) for name, _ in parts)
    for name, value in parts:
        typer.echo(f"{name:<{width}}  {value}")
    typer.echo()
    print_table(STEP_HEADINGS, map(render_step, steps), whole=("Time", "What"))


@alerts_app.command("ack")
def acknowledge(
    incidents: Ids,
    *,
    text: TextOption = "",
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take note of incidents: you see to them, and nobody else needs to be told."""
    perform(_make_request(Act(ActKind.ACKNOWLEDGE, text), incidents, author), settings, store, as_json=as_json)


@alerts_app.command("assign")
def assign(
    incident: Id,
    who: Annotated[str | None, typer.Argument(metavar="WHO", help="Who sees to it.", show_default=False)] = None,
    *,
    nobody: Annotated[bool, typer.Option("--nobody", help="It is nobody's again.")] = False,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say who sees to an incident."""
    named = (who or "").strip()
    if bool(named) is nobody:
        raise typer.BadParameter("name one who sees to it, or say --nobody", param_hint="WHO")
    perform(_make_request(Act(ActKind.ASSIGN, named), [incident], author), settings, store, as_json=as_json)


@alerts_app.command("comment")
def comment(
    incident: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=f"At most {LONGEST_TEXT} characters.")],
    *,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write something about an incident into its life, also after it was closed."""
    perform(_make_request(Act(ActKind.COMMENT, text), [incident], author), settings, store, as_json=as_json)


@alerts_app.command("snooze")
def snooze(  # noqa: PLR0913 - see list_incidents
    incidents: Ids,
    *,
    until: Annotated[str | None, typer.Option("--until", help="Its end: a time in Oslo, or RFC 3339.")] = None,
    length: Annotated[str | None, typer.Option("--for", help="How long from now: 30m, 8h, 2d; at most 7d.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End a snooze now.")] = False,
    text: TextOption = "",
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Have nobody told of incidents for a while, at most seven days. An escalation is told all the same."""
    if (until is not None) + (length is not None) + end != 1:
        raise typer.BadParameter(
            "say when it ends: --until a time, --for a while, or --end for now", param_hint="--for"
        )
    until_ms = 0 if end else read_end(until, length)
    act = Act(ActKind.SNOOZE, text, until_ms=until_ms)
    perform(_make_request(act, incidents, author), settings, store, as_json=as_json)


@alerts_app.command("close")
def close(
    incidents: Ids,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also what is open still; --text must say why.")] = False,
    text: TextOption = "",
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say that nothing remains to be done about incidents."""
    if force and not text.strip():
        raise typer.BadParameter("whoever closes by force says why", param_hint="--text")
    act = Act(ActKind.CLOSE, text, is_forced=force)
    perform(_make_request(act, incidents, author), settings, store, as_json=as_json)


def perform(
    request: AlertRequest, settings: Path | None, store: Path | None, *, as_json: bool, noun: str = "Incident"
) -> NoReturn:
    """Have a request performed, tell what came of it, and end the command.

    Args:
        request: What is asked.
        settings: File of settings.
        store: Folder of the store, where it is not the settings' own.
        as_json: Whether a program reads it.
        noun: What its ids are of.
    """
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        # Finds out that there is no store: to ask is not to make one.
        with open_reader(chosen.folder):
            pass

        async def follow() -> Performed:
            async with aclosing(ask_or_do(chosen.folder, request, chosen.settings)) as answers:
                async for answer in answers:
                    if isinstance(answer, Performed):
                        return answer
            raise AssertionError("the last answer is what came of it")

        performed = asyncio.run(follow())
    if as_json:
        print_json({"done": performed.done, "refused": performed.refused})
    else:
        for name, told in performed.done.items():
            typer.echo(make_visible(f"{noun} {name}: {told}."))
        for name, why in performed.refused.items():
            typer.echo(make_visible(f"{noun} {name}: refused, {why}."), err=True)
    raise typer.Exit(PROBLEM if performed.refused else 0)


def read_end(until: str | None, length: str | None, begin_ms: int | None = None) -> int:
    """Return the milliseconds since 1970 in UTC of an end that is given as a time, or as a while from a beginning.

    Args:
        until: The time, as a person wrote it.
        length: The while, likewise.
        begin_ms: The beginning; now where it is None.

    Raises:
        typer.BadParameter: It is neither.
    """
    moment = read_moment(until, "--until")
    if moment is not None:
        return moment
    found = _SPAN.fullmatch(length or "")
    if found is None:
        raise typer.BadParameter(f"{length!r} is no while; write 30m, 8h or 2d", param_hint="--for")
    return (read_clock() if begin_ms is None else begin_ms) + int(found[1]) * _SPAN_MS[found[2]]


def name_asker(author: str | None) -> str:
    """Return who asks, as they say; their login name where they say nothing."""
    return author or find_login(os.getuid())


def _make_request(act: Act, incidents: list[int], author: str | None) -> ActRequest:
    if len(incidents) > MOST_IDS:
        raise typer.BadParameter(f"{len(incidents)} ids are too many, {MOST_IDS} are the most", param_hint="ID")
    if why := find_fault(act, read_clock()):
        raise typer.BadParameter(why)
    return ActRequest(act, tuple(incidents), name_asker(author))


def _read_period(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Return the milliseconds since 1970 in UTC of a beginning and an end.

    Raises:
        typer.BadParameter: One is no time, or it ends before it begins.
    """
    from_ms, to_ms = read_moment(since, "--from"), read_moment(until, "--to")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise typer.BadParameter("it must lie before --to", param_hint="--from")
    return from_ms, to_ms


def _print_page(shown: int, of: int, last: int | None) -> None:
    more = "" if last is None else f"; the next page: --after {last}"
    typer.echo(f"{shown} of {of} {'incident' if of == 1 else 'incidents'}, the newest first{more}")
