"""A request without a collector: the command takes the store itself and does the same work with the same parts."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from ingest.batch import Batch
from ingest.collector import read_clock
from ingest.configuration import Configuration, read_configuration, read_watched
from ingest.known_names import require_known
from ingest.notify.routing_tables import PATTERNS, RoutingTable
from ingest.process import Processor
from ingest.request import Answer, Request, RequestError
from ingest.request_alert import Asked, BeginMaintenance, ContactTest, Reload, RetryDeliveries
from ingest.request_desk import RequestDesk
from ingest.request_socket import NobodyServesError, ask, find_login
from ingest.run import restore_processor
from ingest.settings import Settings
from ingest.store_file import StoreInUseError
from ingest.store_thread import StoreThread, open_store
from ingest.toml_file import ConfigurationError, read_toml
from ingest.toml_table import read_table

PATIENCE_S = 10.0
"""How long to try while the store is held by a collector that is starting, or by another command."""
AGAIN_S = 0.2


class Bench:
    """A workplace for one command: nobody else makes batches, and nothing but the disk waits for them."""

    def __init__(self, processor: Processor, store: StoreThread, configuration: Configuration) -> None:
        self._processor = processor
        self._store = store
        self._configuration = configuration

    @property
    def processor(self) -> Processor:
        """The pure core, with the inventory as it is now."""
        return self._processor

    @property
    def configuration(self) -> Configuration:
        """Inventory, rules and contacts, as they were read."""
        return self._configuration

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Return a block in which nobody else makes a batch: there is nobody else."""
        yield

    async def commit_batch(self, batch: Batch) -> None:
        """Put a batch on disk; InfluxDB and the broker get it from the next collector.

        Raises:
            StoreError: The disk does not take it.
        """
        await self._store.commit(batch, read_clock())


async def ask_or_do(folder: Path, request: Asked, settings: Settings | None) -> AsyncGenerator[Answer, None]:
    """Have a request performed by the collector that has the store, or by this process where there is none.

    Args:
        folder: Of the store.
        request: What is asked.
        settings: For the inventory and the store, where no collector runs; None where they are not known.

    Raises:
        WrongRequestError: It names what is not configured, or cannot be asked.
        RequestError: It was refused or failed, or no collector runs and the settings are not known.
        ConfigurationError: The inventory, a rule, or the file of contacts is wrong, as far as it is needed.
        RegistryError: A device type is broken.
        StoreError: The store cannot be opened or written, or somebody has it who takes no requests.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with aclosing(ask(folder, request)) as answers:
                async for answer in answers:
                    yield answer
        except NobodyServesError as error:
            if settings is None:
                raise RequestError(
                    f"{error} Name its settings with --settings, and the command does it itself."
                ) from error
        else:
            return
        try:
            async with aclosing(_do(settings, request)) as answers:
                async for answer in answers:
                    yield answer
        except StoreInUseError:
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(AGAIN_S)
        else:
            return


async def _do(settings: Settings, request: Asked) -> AsyncGenerator[Answer, None]:
    require_owner(settings.store.folder)
    match request:
        case Request():
            async with aclosing(_do_piecewise(settings, request)) as answers:
                async for answer in answers:
                    yield answer
        case ContactTest():
            raise RequestError("No collector runs that could send a test; start it and ask again.")
        case Reload():
            raise RequestError("No collector runs that could reload; it reads its files when it starts.")
        case _:
            # Only what a request needs is read, so that a mistake in the rest is in nobody's way.
            match request:
                case BeginMaintenance():
                    require_known(request, await asyncio.to_thread(read_watched, settings))
                case RetryDeliveries():
                    request = request._replace(contacts=_read_contacts(settings))
            async with open_store(settings.store, settings.quarantine) as store:
                yield await store.act(request, find_login(os.getuid()), read_clock())


def _read_contacts(settings: Settings) -> frozenset[str]:
    """Return the keys of those who can be told. Their addresses are for the collector to read, which tells them."""
    if settings.alerts.contacts is None:
        return frozenset()
    file = read_toml(settings.alerts.contacts)
    table = read_table(file, (), file.values, RoutingTable, PATTERNS)
    if isinstance(table, list):
        raise ConfigurationError(table)
    return frozenset(one.key for one in table.contact)


async def _do_piecewise(settings: Settings, request: Request) -> AsyncGenerator[Answer, None]:
    configuration = await asyncio.to_thread(read_configuration, settings)
    async with open_store(settings.store, settings.quarantine) as store:
        processor = restore_processor(settings, configuration, await store.load())
        async with aclosing(
            RequestDesk(Bench(processor, store, configuration), store, settings.store.folder).perform(
                request, find_login(os.getuid())
            )
        ) as answers:
            async for answer in answers:
                yield answer


def require_owner(folder: Path) -> None:
    """Raise RequestError if files that are made here would belong to somebody else than the collector: root's, say."""
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise RequestError(
            f"No collector runs on the store {folder}, and what this command leaves there must be its owner's: run it "
            f"as {find_login(owner)}."
        )
