"""``gjovik alerts deliveries``, ``retry`` and ``test``: messages to people, and whether they arrive.

Exit codes: see ``ingest.alerts_cli``.
"""

from typing import Annotated, Any

import typer

from ingest.alerts_cli import AuthorOption, name_asker, perform
from ingest.command_line import AsJson, SettingsFile, StoreFolder, choose_store, explained_errors, print_json
from ingest.event_time import format_time
from ingest.local_time import format_local
from ingest.notify.delivery import Delivery, DeliveryState
from ingest.printed_table import print_table
from ingest.request_alert import ContactTest, RetryDeliveries
from ingest.store_reader import open_reader

_HEADINGS = ("Id", "State", "Contact", "Route", "Planned", "Tries", "Incidents", "Title", "Error")
_HIGHEST_ID = 2**63 - 1

Ids = Annotated[
    list[int], typer.Argument(metavar="ID", min=1, max=_HIGHEST_ID, help="Ids of messages, as `deliveries` shows them.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application of ``ingest.alerts_cli``."""
    app.command("deliveries")(list_deliveries)
    app.command("retry")(retry)
    app.command("test")(ask_contact)


def list_deliveries(
    *,
    state: Annotated[
        list[DeliveryState] | None,
        typer.Option(help="Only these; waiting and dead when left out. May be repeated."),
    ] = None,
    after: Annotated[int, typer.Option(min=0, max=_HIGHEST_ID, help="Go on behind the message with this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most messages on a page.")] = 100,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """List messages to people that have not arrived: those that wait, and those that were given up after a day."""
    states = frozenset(state or (DeliveryState.WAITING, DeliveryState.DEAD))
    with explained_errors(as_json=as_json), open_reader(choose_store(settings, store).folder) as reader:
        found = reader.deliveries(states, after, limit)
    if as_json:
        print_json({"deliveries": [_to_plain(one) for one in found]})
    elif not found:
        typer.echo("No message is in this state.")
    else:
        print_table(_HEADINGS, [_render(one) for one in found], ("Id", "Tries"), ("State", "Planned"))
        typer.echo(f"{len(found)} shown")


def retry(
    deliveries: Ids,
    *,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Have messages sent again that were given up. One whose contact is no longer configured is refused."""
    perform(RetryDeliveries(tuple(deliveries), name_asker(author)), settings, store, as_json=as_json, noun="Message")


def ask_contact(
    contact: Annotated[str, typer.Argument(help="Key of the contact; each when left out.")] = "",
    *,
    author: AuthorOption = None,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Send a contact a message that says it is a test, and tell whether the service took it."""
    perform(ContactTest(contact, name_asker(author)), settings, store, as_json=as_json, noun="Contact")


def _render(one: Delivery) -> tuple[str, ...]:
    incidents = ", ".join(str(telling.incident) for telling in one.tellings[:5])
    more = f" and {len(one.tellings) - 5} more" if len(one.tellings) > 5 else ""  # noqa: PLR2004 - as many as are shown
    planned = format_local(one.created_ms)
    names = (one.state.value, one.contact, one.route, planned, str(one.tries))
    return (str(one.id), *names, incidents + more, one.title, one.error)


def _to_plain(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "key": one.key,
        "state": one.state.value,
        "contact": one.contact,
        "route": one.route,
        "severity": one.severity.value,
        "incidents": sorted({telling.incident for telling in one.tellings}),
        "title": one.title,
        "created": format_time(one.created_ms),
        "due": format_time(one.due_ms),
        "tries": one.tries,
        "error": one.error,
    }
