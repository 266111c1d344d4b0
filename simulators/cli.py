"""The simulators' commands: simulate, replay, town.

Exit codes: 0 done, 1 something was not published, 2 wrong usage.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ingest.command_line import end_command
from ingest.toml_file import ConfigurationError
from schemas.registry import RegistryError
from simulators.errors import RunError, TownError, UsageError
from simulators.recording import read_recording
from simulators.tally import Report, Tally, load_tally
from simulators.town import render_town

PROBLEM, USAGE = 1, 2
MOST_DEVICES = 1_000_000
"""Ten times what one collector is made for; the files of more would fill a disk."""
_HOST = re.compile(r"[^\s\0/]+")
PASSWORD_VARIABLE = "MQTT_PASSWORD"  # noqa: S105  the name of a variable, not a secret


def require_host(host: str) -> str:
    """Return the name of a host; end the command where none can have it."""
    if not _HOST.fullmatch(host):
        raise typer.BadParameter("must be a host name or an address, without spaces, a scheme or a path")
    return host


Host = Annotated[str, typer.Option(callback=require_host, help="Host name or address of the broker.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the broker.")]
Tls = Annotated[bool, typer.Option("--tls", help="Encrypt the connection to the broker.")]
CaFile = Annotated[
    Path | None, typer.Option(help="Certificate authorities to trust (PEM); the system's when left out.")
]
Patience = Annotated[float, typer.Option(min=0, help="Seconds to try for the first connection.")]
Prefix = Annotated[str, typer.Option(help="Beginning of every topic: <prefix>/<site>/<device>/reading.")]
InventoryFolder = Annotated[Path, typer.Option("--inventory", help="Folder of the inventory's TOML files.")]
Secrets = Annotated[Path, typer.Option(help="File of passwords, one name:password a line; `gjovik accounts` makes it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead.")]
FleetSize = Annotated[
    int | None, typer.Option(min=1, help="How many devices take part, types mixed; all when left out.")
]
Rate = Annotated[
    float, typer.Option(min=0, help="Readings a second of the whole fleet; 0 for each device at its type's interval.")
]
TallyFile = Annotated[
    Path | None,
    typer.Option(help="File that gets every sequence number with its answer and hash; continued if it exists."),
]

DEFAULT_INVENTORY = Path("deploy/inventory")
DEFAULT_SECRETS = Path("var/secrets/accounts")


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands to the application."""
    app.command("simulate")(simulate)
    app.command("replay")(replay)
    app.command("town")(make_town)


def simulate(  # noqa: PLR0913  a command has as many parameters as it has options
    *,
    devices: FleetSize = None,
    rate: Rate = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same values at the same time.")] = 1,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="End after this time; 0 for history alone; runs until stopped when left out."),
    ] = None,
    history: Annotated[
        str | None, typer.Option(help="Publish this much of the past first, for example 30d or 12h.")
    ] = None,
    step: Annotated[
        str | None, typer.Option(help="Time between two past readings; the interval of the type when left out.")
    ] = None,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of messages that are bad input of every kind, for quarantine.")
    ] = 0.0,
    tally: TallyFile = None,
    host: Host = "127.0.0.1",
    port: Port = 1883,
    tls: Tls = False,
    ca_file: CaFile = None,
    patience: Patience = 10.0,
    prefix: Prefix = "gjovik",
    secrets: Secrets = DEFAULT_SECRETS,
    inventory: InventoryFolder = DEFAULT_INVENTORY,
    as_json: AsJson = False,
) -> None:
    """Run a simulated fleet: each device a real MQTT client with its own account, as the inventory places it.

    Readings follow the hour, the day, the calendar, the sun and one made-up weather; they are marked as simulated and
    carry sequence numbers. Ctrl-C or SIGTERM stops it in order: everything published gets its answer or is reported.
    Exit code 1 when something was refused or stayed unanswered.
    """
    with explained_errors(as_json=as_json):
        from simulators.fleet import Plan  # noqa: PLC0415  its libraries are an extra
        from simulators.history import parse_duration  # noqa: PLC0415
        from simulators.run import Target, read_inventory, run_fleet  # noqa: PLC0415

        plan = Plan(
            rate,
            seconds,
            parse_duration(history) if history else None,
            parse_duration(step) if step else None,
            faults,
        )
        told = load_tally(tally) if tally and tally.exists() else Tally()
        target = Target(host, port, tls, ca_file, patience, prefix)
        try:
            report = run_fleet(target, read_inventory(inventory), secrets, devices, seed, plan, told)
        finally:
            if tally:
                told.save(tally)
        _finish(report, as_json=as_json)


def replay(  # noqa: PLR0913  a command has as many parameters as it has options
    file: Annotated[Path, typer.Argument(help="CSV with a header, plain or gzip.")],
    *,
    device: Annotated[str, typer.Option(help="Id of the device whose readings it becomes.")],
    field: Annotated[str, typer.Option(help="Field of its type that gets the values.")],
    unit: Annotated[str, typer.Option(help="Unit of the file: UCUM code such as [degF], or as written, °F or mph.")],
    tz: Annotated[
        str | None, typer.Option(help="Time zone of times without an offset, for example Europe/Oslo, UTC, Etc/GMT+6.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="0 as fast as the broker takes it, 1 in real time, 60 sixty times as fast.")
    ] = 0.0,
    time_column: Annotated[
        str | None, typer.Option(help="Column of times; timestamp, time, start or dt when left out.")
    ] = None,
    value_column: Annotated[str | None, typer.Option(help="Column of values; the last one when left out.")] = None,
    username: Annotated[str | None, typer.Option(help="Account at the broker; the device's id when left out.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 1883,
    tls: Tls = False,
    ca_file: CaFile = None,
    patience: Patience = 10.0,
    prefix: Prefix = "gjovik",
    secrets: Secrets = DEFAULT_SECRETS,
    inventory: InventoryFolder = DEFAULT_INVENTORY,
    as_json: AsJson = False,
) -> None:
    """Publish a recorded series as the readings of one device, converted to the unit of its field.

    The whole file is read and checked before anything is published. The password comes from the variable
    MQTT_PASSWORD, else from the secrets file.
    """
    with explained_errors(as_json=as_json):
        from devices import load_device_types  # noqa: PLC0415  as below
        from simulators.replay import cast_part  # noqa: PLC0415  its libraries are an extra
        from simulators.run import Target, read_inventory, read_passwords, run_replay  # noqa: PLC0415

        zone = _find_zone(tz) if tz else None
        part = cast_part(read_inventory(inventory), load_device_types(), device, field, unit, prefix)
        samples = read_recording(file, zone, time_column, value_column)
        account = username or device
        password = os.environ.get(PASSWORD_VARIABLE) or read_passwords(secrets, [account])[account]
        target = Target(host, port, tls, ca_file, patience, prefix)
        _finish(run_replay(target, part, samples, speed, (account, password)), as_json=as_json)


def make_town(
    folder: Annotated[Path, typer.Argument(help="Folder that gets the files; made when it is missing.")],
    *,
    devices: Annotated[
        int, typer.Option(min=1, max=MOST_DEVICES, help="How many devices report; all types are among them.")
    ] = 248,
    seed: Annotated[int, typer.Option(help="Decides floor areas and coordinates.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the TOML files that are there.")] = False,
) -> None:
    """Write the inventory of an example town of any size: sites, zones and devices, one file a site.

    Nothing in it describes a real building. The devices of recorded series come besides, in opptak.toml.
    """
    with explained_errors():
        texts = render_town(devices, seed)
        try:
            present = sorted(folder.glob("*.toml"))
            if present and not overwrite:
                raise TownError(
                    f"{folder} holds {len(present)} TOML files, {present[0].name} among them; name an empty folder, "
                    "or replace them with --overwrite"
                )
            folder.mkdir(parents=True, exist_ok=True)
            for file in present:
                file.unlink()
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise TownError(f"{error.filename} cannot be written: {error.strerror}") from None
    typer.echo(f"{len(texts)} files with {devices} devices that report, in {folder}")


@contextmanager
def explained_errors(*, as_json: bool = False) -> Iterator[None]:
    """End the command with one sentence and its exit code when something of ours goes wrong in the block."""
    try:
        yield
    except (UsageError, ConfigurationError, RegistryError) as error:
        end_command(error, USAGE, as_json=as_json)
    except RunError as error:
        end_command(error, PROBLEM, as_json=as_json)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("aiomqtt", "astral", "paho"):
            raise
        message = f"{error.name} is not installed; run: pip install 'gjovik-sensors[simulators]'"
        end_command(message, USAGE, as_json=as_json)


def _find_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # not a name, a folder, or no such zone
        raise UsageError(f"--tz {name} is not a time zone; write for example Europe/Oslo, UTC or Etc/GMT+6") from None


def _finish(report: Report, *, as_json: bool) -> None:
    typer.echo(report.to_json() if as_json else report.to_text())
    if not report.is_clean:
        raise typer.Exit(PROBLEM)
