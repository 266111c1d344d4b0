"""``gjovik alerts maintenance``: have nobody told of something while somebody works there.

Exit codes: see ``ingest.alerts_cli``.
"""

from typing import Annotated

import typer

from ingest.alerts_cli import (
    AuthorOption,
    name_asker,
    perform,
    read_end,
)
from ingest.alerts_view import MAINTENANCE_HEADINGS, render_maintenance, to_plain_maintenance
from ingest.collector import read_clock
from ingest.command_line import (
    AsJson,
    SettingsFile,
    StoreFolder,
    choose_store,
    explained_errors,
    print_json,
    read_moment,
)
from ingest.incidents.act import Refused
from ingest.incidents.maintenance import Maintenance, MaintenanceState, begin
from ingest.printed_table import print_table
from ingest.request_alert import BeginMaintenance, EndMaintenance
from ingest.store_reader import open_reader

maintenance_app = typer.Typer(help="Maintenance: nobody is told of incidents there for a while.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    """Add the group to the application of ``ingest.alerts_cli``."""
    app.add_typer(maintenance_app, name="maintenance")


@maintenance_app.callback()
def main() -> None:
    """Maintenance: nobody is told of incidents there for a while."""


@maintenance_app.command("list")
def list_maintenance(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what has ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them.")] = 100,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List maintenance that is active or planned, with who began it, why, and when it ends."""
    now_ms = read_clock()
    with explained_errors(as_json=as_json), open_reader(choose_store(settings, store).folder) as reader:
        found = reader.maintenance(limit) if everything else reader.present_maintenance(now_ms)[:limit]
    if as_json:
        print_json({"maintenance": [to_plain_maintenance(one, now_ms) for one in found]})
    elif not found:
        typer.echo("There is no maintenance now." if not everything else "There was no maintenance yet.")
    else:
        rows = [render_maintenance(one, now_ms) for one in found]
        print_table(MAINTENANCE_HEADINGS, rows, ("Id",), ("State", "From", "To"))
        active = sum(one.find_state(now_ms) is MaintenanceState.ACTIVE for one in found)
        typer.echo(f"{active} active, {len(found)} shown")


@maintenance_app.command("begin")
def begin_maintenance(  # noqa: PLR0913 - a command has as many parameters as it has options
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only at this site. May be repeated.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Only of this device. May be repeated.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Only of this rule. May be repeated.")] = None,
    reason: Annotated[str, typer.Option(help="Why; people read it.")],
    since: Annotated[
        str | None, typer.Option("--from", help="Its beginning, now when left out: a time in Oslo, or RFC 3339.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Its end; written likewise.")] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="How long, from its beginning: 30m, 8h, 2d; at most 30d.")
    ] = None,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Begin or plan maintenance, with an end. An incident is meant if it fits each kind of option that is given.

    Incidents begin and end in it as always, and `list` shows them; only nobody is told. A site, device or rule that is
    not configured is refused.
    """
    if not (site or device or rule):
        raise typer.BadParameter("say for which --site, --device or --rule", param_hint="--site")
    if (until is None) is (length is None):
        raise typer.BadParameter("say when it ends: --until a time, or --for a while", param_hint="--for")
    from_ms = read_moment(since, "--from")
    from_ms = read_clock() if from_ms is None else from_ms
    names = (frozenset(site or ()), frozenset(device or ()), frozenset(rule or ()))
    planned = Maintenance(0, *names, reason, "", from_ms, read_end(until, length, from_ms))
    if isinstance(refused := begin(planned, read_clock()), Refused):
        raise typer.BadParameter(refused.why)
    perform(BeginMaintenance(planned, name_asker(author)), settings, store, as_json=as_json, noun="Maintenance")


@maintenance_app.command("end")
def end_maintenance(
    maintenance: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="Id of the maintenance, as `list` shows it.")
    ],
    *,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """End maintenance before its time; what is open still is told again. It stays in the list, with who ended it."""
    perform(EndMaintenance(maintenance, name_asker(author)), settings, store, as_json=as_json, noun="Maintenance")
