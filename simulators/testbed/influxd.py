"""An InfluxDB 1.x of one's own, with the configuration that ships in ``deploy/influxdb``."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from simulators.testbed.certificates import Certificates
from simulators.testbed.port import LOOPBACK, free_port
from simulators.testbed.process import Program, find_program
from simulators.testbed.server import Server

SHIPPED = Path(__file__).parents[2] / "deploy" / "influxdb" / "influxdb.conf"


class QueryError(Exception):
    """InfluxDB refused a statement; the message has the statement and the server's reason."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer.

    Attributes:
        name: The measurement.
        tags: Those that the statement grouped by.
        columns: Names, ``time`` first where the statement gives times.
        rows: Values in the order of the columns: numbers, texts, booleans, or None.
    """

    name: str
    tags: Mapping[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def quote_name(name: str) -> str:
    """Return a name as InfluxQL writes it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quote_text(text: str) -> str:
    """Return a text as InfluxQL writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Influxd(Server):
    """A database server on ports of its own, which it keeps over restarts.

    Attributes:
        url: Address of its HTTP interface, without a slash at the end.
        admin: The administrator's account.
        admin_password: Its password.
        username: The collector's account.
        password: Its password.
        certificates: Its TLS files, or None.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        session: aiohttp.ClientSession,
        passwords: tuple[str, str],
        certificates: Certificates | None = None,
    ) -> None:
        self.url = f"{'https' if certificates else 'http'}://{LOOPBACK}:{port}"
        self.certificates = certificates
        self.admin = "admin"
        self.username = "collector"
        self.admin_password, self.password = passwords
        self._session = session
        folder = folder.absolute()
        environment = {
            "INFLUXDB_BIND_ADDRESS": f"{LOOPBACK}:{free_port()}",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"{LOOPBACK}:{port}",
            "INFLUXDB_META_DIR": str(folder / "meta"),
            "INFLUXDB_DATA_DIR": str(folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
        }
        if certificates is not None:
            environment |= {
                "INFLUXDB_HTTP_HTTPS_ENABLED": "true",
                "INFLUXDB_HTTP_HTTPS_CERTIFICATE": str(certificates.cert),
                "INFLUXDB_HTTP_HTTPS_PRIVATE_KEY": str(certificates.key),
            }
        command = (find_program("influxd", "influxdb"), "run", "-config", str(SHIPPED))
        super().__init__(Program(command, folder=folder, log=folder / "influxd.log", environment=environment))

    async def start(self) -> None:
        """Start the server, with what it held when it stopped.

        Raises:
            ProgramError: When it does not come up.
        """
        await self._program.start(self._is_ready, deadline_s=40)

    async def make_users(self) -> None:
        """Make the administrator and the collector's user; those who exist get their passwords again.

        The administrator comes first: until there is one, the server lets anybody make it, and nothing else.

        Raises:
            QueryError: When the server refuses.
        """
        admin, user = quote_name(self.admin), quote_name(self.username)
        await self.query(f"CREATE USER {admin} WITH PASSWORD {quote_text(self.admin_password)} WITH ALL PRIVILEGES")
        await self.query(f"CREATE USER {user} WITH PASSWORD {quote_text(self.password)}")

    async def create_database(self, name: str) -> None:
        """Make a database that the collector's user reads and writes.

        Raises:
            QueryError: When the server refuses.
        """
        await self.query(f"CREATE DATABASE {quote_name(name)}")
        await self.query(f"GRANT ALL ON {quote_name(name)} TO {quote_name(self.username)}")

    async def drop_database(self, name: str) -> None:
        """Remove a database and all that it holds.

        Raises:
            QueryError: When the server refuses.
        """
        await self.query(f"DROP DATABASE {quote_name(name)}")

    async def query(self, influxql: str, database: str | None = None, epoch: str = "ms") -> list[Series]:
        """Return the series that answer a statement, asked as the administrator.

        Args:
            influxql: One statement, or several with ``;`` between; their series come in their order.
            database: Where it looks, unless the statement says so itself.
            epoch: Unit of the times in the answer, which are integers since 1970.

        Raises:
            QueryError: When the server refuses, or a statement fails.
            aiohttp.ClientError: When the server does not answer.
        """
        parameters = {"q": influxql, "epoch": epoch} | ({} if database is None else {"db": database})
        login = aiohttp.encode_basic_auth(self.admin, self.admin_password)
        async with self._session.post(
            f"{self.url}/query", data=parameters, headers={"Authorization": login}
        ) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
        results: list[dict[str, Any]] = answer.get("results", [])
        for part in (answer, *results):
            if "error" in part:
                raise QueryError(f"InfluxDB refused {influxql!r}: {part['error']}")
        return [_read_series(series) for result in results for series in result.get("series", [])]

    async def write(self, lines: str, database: str) -> None:
        """Write lines of the line protocol as the administrator, with times in milliseconds.

        Raises:
            QueryError: When the server refuses.
            aiohttp.ClientError: When it does not answer.
        """
        login = aiohttp.encode_basic_auth(self.admin, self.admin_password)
        async with self._session.post(
            f"{self.url}/write",
            params={"db": database, "precision": "ms"},
            data=lines.encode(),
            headers={"Authorization": login},
        ) as response:
            if response.status != 204:  # noqa: PLR2004 - "no content" is how InfluxDB says yes
                raise QueryError(f"InfluxDB refused {lines!r}: {await response.text()}")

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get(f"{self.url}/ping") as response:
                return response.status == 204  # noqa: PLR2004 - InfluxDB answers a ping with "no content"
        except aiohttp.ClientError:
            return False


def _read_series(series: Mapping[str, Any]) -> Series:
    return Series(
        name=series.get("name", ""),
        tags=series.get("tags", {}),
        columns=tuple(series["columns"]),
        rows=tuple(tuple(row) for row in series.get("values", [])),
    )


@asynccontextmanager
async def run_influxd(
    folder: Path,
    *,
    admin_password: str | None = None,
    password: str | None = None,
    certificates: Certificates | None = None,
) -> AsyncIterator[Influxd]:
    """Run a database server until the block ends; then it is stopped in order.

    Args:
        folder: Gets its data and log; made when it is missing.
        admin_password: The administrator's; random when left out. A folder with data needs its own.
        password: The collector's; likewise.
        certificates: Makes it speak HTTPS instead of HTTP.

    Raises:
        ProgramError: When InfluxDB is not installed or does not start.
        QueryError: When the folder has data that was made with another administrator's password.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    passwords = (admin_password or secrets.token_urlsafe(24), password or secrets.token_urlsafe(24))
    trusted = ssl.create_default_context(cafile=certificates.ca) if certificates else True
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        server = Influxd(folder, free_port(), session, passwords, certificates)
        await server.start()
        try:
            await server.make_users()
            yield server
        finally:
            await server.stop()
