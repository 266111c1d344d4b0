"""``gjovik alerts explain``: why an alert is in its state, in words.

It looks, and changes nothing. Exit codes: see ``ingest.alerts_cli``.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from ingest.alerts.explain import Case, explain, name_subject
from ingest.alerts.words import Language
from ingest.collector import read_clock
from ingest.command_line import AsJson, SettingsFile, StoreFolder, choose_store, explained_errors, print_json
from ingest.configuration import Configuration, read_watched
from ingest.known_names import describe_unknown
from ingest.printed_table import make_visible
from ingest.settings_file import load_settings
from ingest.status_cli import read_status
from ingest.status_view import is_running
from ingest.store_file import StoreError
from ingest.store_incidents import IncidentFilter
from ingest.store_reader import StoreReader, open_reader

PAST_INCIDENTS = 3
"""Of which an explanation tells the changes."""

LanguageOption = Annotated[Language, typer.Option("--language", help="Of the sentences: nb or en.")]


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application of ``ingest.alerts_cli``."""
    app.command("explain")(explain_alert)


def explain_alert(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Id of the device.")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Key of the rule.")],
    *,
    language: LanguageOption = Language.NB,
    settings: SettingsFile = None,
    store: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say in words why an alert is in its state: its values, limits and times, its schedule, and who is told.

    A store that is named with --store needs the --settings of its collector, too: they name its inventory and rules.
    """
    if store is not None and settings is None:
        raise typer.BadParameter(
            "a store does not say which inventory and rules go with it; name the settings of its collector, too",
            param_hint="--settings",
        )
    now_ms = read_clock()
    with explained_errors(as_json=as_json):
        chosen = choose_store(settings, store)
        loaded = chosen.settings or load_settings(settings, os.environ)
        configuration = read_watched(loaded)
        _require_known(device, rule, configuration)
        with open_reader(chosen.folder) as reader:
            case = _gather(reader, chosen.folder, configuration, (device, rule), now_ms)
        sentences = explain(case, language)
    read = {"store": str(chosen.folder), "inventory": str(loaded.inventory), "rules": str(loaded.rules)}
    if as_json:
        record = next((one for one in case.records if (one.device, one.rule) == (case.subject, rule)), None)
        plain = {"device": case.subject, "rule": rule, "phase": record.phase if record else "ok"}
        print_json(plain | {"sentences": sentences, "read": read})
        return
    for sentence in sentences:
        typer.echo(make_visible(sentence))
    if settings is None:
        named = ", ".join(f"{name} {path}" for name, path in read.items())
        typer.echo(make_visible(f"Read without --settings: {named}."), err=True)


def _require_known(device: str, rule: str, configuration: Configuration) -> None:
    """Refuse to explain what is not there.

    Raises:
        typer.BadParameter: The rules have no such rule, or the inventory no such device.
    """
    rules, devices = configuration.rules, configuration.inventory.devices
    if rule not in rules:
        raise typer.BadParameter(describe_unknown("rule", rule, rules), param_hint="RULE")
    if ":" not in device and device not in devices:
        raise typer.BadParameter(describe_unknown("device", device, devices), param_hint="DEVICE")


def _gather(
    reader: StoreReader, folder: Path, configuration: Configuration, asked: tuple[str, str], now_ms: int
) -> Case:
    """Return all that an explanation of a device and a rule looks at."""
    device, rule = asked
    subject = name_subject(configuration, device, rule, now_ms)
    incidents = reader.incidents(IncidentFilter(rule=rule, device=subject), PAST_INCIDENTS)
    lives = [life for one in reversed(incidents) if (life := reader.incident(one.id)) is not None]
    return Case(
        subject=subject,
        rule=rule,
        configuration=configuration,
        records=reader.alerts(),
        incident=next((one for one in incidents if one.closed_ms is None), None),
        steps=tuple(step for _, steps in lives for step in steps),
        maintenance=reader.present_maintenance(now_ms),
        silent_s=_find_silence(folder, device, now_ms),
        now_ms=now_ms,
    )


def _find_silence(folder: Path, device: str, now_ms: int) -> float | None:
    """Return for how long a device has been silent, in seconds; None where the collector cannot say now."""
    try:
        status = read_status(folder)
    except StoreError:
        return None
    silent = {one["device"]: float(one["seconds"]) for one in status.get("silent", ())}
    if not is_running(status, now_ms) or not status.get("mqtt_connected"):
        return None
    if device not in silent and status.get("silent_count", 0) > len(silent):
        return None
    return silent.get(device, 0.0)
