"""Signs of life to those outside the process: systemd's watchdog, and an address that raises the alarm when they stop.

Both are sent only while the collector is well; a collector that lives but no longer commits must look dead. The
protocol of systemd is that of sd_notify(3): datagrams to the socket that ``NOTIFY_SOCKET`` names.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping

import aiohttp

from ingest.settings import Heartbeat

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
"""An answer of the heartbeat's address is not waited for longer: the next one is due anyway."""


class Systemd:
    """The service manager, where there is one.

    Attributes:
        watchdog_s: Seconds after which it restarts us without a sign of life; None where it does not watch.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the null byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(microseconds) / 1e6 if microseconds.isdigit() and self._address else None

    def notify(self, state: str) -> None:
        """Send one state, for example ``READY=1``; a service manager that cannot be reached is logged, no more."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
            try:
                notifier.sendto(state.encode(), self._address)
            except OSError as error:
                log.warning("systemd could not be told %s: %s", state, error)


async def keep_watchdog(systemd: Systemd, is_well: Callable[[], bool]) -> None:
    """Tell systemd of every sign of life, twice in each of its intervals; return at once where it does not watch."""
    if systemd.watchdog_s is None:
        return
    while True:
        if is_well():
            systemd.notify("WATCHDOG=1")
        await asyncio.sleep(systemd.watchdog_s / 2)


async def keep_heartbeat(settings: Heartbeat, is_well: Callable[[], bool]) -> None:
    """Send a GET to the heartbeat's address at each interval; return at once where there is none."""
    if settings.url is None:
        return
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        while True:
            if is_well():
                await _beat(session, settings.url)
            await asyncio.sleep(settings.interval_s)


async def _beat(session: aiohttp.ClientSession, url: str) -> None:
    try:
        async with session.get(url) as answer:
            if answer.status >= 400:  # noqa: PLR2004 - HTTP's own border between success and failure
                log.warning("the heartbeat's address answered %s; correct heartbeat.url", answer.status)
    except (aiohttp.ClientError, OSError, ValueError) as error:  # a host name may be no name at all
        log.warning("the heartbeat's address could not be reached (%s); it will raise the alarm", error)
