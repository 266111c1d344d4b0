"""``gjovik reconcile``: what was accepted, held against what InfluxDB has, and against the devices' own count.

Exit codes: 0 they agree; 1 they do not; 2 wrong usage or settings, a device that nobody ever heard of, or a store or
database that cannot be asked.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ingest.command_line import PROBLEM, USAGE, AsJson, SettingsFile, end_command, print_json, read_moment
from ingest.influx import InfluxError, open_influx
from ingest.local_time import format_local
from ingest.number_gaps import NumberFindings
from ingest.printed_table import make_visible, print_table
from ingest.reconcile import Findings, UnknownDeviceError, reconcile
from ingest.sequence import Numbering
from ingest.settings import Influx, Settings
from ingest.settings_file import load_settings, read_secret
from ingest.store_file import StoreError
from ingest.store_hours import HOUR_MS
from ingest.store_reader import open_reader
from ingest.stored_points import Asked, Databases
from ingest.toml_file import ConfigurationError

DAY_MS = 24 * HOUR_MS
SHOWN = 50
"""Rows of each table that people are shown; ``--json`` has all."""

Stores = Annotated[
    list[Path] | None,
    typer.Option(
        "--store",
        help="Folder of a store instead of the settings' own; once for each collector that writes to the database.",
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", help="Begin: a day or time in Oslo, or RFC 3339; 24 hours before the end when left out."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="End, itself not included, written likewise; now when left out.")
]
DeviceOption = Annotated[str | None, typer.Option(help="Compare only this device.")]


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("reconcile")(compare_stores)


def compare_stores(
    settings: SettingsFile = None,
    store: Stores = None,
    *,
    from_: FromOption = None,
    to: ToOption = None,
    device: DeviceOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare, per device and hour, what was accepted with what InfluxDB holds, and look for missing numbers.

    Whole hours are compared. The collector may run meanwhile. Exit code 1 when points are missing, or numbers that no
    payload in quarantine can be, or points are there that no collector accepted.
    """
    from_ms, to_ms = read_moment(from_, "--from"), read_moment(to, "--to")
    with _explained_errors(as_json=as_json):
        loaded = load_settings(settings, os.environ)
        asked = choose_hours(from_ms, to_ms, device, loaded.store.hours_days)
        folders = store or [loaded.store.folder]
        findings = asyncio.run(_reconcile(_list_databases(loaded), folders, asked))
    if as_json:
        print_json(to_plain(findings))
    else:
        _print_findings(findings)
    raise typer.Exit(0 if findings.agree else PROBLEM)


def choose_hours(from_ms: int | None, to_ms: int | None, device: str | None, days: int) -> Asked:
    """Return the whole hours that a time touches, up to and with the present one.

    Args:
        from_ms: Begin, milliseconds since 1970 in UTC; a day before the end when it is None.
        to_ms: End; now when it is None.
        device: Only this one.
        days: For how many the store keeps its counts. Before that there is nothing to compare with.

    Raises:
        typer.BadParameter: The time ends before it begins, or before the counts begin.
    """
    now_ms = read_clock()
    first_ms = now_ms - days * DAY_MS
    end_ms = now_ms if to_ms is None else min(to_ms, now_ms)
    begin_ms = end_ms - DAY_MS if from_ms is None else from_ms
    if begin_ms >= end_ms:
        raise typer.BadParameter("it must lie before --to, and before now", param_hint="--from")
    if end_ms <= first_ms:
        raise typer.BadParameter(f"what was accepted is counted for {days} days (store.hours_days)", param_hint="--to")
    if begin_ms < first_ms:
        typer.echo(
            f"What was accepted is counted for {days} days (store.hours_days); only those are compared.", err=True
        )
        begin_ms = first_ms
    return Asked(begin_ms // HOUR_MS * HOUR_MS, -(-end_ms // HOUR_MS) * HOUR_MS, device)


def read_clock() -> int:
    """Return now, in milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


def _list_databases(settings: Settings) -> list[tuple[Influx, str]]:
    """Return the databases that the collector writes to, with their passwords.

    Raises:
        ConfigurationError: A password is missing, or cannot be read.
    """
    found = [(settings.influx, read_secret(settings.influx, "influx"))]
    if settings.health_influx is not None:
        found.append((settings.health_influx, read_secret(settings.health, "health")))
    return found


async def _reconcile(databases: Sequence[tuple[Influx, str]], folders: Sequence[Path], asked: Asked) -> Findings:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    async with AsyncExitStack() as stack:
        bar = stack.enter_context(Progress(*columns, console=console, transient=True, disable=not console.is_terminal))
        stores = [stack.enter_context(open_reader(folder)) for folder in dict.fromkeys(map(Path.resolve, folders))]
        task = bar.add_task("comparing", total=1.0)
        clients = [await stack.enter_async_context(open_influx(*one)) for one in databases]
        for client in clients:
            await client.check()
        influx = Databases(clients)
        return await reconcile(asked, stores, influx, read_clock(), lambda share: bar.update(task, completed=share))


@contextmanager
def _explained_errors(*, as_json: bool) -> Iterator[None]:
    """End the command with one sentence when nothing could be compared: that is neither agreement nor a difference."""
    try:
        yield
    except (ConfigurationError, StoreError, InfluxError, UnknownDeviceError) as error:
        end_command(error, USAGE, as_json=as_json)


def to_plain(findings: Findings) -> dict[str, Any]:
    """Return findings for programs; times are milliseconds since 1970 in UTC."""
    asked, judged, numbers = findings.asked, findings.judged, findings.numbers
    counts = ("accepted", "stored", "refused", "waiting", "missing", "surplus", "damaged", "given_up")
    accounts = [(numbering._asdict(), account) for numbering, account in numbers.accounts.items()]
    return {
        "from_ms": asked.from_ms,
        "to_ms": asked.to_ms,
        "device": asked.device,
        "kept_from_ms": judged.missing_from * HOUR_MS,
        "complete_from_ms": judged.surplus_from * HOUR_MS,
        "agree": findings.agree,
        "is_moving": findings.is_moving,
        **{name: getattr(findings, name) for name in counts},
        "differences": [
            one._asdict() | {"hour": one.hour * HOUR_MS, "missing": one.missing, "surplus": one.surplus}
            for one in findings.differences
        ],
        "missing_numbers": numbers.missing,
        "explained": numbers.explained,
        "covered": numbers.covered,
        "differences_left_out": findings.left_out,
        "gaps_left_out": numbers.left_out,
        "gaps": [
            one.numbering._asdict()
            | {"missing": one.gap.missing, "covered": one.covered, "unreadable": one.unreadable}
            | one.gap._asdict()
            for one in numbers.open_gaps
        ],
        "restarts": [whose | restart._asdict() for whose, account in accounts for restart in account.restarts],
        "repeated": [whose | {"count": account.repeated} for whose, account in accounts if account.repeated],
        "judged_to": [
            whose | {"time_ms": account.judged_to_ms} for whose, account in accounts if account.judged_to_ms is not None
        ],
    }


def _print_findings(findings: Findings) -> None:
    _print_rows(
        ("Device", "Hour", "Accepted", "In InfluxDB", "Difference"),
        [
            (
                one.device,
                format_local(one.hour * HOUR_MS),
                str(one.least) if one.least == one.most else f"{one.least} to {one.most}",
                str(one.stored),
                f"{one.missing} missing" if one.missing else f"{one.surplus} too many",
            )
            for one in findings.differences
        ],
    )
    _print_rows(
        ("Device", "Missing numbers", "Count", "After", "Before", "Unreadable in quarantine"),
        [
            (
                _name(one.numbering),
                str(one.gap.first) if one.gap.missing == 1 else f"{one.gap.first} to {one.gap.last}",
                str(one.gap.missing),
                format_local(one.gap.after_ms),
                format_local(one.gap.before_ms),
                str(one.unreadable),
            )
            for one in findings.numbers.open_gaps
        ],
    )
    _print_rows(
        ("Device", "Counter restarted", "From", "To"),
        [
            (_name(numbering), format_local(restart.time_ms), str(restart.left), str(restart.began))
            for numbering, account in findings.numbers.accounts.items()
            for restart in account.restarts
        ],
    )
    for sentence in conclude(findings):
        typer.echo(sentence)


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        print_table(headings, rows[:SHOWN], numbers={"Accepted", "In InfluxDB", "Count", "Unreadable in quarantine"})
    if len(rows) > SHOWN:
        typer.echo(f"and {len(rows) - SHOWN} more; --json has them.", err=True)


def _name(numbering: Numbering) -> str:
    return f"{numbering.device} (simulated)" if numbering.simulated else numbering.device


def conclude(findings: Findings) -> list[str]:
    """Return what was found, in a few sentences."""
    asked = findings.asked
    of = "" if asked.device is None else f" of {make_visible(asked.device)}"
    whole = (
        f"{format_local(asked.from_ms)} to {format_local(asked.to_ms)}{of}: {findings.accepted} points accepted, "
        f"{findings.stored} in InfluxDB, {findings.waiting} in the outbox, {findings.refused} refused by the database."
    )
    sentences = [whole, *_state_limits(findings), *_state_numbers(findings.numbers)]
    if findings.damaged:
        sentences.append(
            f"Entries of the outbox were damaged on the collector's disk: {findings.damaged} lines since the store was "
            "made. They are in quarantine as damaged_entry; what is missing may be among them."
        )
    if findings.agree and findings.numbers.covered:
        return [*sentences, "Nothing else is missing."]
    if findings.agree:
        return [*sentences, "Nothing is missing." if findings.hours else "There was nothing to compare."]
    if findings.numbers.missing and findings.given_up:
        sentences.append(
            f"Entries that were discarded from quarantine or expired there explain no number any more: "
            f"{findings.given_up} since the store was made."
        )
    if left_out := findings.left_out + findings.numbers.left_out:
        sentences.append(f"Too much to list: {left_out} more hours and gaps differ. Ask for less time, or one device.")
    sentences.append(
        f"Missing in InfluxDB: {findings.missing} points. Too many in InfluxDB: {findings.surplus}. "
        f"Numbers that no reading has and nothing in quarantine or outbox can be: {findings.numbers.missing}."
    )
    return sentences


def _state_limits(findings: Findings) -> Iterator[str]:
    """Yield what could not be judged."""
    first_hour, judged = findings.asked.from_ms // HOUR_MS, findings.judged
    if findings.is_moving:
        yield (
            "The collector was running: these figures are of slightly different moments, and what was on its way may "
            "be in two of them, or in none."
        )
    if judged.surplus_from * HOUR_MS >= findings.asked.to_ms:
        yield "Every point was counted in no whole hour of this time yet, so only missing points are found."
    elif judged.surplus_from > first_hour:
        yield (
            f"The first whole hour in which every point was counted begins at "
            f"{format_local(judged.surplus_from * HOUR_MS)}; in those before, only missing points are found."
        )
    if judged.missing_from > first_hour:
        yield (
            f"The database removes what is old: points of before {format_local(judged.missing_from * HOUR_MS)} are "
            "not missed."
        )


def _state_numbers(numbers: NumberFindings) -> Iterator[str]:
    """Yield what the numbers say beside gaps and restarts."""
    if numbers.explained:
        yield f"Missing numbers that are in quarantine or in the outbox: {numbers.explained}."
    if numbers.covered:
        yield (
            f"Missing numbers that may be those of payloads in quarantine whose number cannot be read: "
            f"{numbers.covered}. As many such payloads came from these devices just then; see gjovik quarantine list."
        )
    if any(one.unreadable > one.covered for one in numbers.open_gaps):
        yield (
            "Further payloads whose number cannot be read came from the same devices, but not just then (Unreadable in "
            "quarantine). Where they are as many as numbers are missing, they may be what is missing."
        )
    erratic = [_name(numbering) for numbering, account in numbers.accounts.items() if account.judged_to_ms is not None]
    if erratic:
        yield f"Numbers that break off too often to be judged to the end: {make_visible(', '.join(erratic[:SHOWN]))}."
    repeated = sum(account.repeated for account in numbers.accounts.values())
    if repeated:
        yield f"Readings with a number that another one has: {repeated}."
