"""The metrics server: ``/metrics`` for Prometheus and ``/healthz`` for whoever only asks whether it lives.

It answers two GETs, takes nothing, and tells no secret: no sensor, site or person is named in its figures. It is off
unless ``metrics.listen`` says where to listen, and belongs on the loopback interface or a network of one's own: it asks
nobody who they are.

Errors:
    MetricsError
"""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from ingest.health import Status
from ingest.metrics import CONTENT_TYPE, AlertCounts, format_metrics

log = logging.getLogger(__name__)

STALE_MS = 30_000
"""A status that is older than this is not told: its figures are not how things stand."""
CLOSE_S = 1.0
"""Seconds that a scrape which is under way may take at the end."""

Figures = tuple[Status, AlertCounts]


class MetricsError(Exception):
    """The server cannot listen where the settings say; the message says why."""


@asynccontextmanager
async def serve_metrics(
    listen: str | None, read_figures: Callable[[], Figures | None], is_well: Callable[[], bool]
) -> AsyncIterator[str | None]:
    """Serve metrics until the block ends; give the server's address, or None where none is asked for.

    Args:
        listen: Host and port, for example ``127.0.0.1:9464`` or ``[::1]:9464``; port 0 takes a free one. None for none.
        read_figures: Gives the latest figures; None while there are none.
        is_well: Whether the collector does its work.

    Raises:
        MetricsError: Nobody can listen there, or somebody else does.
    """
    if listen is None:
        yield None
        return
    runner = web.AppRunner(
        _make_application(read_figures, is_well), access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S
    )
    await runner.setup()
    try:
        address = await _listen(runner, listen)
        log.info("metrics are served at %s/metrics", address)
        yield address
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, listen: str) -> str:
    """Listen, and return the address."""
    name, _, port = listen.rpartition(":")
    host = name.removeprefix("[").removesuffix("]")
    try:
        await web.TCPSite(runner, host, int(port)).start()
    except (OSError, ValueError, OverflowError) as error:  # a port is text, or above 65,535
        raise MetricsError(f"metrics cannot be served at {listen} ({error}); correct metrics.listen") from error
    return f"http://{name}:{runner.addresses[0][1]}"


def _make_application(read_figures: Callable[[], Figures | None], is_well: Callable[[], bool]) -> web.Application:
    async def tell_metrics(_: web.Request) -> web.Response:
        figures = read_figures()
        if figures is None:
            return web.Response(status=503, text="There are no figures yet.\n")
        status, counts = figures
        age_ms = time.time_ns() // 1_000_000 - status.time_ms
        if age_ms > STALE_MS:
            return web.Response(status=503, text=f"The last figures are {age_ms / 1000:.0f} s old.\n")
        return web.Response(body=format_metrics(status, counts), headers={"Content-Type": CONTENT_TYPE})

    async def tell_health(_: web.Request) -> web.Response:
        return web.Response(text="well\n") if is_well() else web.Response(status=503, text="not well\n")

    application = web.Application()
    application.router.add_get("/metrics", tell_metrics)
    application.router.add_get("/healthz", tell_health)
    return application
