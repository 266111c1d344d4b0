"""A server of HTTP that answers as a test tells it, where the real one cannot be made to."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from simulators.testbed.port import LOOPBACK, free_port


@asynccontextmanager
async def serve(
    handle: Callable[[web.Request], Awaitable[web.Response]], context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Run a server that answers everything in one way; give its address."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, LOOPBACK, port, ssl_context=context).start()
    try:
        yield f"{'http' if context is None else 'https'}://{LOOPBACK}:{port}"
    finally:
        await runner.cleanup()
