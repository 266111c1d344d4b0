"""A Mosquitto of one's own, with the configuration and the permissions that ship in ``deploy/mosquitto``."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from ingest.accounts import COLLECTOR, complete_accounts, render_password_file, write_private
from simulators.testbed.certificates import Certificates
from simulators.testbed.port import LOOPBACK, free_port
from simulators.testbed.process import Program, ProgramError, accepts_connections, find_program
from simulators.testbed.server import Server

SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
RUNNING = " running"
RELOADED = "Reloading config."


def place_configuration(text: str, values: Mapping[str, str]) -> str:
    """Return a configuration of Mosquitto with some settings' values replaced, and all else as it was.

    Args:
        text: Contents of a ``mosquitto.conf``.
        values: New values by setting.

    Raises:
        ProgramError: When a setting does not stand in the text exactly once.
    """
    for setting, value in values.items():
        line = re.compile(rf"^{re.escape(setting)} .*$", re.MULTILINE)
        found = len(line.findall(text))
        if found != 1:
            raise ProgramError(f"The setting {setting} stands {found} times in mosquitto.conf; it must stand once.")
        text = line.sub(lambda _, new=f"{setting} {value}": new, text)  # type: ignore[misc]
    return text


def permit_collectors(text: str, names: Iterable[str]) -> str:
    """Return permissions in which further collectors may do what the one of the text may.

    Args:
        text: Contents of an ``acl``.
        names: Accounts of the further collectors.

    Raises:
        ProgramError: When the text does not say what the collector may do.
    """
    found = re.search(rf"^user {COLLECTOR}\n((?:(?:topic|#) .*\n)+)", text, re.MULTILINE)
    if found is None:
        raise ProgramError(f"The acl has no paragraph for the user {COLLECTOR}; it must have one.")
    paragraphs = "".join(f"user {name}\n{found[1]}\n" for name in names)
    return text[: found.start()] + paragraphs + text[found.start() :]


def permit_gateways(text: str, names: Iterable[str]) -> str:
    """Return permissions in which gateways may publish for any device; users stand before patterns.

    Args:
        text: Contents of an ``acl``.
        names: Accounts of the gateways.

    Raises:
        ProgramError: When the text has no paragraph of a user.
    """
    at = text.find(f"user {COLLECTOR}\n")
    if at < 0:
        raise ProgramError(f"The acl has no paragraph for the user {COLLECTOR}; it must have one.")
    return text[:at] + "".join(f"user {name}\ntopic write gjovik/+/+/reading\n\n" for name in names) + text[at:]


class Mosquitto(Server):
    """A broker on a port of its own, which it keeps over restarts.

    Attributes:
        host: Always the loopback interface.
        port: Where it listens.
        certificates: Its TLS files, or None.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        accounts: Mapping[str, str],
        certificates: Certificates | None,
        collectors: Sequence[str] = (),
        gateways: Sequence[str] = (),
    ) -> None:
        self.host = LOOPBACK
        self.port = port
        self.certificates = certificates
        self._folder = folder.absolute()
        self._accounts = dict(accounts)
        self._collectors = tuple(collectors)
        self._gateways = tuple(gateways)
        command = (find_program("mosquitto", "mosquitto"), "-c", str(self._folder / "mosquitto.conf"))
        super().__init__(Program(command, folder=self._folder, log=self._folder / "mosquitto.log"))

    @property
    def accounts(self) -> Mapping[str, str]:
        """Passwords by name."""
        return MappingProxyType(self._accounts)

    async def start(self) -> None:
        """Start the broker, with what it saved when it stopped.

        Raises:
            ProgramError: When it does not come up.
        """
        self._write_files()
        before = self._program.count_in_log(RUNNING)

        async def is_ready() -> bool:
            # Its port is open before it takes signals: one that it is sent in between would end it.
            return self._program.count_in_log(RUNNING) > before and await accepts_connections(self.host, self.port)

        await self._program.start(is_ready)

    async def add_accounts(self, names: Iterable[str]) -> Mapping[str, str]:
        """Give each name an account unless it has one, and return the passwords by name.

        Raises:
            ProgramError: When the broker does not run, or does not read its passwords again.
        """
        asked = tuple(names)
        new = complete_accounts([name for name in asked if name not in self._accounts], {})
        if new:
            self._accounts |= new
            self._write_passwords()
            await self.reload()
        return {name: self._accounts[name] for name in asked}

    async def reload(self) -> None:
        """Make the broker read its passwords again (SIGHUP).

        It says so first, and does it before it serves anybody else.

        Raises:
            ProgramError: When it does not run, or does not read them.
        """
        before = self._program.count_in_log(RELOADED)
        self._program.hang_up()

        async def has_reloaded() -> bool:
            return self._program.count_in_log(RELOADED) > before

        await self._program.wait_until(has_reloaded, "read its configuration again", deadline_s=10)

    def _write_files(self) -> None:
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        values = {
            "listener": f"{self.port} {self.host}",
            # Started as root it would become `mosquitto`, who may not read our folder.
            "user": "root",
            "persistence_location": f"{data}/",
            "password_file": str(self._folder / "passwords"),
            "acl_file": str(self._folder / "acl"),
        }
        text = place_configuration((SHIPPED / "mosquitto.conf").read_text(encoding="utf-8"), values)
        if self.certificates is not None:
            text += f"certfile {self.certificates.cert}\nkeyfile {self.certificates.key}\n"
        (self._folder / "mosquitto.conf").write_text(text, encoding="utf-8")
        permissions = permit_collectors((SHIPPED / "acl").read_text(encoding="utf-8"), self._collectors)
        permissions = permit_gateways(permissions, self._gateways)
        (self._folder / "acl").write_text(permissions, encoding="utf-8")
        self._write_passwords()

    def _write_passwords(self) -> None:
        write_private(self._folder / "passwords", render_password_file(self._accounts), mode=0o600)


@asynccontextmanager
async def run_mosquitto(
    folder: Path,
    accounts: Mapping[str, str],
    *,
    certificates: Certificates | None = None,
    port: int | None = None,
    collectors: Sequence[str] = (),
    gateways: Sequence[str] = (),
) -> AsyncIterator[Mosquitto]:
    """Run a broker until the block ends; then it is stopped in order.

    Args:
        folder: Gets its configuration, passwords, data and log; made when it is missing.
        accounts: Passwords by name.
        certificates: Makes its one listener speak TLS.
        port: Where it listens; a free one when left out.
        collectors: Accounts that may do what the collector may, beside it.
        gateways: Accounts that may publish the readings of every device.

    Raises:
        ProgramError: When Mosquitto is not installed or does not start.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    server = Mosquitto(folder, port or free_port(), accounts, certificates, collectors, gateways)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
