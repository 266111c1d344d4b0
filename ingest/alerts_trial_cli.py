"""``gjovik alerts backtest|coverage``: what a rule would have done, and what is watched.

They look, and change nothing. Exit codes: 0 done; 1 found a problem, such as a database that does not answer or no
reading to judge; 2 wrong usage or settings, a wrong rule or one that nobody knows among it.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from devices import load_device_types
from ingest.alerts.backtest import Outcome
from ingest.alerts.coverage import Coverage, find_coverage
from ingest.alerts.outcome_comparison import Comparison, compare_outcomes
from ingest.alerts.subjects import Period, list_subjects
from ingest.backtest_view import (
    EVENT_HEADINGS,
    FIRING_HEADINGS,
    SUBJECT_HEADINGS,
    conclude,
    conclude_comparison,
    render_event,
    render_firing,
    render_subjects,
    to_plain,
    to_plain_comparison,
)
from ingest.collector import read_clock
from ingest.command_line import (
    PROBLEM,
    USAGE,
    AsJson,
    SettingsFile,
    end_command,
    explained_errors,
    print_json,
    read_moment,
    refuse_nul,
)
from ingest.configuration import read_watched
from ingest.influx import InfluxError, open_influx
from ingest.inventory_files import BROKER_ACCOUNTS, load_inventory
from ingest.known_names import describe_unknown
from ingest.printed_table import make_visible, print_table
from ingest.rule_trial import Found, Trial, find_rule, try_rules
from ingest.settings import Influx, Settings
from ingest.settings_file import load_settings, read_secret

trial_app = typer.Typer(help="What a rule would have done, and what is watched.")

SHOWN = 50
"""Rows of each table that people are shown; ``--json`` has all."""
DAY_MS = 86_400_000
DEFAULT_DAYS = 30
STDOUT = Path("-")

RuleArgument = Annotated[
    str, typer.Argument(metavar="RULE", help="A rule's file, or the key of one in the settings' folder of rules.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Begin: a day or time in Oslo, or RFC 3339; 30 days before the end else.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="End, itself not included, written likewise; now when left out.")
]
CompareOption = Annotated[str | None, typer.Option("--compare", help="Another version of the rule, file or key.")]
SiteOption = Annotated[str | None, typer.Option(help="Only devices at this site.")]
DeviceOption = Annotated[str | None, typer.Option(help="Only this device, or its group.")]
PngOption = Annotated[
    Path | None, typer.Option("--png", callback=refuse_nul, help="File that gets a picture; needs the extra `bench`.")
]
JsonOption = Annotated[
    Path | None,
    typer.Option("--json", callback=refuse_nul, help="File that gets the result for programs; - for standard output."),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application of ``ingest.alerts_cli``."""
    for name, command in (("backtest", backtest), ("coverage", show_coverage)):
        app.command(name)(command)


@trial_app.command("backtest")
def backtest(  # noqa: PLR0913 - a command has as many parameters as it has options
    rule: RuleArgument,
    *,
    since: FromOption = None,
    until: ToOption = None,
    compare: CompareOption = None,
    site: SiteOption = None,
    device: DeviceOption = None,
    png: PngOption = None,
    as_json: JsonOption = None,
    simulated: Annotated[bool, typer.Option("--simulated", help="Simulated readings count too.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Tell what a rule would have done with the readings in InfluxDB: how often, how long, at which devices.

    With --compare also what another version of it would have done otherwise.
    """
    from_ms, to_ms = read_moment(since, "--from"), read_moment(until, "--to")
    asks_json = as_json == STDOUT
    with explained_errors(as_json=asks_json), _explained_influx(as_json=asks_json):
        if png is not None:
            _require_matplotlib(as_json=asks_json)
        loaded = load_settings(settings, os.environ)
        texts = (rule,) if compare is None else (rule, compare)
        trial = _prepare(loaded, texts, _choose_period(from_ms, to_ms), site, device, simulated=simulated)
        if not any(trial.subjects):
            end_command(f"{trial.rules[0].key} watches nothing there in that time.", PROBLEM, as_json=asks_json)
        health = loaded.health_influx if trial.rules[0].is_apart else None
        password = read_secret(loaded.influx, "influx") if health is None else read_secret(loaded.health, "health")
        found = asyncio.run(_run(health or loaded.influx, password, trial, with_traces=png is not None))
        if png is not None:
            _draw(found, png, as_json=asks_json)
        _tell(found, as_json)
    if not any(found.outcomes[0].readings.values()):
        # What came of it is told all the same: a program finds it in the result.
        typer.echo("There was no reading to judge in that time.", err=True)
        raise typer.Exit(PROBLEM)


@trial_app.command("coverage")
def show_coverage(
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 when something is not covered.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List devices that no rule watches, rules that no device uses, fields without a rule, and vain inhibitions.

    A field without a rule is no fault: --strict looks at the rest.
    """
    with explained_errors(as_json=as_json):
        coverage = find_coverage(read_watched(load_settings(settings, os.environ)), read_clock())
    if as_json:
        print_json(_to_plain_coverage(coverage))
    else:
        _print_coverage(coverage)
    raise typer.Exit(PROBLEM if strict and not coverage.is_complete else 0)


def _prepare(
    settings: Settings,
    texts: Sequence[str],
    period: Period,
    site: str | None,
    device: str | None,
    *,
    simulated: bool,
) -> Trial:
    """Return what is to be tried.

    Raises:
        ConfigurationError: The inventory, or a rule, is wrong.
        typer.BadParameter: Site or device do not exist, or the rules cannot be compared.
    """
    types = load_device_types()
    accounts = BROKER_ACCOUNTS | {settings.mqtt.username}
    inventory = load_inventory(settings.inventory, types, accounts, keeps_apart=settings.health.database is not None)
    if site is not None and site not in inventory.sites:
        raise typer.BadParameter(describe_unknown("site", site, inventory.sites), param_hint="--site")
    if device is not None and device not in inventory.devices:
        raise typer.BadParameter(describe_unknown("device", device, inventory.devices), param_hint="--device")
    rules = tuple(find_rule(text, settings.rules, types, inventory) for text in texts)
    if len({rule.device_type for rule in rules}) > 1:
        raise typer.BadParameter(
            f"{rules[1].key} is about {rules[1].device_type}, {rules[0].key} about {rules[0].device_type}",
            param_hint="--compare",
        )
    subjects = tuple(list_subjects(rule, inventory, period, site, device) for rule in rules)
    return Trial(rules, inventory, types, period, subjects, simulated)


def _choose_period(from_ms: int | None, to_ms: int | None) -> Period:
    """Return the time that is meant; it ends now at the latest, or all would be silent in what is to come.

    Raises:
        typer.BadParameter: It ends before it begins.
    """
    now_ms = read_clock()
    end_ms = now_ms if to_ms is None else min(to_ms, now_ms)
    begin_ms = end_ms - DEFAULT_DAYS * DAY_MS if from_ms is None else from_ms
    if begin_ms >= end_ms:
        raise typer.BadParameter("it must lie before --to, and before now", param_hint="--from")
    return Period(begin_ms, end_ms)


async def _run(settings: Influx, password: str, trial: Trial, *, with_traces: bool) -> Found:
    """Try the rules, with a bar for people while it lasts."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        async with open_influx(settings, password) as influx:
            await influx.check()
            return await try_rules(
                influx,
                trial,
                lambda word, share: bar.update(task, description=word, completed=share),
                with_traces=with_traces,
            )


@contextmanager
def _explained_influx(*, as_json: bool) -> Iterator[None]:
    """End the command with one sentence when the database cannot be asked."""
    try:
        yield
    except InfluxError as error:
        end_command(error, PROBLEM, as_json=as_json)


def _require_matplotlib(*, as_json: bool) -> None:
    """End the command, before its long run, where a picture cannot be drawn."""
    if find_spec("matplotlib") is None:
        message = "--png needs matplotlib, which is not installed; run: pip install 'gjovik-sensors[bench]'"
        end_command(message, USAGE, as_json=as_json)


def _draw(found: Found, file: Path, *, as_json: bool) -> None:
    from ingest.backtest_plot import draw_outcome, save_picture  # noqa: PLC0415 - its library is an extra

    other = found.outcomes[1] if len(found.outcomes) > 1 else None
    _write_file(file, lambda: save_picture(draw_outcome(found.outcomes[0], found.traces, other), file), as_json=as_json)


def _write_file(file: Path, write: Callable[[], object], *, as_json: bool) -> None:
    """Write a file, or end the command with a sentence."""
    try:
        write()
    except OSError as error:
        end_command(f"{file} cannot be written: {error.strerror}; name another", USAGE, as_json=as_json)
    typer.echo(f"{file} written", err=True)


def _tell(found: Found, file: Path | None) -> None:
    """Print what came of a trial, and write it for programs."""
    outcome = found.outcomes[0]
    comparison = compare_outcomes(*found.outcomes) if len(found.outcomes) > 1 else None
    if file is not None:
        plain: dict[str, Any] = to_plain(outcome)
        if comparison is not None:
            plain["comparison"] = to_plain_comparison(comparison)
        text = json.dumps(plain, ensure_ascii=False)
        if file == STDOUT:
            typer.echo(text)
            return
        _write_file(file, lambda: file.write_text(f"{text}\n", encoding="utf-8"), as_json=False)
    _print_outcome(outcome)
    if comparison is not None:
        _print_comparison(comparison)


def _print_outcome(outcome: Outcome) -> None:
    if outcome.count:
        _print_rows(SUBJECT_HEADINGS, list(render_subjects(outcome)), ("Firings", "Flapping"), ("In all", "Longest"))
        rows = [render_firing(one, outcome) for one in outcome.firings]
        _print_rows(FIRING_HEADINGS, rows, ("Value",), ("Severity", "Fired", "Cleared", "Lasted"))
    for sentence in conclude(outcome):
        typer.echo(make_visible(sentence))


def _print_comparison(comparison: Comparison) -> None:
    typer.echo()
    end_ms = comparison.before.period.to_ms
    rows = [render_event(one, end_ms) for one in comparison.differences]
    if rows:
        _print_rows(EVENT_HEADINGS, rows, (), ("Difference", "Longer by"))
    for sentence in conclude(comparison.after):
        typer.echo(make_visible(f"The other version: {sentence}"))
    typer.echo(conclude_comparison(comparison))


def _print_rows(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], whole: Sequence[str]
) -> None:
    print_table(headings, rows[:SHOWN], numbers, whole)
    if len(rows) > SHOWN:
        typer.echo(f"and {len(rows) - SHOWN} more; --json has them.", err=True)
    typer.echo()


def _print_coverage(coverage: Coverage) -> None:
    if coverage.unwatched:
        rows = [(one.type_key, one.site, str(len(one.devices)), ", ".join(one.devices)) for one in coverage.unwatched]
        print_table(("Type", "Site", "Without a rule", "Devices"), rows, ("Without a rule",), ("Type", "Site"))
        typer.echo()
    if coverage.fields:
        fields = [(one.type_key, one.field, str(one.devices)) for one in coverage.fields]
        print_table(("Type", "Field without a rule", "Devices"), fields, ("Devices",))
        typer.echo()
    for key in coverage.idle:
        typer.echo(f"Rule {key} watches no device.")
    for one in coverage.vain:
        where = "wherever it may fire" if one.is_everywhere else f"at {', '.join(one.sites)}"
        typer.echo(f"Rule {one.rule} is inhibited by {one.inhibitor}, which can never fire {where}.")
    typer.echo(f"{coverage.watched} of {coverage.placed} devices are watched by at least one rule.")


def _to_plain_coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "complete": coverage.is_complete,
        "placed": coverage.placed,
        "watched": coverage.watched,
        "unwatched": [one._asdict() for one in coverage.unwatched],
        "idle_rules": coverage.idle,
        "fields": [one._asdict() for one in coverage.fields],
        "vain_inhibitions": [one._asdict() for one in coverage.vain],
    }
