"""A change of the inventory by a command: checked as a whole, written in one step, taken into use, or undone.

Nothing is written before the whole inventory is right, sources and rules with it. Where the collector refuses it the
file is as it was, and nothing is told to be in use before a collector said so.
"""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from ingest.configuration import Configuration, read_watched
from ingest.inventory_writing import read_present, replace_file
from ingest.request import Reloaded, RequestError, WrongRequestError
from ingest.request_alert import Reload
from ingest.request_socket import NobodyServesError, ask
from ingest.settings import Settings
from ingest.toml_file import ConfigurationError


class Changed(NamedTuple):
    """What came of a change.

    Attributes:
        is_written: Whether the file was replaced; not where it was only tried.
        devices: How many the collector knows now; None where no collector runs, or it was not asked.
    """

    is_written: bool
    devices: int | None


class NotReloadedError(RequestError):
    """The file is written, and what the collector goes by is not known."""


class InventoryChange:
    """One file of the inventory that is about to be changed, while nobody else may.

    Args:
        settings: Of the collector.
        name: Of the file.

    Attributes:
        path: The file.
        before: What it holds; nothing where there is no such file.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self.path = settings.inventory / name
        self.before = read_present(self.path)

    def check(self, data: bytes) -> Configuration:
        """Return what the collector would go by.

        Args:
            data: What the file is to hold.

        Raises:
            ConfigurationError: Something is wrong; it carries everything that is.
            RegistryError: A device type, a format or a model is broken.
        """
        return read_watched(self._settings, {self.path: data} if data else {})

    def write(self, data: bytes, author: str) -> Changed:
        """Replace the file, and have the running collector go by it.

        Args:
            data: Checked.
            author: Who asks, as the collector logs it.

        Raises:
            WrongRequestError: The collector refuses it; the file is as it was.
            NotReloadedError: It is not known whether the collector goes by it; the file is replaced.
            RequestError: The file cannot be written; it is as it was.
        """
        replace_file(self.path, data)
        try:
            devices = asyncio.run(_reload(self._settings.store.folder, author))
        except NobodyServesError:
            return Changed(is_written=True, devices=None)
        except WrongRequestError as error:
            replace_file(self.path, self.before)
            raise WrongRequestError(f"The collector refuses it, and {self.path} is as it was:\n{error}") from error
        except RequestError as error:
            raise NotReloadedError(
                f"{self.path} is written, and right, but whether the collector goes by it is not known: {error} Have "
                "it reload (SIGHUP), then reprocess what waits: gjovik quarantine reprocess --reason unknown_device"
            ) from error
        return Changed(is_written=True, devices=devices)


async def _reload(folder: Path, author: str) -> int | None:
    async with aclosing(ask(folder, Reload(author))) as answers:
        async for answer in answers:
            if isinstance(answer, Reloaded):
                return answer.devices
    return None


def explain_wrong(error: ConfigurationError) -> WrongRequestError:
    """Return the mistakes of an inventory as it would be, as a refusal of what was asked."""
    return WrongRequestError(f"Nothing is written; with this the inventory would be wrong:\n{error}")
