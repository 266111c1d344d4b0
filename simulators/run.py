"""Run: the shell of the simulators' commands. Files, signals and the terminal are touched here and not deeper."""

import asyncio
import resource
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from devices import load_device_types
from ingest.accounts import AccountError, parse_secrets
from ingest.inventory import Inventory
from ingest.inventory_files import load_inventory
from simulators.device import choose_devices, make_fleet
from simulators.errors import FleetError, UsageError
from simulators.fleet import Fleet, Plan, read_clock_ms
from simulators.models import load_models
from simulators.progress import show_progress
from simulators.publisher import BrokerAddress
from simulators.recording import Sample
from simulators.replay import Part, Replay, make_messages
from simulators.stop import stopped_by_signals
from simulators.tally import Outcome, Report, Tally

SPARE_FILES = 64
"""Open files that a process needs beside its connections."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to publish.

    Attributes:
        host: Name or address of the broker.
        port: TCP port of the broker.
        tls: Whether to encrypt.
        ca_file: Certificate authorities to trust (PEM); None for the system's.
        patience_s: How long to try for the first connection, in seconds.
        prefix: Beginning of every topic.
    """

    host: str
    port: int
    tls: bool
    ca_file: Path | None
    patience_s: float
    prefix: str

    def to_broker(self) -> BrokerAddress:
        """Return the broker.

        Raises:
            UsageError: The certificate authorities cannot be read.
        """
        if not self.tls:
            return BrokerAddress(self.host, self.port, patience_s=self.patience_s)
        try:
            return BrokerAddress(
                self.host, self.port, ssl.create_default_context(cafile=self.ca_file), patience_s=self.patience_s
            )
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{self.ca_file} cannot be read as certificates in PEM: {error}") from None


def read_inventory(folder: Path) -> Inventory:
    """Return the inventory of a folder.

    Raises:
        ConfigurationError: Something in it is wrong.
    """
    return load_inventory(folder, load_device_types(), keeps_apart=True)


def read_passwords(file: Path, names: Iterable[str]) -> Mapping[str, str]:
    """Return the passwords of a secrets file, which must have one for each name.

    Raises:
        FleetError: The file cannot be read, or lacks a name.
    """
    try:
        passwords = parse_secrets(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{file} cannot be read: {error}; `gjovik accounts` makes it") from None
    except AccountError as error:
        raise FleetError(f"{file}: {error}") from None
    missing = [name for name in names if name not in passwords]
    if missing:
        raise FleetError(
            f"{file} has no password for {len(missing)} devices, {missing[0]} among them; `gjovik accounts` adds them"
        )
    return passwords


def run_fleet(
    target: Target, inventory: Inventory, secrets: Path, count: int | None, seed: int, plan: Plan, tally: Tally
) -> Report:
    """Run a fleet to the end of its plan, or until SIGINT or SIGTERM, and return its figures.

    Args:
        target: Where to publish.
        inventory: What is installed.
        secrets: File of passwords.
        count: How many devices; None for all.
        seed: Of the fleet.
        plan: What to do.
        tally: Is told of every message; after this it is complete, however the run ended.

    Raises:
        UsageError: There are too few devices or accounts; nothing was started.
        PublishError: The broker cannot be reached, or refuses an account.
    """
    models = load_models()
    chosen = choose_devices(inventory, models, count, read_clock_ms())
    passwords = read_passwords(secrets, (device.id for device in chosen))
    devices = make_fleet(chosen, inventory, load_device_types(), models, seed, target.prefix)
    allow_connections(len(devices))
    console = Console(stderr=True)

    async def run() -> Report:
        loop = asyncio.get_running_loop()
        fleet = Fleet(devices, target.to_broker(), passwords, plan, tally)
        skipped = sum(not device.has_clock for device in devices)
        if plan.history and skipped:
            sentence = f"No history for {skipped} devices without a clock: their readings get the time of receipt."
            console.print(sentence, soft_wrap=True)
        await fleet.warm_up()
        begun = loop.time()
        with stopped_by_signals(fleet.stop, fleet.abandon):
            async with show_progress(console, "History", fleet.past_messages, lambda: count_answers(tally)):
                await fleet.run()
        return tally.report(loop.time() - begun)

    return asyncio.run(run())


def run_replay(target: Target, part: Part, samples: list[Sample], speed: float, account: tuple[str, str]) -> Report:
    """Publish a recording, and return the figures.

    Args:
        target: Where to publish.
        part: What it is replayed as.
        samples: The recording.
        speed: 0 as fast as the broker takes it, 1 in real time, 60 sixty times as fast.
        account: Name and password.

    Raises:
        ReplayError: A sample does not make a reading; nothing was published.
        PublishError: The broker cannot be reached, or refuses the account.
    """
    messages = list(make_messages(part, samples))
    tally = Tally()

    async def run() -> Report:
        loop = asyncio.get_running_loop()
        replay = Replay(messages, samples, speed, tally)
        begun = loop.time()
        with stopped_by_signals(replay.stop, replay.abandon):
            async with show_progress(Console(stderr=True), "Replay", len(messages), lambda: count_answers(tally)):
                await replay.run(target.to_broker(), part.device.id, *account)
        return tally.report(loop.time() - begun)

    return asyncio.run(run())


def count_answers(tally: Tally) -> int:
    """Return how many messages have their answer."""
    return tally.counts[Outcome.ACKNOWLEDGED] + tally.counts[Outcome.REFUSED]


def allow_connections(count: int) -> None:
    """Let this process have as many connections as it needs.

    Raises:
        FleetError: The system does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise FleetError(f"{count} connections need {needed} open files and the system allows {hard}; raise ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
