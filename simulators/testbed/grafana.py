"""A Grafana of one's own, provisioned as it ships in ``deploy/grafana``, where somebody has installed one.

Debian has no package of it, so it is looked for, and its absence is no error.
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from simulators.testbed.influxd import Influxd
from simulators.testbed.port import LOOPBACK, free_port
from simulators.testbed.process import Program

ROOT = Path(__file__).parents[2]
PACKAGED_HOME = Path("/usr/share/grafana")
OK = 200


@dataclass(frozen=True, slots=True)
class Installation:
    """Where Grafana is.

    Attributes:
        program: The server.
        home: Folder with its web pages and defaults.
    """

    program: Path
    home: Path


@dataclass(frozen=True, slots=True)
class Grafana:
    """A Grafana that runs. Whoever reaches it may look without logging in; it listens on the loopback interface only.

    Attributes:
        url: Its address.
        admin: The administrator's account.
        admin_password: Its password.
    """

    url: str
    admin: str
    admin_password: str


def find_grafana(environ: Mapping[str, str]) -> Installation | None:
    """Return the Grafana that ``GRAFANA_HOME`` names or that is on the ``PATH``, or None.

    Args:
        environ: Environment variables.
    """
    if named := environ.get("GRAFANA_HOME"):
        home = Path(named).absolute()
        program = home / "bin" / "grafana"
        return Installation(program, home) if program.is_file() else None
    found = shutil.which("grafana", path=environ.get("PATH"))
    if found is None:
        return None
    program = Path(found).resolve()
    home = program.parents[1]
    return Installation(program, home if (home / "conf" / "defaults.ini").is_file() else PACKAGED_HOME)


@asynccontextmanager
async def run_grafana(folder: Path, database: Influxd, installation: Installation) -> AsyncIterator[Grafana]:
    """Run Grafana until the block ends.

    Args:
        folder: Gets its data and log; made when it is missing.
        database: What its boards show.
        installation: From ``find_grafana``.

    Raises:
        ProgramError: When it does not start.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    grafana = Grafana(f"http://{LOOPBACK}:{free_port()}", "admin", secrets.token_urlsafe(24))
    command = (str(installation.program), "server", "--homepath", str(installation.home))
    environment = _make_environment(folder, database, grafana)
    program = Program(command, folder=folder, log=folder / "grafana.log", environment=environment)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

        async def is_ready() -> bool:
            try:
                async with session.get(f"{grafana.url}/api/health") as response:
                    return response.status == OK
            except (aiohttp.ClientError, TimeoutError):
                return False

        await program.start(is_ready, deadline_s=90)
    try:
        yield grafana
    finally:
        await program.stop()


def _make_environment(folder: Path, database: Influxd, grafana: Grafana) -> dict[str, str]:
    folder = folder.absolute()
    host, _, port = grafana.url.removeprefix("http://").rpartition(":")
    return {
        "GF_SERVER_HTTP_ADDR": host,
        "GF_SERVER_HTTP_PORT": port,
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "logs"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_PATHS_PROVISIONING": str(ROOT / "deploy" / "grafana" / "provisioning"),
        "GF_SECURITY_ADMIN_USER": grafana.admin,
        "GF_SECURITY_ADMIN_PASSWORD": grafana.admin_password,
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_DATE_FORMATS_DEFAULT_TIMEZONE": "Europe/Oslo",
        "GJOVIK_INFLUX_URL": database.url,
        "GJOVIK_INFLUX_USER": database.username,
        "GJOVIK_INFLUX_PASSWORD": database.password,
        "GJOVIK_DASHBOARDS": str(ROOT / "dashboards" / "json"),
    }
